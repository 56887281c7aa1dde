/**
 * Exact decimals. A value of type numeric is held as text in PostgreSQL's own spelling (`-12.50`: the scale is
 * part of the value) and computed with as a whole number and a scale.
 */

import { DeltatError, SqlState } from "../../errors.ts";

/** `digits` × 10^-`scale`. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

/** PostgreSQL's bounds of a numeric without precision: digits before and after the point. */
const MAX_INTEGER_DIGITS = 131_072;
const MAX_SCALE = 16_383;

/** select_div_scale in PostgreSQL's numeric.c: significant digits of a quotient, and the most it ever shows. */
const MIN_SIGNIFICANT_DIGITS = 16;
const MAX_DISPLAY_SCALE = 1000;

const SYNTAX = /^\s*([+-]?)(\d[\d_]*)?(?:(\.)([\d_]*))?(?:[eE]([+-]?\d{1,9}))?\s*$/;

function overflow(): DeltatError {
  return new DeltatError(SqlState.numericValueOutOfRange, "value overflows numeric format");
}

/** Reads a decimal number; null if `text` is none. Throws 22003 where numeric would overflow. */
export function parseDecimal(text: string): Decimal | null {
  const match = SYNTAX.exec(text);
  if (match === null) return parseRadixInteger(text);
  const whole = (match[2] ?? "").replaceAll("_", "");
  const fraction = (match[4] ?? "").replaceAll("_", "");
  if (whole === "" && fraction === "") return null;
  const exponent = Number(match[5] ?? 0);
  const scale = fraction.length - exponent;
  if (scale > MAX_SCALE || whole.length + exponent > MAX_INTEGER_DIGITS) throw overflow();
  let digits = BigInt(whole + fraction);
  if (match[1] === "-") digits = -digits;
  return scale >= 0 ? { digits, scale } : { digits: digits * pow10(-scale), scale: 0 };
}

/** 0x1F, 0o17, 0b1. */
function parseRadixInteger(text: string): Decimal | null {
  const match = /^\s*([+-]?)(0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+)\s*$/.exec(text);
  if (match === null) return null;
  const digits = BigInt((match[2] ?? "").replaceAll("_", "").toLowerCase());
  return { digits: match[1] === "-" ? -digits : digits, scale: 0 };
}

/** The value that the text of a numeric names; for values that were checked when they came in. */
export function decimalOf(text: string): Decimal {
  const decimal = parseDecimal(text);
  if (decimal === null) throw new DeltatError(SqlState.internalError, `not a numeric: ${text}`);
  return decimal;
}

function pow10(exponent: number): bigint {
  return 10n ** BigInt(exponent);
}

export function formatDecimal({ digits, scale }: Decimal): string {
  const sign = digits < 0n ? "-" : "";
  const text = (digits < 0n ? -digits : digits).toString();
  if (text.length - scale > MAX_INTEGER_DIGITS) throw overflow();
  if (scale === 0) return sign + text;
  const padded = text.padStart(scale + 1, "0");
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

/** The same number at another scale, rounded half away from zero; a negative scale rounds left of the point. */
export function rescale(value: Decimal, scale: number): Decimal {
  if (scale >= value.scale) {
    if (scale === value.scale) return value;
    return { digits: value.digits * pow10(scale - value.scale), scale };
  }
  const rounded = divideRounded(value.digits, pow10(value.scale - scale));
  return scale >= 0 ? { digits: rounded, scale } : { digits: rounded * pow10(-scale), scale: 0 };
}

function divideRounded(dividend: bigint, divisor: bigint): bigint {
  const negative = dividend < 0n !== divisor < 0n;
  const n = dividend < 0n ? -dividend : dividend;
  const d = divisor < 0n ? -divisor : divisor;
  const quotient = (2n * n + d) / (2n * d);
  return negative ? -quotient : quotient;
}

export function compareDecimals(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const left = rescale(a, scale).digits;
  const right = rescale(b, scale).digits;
  return left < right ? -1 : left > right ? 1 : 0;
}

export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { digits: rescale(a, scale).digits + rescale(b, scale).digits, scale };
}

export function negateDecimal(a: Decimal): Decimal {
  return { digits: -a.digits, scale: a.scale };
}

export function multiplyDecimals(a: Decimal, b: Decimal): Decimal {
  const product = { digits: a.digits * b.digits, scale: a.scale + b.scale };
  return product.scale > MAX_SCALE ? rescale(product, MAX_SCALE) : product;
}

/** Throws 22012 for a zero divisor. The scale of the quotient is PostgreSQL's choice. */
export function divideDecimals(a: Decimal, b: Decimal): Decimal {
  if (b.digits === 0n) throw divisionByZero();
  const scale = quotientScale(a, b);
  const shift = scale - a.scale + b.scale;
  const digits =
    shift >= 0
      ? divideRounded(a.digits * pow10(shift), b.digits)
      : divideRounded(a.digits, b.digits * pow10(-shift));
  return { digits, scale };
}

/** The remainder has the sign of the dividend. Throws 22012 for a zero divisor. */
export function remainderOfDecimals(a: Decimal, b: Decimal): Decimal {
  if (b.digits === 0n) throw divisionByZero();
  const scale = Math.max(a.scale, b.scale);
  return { digits: rescale(a, scale).digits % rescale(b, scale).digits, scale };
}

export function divisionByZero(): DeltatError {
  return new DeltatError(SqlState.divisionByZero, "division by zero");
}

/** PostgreSQL holds a numeric in groups of four digits and sizes a quotient by them. */
function quotientScale(a: Decimal, b: Decimal): number {
  const left = leadingGroup(a);
  const right = leadingGroup(b);
  let weight = left.weight - right.weight;
  if (left.group <= right.group) weight--;
  const scale = Math.max(MIN_SIGNIFICANT_DIGITS - weight * 4, a.scale, b.scale, 0);
  return Math.min(scale, MAX_DISPLAY_SCALE);
}

/** The first group of four that is not zero, and its power of 10,000. */
export function leadingGroup(value: Decimal): { weight: number; group: number } {
  if (value.digits === 0n) return { weight: 0, group: 0 };
  const text = (value.digits < 0n ? -value.digits : value.digits).toString();
  // The decimal exponent of the first digit says which group it stands in, and where.
  const exponent = text.length - 1 - value.scale;
  const weight = Math.floor(exponent / 4);
  const width = exponent - weight * 4 + 1;
  return { weight, group: Number(text.slice(0, width).padEnd(width, "0")) };
}

/** The whole number nearest to `value`, half away from zero. */
export function roundToInteger(value: Decimal): bigint {
  return rescale(value, 0).digits;
}
