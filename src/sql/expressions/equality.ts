/** What compares two values and is no operator by itself: IS [NOT] DISTINCT FROM, NULLIF. */

import { BOOL, FLOAT8, isFloat, NUMERIC, type PgType, TEXT, VARCHAR } from "../values/types.ts";
import { tryCast } from "./casts.ts";
import { comparisonTest } from "./comparison.ts";
import type { Expression } from "./expression.ts";
import { noOperator, resolveSides } from "./operators.ts";

/** `left IS [NOT] DISTINCT FROM right`: equality in which NULL is a value like any other. */
export function compileDistinct(
  negated: boolean,
  left: Expression,
  right: Expression,
  position: number,
): Expression {
  const [a, b] = resolveSides(left, right, "=", position);
  const test = comparisonTest("=", a.type, b.type);
  if (test === null) throw noOperator(a.type.name, "=", b.type.name, position);
  return {
    type: BOOL,
    evaluate: (frame) => {
      const x = a.evaluate(frame);
      const y = b.evaluate(frame);
      const isSame = x === null || y === null ? x === y : test(x, y);
      return isSame === negated;
    },
  };
}

/** `NULLIF(left, right)`: NULL where both are equal, else the left one. */
export function compileNullIf(left: Expression, right: Expression, position: number): Expression {
  const [a, b] = resolveSides(left, right, "=", position);
  const test = comparisonTest("=", a.type, b.type);
  if (test === null) throw noOperator(a.type.name, "=", b.type.name, position);
  // The result is the left side as the operator takes it.
  const first = tryCast(a, comparedAs(a.type, b.type), "implicit") ?? a;
  return {
    type: first.type,
    modifier: first.modifier,
    evaluate: (frame) => {
      const x = a.evaluate(frame);
      const y = b.evaluate(frame);
      return x !== null && y !== null && test(x, y) ? null : first.evaluate(frame);
    },
  };
}

/** What the left side of a comparison becomes: there are operators for whole numbers, and for floats, of different sizes. */
function comparedAs(left: PgType, right: PgType): PgType {
  if (left === VARCHAR) return TEXT;
  if (left.category !== "numeric" || right.category !== "numeric" || left === right) return left;
  if (isFloat(left)) return left;
  if (isFloat(right)) return FLOAT8;
  return left === NUMERIC || right === NUMERIC ? NUMERIC : left;
}
