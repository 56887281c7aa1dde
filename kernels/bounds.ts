/**
 * Ranks in a sorted column: how many elements lie below a value. A binary search that halves the range with
 * arithmetic, so that its cost does not depend on what is looked for: the processor guesses every other step
 * of an ordinary search wrong, and one wrong guess costs as much as several steps.
 *
 * A column larger than the processor's near caches is first narrowed with a real branch. There the cost is
 * waiting for memory, and a guess, right half of the time, lets the next load start early. Measured with random
 * values: 1,000 elements 30 ns by arithmetic and 58 ns by branches; 1,000,000 elements 306 and 187 ns.
 */

/** Elements up to which arithmetic beats guessing: 32 KiB of Float64, a first-level cache. */
const NEAR_LENGTH = 4096;

/**
 * Count of elements less than `value` among `column[offset … offset + length - 1]`, which ascend; 0 to `length`.
 * `value` must not be NaN.
 */
export function lowerBound(column: Float64Array, offset: number, length: number, value: number): number {
  let base = offset | 0;
  let remaining = length | 0;
  while (remaining > NEAR_LENGTH) {
    const half = remaining >>> 1;
    if ((column[base + half - 1] as number) < value) base += half;
    remaining -= half;
  }
  while (remaining > 1) {
    const half = remaining >>> 1;
    base = (base + Math.imul(half, +((column[(base + half - 1) | 0] as number) < value))) | 0;
    remaining = (remaining - half) | 0;
  }
  return base - offset + (remaining === 1 && (column[base] as number) < value ? 1 : 0);
}

/**
 * Count of elements less than or equal to `value` among `column[offset … offset + length - 1]`, which ascend;
 * 0 to `length`. `value` must not be NaN.
 */
export function upperBound(column: Float64Array, offset: number, length: number, value: number): number {
  let base = offset | 0;
  let remaining = length | 0;
  while (remaining > NEAR_LENGTH) {
    const half = remaining >>> 1;
    if ((column[base + half - 1] as number) <= value) base += half;
    remaining -= half;
  }
  while (remaining > 1) {
    const half = remaining >>> 1;
    base = (base + Math.imul(half, +((column[(base + half - 1) | 0] as number) <= value))) | 0;
    remaining = (remaining - half) | 0;
  }
  return base - offset + (remaining === 1 && (column[base] as number) <= value ? 1 : 0);
}

/**
 * As `upperBound`, for a few elements that may not be in a cache: all of them are counted, so that all of their memory
 * is asked for at once, where halving would wait for one line after the other.
 */
export function countAtMost(column: Float64Array, offset: number, length: number, value: number): number {
  const end = (offset + length) | 0;
  let count = 0;
  for (let at = offset | 0; at < end; at = (at + 1) | 0) {
    count = (count + +((column[at] as number) <= value)) | 0;
  }
  return count;
}

/** As `countAtMost`, of those less than `value`. */
export function countBelow(column: Float64Array, offset: number, length: number, value: number): number {
  const end = (offset + length) | 0;
  let count = 0;
  for (let at = offset | 0; at < end; at = (at + 1) | 0) {
    count = (count + +((column[at] as number) < value)) | 0;
  }
  return count;
}
