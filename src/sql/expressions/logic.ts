/**
 * Three-valued logic (https://www.postgresql.org/docs/current/functions-logical.html): NULL is "unknown", and
 * decides nothing that the other operands decide without it.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { BOOL } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import type { Expression } from "./expression.ts";
import { resolveUntyped } from "./untyped.ts";

/** The expression as a condition. Throws 42804 `argument of <clause> must be type boolean, not type …`. */
export function asCondition(expression: Expression, clause: string, position: number): Expression {
  const condition = resolveUntyped(expression, BOOL);
  if (condition.type === BOOL) return condition;
  throw new DeltatError(
    SqlState.datatypeMismatch,
    `argument of ${clause} must be type boolean, not type ${condition.type.name}`,
    { position },
  );
}

/** AND of conditions; a false one ends the evaluation. */
export function conjunction(conditions: readonly Expression[]): Expression {
  return decidedBy(false, conditions);
}

/** OR of conditions; a true one ends the evaluation. */
export function disjunction(conditions: readonly Expression[]): Expression {
  return decidedBy(true, conditions);
}

function decidedBy(decisive: boolean, conditions: readonly Expression[]): Expression {
  const [first, second] = conditions;
  if (conditions.length === 1 && first !== undefined) return first;
  if (conditions.length === 2 && first !== undefined && second !== undefined) {
    return {
      type: BOOL,
      evaluate: (frame) => {
        const a = first.evaluate(frame);
        if (a === decisive) return decisive;
        const b = second.evaluate(frame);
        if (b === decisive) return decisive;
        return a === null || b === null ? null : !decisive;
      },
    };
  }
  return {
    type: BOOL,
    evaluate: (frame) => {
      let sawNull = false;
      for (const condition of conditions) {
        const value = condition.evaluate(frame);
        if (value === decisive) return decisive;
        if (value === null) sawNull = true;
      }
      return sawNull ? null : !decisive;
    },
  };
}

export function negated(condition: Expression): Expression {
  return {
    type: BOOL,
    evaluate: (frame) => {
      const value = condition.evaluate(frame);
      return value === null ? null : value === false;
    },
  };
}

/** `IS [NOT] TRUE`, `FALSE`, or `UNKNOWN` (wanted: null): never NULL itself. */
export function isTruthValue(condition: Expression, wanted: boolean | null, not: boolean): Expression {
  return { type: BOOL, evaluate: (frame) => (condition.evaluate(frame) === wanted) !== not };
}

/** `IS [NOT] NULL`. */
export function isNullTest(expression: Expression, not: boolean): Expression {
  if (expression.type.fields === undefined) {
    return { type: BOOL, evaluate: (frame) => (expression.evaluate(frame) === null) !== not };
  }
  // A row is NULL if all its fields are, and not NULL if none is.
  return {
    type: BOOL,
    evaluate: (frame) => {
      const parts = expression.evaluate(frame) as readonly Value[] | null;
      if (parts === null) return !not;
      return parts.every((part) => (part === null) !== not);
    },
  };
}
