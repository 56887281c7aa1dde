/**
 * The one type of several expressions that must agree: the branches of CASE, COALESCE, the elements of an array
 * (https://www.postgresql.org/docs/current/typeconv-union-case.html).
 */

import { DeltatError, SqlState } from "../errors.ts";
import { canCast, tryCast } from "./casts.ts";
import type { Expression } from "./expression.ts";
import { type PgType, TEXT } from "./types.ts";
import { isUntyped } from "./untyped.ts";

/** The common type; text if none of the expressions has a type. Throws 42804 `<construct> types … cannot be matched`. */
function commonType(expressions: readonly Expression[], construct: string, position: number): PgType {
  let common: PgType | null = null;
  for (const expression of expressions) {
    if (isUntyped(expression)) continue;
    const type = expression.type;
    if (common === null || type === common) common = type;
    else if (type.category !== common.category) throw cannotMatch(construct, common, type, position);
    else if (canCast(common, type, "implicit") && !(type !== TEXT && common === TEXT)) common = type;
    else if (!canCast(type, common, "implicit")) throw cannotMatch(construct, common, type, position);
  }
  return common ?? TEXT;
}

function cannotMatch(construct: string, a: PgType, b: PgType, position: number): DeltatError {
  return new DeltatError(
    SqlState.datatypeMismatch,
    `${construct} types ${a.name} and ${b.name} cannot be matched`,
    { position },
  );
}

/** All of them as values of their common type. */
export function unify(
  expressions: readonly Expression[],
  construct: string,
  position: number,
): { type: PgType; items: Expression[] } {
  const type = commonType(expressions, construct, position);
  const items = expressions.map((expression) => {
    const cast = tryCast(expression, type, "implicit");
    if (cast === null) throw cannotMatch(construct, type, expression.type, position);
    return cast;
  });
  return { type, items };
}
