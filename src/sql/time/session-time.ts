/**
 * What reading and writing instants as text depends on: the time zone of the session that runs, and its `now`. A
 * process runs one statement at a time, to its end or its next pause; whoever begins or resumes one says whose it
 * is, so that every encoder and decoder need not be handed a session.
 */

import type { Micros } from "./calendar.ts";
import { findZone, type TimeZone, UTC } from "./time-zone.ts";

/** The session that a statement belongs to, as far as time goes. */
export interface SessionTime {
  /** Its setting of TimeZone. */
  readonly timeZone: string;
  /** Unix milliseconds of the transaction's start; negative before the first statement has asked for the time. */
  readonly transactionNowMs: number;
  clockNowMs(): number;
}

let session: SessionTime = { timeZone: "UTC", transactionNowMs: 0, clockNowMs: () => 0 };
let zone: TimeZone = UTC;
let zoneSetting = "UTC";

/** From here on text is read and written for this session. Returns the one before. */
export function useSessionTime(next: SessionTime): SessionTime {
  const before = session;
  session = next;
  return before;
}

export function sessionZone(): TimeZone {
  if (session.timeZone !== zoneSetting) {
    zoneSetting = session.timeZone;
    zone = findZone(zoneSetting) ?? UTC;
  }
  return zone;
}

/** `'now'`: the start of the transaction. */
export function sessionNow(): Micros {
  const { transactionNowMs } = session;
  return Math.round((transactionNowMs < 0 ? session.clockNowMs() : transactionNowMs) * 1000);
}
