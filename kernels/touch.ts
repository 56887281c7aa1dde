/**
 * Asking for memory early. A search waits for one line after the other, since each step says where the next one looks; lines
 * that are read here, for nothing but that they be read, are asked for all at once, and what comes after finds them near.
 */

/** Elements of a column in one cache line. */
const LINE_ENTRIES = 8;

/** Reads one element of each line from `column[first]` to `column[last]`; what it returns only keeps that from being left out. */
export function touchLines(column: Float64Array, first: number, last: number): number {
  let sum = column[last] as number;
  for (let at = first | 0; at < last; at = (at + LINE_ENTRIES) | 0) sum += column[at] as number;
  return sum;
}
