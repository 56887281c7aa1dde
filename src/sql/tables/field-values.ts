/** From a column's Value to what a Command holds, with the errors that a wrong value deserves. */

import { DeltatError, SqlState } from "../../errors.ts";
import { formatId, type Id, parseId } from "../../id.ts";
import { MAX_INSTANT_MS } from "../../limits.ts";
import type { Value } from "../values/value.ts";

/** Throws 22P02 for text that is no ULID. The value is text: NULL and types were checked before. */
export function idOf(value: Value): Id {
  const text = value as string;
  const id = parseId(text);
  if (id === null) {
    throw new DeltatError(
      SqlState.invalidTextRepresentation,
      `invalid input syntax for type ulid: "${text}"`,
      { hint: "An id is a ULID: 26 digits and letters without I, L, O and U, the first at most 7." },
    );
  }
  return id;
}

/** The id's canonical text. Throws 22P02. */
export function canonicalId(text: string): string {
  return formatId(idOf(text));
}

/** Unix milliseconds. Throws 22008 outside 0 … MAX_INSTANT_MS. */
export function instantOf(value: Value, column: string): number {
  const instant = typeof value === "number" ? value : Number(value);
  if (instant >= 0 && instant <= MAX_INSTANT_MS) return instant;
  throw new DeltatError(
    SqlState.datetimeFieldOverflow,
    `instant out of range: ${column} = ${String(value)}`,
    { detail: `An instant is a count of Unix milliseconds from 0 to ${MAX_INSTANT_MS}.`, column },
  );
}

/** Throws 22007 unless the span has a length. */
export function checkSpan(start: number, end: number): void {
  if (start < end) return;
  throw new DeltatError(SqlState.invalidDatetimeFormat, `invalid time range: [${start}, ${end})`, {
    detail: "start must be less than end.",
  });
}
