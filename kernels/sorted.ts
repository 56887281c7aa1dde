/**
 * Insertion into and removal from a column that stays contiguous: the tail moves by one. `copyWithin` moves at
 * memory speed but costs some 11 ns before the first byte, a loop some 2 ns an element, so the few moves of an
 * append (the usual case: bookings come roughly in order of time) are made by a loop.
 */

/** Moves up to which a loop is faster than `copyWithin` (measured: they meet between 2 and 8). */
const LOOP_MOVES = 4;

/**
 * Puts `value` at `column[offset + index]` and moves `column[offset + index … offset + length - 1]` up by one.
 * The caller has room at `offset + length`. `index` is 0 to `length`.
 */
export function insertAt(
  column: Float64Array,
  offset: number,
  length: number,
  index: number,
  value: number,
): void {
  const at = offset + index;
  const end = offset + length;
  if (end - at > LOOP_MOVES) column.copyWithin(at + 1, at, end);
  else for (let to = end; to > at; to--) column[to] = column[to - 1] as number;
  column[at] = value;
}

/**
 * Takes `column[offset + index]` out: what stands after it, up to `offset + length - 1`, moves down by one. The
 * cell at `offset + length - 1` keeps its old value. `index` is 0 to `length - 1`.
 */
export function removeAt(column: Float64Array, offset: number, length: number, index: number): void {
  const at = offset + index;
  const last = offset + length - 1;
  if (last - at > LOOP_MOVES) column.copyWithin(at, at + 1, last + 1);
  else for (let to = at; to < last; to++) column[to] = column[to + 1] as number;
}

/** As `insertAt`, for the parallel column of row numbers. */
export function insertRowAt(
  column: Uint32Array,
  offset: number,
  length: number,
  index: number,
  row: number,
): void {
  const at = offset + index;
  const end = offset + length;
  if (end - at > LOOP_MOVES) column.copyWithin(at + 1, at, end);
  else for (let to = end; to > at; to--) column[to] = column[to - 1] as number;
  column[at] = row;
}

/** As `removeAt`, for the parallel column of row numbers. */
export function removeRowAt(column: Uint32Array, offset: number, length: number, index: number): void {
  const at = offset + index;
  const last = offset + length - 1;
  if (last - at > LOOP_MOVES) column.copyWithin(at, at + 1, last + 1);
  else for (let to = at; to < last; to++) column[to] = column[to + 1] as number;
}
