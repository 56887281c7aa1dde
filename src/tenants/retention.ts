/**
 * Dropping bookings that ended long ago, where the operator asked for it: in the background, resource by resource, a few
 * at a time, as commits like any other. Nobody is told, since nothing about the time to come changes.
 */

import { stopwatchMs } from "../clock.ts";
import { endedBookings } from "../engine/ended-bookings.ts";
import type { Engine } from "../engine/engine.ts";
import type { Transaction } from "../engine/transaction.ts";
import { messageOf } from "../errors.ts";
import type { Id } from "../id.ts";
import {
  RETENTION_BOOKINGS_PER_COMMIT,
  RETENTION_BOOKINGS_PER_STEP,
  RETENTION_IDLE_MS,
  RETENTION_PAUSE_MS,
  RETENTION_STEP_MS,
} from "../limits.ts";

/** What retention needs of the database that it works on. */
export interface RetainedDatabase {
  readonly engine: Engine;
  enter(transaction: Transaction | null): void;
  commit(transaction: Transaction): number;
  rollback(transaction: Transaction): void;
}

export interface RetentionScheduler {
  now(): number;
  after(delayMs: number, callback: () => void): () => void;
  /** Times what a step takes, in milliseconds; default: the system's stopwatch. */
  stopwatchMs?(): number;
}

export class Retention {
  /** Where the next step goes on. */
  private resourceRow = 0;
  private fromStart = 0;
  private cancelTimer: () => void;

  /** @param retentionMs bookings that ended so long ago are dropped */
  constructor(
    private readonly database: RetainedDatabase,
    private readonly scheduler: RetentionScheduler,
    private readonly retentionMs: number,
    private readonly warn: (message: string) => void,
  ) {
    this.cancelTimer = scheduler.after(RETENTION_PAUSE_MS, this.tick);
  }

  close(): void {
    this.cancelTimer();
  }

  private readonly tick = (): void => {
    let isRoundOver = true;
    try {
      isRoundOver = this.step();
    } catch (error) {
      this.warn(`bookings that ended long ago stay for now: ${messageOf(error)}`);
    }
    this.cancelTimer = this.scheduler.after(isRoundOver ? RETENTION_IDLE_MS : RETENTION_PAUSE_MS, this.tick);
  };

  /** Looks and drops for some time; true when all resources were looked at. */
  private step(): boolean {
    const deadlineMs = this.elapsedMs() + RETENTION_STEP_MS;
    let dropped = 0;
    do {
      const ids = this.collect(deadlineMs);
      this.drop(ids);
      dropped += ids.length;
      if (this.resourceRow === 0 && this.fromStart === 0) return true;
    } while (dropped < RETENTION_BOOKINGS_PER_STEP && this.elapsedMs() < deadlineMs);
    return false;
  }

  private elapsedMs(): number {
    return this.scheduler.stopwatchMs?.() ?? stopwatchMs();
  }

  private collect(deadlineMs: number): Id[] {
    const { engine } = this.database;
    this.database.enter(null);
    const endedBy = engine.now - this.retentionMs;
    const ids: Id[] = [];
    do {
      const room = RETENTION_BOOKINGS_PER_COMMIT - ids.length;
      const found = engine.inspect((state) =>
        endedBookings(state, this.resourceRow, this.fromStart, endedBy, room),
      );
      ids.push(...found.ids);
      this.fromStart = found.nextStart;
      if (found.nextStart === 0) this.resourceRow++;
      if (this.resourceRow < engine.resources.limit) continue;
      this.resourceRow = 0;
      break;
    } while (ids.length < RETENTION_BOOKINGS_PER_COMMIT && this.elapsedMs() < deadlineMs);
    return ids;
  }

  private drop(ids: readonly Id[]): void {
    if (ids.length === 0) return;
    const { database } = this;
    const transaction = database.engine.begin();
    try {
      database.enter(transaction);
      for (const id of ids) database.engine.apply(transaction, { kind: "forgetBooking", id });
      database.commit(transaction);
    } catch (error) {
      database.rollback(transaction);
      throw error;
    }
  }
}
