/**
 * Numbers and bytes of the load. Availability is asked of a calendar of two years, another week each time; bookings
 * go to a resource of their own, each at a place of its own.
 */

import { EPOCH_MS, SLOTS_PER_WEEK, WEEK_MS } from "../calendar.ts";
import { DELTAT } from "./statements.ts";
import { executePrepared, simpleQuery } from "./wire-client.ts";

export type Workload = "availability" | "prepared" | "insert";

export const WEEKS = 104;
export const RUNS_PER_WEEK = SLOTS_PER_WEEK + 1;
/** The first of the weeks. */
export const WEEK = [EPOCH_MS, EPOCH_MS + WEEK_MS] as const;

export const PREPARED_NAME = "week";
export const PREPARED_SQL = DELTAT.availability("$1", "$2");

/** The bytes of one query per week, to be sent in turn. */
export function availabilityQueries(workload: "availability" | "prepared"): Buffer[] {
  return Array.from({ length: WEEKS }, (_, week) => {
    const from = EPOCH_MS + week * WEEK_MS;
    const to = from + WEEK_MS;
    if (workload === "availability") return simpleQuery(DELTAT.availability(from, to));
    return executePrepared(PREPARED_NAME, [`${from}`, `${to}`]);
  });
}

/** Bookings of one INSERT of the batches. */
export const BATCH_ROWS = 10;
/** Bookings that can be inserted on one server; the number of a booking is below it. */
export const MAX_INSERTS = 2 ** 28;
/** The place of booking n is slot `n * SCATTER mod 2^28`: an odd factor, so every n has a place of its own. */
export const SCATTER = 0x9e3779b1;
export const INSERT_SLOT_MS = 15_000;
/** 13 digits, and so are all instants from here for 2^28 slots. */
export const INSERT_EPOCH_MS = 2_000_000_000_000;

/** Batches, each of adjacent slots, lie behind all single ones. */
export const BATCH_EPOCH_MS = INSERT_EPOCH_MS + MAX_INSERTS * INSERT_SLOT_MS;
export const MAX_BATCHES = 2 ** 24;

/** A booking's id is this and its number in 9 decimal digits, which are base32 digits too. */
const INSERT_ID_PREFIX = "01HK000000000000B";
const NUMBER_DIGITS = 9;
const INSTANT_DIGITS = 13;

/** An INSERT that gives the id itself. */
export function insertSql(id: string, start: number | string, end: number | string): string {
  return `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${id}', '${DELTAT.writeResource}', ${start}, ${end})`;
}

/** Writes a number of exactly `digits` decimal digits. */
function writeDigits(into: Uint8Array, offset: number, digits: number, value: number): void {
  for (let i = offset + digits - 1; i >= offset; i--) {
    const rest = (value / 10) | 0;
    into[i] = 48 + value - rest * 10;
    value = rest;
  }
}

function writeInstant(into: Uint8Array, offset: number, instant: number): void {
  const millions = Math.floor(instant / 1e6);
  writeDigits(into, offset, INSTANT_DIGITS - 6, millions);
  writeDigits(into, offset + INSTANT_DIGITS - 6, 6, instant - millions * 1e6);
}

/** The bytes of an INSERT whose id and span are overwritten in place, so that a query costs no string. */
export class InsertQuery {
  readonly bytes: Buffer;
  private readonly numberAt: number;
  private readonly startAt: number;
  private readonly endAt: number;

  constructor() {
    const number = "1".repeat(NUMBER_DIGITS);
    const start = "2".repeat(INSTANT_DIGITS);
    const end = "3".repeat(INSTANT_DIGITS);
    this.bytes = simpleQuery(insertSql(INSERT_ID_PREFIX + number, start, end));
    this.numberAt = this.bytes.indexOf(number);
    this.startAt = this.bytes.indexOf(start);
    this.endAt = this.bytes.indexOf(end);
  }

  /** Makes it the INSERT of booking `n`. */
  become(n: number): void {
    if (n >= MAX_INSERTS) throw new Error(`more than ${MAX_INSERTS} bookings to insert`);
    const start = INSERT_EPOCH_MS + (Math.imul(n, SCATTER) & (MAX_INSERTS - 1)) * INSERT_SLOT_MS;
    writeDigits(this.bytes, this.numberAt, NUMBER_DIGITS, n);
    writeInstant(this.bytes, this.startAt, start);
    writeInstant(this.bytes, this.endAt, start + INSERT_SLOT_MS);
  }
}
