/** The errors of the model, in the words clients match on. */

import { DeltatError, SqlState } from "../errors.ts";
import { formatId, type Id } from "../id.ts";
import { MAX_INSTANT_MS, MAX_TEXT_BYTES } from "../limits.ts";
import type { Span } from "./command.ts";

export function alreadyExists(table: string, id: Id): DeltatError {
  const text = formatId(id);
  return new DeltatError(SqlState.uniqueViolation, `already exists: ${text}`, {
    detail: `Key (id)=(${text}) already exists.`,
    hint: "ON CONFLICT (id) DO NOTHING makes a retry harmless.",
    table,
    constraint: `${table}_pkey`,
  });
}

export function notFound(table: string, column: string, id: Id): DeltatError {
  const text = formatId(id);
  return new DeltatError(SqlState.foreignKeyViolation, `not found: ${text}`, {
    detail: `Key (${column})=(${text}) is not present in table "${referencedTable(table, column)}".`,
    ...(column === "hold_id" && {
      hint: "A hold is gone once it expires, is released or becomes a booking.",
    }),
    table,
    constraint: `${table}_${column}_fkey`,
  });
}

function referencedTable(table: string, column: string): string {
  if (column === "hold_id") return "holds";
  return column === "id" ? table : "resources";
}

export function limitExceeded(what: string, bound: number): DeltatError {
  return new DeltatError(SqlState.programLimitExceeded, `limit exceeded: ${what} (at most ${bound})`);
}

/** 40001, as a value: what others committed does not let a transaction stand. */
export function lostRace(why: string): DeltatError {
  return new DeltatError(
    SqlState.serializationFailure,
    "could not serialize access: another transaction committed first",
    { detail: why, hint: "Run the transaction again." },
  );
}

export function checkSpan(span: Span): void {
  checkInstant("start", span.start);
  checkInstant("end", span.end);
  if (span.start >= span.end) {
    throw new DeltatError(SqlState.invalidDatetimeFormat, "invalid time range", {
      detail: `start ${span.start} is not before end ${span.end}.`,
    });
  }
}

export function checkInstant(column: string, instant: number): void {
  if (Number.isInteger(instant) && instant >= 0 && instant <= MAX_INSTANT_MS) return;
  throw new DeltatError(SqlState.datetimeFieldOverflow, `instant out of range: ${column} = ${instant}`, {
    detail: `An instant is a whole number of Unix milliseconds from 0 to ${MAX_INSTANT_MS}.`,
    column,
  });
}

export function checkText(column: string, text: string | null): void {
  // A UTF-16 unit is at most three bytes of UTF-8: short texts need no count.
  if (text === null || text.length * 3 <= MAX_TEXT_BYTES) return;
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) throw limitExceeded(`bytes of ${column}`, MAX_TEXT_BYTES);
}
