/**
 * When and how a database's log is cut short: the log goes on in a new segment, a process of its own makes the snapshot
 * of all that came before, and only when that is in place are the old segments and the old snapshot removed. Each step
 * leaves a folder that opens. One snapshot is made at a time, whatever the number of databases.
 */

import { DeltatError, SqlState } from "../errors.ts";
import type { FileSystem } from "../storage/files.ts";
import { removeOldSnapshots } from "../storage/snapshot-file.ts";
import type { MadeSnapshot } from "./stored-state.ts";

/** Makes the snapshot of a folder's segments up to `lastSegment`; rejects with what went wrong. */
export type SnapshotMaker = (folder: string, lastSegment: number) => Promise<MadeSnapshot>;

/** What a checkpoint needs of the log. */
export interface CheckpointedLog {
  /** Bytes of frames appended since the log was opened. */
  readonly appendedBytes: number;
  readonly appendedLsn: number;
  prepareRotation(): Promise<void>;
  rotate(): number;
  removeThrough(number: number, keptBytes: number): Promise<void>;
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
  private isClosed = false;
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
    if (logBytes === 0 || this.running !== null || this.isClosed) return;
    if (this.log.appendedBytes - this.bytesAtLast < Math.max(logBytes, this.snapshotBytes)) return;
    this.run().catch((error: unknown) => {
      warn(`no snapshot of ${this.folder}: ${error instanceof Error ? error.message : error}`);
    });
  }

  /** A checkpoint now, or the one under way and then another. Rejects with what went wrong; the log goes on by itself then. */
  async now(): Promise<void> {
    while (this.running !== null) await this.running.catch(() => {});
    await this.run();
  }

  /** Waits for the one under way; none begins any more. */
  async close(): Promise<void> {
    this.isClosed = true;
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

  private async take(): Promise<void> {
    if (this.isClosed) throw new DeltatError(SqlState.adminShutdown, "the database is being closed");
    const { log, folder, options } = this;
    if (log.appendedLsn === this.snapshotLsn) return;
    await log.prepareRotation();
    // Whatever comes of it, the next attempt waits for as much log again.
    this.bytesAtLast = log.appendedBytes;
    const lsn = log.appendedLsn;
    const closed = log.rotate();
    if (closed === 0) return;
    await this.whenDurable(lsn);
    const { lsn: snapshotLsn, bytes } = await options.make(folder, closed);
    this.snapshotBytes = bytes;
    this.snapshotLsn = snapshotLsn;
    await log.removeThrough(closed, options.historyBytes);
    removeOldSnapshots(options.files, folder, snapshotLsn);
  }
}
