/**
 * When and how a database's log is cut short: the log goes on in a new segment, a process of its own makes the snapshot
 * of all that came before, and only when that is in place are the old segments and the old snapshot removed. Each step
 * leaves a folder that opens. One snapshot is made at a time, whatever the number of databases.
 */

import { DeltatError, messageOf, SqlState } from "../errors.ts";
import type { FileSystem } from "../storage/files.ts";
import { removeOldSnapshots } from "../storage/snapshot-file.ts";
import type { MadeSnapshot } from "./stored-state.ts";

/** Makes the snapshot of a folder's segments up to `lastSegment`; rejects with what went wrong, or when it is not wanted any more. */
export type SnapshotMaker = (
  folder: string,
  lastSegment: number,
  unwanted: AbortSignal,
) => Promise<MadeSnapshot>;

/** What a checkpoint needs of the log. */
export interface CheckpointedLog {
  /** Bytes of frames appended since the log was opened. */
  readonly appendedBytes: number;
  readonly appendedLsn: number;
  prepareRotation(): Promise<void>;
  rotate(): number;
  removeThrough(number: number, keptBytes: number, unwanted: AbortSignal): Promise<void>;
}

export interface CheckpointOptions {
  readonly files: FileSystem;
  readonly make: SnapshotMaker;
  /** Bytes of log after which a snapshot is made by itself; 0: never. */
  readonly logBytes: number;
  /** Bytes of segments that stay for who reads what happened, though a snapshot holds their commits. */
  readonly historyBytes: number;
  readonly warn: (message: string) => void;
}

/** One after the other: the snapshots of all databases of a process. */
export class SnapshotQueue {
  private last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work, work);
    this.last = result.catch(() => {});
    return result;
  }
}

export class Checkpoints {
  private bytesAtLast: number;
  /** A snapshot as large as this was made last: the log may grow as long before the next, so that copying the whole costs no more than logging did. */
  private snapshotBytes = 0;
  private running: Promise<void> | null = null;
  /** Waits for the one under way, and is another. */
  private following: Promise<void> | null = null;
  private readonly closing = new AbortController();
  /** The last commit in the newest snapshot. */
  private snapshotLsn: number;

  /**
   * @param afterLsn of the snapshot that the database was opened with; 0 without one
   * @param replayedBytes of the log behind the snapshot that it was opened with
   */
  constructor(
    private readonly folder: string,
    private readonly log: CheckpointedLog,
    private readonly whenDurable: (lsn: number) => Promise<void>,
    private readonly queue: SnapshotQueue,
    private readonly options: CheckpointOptions,
    afterLsn: number,
    replayedBytes: number,
  ) {
    this.snapshotLsn = afterLsn;
    this.bytesAtLast = -replayedBytes;
  }

  /** To be called now and then: begins a checkpoint when the log has grown enough. */
  consider(): void {
    const { logBytes, warn } = this.options;
    if (logBytes === 0 || this.running !== null || this.closing.signal.aborted) return;
    if (this.log.appendedBytes - this.bytesAtLast < Math.max(logBytes, this.snapshotBytes)) return;
    this.run().catch((error: unknown) => {
      if (!this.closing.signal.aborted) warn(`no snapshot of ${this.folder}: ${messageOf(error)}`);
    });
  }

  /**
   * A checkpoint now, or behind the one under way another, which is that of all who ask meanwhile. Rejects with what went
   * wrong; the log goes on by itself then.
   */
  now(): Promise<void> {
    if (this.running === null && this.following === null) return this.run();
    this.following ??= this.follow();
    return this.following;
  }

  private async follow(): Promise<void> {
    while (this.running !== null) await this.running.catch(() => {});
    this.following = null;
    await this.run();
  }

  /** Gives up the one under way, whose log stays as it is; none begins any more. */
  async close(): Promise<void> {
    this.closing.abort();
    await this.running?.catch(() => {});
  }

  private run(): Promise<void> {
    const running = this.queue
      .run(() => this.take())
      .finally(() => {
        this.running = null;
      });
    this.running = running;
    return running;
  }

  /** The folder may be another database's as soon as this one is closed: it is not touched any more then. */
  private refuseIfClosed(): void {
    if (this.closing.signal.aborted) throw closed();
  }

  /** Waits for `work`, but no longer than the database is open: on a full disk it may never come to its end. */
  private unlessClosed(work: Promise<void>): Promise<void> {
    const { signal } = this.closing;
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(closed());
      signal.addEventListener("abort", giveUp, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener("abort", giveUp));
    });
  }

  private async take(): Promise<void> {
    this.refuseIfClosed();
    const { log, folder, options } = this;
    if (log.appendedLsn === this.snapshotLsn) return;
    await log.prepareRotation();
    this.refuseIfClosed();
    // Whatever comes of it, the next attempt waits for as much log again.
    this.bytesAtLast = log.appendedBytes;
    const lsn = log.appendedLsn;
    const closed = log.rotate();
    if (closed === 0) return;
    await this.unlessClosed(this.whenDurable(lsn));
    const { lsn: snapshotLsn, bytes } = await this.make(closed);
    this.snapshotBytes = bytes;
    this.snapshotLsn = snapshotLsn;
    await log.removeThrough(closed, options.historyBytes, this.closing.signal);
    this.refuseIfClosed();
    removeOldSnapshots(options.files, folder, snapshotLsn);
  }

  /** A maker that dies leaves half a file, and the next one might, too: nothing of it stays. */
  private async make(lastSegment: number): Promise<MadeSnapshot> {
    const { folder, options } = this;
    try {
      const made = await options.make(folder, lastSegment, this.closing.signal);
      this.refuseIfClosed();
      return made;
    } catch (error) {
      this.refuseIfClosed();
      try {
        removeOldSnapshots(options.files, folder, this.snapshotLsn);
      } catch {
        // The next opening removes it; the error that led here is the one to report.
      }
      throw error;
    }
  }
}

function closed(): DeltatError {
  return new DeltatError(SqlState.adminShutdown, "the database is being closed");
}
