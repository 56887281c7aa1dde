/**
 * What the rest of the server knows of a log: commits go in, in order; each is durable as a whole or absent.
 * The local segment log is the embedded default; a replicated log can take its place behind this interface.
 */

import type { ByteWriter } from "../bytes.ts";

/** One commit as it is read back. `body` is valid only during the call. */
export interface CommitRecord {
  /** Log sequence number: 1 for the first commit of the log, then one more for each. */
  readonly lsn: number;
  /** Engine instant of the commit, Unix milliseconds; never less than the one before. */
  readonly at: number;
  readonly body: Uint8Array;
}

export interface CommitLog {
  /**
   * Opens a commit: the caller writes its body into the returned writer and then calls `append`. Nothing is
   * kept if `append` is not called before the next `begin`.
   */
  begin(): ByteWriter;

  /**
   * Appends the commit opened by `begin`; it is in the log's memory, not yet durable. Returns its lsn.
   * Throws DeltatError 53100 (no room for its segment), 54000 (body over MAX_FRAME_BYTES) or 58030 (the log
   * has failed); nothing was appended then.
   */
  append(at: number): number;

  /** Number of the part of the log that is written now: what is too old goes part by part. */
  readonly part: number;

  /** lsn of the last commit appended; 0 for an empty log. */
  readonly appendedLsn: number;

  /** Every commit up to and including this one is durable. */
  readonly durableLsn: number;

  /** Set once a write or sync has failed: no append is accepted after that. */
  readonly failure: Error | null;

  /** What to tell who wants to append, where no failed disk is the reason. */
  readonly refusal?: Error;

  /** What commits are refused with while those appended before find no room on the disk; they wait, and are not lost. */
  readonly noRoom?: Error | null;

  /**
   * Writes and syncs what was appended. Blocks while the disk has lately been fast; on a slow one returns at
   * once and syncs in the background. Either way the `onDurable` callback of the log runs when `durableLsn`
   * has risen, or when `failure` was set.
   */
  flush(): void;

  /** The same for what nobody waits for: it never blocks, so that who comes next does not wait for the disk. */
  flushLater(): void;

  /** Flushes, waits until durable, marks the end as clean and closes the files. */
  close(): Promise<void>;
}
