/**
 * The timers of one session: statement_timeout, which runs on while a statement waits for its next slice or for
 * its client to read, and those of a session that idles. A session without such settings never makes a timer.
 */

import { stopwatchMs, type Timers } from "../clock.ts";

/** What the session does when time is up. */
interface TimeoutHandlers {
  statementTimedOut(): void;
  idledTooLong(inTransaction: boolean): void;
}

export class SessionTimeouts {
  /** Of the statement whose timer runs; Infinity: none does. */
  private deadlineMs = Number.POSITIVE_INFINITY;
  /** The last time that was asked a COPY FROM waited for its data. */
  private isCopying = false;
  private cancelStatement: (() => void) | null = null;
  private cancelIdle: (() => void) | null = null;

  constructor(
    private readonly timers: Timers,
    private readonly handlers: TimeoutHandlers,
  ) {}

  /** A statement has paused; `deadlineMs`, by the stopwatch, is when it has taken too long. */
  statementRuns(deadlineMs: number): void {
    if (deadlineMs === this.deadlineMs) return;
    this.statementEnds();
    this.deadlineMs = deadlineMs;
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.max(0, Math.ceil(deadlineMs - stopwatchMs()));
    this.cancelStatement = this.timers.after(delayMs, () => {
      this.cancelStatement = null;
      this.deadlineMs = Number.POSITIVE_INFINITY;
      this.handlers.statementTimedOut();
    });
  }

  /** All that has come was answered; statement_timeout runs on where a COPY FROM waits for its client. */
  copyWaits(isCopying: boolean, deadlineMs: number): void {
    if (isCopying) this.statementRuns(deadlineMs);
    else if (this.isCopying) this.statementEnds();
    this.isCopying = isCopying;
  }

  /** No statement is paused any more. */
  statementEnds(): void {
    this.cancelStatement?.();
    this.cancelStatement = null;
    this.deadlineMs = Number.POSITIVE_INFINITY;
  }

  /** Whether a timer runs for a session that idles. */
  get isIdling(): boolean {
    return this.cancelIdle !== null;
  }

  /** The session idles from now on, for `idleMs` at most; 0: for ever, or it does not idle. */
  idle(idleMs: number, inTransaction: boolean): void {
    this.cancelIdle?.();
    this.cancelIdle = null;
    if (idleMs > 0) {
      this.cancelIdle = this.timers.after(idleMs, () => this.handlers.idledTooLong(inTransaction));
    }
  }

  cancel(): void {
    this.statementEnds();
    this.idle(0, false);
  }
}
