/**
 * The errors of the contract's table that the engine can answer with, as the oracle writes them.
 */

import { SqlState } from "../../src/errors.ts";
import { formatId, type Id } from "../../src/id.ts";
import { MAX_INSTANT_MS, MAX_TEXT_BYTES } from "../../src/limits.ts";

/** One error that the contract allows: its code and the words its message starts with. */
export interface Violation {
  readonly sqlState: SqlState;
  readonly messageStart: string;
}

export function usedId(table: ReadonlyMap<string, unknown>, id: Id): Violation[] {
  const key = formatId(id);
  if (!table.has(key)) return [];
  return [{ sqlState: SqlState.uniqueViolation, messageStart: `already exists: ${key}` }];
}

export function judgeInstant(instant: number): Violation[] {
  if (instant >= 0 && instant <= MAX_INSTANT_MS) return [];
  return [{ sqlState: SqlState.datetimeFieldOverflow, messageStart: "" }];
}

export function judgeText(text: string | null, what: string): Violation[] {
  if (text === null || new TextEncoder().encode(text).length <= MAX_TEXT_BYTES) return [];
  return [{ sqlState: SqlState.programLimitExceeded, messageStart: `limit exceeded: ${what}` }];
}

export function limit(): Violation {
  return { sqlState: SqlState.programLimitExceeded, messageStart: "limit exceeded: " };
}

export function notFound(id: Id): Violation {
  return { sqlState: SqlState.foreignKeyViolation, messageStart: `not found: ${formatId(id)}` };
}

export function conflictWith(id: Id): Violation {
  return { sqlState: SqlState.exclusionViolation, messageStart: `conflict with allocation: ${formatId(id)}` };
}

export function exceeded(capacity: number): Violation {
  const messageStart = `capacity ${capacity} exceeded: all slots occupied`;
  return { sqlState: SqlState.exclusionViolation, messageStart };
}
