/**
 * Every sixteenth key of a page once more, in a row: a search touches a line or two of these and then the two lines of
 * keys it ends in, where halving the page itself would wait for memory at every step. The fences of a page lie in its
 * arena at the place of its block, so they stay where they are when the directory of a column changes.
 */

import { countAtMost, countBelow } from "../../kernels/bounds.ts";

/** Entries between two fences: two cache lines of keys. */
const FENCE_SHIFT = 4;
const FENCE_ENTRIES = 1 << FENCE_SHIFT;

/** Fences of a chunk of so many entries, none of them set. */
export function makeFences(entries: number): Float64Array {
  return new Float64Array(entries >>> FENCE_SHIFT).fill(Number.POSITIVE_INFINITY);
}

/** A load that nobody waits for: what is searched next comes nearer meanwhile. */
export function fenceAt(fences: Float64Array, offset: number): number {
  return fences[offset >>> FENCE_SHIFT] as number;
}

/** Count of entries at most `key` in the page at `offset`, which has room for `room` and holds `length`. */
export function upperBoundInPage(
  fences: Float64Array,
  keys: Float64Array,
  offset: number,
  room: number,
  length: number,
  key: number,
): number {
  const fence = countAtMost(fences, offset >>> FENCE_SHIFT, room >>> FENCE_SHIFT, key);
  if (fence === 0) return 0;
  const from = (fence - 1) << FENCE_SHIFT;
  return from + countAtMost(keys, offset + from, Math.min(FENCE_ENTRIES, length - from), key);
}

/** Count of entries below `key` in the page at `offset`, which has room for `room` and holds `length`. */
export function lowerBoundInPage(
  fences: Float64Array,
  keys: Float64Array,
  offset: number,
  room: number,
  length: number,
  key: number,
): number {
  const fence = countBelow(fences, offset >>> FENCE_SHIFT, room >>> FENCE_SHIFT, key);
  if (fence === 0) return 0;
  const from = (fence - 1) << FENCE_SHIFT;
  return from + countBelow(keys, offset + from, Math.min(FENCE_ENTRIES, length - from), key);
}

/** Reads the fences of the page at `offset` anew, from entry `fromIndex` on. Past its `length` they are Infinity. */
export function refencePage(
  fences: Float64Array,
  keys: Float64Array,
  offset: number,
  room: number,
  length: number,
  fromIndex: number,
): void {
  const first = offset >>> FENCE_SHIFT;
  const count = room >>> FENCE_SHIFT;
  for (let fence = (fromIndex + FENCE_ENTRIES - 1) >>> FENCE_SHIFT; fence < count; fence++) {
    const at = fence << FENCE_SHIFT;
    if (at < length) {
      fences[first + fence] = keys[offset + at] as number;
      continue;
    }
    // Once one is Infinity, so are all behind it: also of a block that was another page before.
    if (fences[first + fence] === Number.POSITIVE_INFINITY) break;
    fences[first + fence] = Number.POSITIVE_INFINITY;
  }
}
