/**
 * Values as the SQL layer holds them. An integer is a number while it is safe (|n| <= 2^53), else a bigint;
 * an id is its 26-character text; an array is a JavaScript array.
 */

export type Value = null | boolean | number | bigint | string | readonly Value[];

/** A bigint as values hold it: a number where that is exact. */
export function integerValue(value: bigint): number | bigint {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}
