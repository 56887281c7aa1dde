/**
 * What a client may ask: each operation is plain data, so that a list of them can be cut down, and knows its SQL and,
 * from the contract alone, what the answer has to be on a given state.
 */

import type { BookingImage, Command, HoldImage, ResourceImage, RuleImage } from "../../src/engine/command.ts";
import { formatId, type Id } from "../../src/id.ts";
import type { Oracle } from "../engine/oracle.ts";
import type { Violation } from "../engine/violations.ts";

/** Where a booking, a hold or a rule lies: `start` counts from the instant that the run calls its base. */
export interface Place {
  readonly resource: number;
  readonly start: number;
  readonly length: number;
}

export type Operation =
  | {
      readonly kind: "createResource";
      readonly id: number;
      readonly parent: number | null;
      readonly capacity: number;
      readonly buffer: number;
      readonly enforce: boolean | null;
    }
  | { readonly kind: "resize"; readonly id: number; readonly capacity: number; readonly buffer: number }
  | { readonly kind: "adopt"; readonly id: number; readonly parent: number | null }
  | { readonly kind: "deleteResource"; readonly id: number }
  | ({ readonly kind: "addRule"; readonly id: number; readonly blocking: boolean } & Place)
  | ({ readonly kind: "moveRule"; readonly id: number } & Place)
  | { readonly kind: "removeRule"; readonly id: number }
  | {
      readonly kind: "book";
      readonly rows: readonly ({ readonly id: number } & Place)[];
      readonly skips: boolean;
    }
  | ({ readonly kind: "move"; readonly id: number } & Place)
  | { readonly kind: "cancel"; readonly id: number }
  | ({ readonly kind: "hold"; readonly id: number; readonly ttlMs: number } & Place)
  | ({ readonly kind: "changeHold"; readonly id: number; readonly ttlMs: number } & Place)
  | { readonly kind: "release"; readonly id: number }
  | { readonly kind: "confirm"; readonly booking: number; readonly hold: number }
  | { readonly kind: "bookings"; readonly resource: number }
  | { readonly kind: "holds"; readonly resource: number }
  | { readonly kind: "resources" }
  | {
      readonly kind: "availability";
      readonly resources: readonly number[];
      readonly from: number;
      readonly length: number;
      readonly minDuration: number;
      readonly minAvailable: number | null;
    };

/** What the answer has to be: rows and a tag, or one of the errors. */
export interface Outcome {
  readonly rows: readonly string[];
  readonly tag: string;
  /** What it changes, already applied to the state it was asked of. */
  readonly commands: readonly Command[];
  /** Not empty: it is refused with one of these, and the state it was asked of is spoilt. */
  readonly errors: readonly Violation[];
}

/** An operation with its instants filled in. */
export interface Statement {
  readonly text: string;
  readonly changes: boolean;
  /** Judges by `view`, and changes it where the statement does. */
  readonly evaluate: (view: Oracle) => Outcome;
}

/** Ids by table and number; their words differ in all their bits, as those of real ids do. */
function idOf(table: number, n: number): Id {
  const seed = table * 1_000_003 + n * 7919 + 1;
  const word = (salt: number) => Math.imul(seed ^ salt, 0x9e3779b1) >>> 0;
  return { w0: word(0x51) >>> 3, w1: word(0x1234), w2: word(0x777777), w3: n };
}

const resourceId = (n: number): Id => idOf(1, n);
const ruleId = (n: number): Id => idOf(2, n);
const bookingId = (n: number): Id => idOf(3, n);
const holdId = (n: number): Id => idOf(4, n);

export function resourceText(n: number): string {
  return formatId(resourceId(n));
}

export function bookingText(n: number): string {
  return formatId(bookingId(n));
}

export function holdText(n: number): string {
  return formatId(holdId(n));
}

const quoted = (id: Id): string => `'${formatId(id)}'`;

/** @param base what `start` counts from; @param now what `ttlMs` counts from */
export function statementOf(operation: Operation, base: number, now: number): Statement {
  switch (operation.kind) {
    case "createResource":
    case "resize":
    case "adopt":
    case "deleteResource":
    case "resources":
      return resourceStatement(operation);
    case "addRule":
    case "moveRule":
    case "removeRule":
      return ruleStatement(operation, base);
    case "book":
    case "move":
    case "cancel":
    case "confirm":
    case "bookings":
      return bookingStatement(operation, base);
    case "hold":
    case "changeHold":
    case "release":
    case "holds":
      return holdStatement(operation, base, now);
    case "availability":
      return availabilityStatement(operation, base);
  }
}

function read(text: string, rows: (view: Oracle) => readonly string[]): Statement {
  const evaluate = (view: Oracle): Outcome => {
    const found = rows(view);
    return { rows: found, tag: `SELECT ${found.length}`, commands: [], errors: [] };
  };
  return { text, changes: false, evaluate };
}

/** One command, if `commandOf` finds the row that it is about. */
function write(text: string, verb: string, commandOf: (view: Oracle) => Command | null): Statement {
  const evaluate = (view: Oracle): Outcome => {
    const command = commandOf(view);
    return applyAll(view, verb, command === null ? [] : [() => command]);
  };
  return { text, changes: true, evaluate };
}

function applyAll(view: Oracle, verb: string, makers: readonly (() => Command | null)[]): Outcome {
  const commands: Command[] = [];
  for (const make of makers) {
    const command = make();
    if (command === null) continue;
    const errors = view.judge(command);
    if (errors.length > 0) return { rows: [], tag: "", commands: [], errors };
    view.apply(command);
    commands.push(command);
  }
  return { rows: [], tag: `${verb} ${commands.length}`, commands, errors: [] };
}

type Of<Kind extends Operation["kind"]> = Extract<Operation, { kind: Kind }>;

function resourceStatement(
  operation: Of<"createResource" | "resize" | "adopt" | "deleteResource" | "resources">,
): Statement {
  if (operation.kind === "resources") {
    return read("SELECT id, parent_id, capacity, buffer_after FROM resources ORDER BY id", (view) =>
      sorted([...view.resources.values()].map(resourceRow)),
    );
  }
  const id = resourceId(operation.id);
  const change = (text: string, changed: (row: ResourceImage) => ResourceImage) =>
    write(text, "UPDATE", (view) => {
      const row = view.resources.get(formatId(id));
      return row === undefined ? null : { kind: "updateResource", resource: changed(row) };
    });
  switch (operation.kind) {
    case "createResource": {
      const { capacity, buffer, enforce, parent } = operation;
      const parentId = parent === null ? null : resourceId(parent);
      const resource = { id, parentId, name: null, capacity, bufferAfterMs: buffer, enforceRules: enforce };
      const parentText = parentId === null ? "NULL" : quoted(parentId);
      const text =
        "INSERT INTO resources (id, parent_id, capacity, buffer_after, enforce_rules) VALUES " +
        `(${quoted(id)}, ${parentText}, ${capacity}, ${buffer}, ${enforce === null ? "NULL" : enforce})`;
      return write(text, "INSERT 0", () => ({ kind: "createResource", resource }));
    }
    case "resize": {
      const { capacity, buffer } = operation;
      const text = `UPDATE resources SET capacity = ${capacity}, buffer_after = ${buffer} WHERE id = ${quoted(id)}`;
      return change(text, (row) => ({ ...row, capacity, bufferAfterMs: buffer }));
    }
    case "adopt": {
      const parentId = operation.parent === null ? null : resourceId(operation.parent);
      const parentText = parentId === null ? "NULL" : quoted(parentId);
      const text = `UPDATE resources SET parent_id = ${parentText} WHERE id = ${quoted(id)}`;
      return change(text, (row) => ({ ...row, parentId }));
    }
    case "deleteResource":
      return write(`DELETE FROM resources WHERE id = ${quoted(id)}`, "DELETE", (view) =>
        view.resources.has(formatId(id)) ? { kind: "deleteResource", id } : null,
      );
  }
}

function ruleStatement(operation: Of<"addRule" | "moveRule" | "removeRule">, base: number): Statement {
  const id = ruleId(operation.id);
  if (operation.kind === "removeRule") {
    return write(`DELETE FROM rules WHERE id = ${quoted(id)}`, "DELETE", (view) =>
      view.rules.has(formatId(id)) ? { kind: "removeRule", id } : null,
    );
  }
  const place = placed(operation, base);
  if (operation.kind === "addRule") {
    const { blocking } = operation;
    const rule: RuleImage = { id, blocking, ...place };
    const text =
      'INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ' +
      `(${quoted(id)}, ${placeText(place)}, ${blocking})`;
    return write(text, "INSERT 0", () => ({ kind: "addRule", rule }));
  }
  const text = `UPDATE rules SET ${placeAssignments(place)} WHERE id = ${quoted(id)}`;
  return write(text, "UPDATE", (view) => {
    const row = view.rules.get(formatId(id));
    return row === undefined ? null : { kind: "updateRule", rule: { ...row, ...place } };
  });
}

function bookingStatement(
  operation: Of<"book" | "move" | "cancel" | "confirm" | "bookings">,
  base: number,
): Statement {
  switch (operation.kind) {
    case "book":
      return insertBookings(operation, base);
    case "move": {
      const id = bookingId(operation.id);
      const place = placed(operation, base);
      const text = `UPDATE bookings SET ${placeAssignments(place)} WHERE id = ${quoted(id)}`;
      return write(text, "UPDATE", (view) => {
        const row = view.bookings.get(formatId(id));
        return row === undefined ? null : { kind: "moveBooking", booking: { ...row, ...place } };
      });
    }
    case "cancel": {
      const id = bookingId(operation.id);
      return write(`DELETE FROM bookings WHERE id = ${quoted(id)}`, "DELETE", (view) =>
        view.bookings.has(formatId(id)) ? { kind: "cancelBooking", id } : null,
      );
    }
    case "confirm": {
      const booking = bookingId(operation.booking);
      const holding = holdId(operation.hold);
      const text = `INSERT INTO bookings (id, hold_id, label) VALUES (${quoted(booking)}, ${quoted(holding)}, 'held')`;
      return write(text, "INSERT 0", () => ({
        kind: "confirmHold",
        bookingId: booking,
        holdId: holding,
        label: "held",
      }));
    }
    case "bookings": {
      const resource = formatId(resourceId(operation.resource));
      return read(
        `SELECT id, start, "end", label FROM bookings WHERE resource_id = '${resource}' ORDER BY id`,
        (view) => sorted(ofResource(view.bookings.values(), resource).map(bookingRow)),
      );
    }
  }
}

function insertBookings(operation: Of<"book">, base: number): Statement {
  const bookings = operation.rows.map((row): BookingImage => {
    return { id: bookingId(row.id), label: null, ...placed(row, base) };
  });
  const values = bookings.map((booking) => `(${quoted(booking.id)}, ${placeText(booking)})`).join(", ");
  const conflict = operation.skips ? " ON CONFLICT (id) DO NOTHING" : "";
  const text = `INSERT INTO bookings (id, resource_id, start, "end") VALUES ${values}${conflict}`;
  const evaluate = (view: Oracle): Outcome =>
    applyAll(
      view,
      "INSERT 0",
      bookings.map((booking) => () => {
        if (operation.skips && view.bookings.has(formatId(booking.id))) return null;
        return { kind: "placeBooking", booking };
      }),
    );
  return { text, changes: true, evaluate };
}

function holdStatement(
  operation: Of<"hold" | "changeHold" | "release" | "holds">,
  base: number,
  now: number,
): Statement {
  if (operation.kind === "holds") {
    const resource = formatId(resourceId(operation.resource));
    return read(
      `SELECT id, start, "end", expires_at FROM holds WHERE resource_id = '${resource}' ORDER BY id`,
      (view) => sorted(ofResource(view.holds.values(), resource).map(holdRow)),
    );
  }
  const id = holdId(operation.id);
  if (operation.kind === "release") {
    return write(`DELETE FROM holds WHERE id = ${quoted(id)}`, "DELETE", (view) =>
      view.holds.has(formatId(id)) ? { kind: "releaseHold", id } : null,
    );
  }
  const place = placed(operation, base);
  const expiresAt = now + operation.ttlMs;
  if (operation.kind === "hold") {
    const hold: HoldImage = { id, expiresAt, ...place };
    const text =
      'INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ' +
      `(${quoted(id)}, ${placeText(place)}, ${expiresAt})`;
    return write(text, "INSERT 0", () => ({ kind: "placeHold", hold }));
  }
  const text = `UPDATE holds SET ${placeAssignments(place)}, expires_at = ${expiresAt} WHERE id = ${quoted(id)}`;
  return write(text, "UPDATE", (view) => {
    const row = view.holds.get(formatId(id));
    return row === undefined ? null : { kind: "changeHold", hold: { ...row, ...place, expiresAt } };
  });
}

function availabilityStatement(operation: Of<"availability">, base: number): Statement {
  const { minDuration, minAvailable } = operation;
  const ids = [...new Set(operation.resources)].map(resourceId);
  const from = base + operation.from;
  const to = from + operation.length;
  const filters = [
    `resource_id IN (${ids.map(quoted).join(", ")})`,
    `start >= ${from}`,
    `"end" <= ${to}`,
    ...(minDuration > 0 ? [`min_duration = ${minDuration}`] : []),
    ...(minAvailable === null ? [] : [`min_available = ${minAvailable}`]),
  ];
  return read(`SELECT start, "end" FROM availability WHERE ${filters.join(" AND ")}`, (view) =>
    view
      .availability(ids, from, to, minDuration, minAvailable ?? ids.length)
      .map((run) => `${run.start}|${run.end}`),
  );
}

interface PlacedSpan {
  readonly resourceId: Id;
  readonly start: number;
  readonly end: number;
}

function placed({ resource, start, length }: Place, base: number): PlacedSpan {
  return { resourceId: resourceId(resource), start: base + start, end: base + start + length };
}

function placeText({ resourceId: resource, start, end }: PlacedSpan): string {
  return `${quoted(resource)}, ${start}, ${end}`;
}

function placeAssignments({ resourceId: resource, start, end }: PlacedSpan): string {
  return `resource_id = ${quoted(resource)}, start = ${start}, "end" = ${end}`;
}

function ofResource<Row extends { readonly resourceId: Id }>(rows: Iterable<Row>, resource: string): Row[] {
  return [...rows].filter((row) => formatId(row.resourceId) === resource);
}

function sorted(rows: readonly string[]): string[] {
  return [...rows].sort();
}

function resourceRow(row: ResourceImage): string {
  const parent = row.parentId === null ? "" : formatId(row.parentId);
  return `${formatId(row.id)}|${parent}|${row.capacity}|${row.bufferAfterMs}`;
}

function bookingRow(row: BookingImage): string {
  return `${formatId(row.id)}|${row.start}|${row.end}|${row.label ?? ""}`;
}

function holdRow(row: HoldImage): string {
  return `${formatId(row.id)}|${row.start}|${row.end}|${row.expiresAt}`;
}
