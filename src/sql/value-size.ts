/**
 * How large a value may become. Functions and operators that join and copy can double what they are given; inside each
 * other they would soon have more than the process may hold.
 */

import { DeltatError, SqlState } from "../errors.ts";
import { MAX_ARRAY_ELEMENTS, MAX_TEXT_VALUE_CHARACTERS } from "../limits.ts";
import type { Value } from "./value.ts";

/** The same value. Throws 54000 for a text or an array that is too large. */
export function checkedSize(value: Value): Value {
  if (typeof value === "string") checkedLength(value.length);
  else if (Array.isArray(value) && value.length > MAX_ARRAY_ELEMENTS) {
    throw new DeltatError(
      SqlState.programLimitExceeded,
      `limit exceeded: elements of an array, at most ${MAX_ARRAY_ELEMENTS} are allowed`,
    );
  }
  return value;
}

/** At least 0: a text may be asked to have so many UTF-16 units. Throws 54000. */
export function checkedLength(length: number): number {
  if (length <= MAX_TEXT_VALUE_CHARACTERS) return Math.max(0, length);
  throw new DeltatError(SqlState.programLimitExceeded, "requested length too large", {
    detail: `A text may have ${MAX_TEXT_VALUE_CHARACTERS} characters.`,
  });
}
