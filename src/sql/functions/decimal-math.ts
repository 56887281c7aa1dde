/**
 * Roots, powers, exponentials and logarithms of numerics, on whole numbers scaled by a power of ten, with the scales
 * that PostgreSQL chooses for their results (numeric_sqrt, numeric_power, numeric_exp, numeric_ln of numeric.c).
 */

import { limitExceeded } from "../../engine/violations.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_EXPONENTIAL_DIGITS } from "../../limits.ts";
import {
  compareDecimals,
  type Decimal,
  decimalOf,
  divideDecimals,
  formatDecimal,
  leadingGroup,
  rescale,
} from "../values/numeric.ts";

/** Significant digits that a result shows at least, and the most digits after its point. */
const SIGNIFICANT = 16;
const MAX_SCALE = 1000;

/** Of a power that is multiplied out, before it is rounded. */
const MAX_MULTIPLIED_DIGITS = 300_000n;

/** Digits carried beyond those shown. */
const GUARD = 12;

const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);
const pow10 = (exponent: number): bigint => 10n ** BigInt(exponent);
const clamp = (scale: number, ...atLeast: number[]): number =>
  Math.min(MAX_SCALE, Math.max(scale, 0, ...atLeast));

/** Newton's method on whole numbers. */
function wholeRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let x = 1n << BigInt(Math.ceil(value.toString(2).length / 2));
  for (;;) {
    const next = (x + value / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

/** Throws 2201F for a negative number. */
export function decimalRoot(source: string): string {
  const value = decimalOf(source);
  if (value.digits < 0n) {
    throw new DeltatError(SqlState.invalidArgumentForPower, "cannot take square root of a negative number");
  }
  const scale = clamp(SIGNIFICANT - (leadingGroup(value).weight * 2 + 1), value.scale);
  const root = wholeRoot(rescale(value, (scale + 1) * 2).digits);
  return formatDecimal(rescale({ digits: root, scale: scale + 1 }, scale));
}

/** e^x where x = digits / 10^scale, at the same scale: halved until small, summed up, squared back. */
function scaledExp(x: bigint, scale: number): bigint {
  const one = pow10(scale);
  let halvings = 0;
  let small = x;
  while (magnitude(small) > one / 256n) {
    small /= 2n;
    halvings++;
  }
  let term = one;
  let sum = one;
  for (let n = 1n; term !== 0n; n++) {
    term = (term * small) / one / n;
    sum += term;
  }
  for (; halvings > 0; halvings--) sum = (sum * sum) / one;
  return sum;
}

/** ln(x), x > 0, by Newton's method from what a double says: each step doubles the right digits. */
function scaledLn(value: Decimal, scale: number): bigint {
  const x = rescale(value, scale).digits;
  const one = pow10(scale);
  // log10 of the digits' text, which may be longer than a double's range.
  const text = value.digits.toString();
  const log10 = Math.log10(Number(`0.${text}`)) + text.length - value.scale;
  let y = BigInt(Math.round(log10 * Math.LN10 * 1e15)) * pow10(scale - 15);
  for (let step = 0; step < 6; step++) {
    const e = scaledExp(y, scale);
    y += (2n * one * (x - e)) / (x + e);
  }
  return y;
}

/** Digits before the point that a number of such a logarithm has, less one. */
const weightOf = (value: number): number => Math.trunc(value);

function overflow(): DeltatError {
  return new DeltatError(SqlState.numericValueOutOfRange, "value overflows numeric format");
}

/** Throws 54000. */
function checkDigits(log10: number): void {
  if (log10 > MAX_EXPONENTIAL_DIGITS) {
    throw limitExceeded("digits before the point of exp or power", MAX_EXPONENTIAL_DIGITS);
  }
}

/** Throws 22003 where the result has more digits than a numeric. */
export function decimalExp(source: string): string {
  const value = decimalOf(source);
  const approximate = Number(source) * Math.LOG10E;
  if (approximate > 131_072) throw overflow();
  checkDigits(approximate);
  const scale = clamp(SIGNIFICANT - weightOf(approximate), value.scale);
  const working = scale + Math.max(0, Math.ceil(approximate)) * 2 + GUARD + 10;
  const result = scaledExp(rescale(value, working).digits, working);
  return formatDecimal(rescale({ digits: result, scale: working }, scale));
}

function refuseLogarithm(value: Decimal): void {
  if (value.digits > 0n) return;
  throw new DeltatError(
    SqlState.invalidArgumentForLogarithm,
    value.digits === 0n ? "cannot take logarithm of zero" : "cannot take logarithm of a negative number",
  );
}

/** Throws 2201E for what has no logarithm. */
export function decimalLn(source: string): string {
  const value = decimalOf(source);
  refuseLogarithm(value);
  const scale = scaleOfLogarithm(Math.log(Number(source)), value.scale);
  const working = scale + GUARD + 10;
  return formatDecimal(rescale({ digits: scaledLn(value, working), scale: working }, scale));
}

function scaleOfLogarithm(approximate: number, atLeast: number): number {
  const weight = approximate === 0 ? 0 : weightOf(Math.log10(Math.abs(approximate)));
  return clamp(SIGNIFICANT - weight, atLeast);
}

/** The logarithm to a base. Throws 2201E; 22012 for base 1. */
export function decimalLog(base: string, source: string): string {
  const value = decimalOf(source);
  const radix = decimalOf(base);
  refuseLogarithm(radix);
  refuseLogarithm(value);
  const scale = scaleOfLogarithm(
    Math.log(Number(source)) / Math.log(Number(base)),
    Math.max(value.scale, radix.scale),
  );
  const working = scale + GUARD + 10;
  const quotient = divideDecimals(
    { digits: scaledLn(value, working) * pow10(working), scale: working * 2 },
    { digits: scaledLn(radix, working), scale: working },
  );
  return formatDecimal(rescale(quotient, scale));
}

/** base ^ exponent. Throws 2201F for what is no number, 22003 where it is too large. */
export function decimalPower(base: string, exponent: string): string {
  const value = decimalOf(base);
  const by = decimalOf(exponent);
  const whole = rescale(by, 0);
  const isWhole = compareDecimals(by, whole) === 0;
  if (value.digits === 0n && by.digits < 0n) {
    throw new DeltatError(SqlState.invalidArgumentForPower, "zero raised to a negative power is undefined");
  }
  if (value.digits < 0n && !isWhole) {
    throw new DeltatError(
      SqlState.invalidArgumentForPower,
      "a negative number raised to a non-integer power yields a complex result",
    );
  }
  const log10 = value.digits === 0n ? 0 : Number(exponent) * Math.log10(Math.abs(Number(base)));
  if (log10 > 131_072) throw overflow();
  if (isWhole && isMultiplied(value, magnitude(whole.digits)))
    return wholePower(value, whole.digits, by.scale);
  if (value.digits === 0n) return formatDecimal({ digits: 0n, scale: SIGNIFICANT });
  checkDigits(log10);
  const scale = clamp(SIGNIFICANT - weightOf(log10), value.scale, by.scale);
  const working = scale + Math.max(0, Math.ceil(log10)) * 2 + GUARD + 10;
  const size = { digits: magnitude(value.digits), scale: value.scale };
  const product = scaledLn(size, working) * rescale(by, working).digits;
  const result = scaledExp(product / pow10(working), working);
  const isNegative = value.digits < 0n && isWhole && whole.digits % 2n !== 0n;
  return formatDecimal(rescale({ digits: isNegative ? -result : result, scale: working }, scale));
}

/** Whether a whole power has so few digits that it is best worked out as it stands. */
function isMultiplied({ digits }: Decimal, exponent: bigint): boolean {
  return BigInt(digits.toString().length) * exponent <= MAX_MULTIPLIED_DIGITS;
}

function wholePower(value: Decimal, exponent: bigint, exponentScale: number): string {
  const scale = clamp(SIGNIFICANT, value.scale, exponentScale);
  const size = magnitude(exponent);
  const power = { digits: value.digits ** size, scale: value.scale * Number(size) };
  if (exponent >= 0n) return formatDecimal(rescale(power, scale));
  // One divided by it, with a digit to round by.
  const shifted = pow10(power.scale + scale + 1) / power.digits;
  return formatDecimal(rescale({ digits: shifted, scale: scale + 1 }, scale));
}
