/**
 * The calendar that all measurements share: a resource with one booking of an hour in every two hours, so that
 * every window of a week that begins on a slot holds 84 bookings and has 85 free runs, wherever it lies and
 * however long the calendar is. Bookings are made from their number, never kept.
 */

import type { BookingImage, Command } from "../src/engine/command.ts";
import type { Id } from "../src/id.ts";

/** 2024-01-01 00:00 UTC. From here on every instant of the calendar has 13 digits, so that rows have one length. */
export const EPOCH_MS = 1_704_067_200_000;
export const SLOT_MS = 7_200_000;
export const WEEK_MS = 7 * 86_400_000;
export const SLOTS_PER_WEEK = WEEK_MS / SLOT_MS;

/** The booking of a slot is [slot + 15 min, slot + 75 min): the slot's border is free. */
const BOOKING_OFFSET_MS = 900_000;
const BOOKING_MS = 3_600_000;
/** Part of a slot that its booking leaves free, for bookings that come and go. */
const GAP_OFFSET_MS = 5_400_000;
const GAP_BOOKING_MS = 600_000;

/** First words of an id: what is numbered below one kind is distinct from every other kind. */
const KIND_RESOURCE = 1;
const KIND_RULE = 2;
const KIND_BOOKING = 3;
const KIND_VISITOR = 4;

/** Spreads numbers over 32 bits, one to one (multiplication by an odd constant, Knuth vol. 3, 6.4). */
function scatter(n: number): number {
  return Math.imul(n, 0x9e3779b1) >>> 0;
}

function idOf(kind: number, n: number): Id {
  return { w0: 0x018c_c251, w1: kind << 16, w2: scatter(n + 0x5bd1e995), w3: scatter(n) };
}

export const resourceId = (n: number): Id => idOf(KIND_RESOURCE, n);
const bookingId = (n: number): Id => idOf(KIND_BOOKING, n);
export const visitorId = (n: number): Id => idOf(KIND_VISITOR, n);

/** A resource of capacity 1, open from the epoch for `slots` slots. */
export function openResource(resource: number, slots: number): Command[] {
  const id = resourceId(resource);
  const rule = idOf(KIND_RULE, resource);
  return [
    {
      kind: "createResource",
      resource: { id, parentId: null, name: null, capacity: 1, bufferAfterMs: 0, enforceRules: null },
    },
    {
      kind: "addRule",
      rule: {
        id: rule,
        resourceId: id,
        blocking: false,
        start: EPOCH_MS,
        end: EPOCH_MS + slots * SLOT_MS,
      },
    },
  ];
}

/** The booking of a slot, moved by `shiftMs`; its id is number `n`. */
export function slotBooking(resource: Id, n: number, slot: number, shiftMs = 0): BookingImage {
  const start = EPOCH_MS + slot * SLOT_MS + BOOKING_OFFSET_MS + shiftMs;
  return { id: bookingId(n), resourceId: resource, start, end: start + BOOKING_MS, label: null };
}

/** A booking in the free part of a slot. */
export function gapBooking(resource: Id, id: Id, slot: number): BookingImage {
  const start = EPOCH_MS + slot * SLOT_MS + GAP_OFFSET_MS;
  return { id, resourceId: resource, start, end: start + GAP_BOOKING_MS, label: null };
}

/** xorshift32 (G. Marsaglia, "Xorshift RNGs", 2003): the same places on every run. */
export class Random {
  private state = 0x2545f491;

  /** An integer from 0 to `bound - 1`. */
  below(bound: number): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return Math.floor(((x >>> 0) / 0x1_0000_0000) * bound);
  }
}
