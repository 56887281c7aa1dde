/**
 * What the clients of a torture do: each operation as the bytes of its messages, and as what it does to the rows that its
 * worker keeps in mind. Whatever its kind, it is wholly done or not at all.
 */

import { DAY, FAR_FUTURE, HOUR, newId } from "../server/clients.ts";
import { serialize, statement } from "../server/raw-client.ts";

/** Rows by id; a booking or a hold is one comparable text: table, resource, start and end. */
export type Rows = Map<string, string>;

export interface Slot {
  readonly resource: string;
  readonly hour: number;
}

/** A row on the resource that all fight over: it may be refused, and a hold of it goes by itself. */
interface Contested {
  readonly id: string;
  /** Unix milliseconds; Infinity for a booking. */
  readonly expiresAt: number;
}

export interface Operation {
  readonly messages: Uint8Array;
  readonly apply: (rows: Rows) => void;
  readonly contested: Contested | null;
  /** Id of a contested row, accepted before, that it takes back. */
  readonly withdrawn: string | null;
}

const MINUTE = 60_000;

/** The contested resource: three at a time, and ten minutes between two. */
export const SHARED_CAPACITY = 3;
export const SHARED_BUFFER_MS = 10 * MINUTE;
const SHARED_STARTS = 240;

function spanOf(hour: number): string {
  return `${DAY + hour * HOUR}, ${DAY + (hour + 1) * HOUR}`;
}

export function rowText(table: string, resource: string, start: number, end: number): string {
  return `${table} ${resource} ${start}, ${end}`;
}

/** Resource and span of a slot: a row's text behind its table. */
export function slotText({ resource, hour }: Slot): string {
  return `${resource} ${spanOf(hour)}`;
}

function rowOf(table: string, slot: Slot): string {
  return `${table} ${slotText(slot)}`;
}

function insertBookings(rows: readonly ({ readonly id: string } & Slot)[]): string {
  const values = rows.map(({ id, resource, hour }) => `('${id}', '${resource}', ${spanOf(hour)})`);
  return `INSERT INTO bookings (id, resource_id, start, "end") VALUES ${values.join(", ")}`;
}

function own(messages: Uint8Array, apply: (rows: Rows) => void): Operation {
  return { messages, apply, contested: null, withdrawn: null };
}

function withIds(slots: readonly Slot[]): ({ readonly id: string } & Slot)[] {
  return slots.map((slot) => ({ id: newId(), ...slot }));
}

function book(made: readonly ({ readonly id: string } & Slot)[]): (rows: Rows) => void {
  return (rows) => {
    for (const slot of made) rows.set(slot.id, rowOf("bookings", slot));
  };
}

/** One booking or a batch, in one statement. */
export function insert(slots: readonly Slot[]): Operation {
  const made = withIds(slots);
  return own(serialize.query(insertBookings(made)), book(made));
}

/** The same by COPY: the data is sent without waiting to be asked for it. */
export function copy(slots: readonly Slot[]): Operation {
  const made = withIds(slots);
  const lines = made.map(
    ({ id, resource, hour }) => `${id}\t${resource}\t${DAY + hour * HOUR}\t${DAY + (hour + 1) * HOUR}\n`,
  );
  const half = Math.ceil(lines.length / 2);
  const messages = [
    serialize.query('COPY bookings (id, resource_id, start, "end") FROM STDIN'),
    serialize.copyData(Buffer.from(lines.slice(0, half).join(""))),
    serialize.copyData(Buffer.from(lines.slice(half).join(""))),
    serialize.copyDone(),
  ];
  return own(Buffer.concat(messages), book(made));
}

export function hold(slot: Slot): Operation {
  const id = newId();
  const sql = `INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ('${id}', '${slot.resource}', ${spanOf(slot.hour)}, ${FAR_FUTURE})`;
  return own(serialize.query(sql), (rows) => {
    rows.set(id, rowOf("holds", slot));
  });
}

export function confirm(holdId: string): Operation {
  const id = newId();
  return own(serialize.query(`INSERT INTO bookings (id, hold_id) VALUES ('${id}', '${holdId}')`), (rows) => {
    const row = rows.get(holdId) ?? "";
    rows.delete(holdId);
    rows.set(id, row.replace("holds", "bookings"));
  });
}

export function move(id: string, slot: Slot): Operation {
  const { resource, hour } = slot;
  const sql = `UPDATE bookings SET resource_id = '${resource}', start = ${DAY + hour * HOUR}, "end" = ${DAY + (hour + 1) * HOUR} WHERE id = '${id}'`;
  return own(serialize.query(sql), (rows) => {
    rows.set(id, rowOf("bookings", slot));
  });
}

/** Several statements in one text. */
export function cancel(bookings: readonly string[], holds: readonly string[]): Operation {
  const statements = [
    ...bookings.map((id) => `DELETE FROM bookings WHERE id = '${id}'`),
    ...holds.map((id) => `DELETE FROM holds WHERE id = '${id}'`),
  ];
  return own(serialize.query(statements.join("; ")), (rows) => {
    for (const id of [...bookings, ...holds]) rows.delete(id);
  });
}

/** BEGIN … COMMIT in one text: insertions and cancellations. */
export function transaction(slots: readonly Slot[], cancelled: readonly string[]): Operation {
  const made = withIds(slots);
  const texts = [
    "BEGIN",
    ...made.map((row) => insertBookings([row])),
    ...cancelled.map((id) => `DELETE FROM bookings WHERE id = '${id}'`),
    "COMMIT",
  ];
  return own(serialize.query(texts.join("; ")), (rows) => {
    book(made)(rows);
    for (const id of cancelled) rows.delete(id);
  });
}

/** Several extended statements before one Sync. */
export function pipeline(slots: readonly Slot[]): Operation {
  const made = withIds(slots);
  const insertion = `INSERT INTO bookings (id, resource_id, start, "end") VALUES ($1, $2, $3, $4)`;
  const messages = made.map(({ id, resource, hour }) =>
    statement(insertion, [id, resource, String(DAY + hour * HOUR), String(DAY + (hour + 1) * HOUR)]),
  );
  return own(Buffer.concat([...messages, serialize.sync()]), book(made));
}

/** A span of the shared resource, from 15 minutes to two hours. */
function contestedSpan(below: (bound: number) => number): string {
  const start = DAY + below(SHARED_STARTS) * 15 * MINUTE;
  return `${start}, ${start + (1 + below(8)) * 15 * MINUTE}`;
}

export function contestBooking(shared: string, below: (bound: number) => number): Operation {
  const contested = { id: newId(), expiresAt: Number.POSITIVE_INFINITY };
  const sql = `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${contested.id}', '${shared}', ${contestedSpan(below)})`;
  return { messages: serialize.query(sql), apply: () => undefined, contested, withdrawn: null };
}

/** A hold that may expire while the server is dead. */
export function contestHold(shared: string, below: (bound: number) => number, now: number): Operation {
  const contested = { id: newId(), expiresAt: now + 20 + below(2000) };
  const sql = `INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ('${contested.id}', '${shared}', ${contestedSpan(below)}, ${contested.expiresAt})`;
  return { messages: serialize.query(sql), apply: () => undefined, contested, withdrawn: null };
}

export function withdraw(id: string): Operation {
  const sql = `DELETE FROM bookings WHERE id = '${id}'`;
  return { messages: serialize.query(sql), apply: () => undefined, contested: null, withdrawn: id };
}
