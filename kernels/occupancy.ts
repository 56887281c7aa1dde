/**
 * The highest occupancy in a window, from two independently sorted columns. It is the number of rooms that a
 * greedy host needs: each start takes over the earliest end not yet taken over that is not after it, or else
 * opens a new room. One pass over the starts, one comparison each, no running count and no running maximum.
 */

/**
 * The highest occupancy reached in a half-open window, `used` being the occupancy at its first instant.
 *
 * `starts` (from `startsOffset`, `startsCount` of them) and `ends` are the sorted starts and ends that lie
 * strictly inside the window; each end counts at `end + shift`, and it is the shifted end that lies inside. Each
 * end belongs to a span already counted in `used` or started in the window. At one instant ends count before
 * starts: spans are half-open, so adjacent ones never meet.
 */
export function peak(
  starts: Float64Array,
  startsOffset: number,
  startsCount: number,
  ends: Float64Array,
  endsOffset: number,
  endsCount: number,
  shift: number,
  used: number,
): number {
  const startsEnd = (startsOffset + startsCount) | 0;
  const endsEnd = (endsOffset + endsCount) | 0;
  let end = endsOffset | 0;
  for (let start = startsOffset | 0; start < startsEnd && end < endsEnd; start = (start + 1) | 0) {
    // The shift is taken from the start, which is known early, not added to the end, which all else waits for.
    const latest = (starts[start] as number) - shift;
    end = (end + +((ends[end] as number) <= latest)) | 0;
  }
  return used + startsCount - (end - endsOffset);
}
