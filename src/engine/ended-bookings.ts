/**
 * What retention asks a timeline for: bookings that ended long ago, found from the earliest start on, some at a time.
 */

import type { Id } from "../id.ts";
import { ENDED_LOOK_ROWS } from "../limits.ts";
import type { EngineState } from "./state.ts";

/**
 * Ids of bookings of a resource that end at `endedBy` or before, among those that start at `fromStart` or later, at most
 * `limit`; and where to go on once those are gone: a start, or 0 when the resource has no more. Looks at ENDED_LOOK_ROWS at most,
 * and at all that begin at `fromStart`.
 */
export function endedBookings(
  { allocations, resources }: EngineState,
  resourceRow: number,
  fromStart: number,
  endedBy: number,
  limit: number,
): { readonly ids: readonly Id[]; readonly nextStart: number } {
  const timeline = resources.allocations[resourceRow];
  const ids: Id[] = [];
  if (!timeline || timeline.firstEnd > endedBy) return { ids, nextStart: 0 };
  let looked = 0;
  let nextStart = 0;
  timeline.visitWhile(fromStart, endedBy, (row) => {
    const start = allocations.start[row] as number;
    // Where many begin at once, those that are found go first, and the next look begins at the same start.
    if (ids.length >= limit || (looked >= ENDED_LOOK_ROWS && start > fromStart)) {
      nextStart = start;
      return false;
    }
    looked++;
    if (allocations.isBooking(row) && (allocations.end[row] as number) <= endedBy)
      ids.push(allocations.idAt(row));
    return true;
  });
  return { ids, nextStart };
}
