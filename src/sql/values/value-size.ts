/**
 * How large a value may become. Functions and operators that join and copy can double what they are given; inside each
 * other they would soon have more than the process may hold.
 */

import { limitExceeded } from "../../engine/violations.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import {
  MAX_ARRAY_ELEMENTS,
  MAX_FORMAT_PATTERN_CHARACTERS,
  MAX_TEXT_VALUE_CHARACTERS,
} from "../../limits.ts";
import type { Value } from "./value.ts";

/** The same value. Throws 54000 for a text or an array that is too large. */
export function checkedSize(value: Value): Value {
  if (typeof value === "string") checkedLength(value.length);
  else if (Array.isArray(value)) checkedElements(value.length);
  return value;
}

/** A pattern of to_char and its kin. Throws 54000 for one that is too long. */
export function checkedPattern(pattern: string): string {
  if (pattern.length <= MAX_FORMAT_PATTERN_CHARACTERS) return pattern;
  throw limitExceeded("characters of a format pattern", MAX_FORMAT_PATTERN_CHARACTERS);
}

/** At least 0: an array may have so many elements. Throws 54000. */
export function checkedElements(count: number): number {
  if (count <= MAX_ARRAY_ELEMENTS) return Math.max(0, count);
  throw new DeltatError(
    SqlState.programLimitExceeded,
    `limit exceeded: elements of an array, at most ${MAX_ARRAY_ELEMENTS} are allowed`,
  );
}

/** `parts` with `separator` between them. Throws 54000 before there is a text that is too long. */
export function joinedText(parts: readonly string[], separator: string): string {
  let length = separator.length * (parts.length - 1);
  for (const part of parts) length += part.length;
  checkedLength(length);
  return parts.join(separator);
}

/** What a replacement makes, piece by piece: throws 54000 as soon as all of them are too long. */
export class PieceLengths {
  private length = 0;

  /** The same piece. */
  checked(piece: string): string {
    this.length = checkedLength(this.length + piece.length);
    return piece;
  }
}

/** At least 0: a text may be asked to have so many UTF-16 units. Throws 54000. */
export function checkedLength(length: number): number {
  if (length <= MAX_TEXT_VALUE_CHARACTERS) return Math.max(0, length);
  throw new DeltatError(SqlState.programLimitExceeded, "requested length too large", {
    detail: `A text may have ${MAX_TEXT_VALUE_CHARACTERS} characters.`,
  });
}
