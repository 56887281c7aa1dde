/** Functions on numbers (https://www.postgresql.org/docs/current/functions-math.html). */

import { DeltatError, SqlState } from "../../errors.ts";
import {
  compareDecimals,
  type Decimal,
  decimalOf,
  divisionByZero,
  formatDecimal,
  remainderOfDecimals,
  rescale,
} from "../values/numeric.ts";
import { isInRange } from "../values/scalar-text.ts";
import { FLOAT4, FLOAT8, INT2, INT4, INT8, NUMERIC, type PgType, TEXT } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { integerValue } from "../values/value.ts";
import { decimalExp, decimalLn, decimalLog, decimalPower, decimalRoot } from "./decimal-math.ts";
import { fn, number, type SqlFunction, text } from "./signature.ts";
import { formatNumber } from "./to-char-number.ts";

type Whole = number | bigint;

function outOfRange(type: PgType): DeltatError {
  return new DeltatError(SqlState.numericValueOutOfRange, `${type.name} out of range`);
}

function checked(type: PgType, value: bigint): Whole {
  const whole = integerValue(value);
  if (!isInRange(type, whole)) throw outOfRange(type);
  return whole;
}

const magnitude = (value: bigint): bigint => (value < 0n ? -value : value);

function remainder(a: Whole, b: Whole): Whole {
  if (Number(b) === 0) throw divisionByZero();
  return integerValue(BigInt(a) % BigInt(b));
}

function greatestDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [magnitude(a), magnitude(b)];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

/** Rounds a float as C's rint does: halves to the even number. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  if (floor % 2 === 0) return floor;
  // -0.5 keeps its sign.
  return floor === -1 ? -0 : floor + 1;
}

/** Up or down to a whole number. */
function towards(direction: 1 | -1, source: string): string {
  const value = decimalOf(source);
  const cut = truncate(value, 0);
  const isPast = compareDecimals(value, cut) * direction > 0;
  return formatDecimal(isPast ? { digits: cut.digits + BigInt(direction), scale: 0 } : cut);
}

/** PostgreSQL rounds to at most so many digits behind the point, and before it (NUMERIC_DSCALE_MAX, NUMERIC_WEIGHT_MAX). */
const MAX_DIGITS_BEHIND = 16_383;
const MAX_DIGITS_BEFORE = 131_073;

function digits(n: Value | undefined): number {
  return Math.max(-MAX_DIGITS_BEFORE, Math.min(MAX_DIGITS_BEHIND, number(n)));
}

/** Towards zero, to `scale` digits after the point. */
function truncate(value: Decimal, scale: number): Decimal {
  if (scale >= value.scale) return rescale(value, scale);
  const unit = 10n ** BigInt(value.scale - scale);
  const digits = value.digits / unit;
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

function invalidArgument(code: SqlState, message: string): DeltatError {
  return new DeltatError(code, message);
}

function checkedFloat(result: number, ...inputs: number[]): number {
  if (!Number.isFinite(result) && inputs.every(Number.isFinite)) {
    throw new DeltatError(SqlState.numericValueOutOfRange, "value out of range: overflow");
  }
  return result;
}

function power(base: number, exponent: number): number {
  if (base === 0 && exponent < 0) {
    throw invalidArgument(SqlState.invalidArgumentForPower, "zero raised to a negative power is undefined");
  }
  if (base < 0 && !Number.isInteger(exponent) && Number.isFinite(exponent)) {
    throw invalidArgument(
      SqlState.invalidArgumentForPower,
      "a negative number raised to a non-integer power yields a complex result",
    );
  }
  if (base === 1 || exponent === 0) return 1;
  return checkedFloat(base ** exponent, base, exponent);
}

function logarithm(value: number, of: (value: number) => number): number {
  if (value === 0)
    throw invalidArgument(SqlState.invalidArgumentForLogarithm, "cannot take logarithm of zero");
  if (value < 0) {
    throw invalidArgument(SqlState.invalidArgumentForLogarithm, "cannot take logarithm of a negative number");
  }
  return of(value);
}

function squareRoot(value: number): number {
  if (value < 0) {
    throw invalidArgument(SqlState.invalidArgumentForPower, "cannot take square root of a negative number");
  }
  return Math.sqrt(value);
}

/** Which of `count` buckets of equal width a value falls in: 0 below them, count + 1 above. */
function bucket(value: number, low: number, high: number, count: number): number {
  const fail = (message: string): DeltatError =>
    new DeltatError(SqlState.invalidArgumentForWidthBucket, message);
  if (count <= 0) throw fail("count must be greater than zero");
  if (Number.isNaN(value) || Number.isNaN(low) || Number.isNaN(high)) {
    throw fail("operand, lower bound, and upper bound cannot be NaN");
  }
  if (low === high) throw fail("lower bound cannot equal upper bound");
  const place = (value - low) / (high - low);
  if (place < 0) return 0;
  return place >= 1 ? count + 1 : Math.floor(place * count) + 1;
}

function factorial(n: Whole): string {
  if (n < 0)
    throw new DeltatError(SqlState.numericValueOutOfRange, "factorial of a negative number is undefined");
  if (n > 32_177) throw new DeltatError(SqlState.numericValueOutOfRange, "value overflows numeric format");
  let product = 1n;
  for (let i = 2n; i <= BigInt(n); i++) product *= i;
  return String(product);
}

const floats: Readonly<Record<string, (value: number) => number>> = {
  cbrt: Math.cbrt,
  sqrt: squareRoot,
  exp: (value) => checkedFloat(Math.exp(value), value),
  ln: (value) => logarithm(value, Math.log),
  log: (value) => logarithm(value, Math.log10),
  log10: (value) => logarithm(value, Math.log10),
  sign: (value) => Math.sign(value) + 0,
  trunc: (value) => Math.trunc(value),
  ceil: Math.ceil,
  ceiling: Math.ceil,
  floor: Math.floor,
  round: roundHalfEven,
  abs: Math.abs,
  degrees: (value) => (value * 180) / Math.PI,
  radians: (value) => (value * Math.PI) / 180,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
};

const decimals: Readonly<Record<string, (source: string) => string>> = {
  abs: (source) => source.replace(/^-/, ""),
  sqrt: decimalRoot,
  exp: decimalExp,
  ln: decimalLn,
  log: (source) => decimalLog("10", source),
  log10: (source) => decimalLog("10", source),
  sign: (source) => String(Math.sign(compareDecimals(decimalOf(source), { digits: 0n, scale: 0 }))),
  trunc: (source) => formatDecimal(truncate(decimalOf(source), 0)),
  ceil: (source) => towards(1, source),
  ceiling: (source) => towards(1, source),
  floor: (source) => towards(-1, source),
  round: (source) => formatDecimal(rescale(decimalOf(source), 0)),
};

/** The same number with no zeros behind its point that say nothing. */
function withoutZeros({ digits, scale }: Decimal): Decimal {
  while (scale > 0 && digits % 10n === 0n) {
    digits /= 10n;
    scale--;
  }
  return { digits, scale };
}

const whole = (value: Value | undefined): bigint => BigInt(value as Whole);

const ofSmallIntegers: readonly SqlFunction[] = [INT2, INT4, INT8].flatMap((type) => [
  fn("abs", [type], type, ([a]) => checked(type, magnitude(whole(a)))),
  fn("mod", [type, type], type, ([a, b]) => remainder(a as Whole, b as Whole)),
]);

const ofIntegers: readonly SqlFunction[] = [INT4, INT8].flatMap((type) => [
  fn("gcd", [type, type], type, ([a, b]) => checked(type, greatestDivisor(whole(a), whole(b)))),
  fn("lcm", [type, type], type, ([a, b]) => {
    const divisor = greatestDivisor(whole(a), whole(b));
    return divisor === 0n ? 0 : checked(type, magnitude((whole(a) / divisor) * whole(b)));
  }),
]);

export const NUMBER_FUNCTIONS: readonly SqlFunction[] = [
  ...Object.entries(floats).map(([name, compute]) => fn(name, [FLOAT8], FLOAT8, ([a]) => compute(number(a)))),
  ...Object.entries(decimals).map(([name, compute]) =>
    fn(name, [NUMERIC], NUMERIC, ([a]) => compute(text(a))),
  ),
  ...ofSmallIntegers,
  fn("abs", [FLOAT4], FLOAT4, ([a]) => Math.abs(number(a))),
  ...ofIntegers,
  fn("scale", [NUMERIC], INT4, ([a]) => decimalOf(text(a)).scale),
  fn("min_scale", [NUMERIC], INT4, ([a]) => withoutZeros(decimalOf(text(a))).scale),
  fn("trim_scale", [NUMERIC], NUMERIC, ([a]) => formatDecimal(withoutZeros(decimalOf(text(a))))),
  fn("mod", [NUMERIC, NUMERIC], NUMERIC, ([a, b]) =>
    formatDecimal(remainderOfDecimals(decimalOf(text(a)), decimalOf(text(b)))),
  ),
  fn("div", [NUMERIC, NUMERIC], NUMERIC, ([a, b]) => {
    const [dividend, divisor] = [decimalOf(text(a)), decimalOf(text(b))];
    if (divisor.digits === 0n) throw divisionByZero();
    const scale = Math.max(dividend.scale, divisor.scale);
    return String(rescale(dividend, scale).digits / rescale(divisor, scale).digits);
  }),
  fn("round", [NUMERIC, INT4], NUMERIC, ([a, n]) => formatDecimal(rescale(decimalOf(text(a)), digits(n)))),
  fn("trunc", [NUMERIC, INT4], NUMERIC, ([a, n]) => formatDecimal(truncate(decimalOf(text(a)), digits(n)))),
  fn("power", [FLOAT8, FLOAT8], FLOAT8, ([a, b]) => power(number(a), number(b))),
  fn("pow", [FLOAT8, FLOAT8], FLOAT8, ([a, b]) => power(number(a), number(b))),
  fn("power", [NUMERIC, NUMERIC], NUMERIC, ([a, b]) => decimalPower(text(a), text(b))),
  fn("pow", [NUMERIC, NUMERIC], NUMERIC, ([a, b]) => decimalPower(text(a), text(b))),
  fn("log", [NUMERIC, NUMERIC], NUMERIC, ([base, a]) => decimalLog(text(base), text(a))),
  fn("atan2", [FLOAT8, FLOAT8], FLOAT8, ([a, b]) => Math.atan2(number(a), number(b))),
  fn("pi", [], FLOAT8, () => Math.PI),
  fn("random", [], FLOAT8, () => Math.random()),
  fn("width_bucket", [FLOAT8, FLOAT8, FLOAT8, INT4], INT4, ([a, low, high, count]) =>
    bucket(number(a), number(low), number(high), number(count)),
  ),
  ...[INT4, INT8, FLOAT8, NUMERIC].map((type) =>
    fn("to_char", [type, TEXT], TEXT, ([a = null, pattern]) => {
      const shown = type === FLOAT8 ? decimalText(number(a)) : String(a);
      return formatNumber(shown, text(pattern));
    }),
  ),
  fn("factorial", [INT8], NUMERIC, ([n]) => factorial(n as Whole)),
];

/** A double's 15 digits, as to_char shows them. */
function decimalText(value: number): string {
  if (!Number.isFinite(value)) {
    throw new DeltatError(SqlState.featureNotSupported, `to_char of ${value} is not supported`);
  }
  return formatDecimal(decimalOf(value.toPrecision(15)));
}
