/** Commands on bookings and holds: each checks everything, then changes the state, then says what it did. */

import type { Id } from "../id.ts";
import { checkAllocation } from "./collision.ts";
import type { BookingImage, HoldImage } from "./command.ts";
import { requireResourceOf } from "./resource-commands.ts";
import type { EngineState } from "./state.ts";
import type { Effect } from "./transaction.ts";
import { alreadyExists, checkInstant, checkSpan, checkText, notFound } from "./violations.ts";

export function placeBooking(state: EngineState, booking: BookingImage): Effect[] {
  checkSpan(booking);
  checkText("label", booking.label);
  if (state.allocations.findBooking(booking.id) >= 0) throw alreadyExists("bookings", booking.id);
  checkAllocation(state, "bookings", requireResourceOf(state, "bookings", booking.resourceId), booking);
  state.putBooking(booking);
  return [{ table: "booking", before: null, after: booking }];
}

/** Moves a booking to another span, resource or label, without colliding with itself. */
export function moveBooking(state: EngineState, booking: BookingImage): Effect[] {
  const row = state.allocations.findBooking(booking.id);
  if (row < 0) throw notFound("bookings", "id", booking.id);
  checkSpan(booking);
  checkText("label", booking.label);
  const resourceRow = requireResourceOf(state, "bookings", booking.resourceId);
  const before = state.bookingImage(row);
  state.dropAllocation(row);
  // A changed label moves nothing: rules that have closed since do not refuse it.
  const moves = !sameSpan(before, booking) || state.resources.find(before.resourceId) !== resourceRow;
  try {
    if (moves) checkAllocation(state, "bookings", resourceRow, booking);
  } catch (error) {
    state.putBooking(before);
    throw error;
  }
  state.putBooking(booking);
  return [{ table: "booking", before, after: booking }];
}

export function cancelBooking(state: EngineState, id: Id): Effect[] {
  const row = state.allocations.findBooking(id);
  if (row < 0) throw notFound("bookings", "id", id);
  const before = state.bookingImage(row);
  state.dropAllocation(row);
  return [{ table: "booking", before, after: null }];
}

/** Places a hold. One that has already expired counts nowhere: it is accepted, and gone. */
export function placeHold(state: EngineState, hold: HoldImage): Effect[] {
  checkSpan(hold);
  checkInstant("expires_at", hold.expiresAt);
  if (state.allocations.findHold(hold.id) >= 0) throw alreadyExists("holds", hold.id);
  const resourceRow = requireResourceOf(state, "holds", hold.resourceId);
  if (hold.expiresAt <= state.now) return [{ table: "expiredHold", hold }];
  checkAllocation(state, "holds", resourceRow, hold);
  state.putHold(hold);
  return [{ table: "hold", before: null, after: hold }];
}

/** Changes a live hold's span, resource or expiry, without colliding with itself. */
export function changeHold(state: EngineState, hold: HoldImage): Effect[] {
  const row = state.allocations.findHold(hold.id);
  if (row < 0) throw notFound("holds", "id", hold.id);
  checkSpan(hold);
  checkInstant("expires_at", hold.expiresAt);
  const resourceRow = requireResourceOf(state, "holds", hold.resourceId);
  const before = state.holdImage(row);
  state.dropAllocation(row);
  if (hold.expiresAt <= state.now) {
    return [
      { table: "hold", before, after: null },
      { table: "expiredHold", hold },
    ];
  }
  const moves = !sameSpan(before, hold) || state.resources.find(before.resourceId) !== resourceRow;
  try {
    if (moves) checkAllocation(state, "holds", resourceRow, hold);
  } catch (error) {
    state.putHold(before);
    throw error;
  }
  state.putHold(hold);
  return [{ table: "hold", before, after: hold }];
}

export function releaseHold(state: EngineState, id: Id): Effect[] {
  const row = state.allocations.findHold(id);
  if (row < 0) throw notFound("holds", "id", id);
  const before = state.holdImage(row);
  state.dropAllocation(row);
  return [{ table: "hold", before, after: null }];
}

/** Turns a live hold into a booking of the same resource and span; nobody can take the slot in between. */
export function confirmHold(state: EngineState, bookingId: Id, holdId: Id, label: string | null): Effect[] {
  checkText("label", label);
  if (state.allocations.findBooking(bookingId) >= 0) throw alreadyExists("bookings", bookingId);
  const row = state.allocations.findHold(holdId);
  if (row < 0) throw notFound("bookings", "hold_id", holdId);
  const hold = state.holdImage(row);
  const booking = { id: bookingId, resourceId: hold.resourceId, start: hold.start, end: hold.end, label };
  state.dropAllocation(row);
  state.putBooking(booking);
  return [
    { table: "hold", before: hold, after: null },
    { table: "booking", before: null, after: booking },
  ];
}

function sameSpan(a: BookingImage | HoldImage, b: BookingImage | HoldImage): boolean {
  return a.start === b.start && a.end === b.end;
}
