/** What the SQL layer needs of the database it runs on; src/tenants/ provides it. */

import type { Engine } from "../engine/engine.ts";
import type { Transaction } from "../engine/transaction.ts";
import type { DeltatError } from "../errors.ts";
import type { Cluster, ConnectedSession } from "./cluster.ts";
import type { EventHistory } from "./event-history.ts";

/** Whoever listens on channels: a client session. Called only with what is durable, in commit order. */
export interface Listener {
  /** Its session is to end, with this as its last word. */
  disconnect?(error: DeltatError): void;
  /** Whatever its session runs is to be cancelled. */
  cancelStatement?(): void;
  /** @param processId of the session that spoke by NOTIFY; undefined for the events of changes */
  notify(channel: string, payload: string, processId?: number): void;
}

/** What a NOTIFY tells. */
export interface Notification {
  readonly channel: string;
  readonly payload: string;
}

/** A session whose output waits for the log. */
export interface DurabilityWaiter {
  /** Called once, when `durableLsn` has reached what the waiter asked for, or the log has failed. */
  onDurable(failure: Error | null): void;
}

export interface Database {
  readonly name: string;
  /** All databases of the server, this one among them. */
  readonly cluster: Cluster;
  /** Who is connected to this database; sessions enter and leave by themselves. */
  readonly sessions: Set<ConnectedSession>;
  readonly engine: Engine;

  /**
   * Brings the engine to the present as `transaction` sees it (null: as everyone does): due holds are released
   * and the transaction's staged changes are in place. Call it before each statement's reads and writes.
   * Throws DeltatError 40001 when a staged change no longer fits what others committed, 58030 when the log failed.
   */
  enter(transaction: Transaction | null): void;

  /** Commits what the transaction staged as one log frame; returns its lsn (the last one if nothing changed). */
  commit(transaction: Transaction): number;

  rollback(transaction: Transaction): void;

  /** Throws 58030 once the log has failed, and 53100 while commits wait for room: what is durable can be read, and nothing be changed. */
  refuseIfFailed(): void;

  /** Cuts the log short: resolves when a snapshot of all that was committed is in place. Rejects with 53100, 58030, XX001. */
  checkpoint(): Promise<void>;

  /** What happened; null where nothing of it is kept. */
  readonly history: EventHistory | null;

  /** lsn of the last commit appended. */
  readonly appendedLsn: number;
  readonly durableLsn: number;

  /** Asks for `waiter.onDurable` once everything up to `lsn` is durable. */
  whenDurable(lsn: number, waiter: DurabilityWaiter): void;

  /** Tells listeners what a transaction notified, after everything that `lsn` and earlier commits have to tell. */
  notify(notifications: readonly Notification[], processId: number, lsn: number): void;

  listen(listener: Listener, channel: string): void;
  unlisten(listener: Listener, channel: string): void;
  unlistenAll(listener: Listener): void;
}
