/**
 * When are at least k of n resources free? The runs covered by at least k of n span lists are the runs in which
 * the occupancy by all their spans together is at least k, so once all starts and all ends are sorted, the loop of
 * runs.ts gives the answer. What costs is the sorting.
 *
 * It is done by place value: instants are scattered into as many buckets as there are instants, by a straight line
 * over the window, and what remains out of order within buckets is put right by insertion. Time tables are spread
 * well enough for that to be linear, and the moves are counted: a crowd at a few places in a long window ends in
 * the runtime's own sort, of a view (the one thing a kernel allocates, and only then). Measured for one column of
 * 85,000 instants: 0.4 to 0.9 ms by buckets, 0.8 to 1.3 ms by Float64Array.sort, 0.8 ms (windows below 2^31 ms
 * only) to 2.9 ms by radix sort, 6 ms by bottom-up merging.
 *
 * All of n is the intersection, folded list by list: it shrinks, and nothing needs sorting.
 */

import { runsAtLeast } from "./runs.ts";
import { intersectSpans } from "./spans.ts";

/** Elements that `counts` of kOfN must have. */
export const KOFN_BUCKETS = 65_536;

/** Moves by insertion, per instant, after which the data is taken for crowded. */
const MOVES_PER_INSTANT = 8;

/**
 * The maximal runs covered by at least `k` of `n` span lists (each in normal form), never two that touch. Returns
 * the count of spans written, interleaved, from `out[outOffset]`; 0 if `k > n`. `k` is at least 1.
 *
 * List `i` is the spans number `listOffsets[i]` to `listOffsets[i + 1] - 1` of `lists`: `listOffsets` has n + 1
 * elements and counts spans, not elements. With T the spans of all lists, `listOffsets[n] - listOffsets[0]`:
 * `scratch` needs 2 T + 2 elements, `counts` KOFN_BUCKETS, `out` room for T + 1 spans; what they hold does not
 * matter, and they overlap neither each other nor the lists. Instants are whole milliseconds below 2^53.
 */
export function kOfN(
  lists: Float64Array,
  listOffsets: Uint32Array,
  n: number,
  k: number,
  scratch: Float64Array,
  counts: Uint32Array,
  out: Float64Array,
  outOffset: number,
): number {
  if (n === 0 || k > n) return 0;
  if (k === n) return intersectAll(lists, listOffsets, n, scratch, out, outOffset);
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < n; i++) {
    const first = listOffsets[i] as number;
    const limit = listOffsets[i + 1] as number;
    if (first === limit) continue;
    from = Math.min(from, lists[2 * first] as number);
    to = Math.max(to, lists[2 * limit - 1] as number);
  }
  if (from >= to) return 0;
  const first = listOffsets[0] as number;
  const total = (listOffsets[n] as number) - first;
  sortFlips(lists, 2 * first, total, from, to, counts, scratch, 0);
  sortFlips(lists, 2 * first + 1, total, from, to, counts, scratch, total);
  // Nothing is open just before the first start, and nothing just after the last end.
  return runsAtLeast(scratch, 0, total, scratch, total, total, 0, 0, k, from - 1, to + 1, out, outOffset);
}

/** The fold of all lists; `scratch` and `out` take turns in holding the intersection so far. */
function intersectAll(
  lists: Float64Array,
  listOffsets: Uint32Array,
  n: number,
  scratch: Float64Array,
  out: Float64Array,
  outOffset: number,
): number {
  const first = listOffsets[0] as number;
  let count = (listOffsets[1] as number) - first;
  let held = lists;
  let heldOffset = 2 * first;
  for (let i = 1; i < n && count > 0; i++) {
    const at = listOffsets[i] as number;
    const length = (listOffsets[i + 1] as number) - at;
    const target = held === scratch ? out : scratch;
    const targetOffset = target === out ? outOffset : 0;
    count = intersectSpans(held, heldOffset, count, lists, 2 * at, length, target, targetOffset);
    held = target;
    heldOffset = targetOffset;
  }
  if (held !== out) for (let i = 0; i < 2 * count; i++) out[outOffset + i] = held[heldOffset + i] as number;
  return count;
}

/**
 * Writes every second element of `lists` from `offset`, `total` of them and all between `from` and `to`, to
 * `sorted[sortedOffset …]` in ascending order.
 */
function sortFlips(
  lists: Float64Array,
  offset: number,
  total: number,
  from: number,
  to: number,
  counts: Uint32Array,
  sorted: Float64Array,
  sortedOffset: number,
): void {
  const buckets = Math.min(KOFN_BUCKETS, 1 << (32 - Math.clz32(total)));
  // Just under a whole bucket per step, so that `to` itself falls into the last one.
  const scale = (buckets - 0.5) / (to - from);
  countBuckets(lists, offset, total, from, scale, buckets, counts, sortedOffset);
  const limit = (offset + 2 * total) | 0;
  for (let i = offset | 0; i < limit; i = (i + 2) | 0) {
    const instant = lists[i] as number;
    const bucket = ((instant - from) * scale) | 0;
    const place = counts[bucket] as number;
    counts[bucket] = place + 1;
    sorted[place] = instant;
  }
  const crowded = !insertionSort(sorted, sortedOffset, total, MOVES_PER_INSTANT * total);
  if (crowded) sorted.subarray(sortedOffset, sortedOffset + total).sort();
}

/** Leaves in `counts[bucket]` the place in the sorted column of the first instant of that bucket. */
function countBuckets(
  lists: Float64Array,
  offset: number,
  total: number,
  from: number,
  scale: number,
  buckets: number,
  counts: Uint32Array,
  sortedOffset: number,
): void {
  counts.fill(0, 0, buckets);
  const limit = (offset + 2 * total) | 0;
  for (let i = offset | 0; i < limit; i = (i + 2) | 0) {
    const bucket = (((lists[i] as number) - from) * scale) | 0;
    counts[bucket] = (counts[bucket] as number) + 1;
  }
  let place = sortedOffset | 0;
  for (let bucket = 0; bucket < buckets; bucket++) {
    const count = counts[bucket] as number;
    counts[bucket] = place;
    place = (place + count) | 0;
  }
}

/** Sorts in place, unless that takes more than `budget` moves: then it stops, false, with nothing lost. */
function insertionSort(column: Float64Array, offset: number, length: number, budget: number): boolean {
  const limit = (offset + length) | 0;
  let left = budget;
  for (let i = (offset + 1) | 0; i < limit; i = (i + 1) | 0) {
    const value = column[i] as number;
    let hole = i;
    while (hole > offset && (column[(hole - 1) | 0] as number) > value) {
      column[hole] = column[(hole - 1) | 0] as number;
      hole = (hole - 1) | 0;
    }
    column[hole] = value;
    left = (left - (i - hole)) | 0;
    if (left < 0) return false;
  }
  return true;
}
