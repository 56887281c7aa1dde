/** Statements about bookings: their SQL, and what the answer has to be. */

import type { BookingImage, Command } from "../../src/engine/command.ts";
import { SqlState } from "../../src/errors.ts";
import { formatId } from "../../src/id.ts";
import type { Oracle } from "../engine/oracle.ts";
import type { Violation } from "../engine/violations.ts";
import type { Of } from "./operations.ts";
import {
  applyAll,
  bookingId,
  bookingRow,
  holdId,
  type Outcome,
  ofResource,
  placeAssignments,
  placed,
  placeText,
  quoted,
  read,
  resourceId,
  type Statement,
  sorted,
  write,
} from "./statement-parts.ts";

const COPY_BROKEN_OFF: Violation = {
  sqlState: SqlState.queryCanceled,
  messageStart: "COPY from stdin failed",
};
const TWICE: Violation = {
  sqlState: SqlState.cardinalityViolation,
  messageStart: "ON CONFLICT DO UPDATE command cannot affect row a second time",
};

export function bookingStatement(
  operation: Of<"book" | "copyIn" | "move" | "cancel" | "confirm" | "bookings">,
  base: number,
): Statement {
  switch (operation.kind) {
    case "book":
      return insertBookings(operation, base);
    case "copyIn":
      return copyBookings(operation, base);
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
      const text = `SELECT id, start, "end", label FROM bookings WHERE resource_id = '${resource}' ORDER BY id`;
      const rows = (view: Oracle) => sorted(ofResource(view.bookings.values(), resource).map(bookingRow));
      return operation.copied ? read(`COPY (${text}) TO STDOUT`, rows, "COPY") : read(text, rows);
    }
  }
}

const CONFLICT_CLAUSES = {
  fail: "",
  skip: " ON CONFLICT (id) DO NOTHING",
  replace:
    " ON CONFLICT (id) DO UPDATE SET resource_id = EXCLUDED.resource_id, start = EXCLUDED.start, " +
    '"end" = EXCLUDED."end"',
};

function bookingsOf(operation: Of<"book" | "copyIn">, base: number): BookingImage[] {
  return operation.rows.map((row) => ({ id: bookingId(row.id), label: null, ...placed(row, base) }));
}

function insertBookings(operation: Of<"book">, base: number): Statement {
  const { onConflict } = operation;
  const bookings = bookingsOf(operation, base);
  const values = bookings.map((booking) => `(${quoted(booking.id)}, ${placeText(booking)})`).join(", ");
  const text =
    'INSERT INTO bookings (id, resource_id, start, "end") VALUES ' +
    `${values}${CONFLICT_CLAUSES[onConflict]}`;
  const evaluate = (view: Oracle): Outcome => {
    const written = new Set<string>();
    const commandOf = (booking: BookingImage): Command | Violation | null => {
      const id = formatId(booking.id);
      const used = onConflict === "fail" ? undefined : view.bookings.get(id);
      if (used !== undefined && onConflict === "skip") return null;
      if (used !== undefined && written.has(id)) return TWICE;
      written.add(id);
      if (used === undefined) return { kind: "placeBooking", booking };
      return { kind: "moveBooking", booking: { ...booking, label: used.label } };
    };
    return applyAll(
      view,
      "INSERT 0",
      bookings.map((booking) => () => commandOf(booking)),
    );
  };
  return { text, changes: true, evaluate };
}

/** What is copied in is placed when all of it has come. */
function copyBookings(operation: Of<"copyIn">, base: number): Statement {
  const bookings = bookingsOf(operation, base);
  const lines = bookings.map(({ id, resourceId: resource, start, end }) =>
    [formatId(id), formatId(resource), start, end].join("\t"),
  );
  const { fails } = operation;
  const evaluate = (view: Oracle): Outcome => {
    if (fails) return { rows: [], tag: "", commands: [], errors: [COPY_BROKEN_OFF] };
    return applyAll(
      view,
      "COPY",
      bookings.map((booking) => () => ({ kind: "placeBooking", booking })),
    );
  };
  const text = 'COPY bookings (id, resource_id, start, "end") FROM STDIN';
  return { text, changes: true, evaluate, copied: { text: `${lines.join("\n")}\n`, fails } };
}
