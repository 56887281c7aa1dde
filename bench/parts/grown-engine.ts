/**
 * An engine that holds a calendar of some size, in one resource or spread over many, and the operations whose time is
 * taken on it: each on a random resource and slot, and leaving the calendar as it found it.
 */

import { do_not_optimize } from "mitata";
import type { BookingImage, Command, HoldImage } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import { DeltatError, SqlState } from "../../src/errors.ts";
import type { Id } from "../../src/id.ts";
import {
  EPOCH_MS,
  gapBooking,
  openResource,
  Random,
  resourceId,
  SLOT_MS,
  SLOTS_PER_WEEK,
  slotBooking,
  visitorId,
  WEEK_MS,
} from "../calendar.ts";

const BATCH = 1_000;
const NEVER = 8_000_000_000_000_000;
/** Nobody looks beyond one week, and a resource with fewer bookings than slots is still open for one. */
const LEAST_SLOTS = SLOTS_PER_WEEK;

const random = new Random();
let visitors = 0;

function placeHold(booking: BookingImage, expiresAt: number): Command {
  const { label: _, ...span } = booking;
  const hold: HoldImage = { ...span, expiresAt };
  return { kind: "placeHold", hold };
}

const placeBooking = (booking: BookingImage): Command => ({ kind: "placeBooking", booking });
const cancelBooking = ({ id }: BookingImage): Command => ({ kind: "cancelBooking", id });

export class GrownEngine {
  readonly engine = new Engine();
  private readonly slots: number;
  private readonly ids: readonly Id[];
  private readonly rows: readonly number[];
  private readonly weekRuns: number;
  private now = 1;

  constructor(
    readonly bookings: number,
    resources: number,
  ) {
    this.slots = Math.max(LEAST_SLOTS, Math.ceil(bookings / resources));
    this.ids = Array.from({ length: resources }, (_, n) => resourceId(n));
    for (const n of this.ids.keys()) this.execute(openResource(n, this.slots));
    for (let from = 0; from < bookings; from += BATCH) {
      const length = Math.min(BATCH, bookings - from);
      this.execute(Array.from({ length }, (_, i) => placeBooking(this.bookingOf(from + i))));
    }
    this.rows = this.ids.map((id) => this.engine.resources.find(id));
    this.weekRuns =
      bookings % resources === 0 && bookings / resources >= LEAST_SLOTS ? SLOTS_PER_WEEK + 1 : 0;
  }

  private execute(commands: readonly Command[]): void {
    this.engine.execute(commands, this.now);
  }

  /** Booking `n`: resources get theirs in turn. */
  private bookingOf(n: number, shiftMs = 0): BookingImage {
    const resources = this.ids.length;
    return slotBooking(this.ids[n % resources] as Id, n, Math.floor(n / resources), shiftMs);
  }

  private visitor(): BookingImage {
    const resource = this.ids[random.below(this.ids.length)] as Id;
    return gapBooking(resource, visitorId(visitors++), random.below(this.slots));
  }

  /** A week of a random resource, at a random place. */
  availability = (): void => {
    const row = this.rows[random.below(this.rows.length)] as number;
    this.week(row, random.below(this.slots - SLOTS_PER_WEEK + 1));
  };

  /** The same window every time: what is left is the work, without the cost of memory that is not in a cache. */
  sameAvailability = (): void => this.week(this.rows[0] as number, (this.slots - SLOTS_PER_WEEK) >> 1);

  private week(row: number, slot: number): void {
    const from = EPOCH_MS + slot * SLOT_MS;
    const runs = this.engine.availabilityOf(row, from, from + WEEK_MS, 0);
    const isRight = this.weekRuns === 0 ? runs.count > 0 : runs.count === this.weekRuns;
    if (!isRight) throw new Error(`expected ${this.weekRuns} runs, found ${runs.count}`);
    do_not_optimize(runs);
  }

  /** What every booking costs before it is stored: the peak of allocations over a place, which here is free. */
  conflictCheck = (): void => {
    const { resourceId: id, start, end } = this.visitor();
    const timeline = this.engine.resources.allocations[this.engine.resources.find(id)];
    if ((timeline?.peakIn(start, end, 0) ?? 0) !== 0) throw new Error("a free place is taken");
  };

  /** A conflict check that finds one, and the error with it. */
  refusedBooking = (): void => {
    const booking = { ...this.bookingOf(random.below(this.bookings), 1), id: visitorId(visitors) };
    try {
      this.execute([placeBooking(booking)]);
    } catch (error) {
      if (error instanceof DeltatError && error.sqlState === SqlState.exclusionViolation) return;
      throw error;
    }
    throw new Error("a booking on top of another was accepted");
  };

  /** To and fro within its slot. */
  private shifted = false;
  move = (): void => {
    const n = random.below(this.bookings);
    this.shifted = !this.shifted;
    this.execute([{ kind: "moveBooking", booking: this.bookingOf(n, this.shifted ? 60_000 : 0) }]);
  };

  holdAndRelease = (): void => {
    const visitor = this.visitor();
    this.execute([placeHold(visitor, NEVER)]);
    this.execute([{ kind: "releaseHold", id: visitor.id }]);
  };

  /** Bookings for places of their own, at random. */
  private visitorsApart(): BookingImage[] {
    const taken = new Map<string, BookingImage>();
    const wanted = Math.min(BATCH, this.slots * this.ids.length);
    while (taken.size < wanted) {
      const visitor = this.visitor();
      taken.set(`${visitor.resourceId.w3} ${visitor.start}`, visitor);
    }
    return [...taken.values()];
  }

  /** Nanoseconds for each of BATCH bookings, inserted and then cancelled in a transaction each. */
  insertThenCancel(): { readonly insert: number; readonly cancel: number } {
    const visitors = this.visitorsApart();
    const insert = this.timeEach(visitors, (visitor) => this.execute([placeBooking(visitor)]));
    const cancel = this.timeEach(shuffled(visitors), (visitor) => this.execute([cancelBooking(visitor)]));
    return { insert, cancel };
  }

  /** Nanoseconds for each of BATCH bookings inserted in one transaction. */
  insertTogether(): number {
    const commands = this.visitorsApart();
    const begun = Bun.nanoseconds();
    this.execute(commands.map(placeBooking));
    const elapsed = Bun.nanoseconds() - begun;
    this.execute(commands.map(cancelBooking));
    return elapsed / commands.length;
  }

  /** Nanoseconds for each of BATCH holds that are placed and then expire at one instant. */
  expiry(): number {
    const visitors = this.visitorsApart();
    this.execute(visitors.map((visitor) => placeHold(visitor, this.now + 1)));
    const begun = Bun.nanoseconds();
    this.engine.expire(++this.now);
    const elapsed = Bun.nanoseconds() - begun;
    if (this.engine.takeExpired().length !== visitors.length) throw new Error("not all holds expired");
    return elapsed / visitors.length;
  }

  private timeEach(visitors: readonly BookingImage[], action: (visitor: BookingImage) => void): number {
    const begun = Bun.nanoseconds();
    for (const visitor of visitors) action(visitor);
    return (Bun.nanoseconds() - begun) / visitors.length;
  }
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [order[i], order[other]] = [order[other] as Item, order[i] as Item];
  }
  return order;
}
