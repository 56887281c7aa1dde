/**
 * + - * / % ^ on numbers. Whole numbers are checked against their type (22003) and fall back to BigInt where a
 * double would not be exact; a float that overflows is an error too, as in PostgreSQL.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { decimalPower } from "../functions/decimal-math.ts";
import {
  addDecimals,
  type Decimal,
  decimalOf,
  divideDecimals,
  divisionByZero,
  formatDecimal,
  multiplyDecimals,
  negateDecimal,
  remainderOfDecimals,
} from "../values/numeric.ts";
import { isInRange } from "../values/scalar-text.ts";
import { FLOAT4, FLOAT8, isFloat, isInteger, NUMERIC, type PgType } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { integerValue } from "../values/value.ts";
import { integerOutOfRange, numericRank } from "./casts.ts";

/** An operator on values that are not null. */
export interface BinaryOperation {
  readonly type: PgType;
  apply(a: Value, b: Value): Value;
}

type Whole = number | bigint;

export function isArithmeticOperator(name: string): boolean {
  return name.length === 1 && "+-*/%^".includes(name);
}

/** The operation for two numeric types, or null if PostgreSQL has none. */
export function arithmeticOperation(operator: string, left: PgType, right: PgType): BinaryOperation | null {
  const isNumber = (type: PgType): boolean => numericRank(type) >= 0;
  if (!isNumber(left) || !isNumber(right)) return null;
  if (operator === "^") {
    const isDecimal = (left === NUMERIC || right === NUMERIC) && !isFloat(left) && !isFloat(right);
    if (!isDecimal) return floatOperation("^", FLOAT8);
    return { type: NUMERIC, apply: (a, b) => decimalPower(String(a), String(b)) };
  }
  if (isInteger(left) && isInteger(right)) {
    return integerOperation(operator, numericRank(left) >= numericRank(right) ? left : right);
  }
  if (isFloat(left) || isFloat(right)) {
    return operator === "%" ? null : floatOperation(operator, left === right ? left : FLOAT8);
  }
  return numericOperation(operator);
}

function integerOperation(operator: string, type: PgType): BinaryOperation {
  const small = SMALL[operator];
  const big = BIG[operator];
  const dividing = operator === "/" || operator === "%";
  if (small === undefined || big === undefined) throw new Error(`no integer operator ${operator}`);
  return {
    type,
    apply: (a, b) => {
      const x = a as Whole;
      const y = b as Whole;
      if (dividing && y === 0) throw divisionByZero();
      let result: Whole = Number.NaN;
      if (typeof x === "number" && typeof y === "number") result = small(x, y);
      if (!Number.isSafeInteger(result)) result = integerValue(big(BigInt(x), BigInt(y)));
      if (!isInRange(type, result)) throw integerOutOfRange(type);
      return result;
    },
  };
}

/** Adding 0 turns -0, which no integer is, into 0. A quotient of safe integers truncates exactly. */
const SMALL: Record<string, (a: number, b: number) => number> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b + 0,
  "/": (a, b) => Math.trunc(a / b) + 0,
  "%": (a, b) => (a % b) + 0,
};

const BIG: Record<string, (a: bigint, b: bigint) => bigint> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
};

function floatOperation(operator: string, type: PgType): BinaryOperation {
  return {
    type,
    apply: (a, b) => {
      const x = Number(a);
      const y = Number(b);
      if (operator === "/" && y === 0 && !Number.isNaN(x)) throw divisionByZero();
      if (operator === "^") checkPower(x, y);
      let result = floatResult(operator, x, y);
      if (type === FLOAT4) result = Math.fround(result);
      if (!Number.isFinite(result) && Number.isFinite(x) && Number.isFinite(y)) {
        throw new DeltatError(SqlState.numericValueOutOfRange, "value out of range: overflow");
      }
      const isUnderflow =
        result === 0 && x !== 0 && (operator === "*" || (operator === "/" && Number.isFinite(y)));
      if (isUnderflow && y !== 0) {
        throw new DeltatError(SqlState.numericValueOutOfRange, "value out of range: underflow");
      }
      return result;
    },
  };
}

function checkPower(x: number, y: number): void {
  const message =
    x === 0 && y < 0
      ? "zero raised to a negative power is undefined"
      : x < 0 && Number.isFinite(x) && Number.isFinite(y) && !Number.isInteger(y)
        ? "a negative number raised to a non-integer power yields a complex result"
        : null;
  if (message !== null) throw new DeltatError(SqlState.invalidArgumentForPower, message);
}

function floatResult(operator: string, x: number, y: number): number {
  switch (operator) {
    case "+":
      return x + y;
    case "-":
      return x - y;
    case "*":
      return x * y;
    case "/":
      return x / y;
    default:
      return x ** y;
  }
}

const ON_DECIMALS: Record<string, (a: Decimal, b: Decimal) => Decimal> = {
  "+": addDecimals,
  "-": (a, b) => addDecimals(a, negateDecimal(b)),
  "*": multiplyDecimals,
  "/": divideDecimals,
  "%": remainderOfDecimals,
};

function numericOperation(operator: string): BinaryOperation | null {
  const compute = ON_DECIMALS[operator];
  if (compute === undefined) return null;
  return {
    type: NUMERIC,
    apply: (a, b) => formatDecimal(compute(decimalOf(String(a)), decimalOf(String(b)))),
  };
}

/** Unary minus of a type, or null if it has none. */
export function negation(type: PgType): ((value: Value) => Value) | null {
  if (isFloat(type)) return (value) => -(value as number);
  if (type === NUMERIC) return (value) => formatDecimal(negateDecimal(decimalOf(String(value))));
  if (!isInteger(type)) return null;
  return (value) => {
    const negated = typeof value === "bigint" ? integerValue(-value) : 0 - (value as number);
    if (!isInRange(type, negated)) throw integerOutOfRange(type);
    return negated;
  };
}
