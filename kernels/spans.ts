/**
 * Set operations on span lists: interleaved [start0, end0, start1, end1, …], sorted, disjoint and not touching
 * ("normal form"), so that the whole list ascends strictly. Read that way a list is the instants at which it
 * flips between outside and inside, and the parity of a position says which: odd is inside. A set operation is
 * then one merge of two ascending lists that writes the instants at which the answer flips, and the answer is
 * in normal form by itself, since an instant that both lists share is taken from both at once.
 */

import { lowerBound, upperBound } from "./bounds.ts";

/** Truth tables of the operations: bit `2 * insideA + insideB` says whether the answer is inside. */
const UNION = 0b1110;
const INTERSECT = 0b1000;
const SUBTRACT = 0b0100;

/**
 * Merges the flips of two lists until one is used up, then the rest of whichever still matters. Every turn writes
 * before it is known whether the answer flips; it writes no further than `aCount + bCount` spans.
 */
function combine(
  table: number,
  a: Float64Array,
  aOffset: number,
  aCount: number,
  b: Float64Array,
  bOffset: number,
  bCount: number,
  out: Float64Array,
  outOffset: number,
): number {
  const aFlips = (aCount << 1) | 0;
  const bFlips = (bCount << 1) | 0;
  let i = 0;
  let j = 0;
  let cell = outOffset | 0;
  let inside = 0;
  while (i < aFlips && j < bFlips) {
    const flipA = a[(aOffset + i) | 0] as number;
    const flipB = b[(bOffset + j) | 0] as number;
    const takeA = +(flipA <= flipB);
    // The earlier of the two, without choosing: A's lands on B's, or one cell further on, where nothing is yet.
    out[cell] = flipB;
    out[(cell + 1 - takeA) | 0] = flipA;
    i = (i + takeA) | 0;
    j = (j + +(flipB <= flipA)) | 0;
    const now = (table >>> (((i & 1) << 1) | (j & 1))) & 1;
    cell = (cell + (now ^ inside)) | 0;
    inside = now;
  }
  // One list is used up, so its side is outside: the rest of the other is the answer's, or nothing is.
  if ((table >>> 2) & 1) for (; i < aFlips; i++) out[cell++] = a[aOffset + i] as number;
  if ((table >>> 1) & 1) for (; j < bFlips; j++) out[cell++] = b[bOffset + j] as number;
  return (cell - outOffset) >> 1;
}

/**
 * The instants in `a` or in `b`. Counts and the returned count are spans, offsets are elements. `out` needs room
 * for `aCount + bCount` spans and is neither input.
 */
export function unionSpans(
  a: Float64Array,
  aOffset: number,
  aCount: number,
  b: Float64Array,
  bOffset: number,
  bCount: number,
  out: Float64Array,
  outOffset: number,
): number {
  return combine(UNION, a, aOffset, aCount, b, bOffset, bCount, out, outOffset);
}

/** The instants in both `a` and `b`; shapes and room as in `unionSpans`. */
export function intersectSpans(
  a: Float64Array,
  aOffset: number,
  aCount: number,
  b: Float64Array,
  bOffset: number,
  bCount: number,
  out: Float64Array,
  outOffset: number,
): number {
  return combine(INTERSECT, a, aOffset, aCount, b, bOffset, bCount, out, outOffset);
}

/** The instants in `a` and not in `b`; shapes and room as in `unionSpans`. */
export function subtractSpans(
  a: Float64Array,
  aOffset: number,
  aCount: number,
  b: Float64Array,
  bOffset: number,
  bCount: number,
  out: Float64Array,
  outOffset: number,
): number {
  return combine(SUBTRACT, a, aOffset, aCount, b, bOffset, bCount, out, outOffset);
}

/**
 * The part of a list in `[from, to)`; returns the count of spans written, none if `from >= to`. `out` needs room
 * for `count` spans, and may be the list itself at the same or a lower offset.
 */
export function clipSpans(
  list: Float64Array,
  offset: number,
  count: number,
  from: number,
  to: number,
  out: Float64Array,
  outOffset: number,
): number {
  if (from >= to) return 0;
  const flips = count * 2;
  const first = upperBound(list, offset, flips, from);
  const limit = lowerBound(list, offset, flips, to);
  let cell = outOffset;
  // An odd rank lies inside a span, which the border cuts.
  if (first & 1) out[cell++] = from;
  for (let i = first; i < limit; i++) out[cell++] = list[offset + i] as number;
  if (limit & 1) out[cell++] = to;
  return (cell - outOffset) >> 1;
}

/**
 * The spans of a list that last at least `minDuration`, milliseconds; returns the count of spans written. `out`
 * needs room for `count` spans, and may be the list itself at the same or a lower offset.
 */
export function dropShort(
  list: Float64Array,
  offset: number,
  count: number,
  minDuration: number,
  out: Float64Array,
  outOffset: number,
): number {
  const limit = (offset + count * 2) | 0;
  let cell = outOffset | 0;
  for (let i = offset | 0; i < limit; i = (i + 2) | 0) {
    const start = list[i] as number;
    const end = list[(i + 1) | 0] as number;
    out[cell] = start;
    out[(cell + 1) | 0] = end;
    cell = (cell + (+(end - start >= minDuration) << 1)) | 0;
  }
  return (cell - outOffset) >> 1;
}
