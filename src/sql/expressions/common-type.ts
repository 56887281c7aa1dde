/**
 * The one type of several expressions that must agree: the branches of CASE, COALESCE, the elements of an array
 * (https://www.postgresql.org/docs/current/typeconv-union-case.html).
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { isPreferred, type PgType, TEXT } from "../values/types.ts";
import { canCast, tryCast } from "./casts.ts";
import type { Expression } from "./expression.ts";
import { isUntyped } from "./untyped.ts";

/** Where each of the expressions stands in the text, 1-based. */
export type Positions = (at: number) => number;

/** The common type; text if none of the expressions has a type. Throws 42804 `<construct> types … cannot be matched`. */
function commonType(expressions: readonly Expression[], construct: string, positions: Positions): PgType {
  let common: PgType | null = null;
  for (const [at, expression] of expressions.entries()) {
    if (isUntyped(expression)) continue;
    const type = expression.type;
    if (common === null || type === common) common = type;
    else if (type.category !== common.category) {
      throw new DeltatError(
        SqlState.datatypeMismatch,
        `${construct} types ${common.name} and ${type.name} cannot be matched`,
        placed(positions(at)),
      );
    } else if (
      !isPreferred(common) &&
      canCast(common, type, "implicit") &&
      !canCast(type, common, "implicit")
    ) {
      common = type;
    }
  }
  return common ?? TEXT;
}

/** The type that all of them become; null if there is none. */
export function sharedType(expressions: readonly Expression[]): PgType | null {
  try {
    return commonType(expressions, "", () => 0);
  } catch (error) {
    if (error instanceof DeltatError) return null;
    throw error;
  }
}

/** Where an error is placed; 0: nowhere. */
function placed(position: number): { readonly position?: number } {
  return position > 0 ? { position } : {};
}

/** All of them as values of their common type. Throws 42846 for one that does not become a value of it. */
export function unify(
  expressions: readonly Expression[],
  construct: string,
  positions: Positions,
): { type: PgType; items: Expression[] } {
  const type = commonType(expressions, construct, positions);
  const items = expressions.map((expression, at) => {
    const cast = tryCast(expression, type, "implicit");
    if (cast !== null) return cast;
    throw new DeltatError(
      SqlState.cannotCoerce,
      `${construct} could not convert type ${expression.type.name} to ${type.name}`,
      placed(positions(at)),
    );
  });
  return { type, items };
}
