/**
 * The gap kernel: when is the occupancy of a timeline below its capacity? No sweep with a running count, but a
 * pairing. Occupancy at t is `used + S(t) - E(t)`, S and E counting the starts and ends up to t; with `slack =
 * capacity - used` it is below capacity while `S(t) < slack + E(t)`, that is until the start numbered `slack +
 * E(t) - 1`. So between the ends k-1 and k the free time goes from end k-1 to start k+slack-1, or to end k if that
 * start is not before it. One loop over k compares starts[k + slack - 1] with ends[k], each read at a place known
 * in advance; for a disjoint timeline (capacity 1) that is each gap between one booking's end and the next's start.
 *
 * Where runs are full or free flips at the same instants, so runsAtLeast is the same loop with the borders of the
 * window left out or put in at the front and the back.
 */

/**
 * Pairs starts[at + lead] with ends[at] for `at` from `first` to `limit - 1`. On entry `out[position]` holds the
 * start of the free run that is open; each closed run leaves its end behind and opens the next. Returns the
 * position of the start of the run that is open at the end. Writes to `out[position + 2 * (limit - first) + 1]`
 * at most: both cells are written before it is known whether they count, which saves a branch nobody can foresee
 * (adjacent bookings leave empty runs that do not count).
 */
function closeRuns(
  starts: Float64Array,
  lead: number,
  ends: Float64Array,
  first: number,
  limit: number,
  shift: number,
  out: Float64Array,
  position: number,
): number {
  let at = first | 0;
  let cell = position | 0;
  // Read from the array, not from a parameter: a whole number passed in would make this variable an integer at
  // first and cost a type check and a conversion on every turn (seen: 175 instead of 110 ns for 84 bookings).
  let runStart = out[cell] as number;

  // While every start comes before its end, as it does throughout for capacity 1, the run that opens is known.
  for (; at < limit; at = (at + 1) | 0) {
    const start = starts[(at + lead) | 0] as number;
    const end = (ends[at] as number) + shift;
    if (start >= end) break;
    out[cell] = runStart;
    out[(cell + 1) | 0] = start;
    cell = (cell + (+(start > runStart) << 1)) | 0;
    runStart = end;
  }
  out[cell] = runStart;
  if (at >= limit) return cell;

  // From here on either may happen at any turn: a start not before its end means that the run goes on past that end.
  // First every run that closes, then without the empty ones. In one loop, which end opened the run would be one more
  // thing to carry from turn to turn, by index (there is no selection among floats); it is 1.3 times as slow.
  let flips = cell | 0;
  for (; at < limit; at = (at + 1) | 0) {
    const start = starts[(at + lead) | 0] as number;
    const end = (ends[at] as number) + shift;
    out[(flips + 1) | 0] = start;
    out[(flips + 2) | 0] = end;
    flips = (flips + (+(start < end) << 1)) | 0;
  }
  for (let from = cell; from < flips; from = (from + 2) | 0) {
    const open = out[from] as number;
    const close = out[(from + 1) | 0] as number;
    out[cell] = open;
    out[(cell + 1) | 0] = close;
    cell = (cell + (+(close > open) << 1)) | 0;
  }
  out[cell] = out[flips] as number;
  return cell;
}

/**
 * The maximal runs of `[from, to)` where the occupancy is below `capacity`; never two that touch, never an empty
 * one. Returns the count of spans written, interleaved, from `out[outOffset]`.
 *
 * `starts` and `ends` are the sorted starts and (each shifted by `shift`) ends strictly inside `(from, to)`, `used`
 * the occupancy at `from`; `from < to`. Each end belongs to a span counted in `used` or started in the window.
 * `out` needs room for `endsCount + 1` spans, which is also the most it can return, and is neither input.
 */
export function runsBelow(
  starts: Float64Array,
  startsOffset: number,
  startsCount: number,
  ends: Float64Array,
  endsOffset: number,
  endsCount: number,
  shift: number,
  used: number,
  capacity: number,
  from: number,
  to: number,
  out: Float64Array,
  outOffset: number,
): number {
  // More slack than there are starts is no different from one more; clamped, every index stays a small integer.
  const slack = Math.min(capacity - used, startsCount + 1);
  let first = 0;
  if (slack > 0) {
    out[outOffset] = from;
  } else {
    first = 1 - slack;
    if (first > endsCount) return 0;
    out[outOffset] = (ends[endsOffset + first - 1] as number) + shift;
  }
  const limit = Math.max(first, Math.min(endsCount, startsCount - slack + 1));
  const lead = startsOffset + slack - 1 - endsOffset;
  const cell = closeRuns(starts, lead, ends, endsOffset + first, endsOffset + limit, shift, out, outOffset);

  const next = limit + slack - 1;
  const close = next < startsCount ? (starts[startsOffset + next] as number) : to;
  if (close <= (out[cell] as number)) return (cell - outOffset) >> 1;
  out[cell + 1] = close;
  return (cell + 2 - outOffset) >> 1;
}

/**
 * The maximal runs of `[from, to)` where the occupancy is at least `threshold`; never two that touch, never an
 * empty one. Returns the count of spans written, interleaved, from `out[outOffset]`. Inputs and room as in
 * `runsBelow`: `endsCount + 1` spans.
 */
export function runsAtLeast(
  starts: Float64Array,
  startsOffset: number,
  startsCount: number,
  ends: Float64Array,
  endsOffset: number,
  endsCount: number,
  shift: number,
  used: number,
  threshold: number,
  from: number,
  to: number,
  out: Float64Array,
  outOffset: number,
): number {
  const slack = Math.min(threshold - used, startsCount + 1);
  const lead = startsOffset + slack - 1 - endsOffset;
  let first = 0;
  if (slack > 0) {
    // Free at `from`: that run is not wanted, only the start that closes it.
    const paired = Math.min(endsCount, startsCount - slack + 1);
    for (; first < paired; first++) {
      const at = endsOffset + first;
      if ((starts[at + lead] as number) < (ends[at] as number) + shift) break;
    }
    const opening = first + slack - 1;
    if (opening >= startsCount) return 0;
    out[outOffset] = starts[startsOffset + opening] as number;
    first++;
  } else {
    first = 1 - slack;
    out[outOffset] = from;
  }
  if (first > endsCount) {
    out[outOffset + 1] = to;
    return 1;
  }
  out[outOffset + 1] = (ends[endsOffset + first - 1] as number) + shift;
  const limit = Math.max(first, Math.min(endsCount, startsCount - slack + 1));
  let cell = closeRuns(starts, lead, ends, endsOffset + first, endsOffset + limit, shift, out, outOffset + 1);

  const next = limit + slack - 1;
  if (next < startsCount) {
    const opening = starts[startsOffset + next] as number;
    if (opening > (out[cell] as number)) {
      out[cell + 1] = opening;
      cell += 2;
    }
    out[cell] = to;
  }
  return (cell + 1 - outOffset) >> 1;
}
