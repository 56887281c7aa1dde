/**
 * Comparing values of like types: what `=` and `<` mean, and the order that ORDER BY asks for. Two types compare
 * if both are numbers, both texts, or both the same.
 */

import { compareJson, parseJson } from "../json/document.ts";
import { comparableMicros, intervalOf } from "../time/interval.ts";
import { compareDecimals, type Decimal, decimalOf } from "../values/numeric.ts";
import { compareTexts } from "../values/text-order.ts";
import {
  BPCHAR,
  INTERVAL,
  isFloat,
  isInteger,
  isOid,
  isString,
  JSONB,
  NUMERIC,
  type PgType,
  UUID,
} from "../values/types.ts";
import type { Value } from "../values/value.ts";

/** Negative, zero or positive as `a` sorts before, with or after `b`; neither is null. */
export type Comparator = (a: Value, b: Value) => number;

export type ComparisonOperator = "=" | "<>" | "<" | "<=" | ">" | ">=";

/** Whether a comparison holds; neither value is null. */
export type ComparisonTest = (a: Value, b: Value) => boolean;

export function isComparisonOperator(name: string): name is ComparisonOperator {
  return name === "=" || name === "<>" || name === "<" || name === "<=" || name === ">" || name === ">=";
}

/** The comparator of two types, or null if PostgreSQL has no such operator. */
export function comparatorOf(left: PgType, right: PgType = left): Comparator | null {
  if (left === INTERVAL && right === INTERVAL) return compareIntervals;
  const bothWhole = isWhole(left) && isWhole(right);
  // Numbers and bigints compare with each other exactly; booleans and instants as JavaScript orders them.
  if (bothWhole || (left === right && (left.category === "boolean" || left.category === "date/time"))) {
    return compareOrdered;
  }
  if (left.category === "numeric" && right.category === "numeric") {
    return isFloat(left) || isFloat(right) ? compareFloats : compareNumerics;
  }
  if (left === BPCHAR || right === BPCHAR)
    return isString(left) && isString(right) ? comparePadded(left, right) : null;
  if (isString(left) && isString(right)) return (a, b) => compareTexts(a as string, b as string);
  if (left === JSONB && right === JSONB) {
    return (a, b) => (a === b ? 0 : compareJson(parseJson(String(a)), parseJson(String(b))));
  }
  if (left === UUID && right === UUID) return (a, b) => compareTexts(a as string, b as string);
  if (left === right && left.category === "internal") return (a, b) => compareTexts(a as string, b as string);
  if (left.fields !== undefined && right.fields !== undefined)
    return recordComparator(left.fields, right.fields);
  if (left.arrayOf !== undefined && right.arrayOf !== undefined) {
    const element = comparatorOf(left.arrayOf, right.arrayOf);
    const isSameKind = left === right || (isString(left.arrayOf) && isString(right.arrayOf));
    return element === null || !isSameKind ? null : arrayComparator(element);
  }
  return null;
}

function compareIntervals(a: Value, b: Value): number {
  return compareOrdered(comparableMicros(intervalOf(a)), comparableMicros(intervalOf(b)));
}

/** Blanks at the end of a `character` count for nothing. */
function comparePadded(left: PgType, right: PgType): Comparator {
  const plain = (type: PgType) =>
    type === BPCHAR ? (value: Value) => String(value).replace(/ +$/, "") : (value: Value) => String(value);
  const [first, second] = [plain(left), plain(right)];
  return (a, b) => compareTexts(first(a), second(b));
}

function isWhole(type: PgType): boolean {
  return isInteger(type) || isOid(type);
}

function compareOrdered(a: Value, b: Value): number {
  const left = a as number;
  const right = b as number;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** NaN equals itself and sorts after everything, as in PostgreSQL. */
function compareFloats(a: Value, b: Value): number {
  const left = Number(a);
  const right = Number(b);
  if (left < right) return -1;
  if (left > right) return 1;
  if (left === right) return 0;
  return Number(Number.isNaN(left)) - Number(Number.isNaN(right));
}

function toDecimal(value: Value): Decimal {
  return typeof value === "string" ? decimalOf(value) : { digits: BigInt(value as number), scale: 0 };
}

function compareNumerics(a: Value, b: Value): number {
  return compareDecimals(toDecimal(a), toDecimal(b));
}

/** Element by element; NULL elements are equal and sort last; then the shorter array comes first. */
function arrayComparator(element: Comparator): Comparator {
  return (a, b) => {
    const left = a as readonly Value[];
    const right = b as readonly Value[];
    const shorter = Math.min(left.length, right.length);
    for (let i = 0; i < shorter; i++) {
      const x = left[i] as Value;
      const y = right[i] as Value;
      const order = x === null || y === null ? Number(x === null) - Number(y === null) : element(x, y);
      if (order !== 0) return order;
    }
    return left.length - right.length;
  };
}

/** Part by part; NULL parts are equal and sort last. null if the parts do not pair or do not compare. */
function recordComparator(
  left: NonNullable<PgType["fields"]>,
  right: NonNullable<PgType["fields"]>,
): Comparator | null {
  if (left.length !== right.length) return null;
  const parts: Comparator[] = [];
  for (const [at, field] of left.entries()) {
    const compare = comparatorOf(field.type, right[at]?.type);
    if (compare === null) return null;
    parts.push(compare);
  }
  return (a, b) => {
    for (const [at, compare] of parts.entries()) {
      const x = (a as readonly Value[])[at] as Value;
      const y = (b as readonly Value[])[at] as Value;
      const order = x === null || y === null ? Number(x === null) - Number(y === null) : compare(x, y);
      if (order !== 0) return order;
    }
    return 0;
  };
}

/** Whether equal values of these types are the same JavaScript value. */
function equalIsIdentical(left: PgType, right: PgType): boolean {
  if (left === JSONB) return false;
  if (isFloat(left) || isFloat(right) || left === NUMERIC || right === NUMERIC || left === INTERVAL)
    return false;
  if (left === BPCHAR || right === BPCHAR) return false;
  return left.arrayOf === undefined && left.fields === undefined;
}

/** The test for `operator` between two types, or null if PostgreSQL has no such operator. */
export function comparisonTest(
  operator: ComparisonOperator,
  left: PgType,
  right: PgType,
): ComparisonTest | null {
  const compare = comparatorOf(left, right);
  if (compare === null) return null;
  const isOrdered = compare === compareOrdered;
  switch (operator) {
    case "=":
      return equalIsIdentical(left, right) ? (a, b) => a === b : (a, b) => compare(a, b) === 0;
    case "<>":
      return equalIsIdentical(left, right) ? (a, b) => a !== b : (a, b) => compare(a, b) !== 0;
    case "<":
      return isOrdered ? (a, b) => (a as number) < (b as number) : (a, b) => compare(a, b) < 0;
    case "<=":
      return isOrdered ? (a, b) => (a as number) <= (b as number) : (a, b) => compare(a, b) <= 0;
    case ">":
      return isOrdered ? (a, b) => (a as number) > (b as number) : (a, b) => compare(a, b) > 0;
    case ">=":
      return isOrdered ? (a, b) => (a as number) >= (b as number) : (a, b) => compare(a, b) >= 0;
  }
}
