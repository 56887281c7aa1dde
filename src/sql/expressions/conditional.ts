/** CASE, COALESCE, GREATEST and LEAST: what they choose, and that they evaluate no more than they must. */

import { DeltatError, SqlState } from "../../errors.ts";
import { type Positions, unify } from "./common-type.ts";
import { comparatorOf } from "./comparison.ts";
import type { Expression } from "./expression.ts";
import { constant } from "./untyped.ts";

export interface CaseBranch {
  readonly condition: Expression;
  readonly result: Expression;
}

/** The result of the first branch whose condition is true, else `otherwise` (null: NULL). */
export function chooseCase(
  branches: readonly CaseBranch[],
  otherwise: Expression | null,
  positions: Positions,
): Expression {
  const results = branches.map((branch) => branch.result);
  const { type, items } = unify(otherwise === null ? results : [otherwise, ...results], "CASE", positions);
  const fallback = otherwise === null ? constant(type, null) : (items.shift() as Expression);
  const conditions = branches.map((branch) => branch.condition);
  return {
    type,
    evaluate: (frame) => {
      for (let i = 0; i < conditions.length; i++) {
        if (conditions[i]?.evaluate(frame) === true) return items[i]?.evaluate(frame) ?? null;
      }
      return fallback.evaluate(frame);
    },
  };
}

/** The first that is not NULL. */
export function coalesce(expressions: readonly Expression[], positions: Positions): Expression {
  const { type, items } = unify(expressions, "COALESCE", positions);
  return {
    type,
    evaluate: (frame) => {
      for (const item of items) {
        const value = item.evaluate(frame);
        if (value !== null) return value;
      }
      return null;
    },
  };
}

/** GREATEST or LEAST: NULLs are passed over. */
export function extreme(
  expressions: readonly Expression[],
  greatest: boolean,
  positions: Positions,
  position: number,
): Expression {
  const construct = greatest ? "GREATEST" : "LEAST";
  const { type, items } = unify(expressions, construct, positions);
  const compare = comparatorOf(type);
  if (compare === null) {
    throw new DeltatError(
      SqlState.undefinedFunction,
      `could not identify a comparison function for type ${type.name}`,
      { position },
    );
  }
  const sign = greatest ? 1 : -1;
  return {
    type,
    evaluate: (frame) => {
      let best = null;
      for (const item of items) {
        const value = item.evaluate(frame);
        if (value !== null && (best === null || compare(value, best) * sign > 0)) best = value;
      }
      return best;
    },
  };
}
