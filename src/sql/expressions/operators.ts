/**
 * Operators on compiled operands: which operation a name and two types mean
 * (https://www.postgresql.org/docs/current/typeconv-oper.html), and the closure that does it. Every operator here
 * is strict: NULL if an operand is NULL.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { jsonOperation } from "../json/operators.ts";
import { matchesRegex } from "../regex/regex.ts";
import { comparableTimeType } from "../time/casts.ts";
import { formatInterval, intervalOf, negateInterval } from "../time/interval.ts";
import { timeOperations } from "../time/operators.ts";
import {
  arrayTypeOf,
  BOOL,
  CHAR,
  DATE,
  FLOAT8,
  INSTANT_HINT,
  INT8,
  INTERVAL,
  isInteger,
  isOid,
  isString,
  isTimeType,
  NAME,
  type PgType,
  TEXT,
  VARCHAR,
} from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { checkedLength, checkedSize } from "../values/value-size.ts";
import { arithmeticOperation, type BinaryOperation, isArithmeticOperator, negation } from "./arithmetic.ts";
import { setOperation } from "./array-operators.ts";
import { bitwiseOperation, complement } from "./bitwise.ts";
import { canCast, mapExpression, tryCast } from "./casts.ts";
import { type ComparisonOperator, comparisonTest, isComparisonOperator } from "./comparison.ts";
import type { Expression } from "./expression.ts";
import { compileCall } from "./function-call.ts";
import { isLike } from "./like.ts";
import { isUntyped, resolveUntyped } from "./untyped.ts";

const HINT =
  "No operator matches the given name and argument types. You might need to add explicit type casts.";

function isInstantBesideTime(left: string, right: string): boolean {
  const sides = [left, right];
  return (
    sides.includes(INT8.name) && sides.some((name) => name === DATE.name || name.startsWith("timestamp "))
  );
}

/** 42883 in PostgreSQL's words; `left` is empty for a prefix operator. */
export function noOperator(left: string, name: string, right: string, position: number): DeltatError {
  return new DeltatError(
    SqlState.undefinedFunction,
    `operator does not exist: ${left === "" ? "" : `${left} `}${name} ${right}`,
    { hint: isInstantBesideTime(left, right) ? INSTANT_HINT : HINT, position },
  );
}

function notUnique(operation: string, position: number): DeltatError {
  return new DeltatError(SqlState.ambiguousFunction, `operator is not unique: ${operation}`, {
    hint: "Could not choose a best candidate operator. You might need to add explicit type casts.",
    position,
  });
}

/** What a side without type becomes beside a side of type `other`. */
export function typeBeside(other: PgType, operator: string): PgType {
  if (operator.includes("~")) return TEXT;
  if (operator === "||") return other.arrayOf === undefined ? TEXT : other;
  if (other === VARCHAR || other === NAME) return TEXT;
  if (operator === "^" && isInteger(other)) return FLOAT8;
  return other === CHAR ? CHAR : other;
}

/** Both sides of an operator with a type: what has none takes it from the other. Throws 42725 where neither has. */
export function resolveSides(
  left: Expression,
  right: Expression,
  operator: string,
  position: number,
): [Expression, Expression] {
  if (!isUntyped(left) && !isUntyped(right)) return [left, right];
  if (isUntyped(left) && isUntyped(right)) {
    if (isArithmeticOperator(operator)) {
      throw notUnique(`unknown ${operator} unknown`, position);
    }
    return [resolveUntyped(left, TEXT), resolveUntyped(right, TEXT)];
  }
  return [
    resolveUntyped(left, typeBeside(right.type, operator)),
    resolveUntyped(right, typeBeside(left.type, operator)),
  ];
}

/** `left operator right`. Throws 42883 if there is no such operator, 42725 if it cannot be told which. */
export function compileBinary(
  name: string,
  left: Expression,
  right: Expression,
  position: number,
): Expression {
  const operator = name === "!=" ? "<>" : name;
  const shown = [left.type.name, right.type.name] as const;
  const ofTime = compileTimeOperator(operator, left, right, position);
  if (ofTime !== null) return ofTime;
  const ofJson = jsonOperation(operator, left, right);
  if (ofJson !== null) return strict(ofJson.type, ofJson.left, ofJson.right, ofJson.apply);
  const [a, b] = resolveSides(left, right, operator, position);
  if (isComparisonOperator(operator)) {
    const comparison = compileComparison(operator, a, b);
    if (comparison === null) throw noOperator(shown[0], name, shown[1], position);
    return comparison;
  }
  if (operator === "||") {
    const joined = compileConcatenation(a, b);
    if (joined === null) throw noOperator(shown[0], name, shown[1], position);
    return joined;
  }
  const operation = binaryOperation(operator, a.type, b.type);
  if (operation === null) throw noOperator(shown[0], name, shown[1], position);
  return strict(operation.type, a, b, operation.apply);
}

/**
 * An operator of dates, instants and intervals; null where neither side is one. A literal without type is an
 * interval where something is added to an instant, else of the other side's type.
 */
function compileTimeOperator(
  operator: string,
  left: Expression,
  right: Expression,
  position: number,
): Expression | null {
  if (!isTimeType(left.type) && !isTimeType(right.type)) return null;
  const operations = timeOperations(operator);
  if (operations.length === 0) return null;
  const isAmbiguous = operator === "+" && (left.type === DATE || right.type === DATE);
  if (isAmbiguous && (isUntyped(left) || isUntyped(right))) {
    throw notUnique(`${left.type.name} + ${right.type.name}`, position);
  }
  const typed = (side: Expression, other: PgType): Expression => {
    if (!isUntyped(side)) return side;
    if (operator === "+" && other !== INTERVAL) return side.resolveAs(INTERVAL);
    return side.resolveAs(operator === "*" || operator === "/" ? FLOAT8 : other);
  };
  const a = typed(left, right.type);
  const b = typed(right, left.type);
  const exact = operations.find((each) => each.left === a.type && each.right === b.type);
  const chosen =
    exact ??
    operations.find(
      (each) => tryCast(a, each.left, "implicit") !== null && tryCast(b, each.right, "implicit") !== null,
    );
  if (chosen === undefined) return null;
  const x = tryCast(a, chosen.left, "implicit");
  const y = tryCast(b, chosen.right, "implicit");
  return x === null || y === null ? null : strict(chosen.result, x, y, chosen.apply);
}

/** An operator that is no comparison, on two types; null if there is none. */
export function binaryOperation(operator: string, left: PgType, right: PgType): BinaryOperation | null {
  if (isArithmeticOperator(operator)) return arithmeticOperation(operator, left, right);
  const special = bitwiseOperation(operator, left, right) ?? setOperation(operator, left, right);
  if (special !== null) return special;
  if (!isString(left) || !isString(right)) return null;
  switch (operator) {
    case "^@":
      return { type: BOOL, apply: (a, b) => String(a).startsWith(String(b)) };
    case "~~":
      return { type: BOOL, apply: (a, b) => isLike(String(a), String(b)) };
    case "!~~":
      return { type: BOOL, apply: (a, b) => !isLike(String(a), String(b)) };
    case "~~*":
      return { type: BOOL, apply: (a, b) => isLike(String(a).toLowerCase(), String(b).toLowerCase()) };
    case "!~~*":
      return { type: BOOL, apply: (a, b) => !isLike(String(a).toLowerCase(), String(b).toLowerCase()) };
    case "~":
      return { type: BOOL, apply: (a, b) => matchesRegex(String(a), String(b), false) };
    case "!~":
      return { type: BOOL, apply: (a, b) => !matchesRegex(String(a), String(b), false) };
    case "~*":
      return { type: BOOL, apply: (a, b) => matchesRegex(String(a), String(b), true) };
    case "!~*":
      return { type: BOOL, apply: (a, b) => !matchesRegex(String(a), String(b), true) };
    default:
      return null;
  }
}

/** A closure for two operands and a strict operation. Both sides run even if the first is NULL: either may throw. */
function strict(
  type: PgType,
  left: Expression,
  right: Expression,
  apply: (a: Value, b: Value) => Value,
): Expression {
  return {
    type,
    evaluate: (frame) => {
      const a = left.evaluate(frame);
      const b = right.evaluate(frame);
      return a === null || b === null ? null : apply(a, b);
    },
  };
}

/** A comparison of typed sides, or null if the types do not compare. */
function compileComparison(
  operator: ComparisonOperator,
  left: Expression,
  right: Expression,
): Expression | null {
  const instants = comparableTimeType(left.type, right.type);
  if (instants !== null && left.type !== right.type) {
    const a = tryCast(left, instants, "implicit");
    const b = tryCast(right, instants, "implicit");
    return a === null || b === null ? null : compileComparison(operator, a, b);
  }
  const isWhole = (type: PgType): boolean => isInteger(type) || isOid(type);
  if (isWhole(left.type) && isWhole(right.type)) return compareWhole(operator, left, right);
  const test = comparisonTest(operator, left.type, right.type);
  return test === null ? null : strict(BOOL, left, right, test);
}

/**
 * Whole numbers are most of what is compared: one closure each, so that the engine's JIT sees no call between.
 * The types were checked, so `as number` holds (a bigint compares just as well).
 */
function compareWhole(operator: ComparisonOperator, left: Expression, right: Expression): Expression {
  return { type: BOOL, evaluate: wholeComparison(operator, left, right) };
}

function wholeComparison(
  operator: ComparisonOperator,
  left: Expression,
  right: Expression,
): Expression["evaluate"] {
  switch (operator) {
    case "=":
      return (frame) => {
        const a = left.evaluate(frame);
        const b = right.evaluate(frame);
        return a === null || b === null ? null : a === b;
      };
    case "<>":
      return (frame) => {
        const a = left.evaluate(frame);
        const b = right.evaluate(frame);
        return a === null || b === null ? null : a !== b;
      };
    case "<":
      return (frame) => {
        const a = left.evaluate(frame);
        const b = right.evaluate(frame);
        return a === null || b === null ? null : (a as number) < (b as number);
      };
    case "<=":
      return (frame) => {
        const a = left.evaluate(frame);
        const b = right.evaluate(frame);
        return a === null || b === null ? null : (a as number) <= (b as number);
      };
    case ">":
      return wholeComparison("<", right, left);
    case ">=":
      return wholeComparison("<=", right, left);
  }
}

/** Text with anything, array with array, array with element; null if `||` does not join the types. */
function compileConcatenation(left: Expression, right: Expression): Expression | null {
  const a = left.type;
  const b = right.type;
  const arrays = compileArrayConcatenation(left, right);
  if (arrays !== null) return arrays;
  if (a.arrayOf !== undefined || b.arrayOf !== undefined || !(isString(a) || isString(b))) return null;
  const leftText = tryCast(left, TEXT, "explicit");
  const rightText = tryCast(right, TEXT, "explicit");
  if (leftText === null || rightText === null) return null;
  return strict(TEXT, leftText, rightText, (x, y) => {
    const [first, second] = [String(x), String(y)];
    checkedLength(first.length + second.length);
    return first + second;
  });
}

/**
 * Arrays, or an array and an element, of types that have one in common (anycompatible). NULL in place of an array is
 * none: what it is joined with stays as it is.
 */
function compileArrayConcatenation(left: Expression, right: Expression): Expression | null {
  const [a, b] = [left.type, right.type];
  if (a.arrayOf === undefined && b.arrayOf === undefined) return null;
  const element = wider(a.arrayOf ?? a, b.arrayOf ?? b);
  const type = element === null ? undefined : arrayTypeOf(element);
  if (element === null || type === undefined) return null;
  const typed = (side: Expression) =>
    tryCast(side, side.type.arrayOf === undefined ? element : type, "implicit");
  const [x, y] = [typed(left), typed(right)];
  if (x === null || y === null) return null;
  if (a.arrayOf === undefined) return joinArray(type, y, x, false);
  if (b.arrayOf === undefined) return joinArray(type, x, y, true);
  return {
    type,
    evaluate: (frame) => {
      const items = x.evaluate(frame) as readonly Value[] | null;
      const more = y.evaluate(frame) as readonly Value[] | null;
      return items === null || more === null ? (items ?? more) : checkedSize(items.concat(more));
    },
  };
}

/** The one of two types that the other becomes; null if neither does. */
function wider(a: PgType, b: PgType): PgType | null {
  if (canCast(a, b, "implicit")) return b;
  return canCast(b, a, "implicit") ? a : null;
}

/** An array with one element more, which may be NULL. */
function joinArray(type: PgType, array: Expression, element: Expression, isLast: boolean): Expression {
  return {
    type,
    evaluate: (frame) => {
      const items = (array.evaluate(frame) ?? []) as readonly Value[];
      const item = element.evaluate(frame);
      return checkedSize(isLast ? [...items, item] : [item, ...items]);
    },
  };
}

/** Operators that are functions by another name. */
const PREFIX_FUNCTIONS: Readonly<Record<string, string>> = { "@": "abs", "|/": "sqrt", "||/": "cbrt" };

/** Unary `+` or `-`. Throws 42883 for any other, or a type that has none; 42725 without a type. */
export function compileUnary(operator: string, operand: Expression, position: number): Expression {
  if (operator === "-" && operand.type === INTERVAL) {
    return mapExpression(operand, INTERVAL, (value) => formatInterval(negateInterval(intervalOf(value))));
  }
  const called = PREFIX_FUNCTIONS[operator];
  if (called !== undefined) {
    // Roots are of floats only, whatever the functions take.
    const root = operator === "@" ? null : tryCast(operand, FLOAT8, "implicit");
    return compileCall(called, [root ?? operand], position);
  }
  const bits = operator === "~" ? complement(operand.type) : null;
  if (bits !== null) return mapExpression(operand, operand.type, bits);
  const isSign = operator === "-" || operator === "+";
  if (operator === "-" && isUntyped(operand)) throw notUnique("- unknown", position);
  // Of the types with a unary plus, the preferred one.
  if (operator === "+" && isUntyped(operand)) return operand.resolveAs(FLOAT8);
  const negate = negation(operand.type);
  if (negate === null || !isSign) throw noOperator("", operator, operand.type.name, position);
  return mapExpression(operand, operand.type, operator === "-" ? negate : (value) => value);
}
