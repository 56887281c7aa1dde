/** Comparisons with many values at once: IN, `= ANY (array)`, `<> ALL (array)`. */

import { DeltatError, SqlState } from "../../errors.ts";
import { arrayTypeOf, BOOL, type PgType, TEXT } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { type ComparisonTest, comparisonTest, isComparisonOperator } from "./comparison.ts";
import type { Expression } from "./expression.ts";
import { conjunction, disjunction, negated } from "./logic.ts";
import { arrayMembership, isLong, memberOf, oncePerRun } from "./membership.ts";
import { binaryOperation, compileBinary, noOperator, resolveSides, typeBeside } from "./operators.ts";
import { isUntyped, resolveUntyped } from "./untyped.ts";

/**
 * `left IN (items)` for the operator `=`, NOT IN for `<>`, in one: a set where there are many that are constant for a run.
 */
export function compileMembership(
  operator: "=" | "<>",
  left: Expression,
  items: readonly Expression[],
  areConstant: boolean,
  position: number,
): Expression {
  const sides: [Expression, Expression][] = [];
  const tests: Expression[] = [];
  for (const item of items) {
    const [a, b] = resolveSides(left, item, "=", position);
    const [, previous] = sides.at(-1) ?? [];
    sides.push([a, b]);
    // What does not compare is refused before the items behind it are looked at.
    if (!areConstant || previous?.type !== b.type) tests.push(compileBinary(operator, a, b, position));
  }
  const member =
    areConstant && sides.every(([same]) => same === left)
      ? memberOf(
          left,
          sides.map(([, item]) => item),
        )
      : null;
  if (member !== null) return operator === "=" ? member : negated(member);
  const all =
    tests.length === sides.length ? tests : sides.map(([a, b]) => compileBinary(operator, a, b, position));
  return operator === "=" ? disjunction(all) : conjunction(all);
}

/**
 * `left operator ANY (array)` or, with `all`, `ALL (array)`. Throws 42809 if the right side is no array, 42883 if
 * its elements do not compare with the left side.
 */
export function compileArrayComparison(
  name: string,
  all: boolean,
  left: Expression,
  right: Expression,
  /** Whether `right` has one value for a run. */
  isConstant: boolean,
  position: number,
): Expression {
  const operator = name === "!=" ? "<>" : name;
  const typedLeft = isUntyped(left) ? left.resolveAs(right.type.arrayOf ?? TEXT) : left;
  const elementType = typeBeside(typedLeft.type, operator);
  const arrayType = arrayTypeOf(elementType);
  const typedRight = arrayType === undefined ? right : resolveUntyped(right, arrayType);
  const element = typedRight.type.arrayOf;
  if (element === undefined) {
    throw new DeltatError(SqlState.wrongObjectType, "op ANY/ALL (array) requires array on right side", {
      position,
    });
  }
  const test = isComparisonOperator(operator)
    ? comparisonTest(operator, typedLeft.type, element)
    : otherTest(operator, typedLeft.type, element, position);
  if (test === null) throw noOperator(typedLeft.type.name, name, element.name, position);
  const isEquality = operator === (all ? "<>" : "=");
  const lookUp = isEquality ? arrayMembership(typedLeft.type, element) : null;
  const array = isConstant ? oncePerRun(typedRight) : typedRight;
  return { type: BOOL, evaluate: quantified(all, typedLeft, array, test, lookUp) };
}

/** The test of an operator that compares by other means, such as LIKE. Throws 42809 for one that gives no boolean. */
function otherTest(operator: string, left: PgType, right: PgType, position: number): ComparisonTest | null {
  const operation = binaryOperation(operator, left, right);
  if (operation === null) return null;
  if (operation.type !== BOOL) {
    throw new DeltatError(SqlState.wrongObjectType, "op ANY/ALL (array) requires operator to yield boolean", {
      position,
    });
  }
  return (a, b) => operation.apply(a, b) === true;
}

/** One element that decides is enough; a NULL that might have decided makes the answer NULL. */
function quantified(
  all: boolean,
  left: Expression,
  right: Expression,
  test: (a: Value, b: Value) => boolean,
  /** Tells whether a value is in an array, where that decides. */
  lookUp: ReturnType<typeof arrayMembership>,
): Expression["evaluate"] {
  const deciding = !all;
  return (frame) => {
    const value = left.evaluate(frame);
    const items = right.evaluate(frame) as readonly Value[] | null;
    if (items === null) return null;
    if (items.length === 0) return all;
    if (value === null) return null;
    if (lookUp !== null && isLong(items)) {
      const isThere = lookUp(value, items);
      return isThere === null ? null : isThere !== all;
    }
    let sawNull = false;
    for (const item of items) {
      if (item === null) sawNull = true;
      else if (test(value, item) === deciding) return deciding;
    }
    return sawNull ? null : all;
  };
}
