/** Aggregates of statistics: variances and deviations, of one column and of pairs; and those on bits. */

import { decimalRoot } from "../functions/decimal-math.ts";
import {
  addDecimals,
  type Decimal,
  decimalOf,
  divideDecimals,
  formatDecimal,
  multiplyDecimals,
  negateDecimal,
} from "../values/numeric.ts";
import { FLOAT8, INT8, isFloat, isInteger, NUMERIC, type PgType } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { integerValue } from "../values/value.ts";
import type { Accumulator, AggregateFunction } from "./accumulators.ts";

/** Which of the four a name means; null for other names. */
function spreadOf(name: string): { readonly isRoot: boolean; readonly isSample: boolean } | null {
  const match = /^(stddev|variance|var)(?:_(pop|samp))?$/.exec(name);
  if (match === null || (match[1] === "var" && match[2] === undefined)) return null;
  if (match[1] === "variance" && match[2] !== undefined) return null;
  return { isRoot: match[1] === "stddev", isSample: match[2] !== "pop" };
}

/** Aggregates of one column; null if there is none of this name for the type. */
export function statisticOfOne(name: string, type: PgType): AggregateFunction | null {
  const bits = BITS[name];
  if (bits !== undefined) return isInteger(type) ? ofBits(type, bits) : null;
  const spread = spreadOf(name);
  if (spread === null) return null;
  const { isRoot, isSample } = spread;
  if (isFloat(type)) {
    return { type: FLOAT8, parameters: [type], create: () => floatSpread(isRoot, isSample) };
  }
  if (!isInteger(type) && type !== NUMERIC) return null;
  return { type: NUMERIC, parameters: [type], create: () => decimalSpread(isRoot, isSample) };
}

const BITS: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  bit_and: (a, b) => a & b,
  bit_or: (a, b) => a | b,
  bit_xor: (a, b) => a ^ b,
};

function ofBits(type: PgType, combine: (a: bigint, b: bigint) => bigint): AggregateFunction {
  return {
    type,
    parameters: [type],
    create: () => {
      let bits: bigint | null = null;
      return {
        add: (value) => {
          if (value === null) return;
          const next = BigInt(value as number | bigint);
          bits = bits === null ? next : combine(bits, next);
        },
        result: () => (bits === null ? null : integerValue(bits)),
      };
    },
  };
}

const ZERO: Decimal = { digits: 0n, scale: 0 };
const whole = (n: number): Decimal => ({ digits: BigInt(n), scale: 0 });

/** Exact sums: (n Σx² − (Σx)²) / n(n−1), or n². */
function decimalSpread(isRoot: boolean, isSample: boolean): Accumulator {
  let n = 0;
  let sum = ZERO;
  let squares = ZERO;
  const put = (value: Value, sign: 1 | -1): void => {
    if (value === null) return;
    const x = decimalOf(String(value));
    n += sign;
    const [first, second] = [x, multiplyDecimals(x, x)];
    sum = addDecimals(sum, sign > 0 ? first : negateDecimal(first));
    squares = addDecimals(squares, sign > 0 ? second : negateDecimal(second));
  };
  return {
    add: (value) => put(value, 1),
    remove: (value) => put(value, -1),
    result: () => {
      if (n === 0 || (isSample && n === 1)) return null;
      const numerator = addDecimals(
        multiplyDecimals(whole(n), squares),
        negateDecimal(multiplyDecimals(sum, sum)),
      );
      if (numerator.digits <= 0n) return "0";
      const variance = formatDecimal(divideDecimals(numerator, whole(isSample ? n * (n - 1) : n * n)));
      return isRoot ? decimalRoot(variance) : variance;
    },
  };
}

/** Youngs and Cramer's way, which loses no digits to large means. */
function floatSpread(isRoot: boolean, isSample: boolean): Accumulator {
  let n = 0;
  let sum = 0;
  let deviations = 0;
  return {
    add: (value) => {
      if (value === null) return;
      const x = value as number;
      n++;
      sum += x;
      if (n > 1) {
        const difference = x * n - sum;
        deviations += (difference * difference) / (n * (n - 1));
      }
    },
    result: () => {
      if (n === 0 || (isSample && n === 1)) return null;
      const variance = deviations / (isSample ? n - 1 : n);
      return isRoot ? Math.sqrt(variance) : variance;
    },
  };
}

/** Sums over pairs in which neither is NULL, the dependent value first. */
interface PairSums {
  readonly n: number;
  readonly sumX: number;
  readonly sumY: number;
  readonly xx: number;
  readonly yy: number;
  readonly xy: number;
}

const atLeast = (n: number, compute: (sums: PairSums) => number | null) => (sums: PairSums) =>
  sums.n < n ? null : compute(sums);

const OF_PAIRS: Readonly<Record<string, (sums: PairSums) => number | null>> = {
  corr: atLeast(1, ({ xx, yy, xy }) => (xx === 0 || yy === 0 ? null : xy / Math.sqrt(xx * yy))),
  covar_pop: atLeast(1, ({ n, xy }) => xy / n),
  covar_samp: atLeast(2, ({ n, xy }) => xy / (n - 1)),
  regr_avgx: atLeast(1, ({ n, sumX }) => sumX / n),
  regr_avgy: atLeast(1, ({ n, sumY }) => sumY / n),
  regr_count: ({ n }) => n,
  regr_intercept: atLeast(1, ({ n, sumX, sumY, xx, xy }) =>
    xx === 0 ? null : (sumY - (sumX * xy) / xx) / n,
  ),
  regr_r2: atLeast(1, ({ xx, yy, xy }) => (xx === 0 ? null : yy === 0 ? 1 : (xy * xy) / (xx * yy))),
  regr_slope: atLeast(1, ({ xx, xy }) => (xx === 0 ? null : xy / xx)),
  regr_sxx: atLeast(1, ({ xx }) => xx),
  regr_sxy: atLeast(1, ({ xy }) => xy),
  regr_syy: atLeast(1, ({ yy }) => yy),
};

/** Aggregates of two columns, both as double precision; null for other names. */
export function statisticOfPairs(name: string): AggregateFunction | null {
  const compute = OF_PAIRS[name];
  if (compute === undefined) return null;
  const type = name === "regr_count" ? INT8 : FLOAT8;
  return { type, parameters: [FLOAT8, FLOAT8], create: () => pairSums(compute) };
}

function pairSums(compute: (sums: PairSums) => number | null): Accumulator {
  let [n, sumX, sumY, xx, yy, xy] = [0, 0, 0, 0, 0, 0];
  return {
    add: (y, x) => {
      if (x === null || y === null) return;
      n++;
      sumX += x as number;
      sumY += y as number;
      if (n === 1) return;
      const dx = (x as number) * n - sumX;
      const dy = (y as number) * n - sumY;
      const scale = 1 / (n * (n - 1));
      xx += dx * dx * scale;
      yy += dy * dy * scale;
      xy += dx * dy * scale;
    },
    result: () => compute({ n, sumX, sumY, xx, yy, xy }),
  };
}
