/**
 * Allocations: bookings and live holds in one table, so that a timeline's row means one thing. Ids are unique
 * among bookings and among holds. Columns only holds use stay untouched (and uncommitted) without holds; labels
 * live aside in a map, since most bookings have none.
 */

import { sameId } from "../id.ts";
import type { BookingImage, HoldImage } from "./command.ts";
import { IdTable } from "./id-table.ts";
import { FIRST_CAPACITY, grownF64, grownI32, grownU8, RowTable } from "./row-table.ts";

const FREE = 0;
const BOOKING = 1;
const HOLD = 2;

export class AllocationTable extends RowTable {
  private readonly bookingIds = new IdTable(this);
  private readonly holdIds = new IdTable(this);
  private kind = new Uint8Array(FIRST_CAPACITY);
  resource = new Int32Array(FIRST_CAPACITY);
  start = new Float64Array(FIRST_CAPACITY);
  end = new Float64Array(FIRST_CAPACITY);
  /** Holds only. */
  expiresAt = new Float64Array(FIRST_CAPACITY);
  /** Holds only: place in the expiry heap. */
  heapIndex = new Int32Array(FIRST_CAPACITY);
  private readonly labels = new Map<number, string>();

  get bookingCount(): number {
    return this.bookingIds.count;
  }

  get holdCount(): number {
    return this.holdIds.count;
  }

  findBooking(id: Parameters<IdTable["find"]>[0]): number {
    return this.bookingIds.find(id);
  }

  findHold(id: Parameters<IdTable["find"]>[0]): number {
    return this.holdIds.find(id);
  }

  isLive(row: number): boolean {
    return this.kind[row] !== FREE;
  }

  isBooking(row: number): boolean {
    return this.kind[row] === BOOKING;
  }

  isHold(row: number): boolean {
    return this.kind[row] === HOLD;
  }

  label(row: number): string | null {
    return this.labels.get(row) ?? null;
  }

  addBooking(booking: BookingImage, resourceRow: number): number {
    const row = this.takeRow(booking.id);
    this.kind[row] = BOOKING;
    this.bookingIds.add(row);
    this.resource[row] = resourceRow;
    this.start[row] = booking.start;
    this.end[row] = booking.end;
    if (booking.label !== null) this.labels.set(row, booking.label);
    return row;
  }

  addHold(hold: HoldImage, resourceRow: number): number {
    const row = this.takeRow(hold.id);
    this.kind[row] = HOLD;
    this.holdIds.add(row);
    this.resource[row] = resourceRow;
    this.start[row] = hold.start;
    this.end[row] = hold.end;
    this.expiresAt[row] = hold.expiresAt;
    return row;
  }

  /** Fills a table that is empty: ids as four words each, kinds 0 for a booking and 1 for a hold. */
  restore(columns: {
    readonly ids: Uint32Array;
    readonly kinds: Uint8Array;
    readonly resources: Int32Array;
    readonly starts: Float64Array;
    readonly ends: Float64Array;
  }): void {
    const count = this.takeRows(columns.ids);
    this.resource.set(columns.resources);
    this.start.set(columns.starts);
    this.end.set(columns.ends);
    this.bookingIds.reserve(count);
    for (let row = 0; row < count; row++) {
      const isHold = columns.kinds[row] === 1;
      this.kind[row] = isHold ? HOLD : BOOKING;
      if (isHold) this.holdIds.add(row);
      else this.bookingIds.add(row);
    }
  }

  setLabel(row: number, label: string): void {
    this.labels.set(row, label);
  }

  remove(row: number): void {
    if (this.kind[row] === BOOKING) this.bookingIds.remove(row);
    else this.holdIds.remove(row);
    this.kind[row] = FREE;
    this.labels.delete(row);
    this.freeRow(row);
  }

  protected override growColumns(capacity: number): void {
    this.kind = grownU8(this.kind, capacity);
    this.resource = grownI32(this.resource, capacity);
    this.start = grownF64(this.start, capacity);
    this.end = grownF64(this.end, capacity);
    const holds = this.holdCount > 0;
    this.expiresAt = holds ? grownF64(this.expiresAt, capacity) : new Float64Array(capacity);
    this.heapIndex = holds ? grownI32(this.heapIndex, capacity) : new Int32Array(capacity);
  }
}

export function sameBooking(a: BookingImage, b: BookingImage): boolean {
  return sameId(a.resourceId, b.resourceId) && a.start === b.start && a.end === b.end && a.label === b.label;
}

export function sameHold(a: HoldImage, b: HoldImage): boolean {
  return (
    sameId(a.resourceId, b.resourceId) &&
    a.start === b.start &&
    a.end === b.end &&
    a.expiresAt === b.expiresAt
  );
}
