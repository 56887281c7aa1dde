/**
 * The local commit log of one tenant: frames gathered in memory, written with one pwrite and made durable
 * with one sync for the whole group, into segments that were laid out before.
 *
 * A commit's body is encoded straight into the group's buffer; nothing is copied on its way to the disk. While
 * the disk is fast, `flush` blocks for the sync and makes no promise; on a slow one, a single sync is in
 * flight and further appends gather behind it.
 */

import { ByteWriter } from "../bytes.ts";
import { assert, DeltatError, SqlState } from "../errors.ts";
import { MAX_FRAME_BYTES } from "../limits.ts";
import type { CommitLog, CommitRecord } from "./commit-log.ts";
import { type FileSystem, localFiles } from "./files.ts";
import { FolderWatch } from "./folder-watch.ts";
import { FRAME_HEADER_BYTES, FrameKind, openFrame, padFrame, sealFrame } from "./frame.ts";
import { FullDisk } from "./full-disk.ts";
import { type RecoveredLog, recoverLog, type TailCut } from "./recovery.ts";
import { END_MARK_BYTES, removeSegments, SEGMENT_HEADER_BYTES, type Segment } from "./segment.ts";
import { SegmentSupply } from "./segment-supply.ts";
import { fileError, isNoRoom, withPath } from "./storage-errors.ts";
import { SyncPace } from "./sync-pace.ts";

const DEFAULT_SEGMENT_BYTES = 16 * 1024 * 1024;
const DEFAULT_BLOCKING_SYNC_LIMIT_MS = 2;

export interface SegmentLogOptions {
  /** The tenant's folder; created if missing. It may hold other files, if their names do not end in `.log`. */
  readonly folder: string;
  /** Runs after `durableLsn` has risen or `failure` was set; in blocking mode inside `flush`. */
  readonly onDurable: () => void;
  /** Told of a torn tail that opening the log has cut off. */
  readonly warn: (cut: TailCut) => void;
  /** lsn of the snapshot that the caller has loaded; replay begins after it. Default 0: no snapshot. */
  readonly afterLsn?: number;
  readonly files?: FileSystem;
  /** Size of a segment; a larger frame gets a larger one of its own. Default 16 MiB. */
  readonly segmentBytes?: number;
  /** `flush` blocks while the average of recent syncs is at most this. Default 2 ms; negative: never. */
  readonly blockingSyncLimitMs?: number;
  /** Monotonic clock that times the syncs, in milliseconds. */
  readonly nowMs?: () => number;
  /** A random u32 for each new segment. */
  readonly salt?: () => number;
  /** Told, for the operator, when the disk is full, when there is room again, and when the log has failed. */
  readonly report?: (message: string) => void;
  /** Runs `callback` after `delayMs`; returns what cancels it. */
  readonly after?: (delayMs: number, callback: () => void) => () => void;
}

/** Bytes that one write brings to one segment. */
interface Batch {
  readonly segment: Segment;
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** Offset in the segment after the bytes. */
  readonly endOffset: number;
  readonly lastLsn: number;
  /** The segment is full: it is closed once this batch is durable. */
  readonly closesSegment: boolean;
}

/**
 * Opens the log in `options.folder`, creating it if there is none, and replays its commits into `visit` in lsn
 * order. Throws DeltatError: XX001 damage before the tail (file and offset named, nothing changed), 0A000 a
 * format of another version, 53100 no room for the first segment, 58030 what else the file system refuses.
 */
export function openSegmentLog(
  options: SegmentLogOptions,
  visit: (record: CommitRecord) => void,
): SegmentLog {
  const { folder, warn, files = localFiles, afterLsn = 0 } = options;
  withPath("create", folder, () => files.makeFolder(folder));
  const recovered = recoverLog(files, folder, afterLsn, visit, warn);
  const segmentBytes = options.segmentBytes ?? DEFAULT_SEGMENT_BYTES;
  const nowMs = options.nowMs ?? (() => performance.now());
  const { after = afterTimeout, report = () => {} } = options;
  const disk = new FullDisk({ nowMs, after, report });
  const salt = options.salt ?? randomSalt;
  const supply = new SegmentSupply(files, folder, segmentBytes, salt, disk, nowMs);
  return new SegmentLog(options, files, supply, disk, recovered ?? emptyLog(supply));
}

function afterTimeout(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}

function randomSalt(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] as number;
}

function emptyLog(supply: SegmentSupply): RecoveredLog {
  return {
    current: supply.take(null, 0),
    offset: SEGMENT_HEADER_BYTES,
    lastLsn: 0,
    lastAt: 0,
    endsClean: true,
  };
}

export class SegmentLog implements CommitLog {
  appendedLsn: number;
  durableLsn: number;
  failure: Error | null = null;
  /** Bytes of frames appended since the log was opened. */
  appendedBytes = 0;

  private readonly pace: SyncPace;
  private readonly nowMs: () => number;
  private readonly onDurable: () => void;
  private readonly report: (message: string) => void;
  private readonly folderWatch: FolderWatch;
  private readonly folder: string;

  private current: Segment;
  /** Where the next frame goes in the current segment. */
  private offset: number;
  /** Where the first frame that is still in memory only goes. */
  private writtenEnd: number;
  /** Everything in the current segment before this is durable. */
  private durableEnd: number;

  /** Frames of the current segment that wait for a flush, then the body of the commit that is open, if one is. */
  private writer = new ByteWriter(64 * 1024);
  private pendingBytes = 0;
  private commitIsOpen = false;
  /** Batches of segments that were full before all their frames were written; oldest first. */
  private readonly fullSegments: Batch[] = [];

  private lastAt: number;
  private endsClean: boolean;
  private syncInFlight: Promise<void> | null = null;
  private flushAgain = false;
  /** Somebody waits for what the next flush brings to the disk. */
  private isAwaited = false;
  private isClosing = false;
  private closing: Promise<void> | null = null;

  /** Use `openSegmentLog`. */
  constructor(
    options: SegmentLogOptions,
    private readonly files: FileSystem,
    private readonly supply: SegmentSupply,
    private readonly disk: FullDisk,
    recovered: RecoveredLog,
  ) {
    this.pace = new SyncPace(options.blockingSyncLimitMs ?? DEFAULT_BLOCKING_SYNC_LIMIT_MS);
    this.nowMs = options.nowMs ?? (() => performance.now());
    this.onDurable = options.onDurable;
    this.report = options.report ?? (() => {});
    this.folderWatch = new FolderWatch(files, this.nowMs);
    this.folder = options.folder;
    this.current = recovered.current;
    this.offset = recovered.offset;
    this.writtenEnd = recovered.offset;
    this.durableEnd = recovered.offset;
    this.appendedLsn = recovered.lastLsn;
    this.durableLsn = recovered.lastLsn;
    this.lastAt = recovered.lastAt;
    this.endsClean = recovered.endsClean;
  }

  get part(): number {
    return this.current.number;
  }

  get noRoom(): Error | null {
    return this.disk.framesRefusal;
  }

  begin(): ByteWriter {
    assert(this.closing === null, "no commit begins after close");
    this.writer.length = this.pendingBytes;
    openFrame(this.writer);
    this.commitIsOpen = true;
    return this.writer;
  }

  append(at: number): number {
    assert(this.commitIsOpen, "append follows begin, with no flush between");
    this.commitIsOpen = false;
    if (this.failure !== null) throw this.failure;
    if (this.disk.framesRefusal !== null) throw this.disk.framesRefusal;
    assert(at >= this.lastAt, "instants of commits never go back");
    const bodyBytes = this.writer.length - this.pendingBytes - FRAME_HEADER_BYTES;
    if (bodyBytes > MAX_FRAME_BYTES) {
      throw new DeltatError(SqlState.programLimitExceeded, "limit exceeded: bytes of one commit", {
        detail: `The commit takes ${bodyBytes} bytes in the log; the bound is ${MAX_FRAME_BYTES}.`,
      });
    }
    this.placeFrame(FrameKind.commit, this.appendedLsn + 1, at);
    this.appendedLsn++;
    this.appendedBytes += bodyBytes + FRAME_HEADER_BYTES;
    this.lastAt = at;
    this.endsClean = false;
    if (this.offset > this.current.sizeBytes / 2) this.supply.prepare(this.current);
    return this.appendedLsn;
  }

  /** Completes the frame at the end of the writer, moving to the next segment if this one has no room for it. */
  private placeFrame(kind: number, lsn: number, at: number): void {
    const length = padFrame(this.writer, this.pendingBytes);
    const frameBytes = this.writer.length - this.pendingBytes;
    const reserved = kind === FrameKind.cleanEnd ? 0 : END_MARK_BYTES;
    if (this.offset + frameBytes + reserved > this.current.sizeBytes) this.beginNextSegment(frameBytes);
    const seed = this.current.salt + this.offset;
    sealFrame(this.writer, this.pendingBytes, length, this.durableEnd, kind, lsn, at, seed);
    this.pendingBytes = this.writer.length;
    this.offset += frameBytes;
  }

  /** Takes the unfinished frame of `frameBytes` along; throws before anything has changed. */
  private beginNextSegment(frameBytes: number): void {
    const next = this.supply.take(this.current, frameBytes);
    const frame = this.writer.bytes.subarray(this.pendingBytes, this.pendingBytes + frameBytes);
    this.fullSegments.push(this.pendingBatch(true));
    // The batch keeps the old buffer.
    this.writer = new ByteWriter(Math.max(64 * 1024, frameBytes));
    this.writer.raw(frame);
    this.pendingBytes = 0;
    this.current = next;
    this.offset = SEGMENT_HEADER_BYTES;
    this.writtenEnd = SEGMENT_HEADER_BYTES;
    this.durableEnd = SEGMENT_HEADER_BYTES;
  }

  private pendingBatch(closesSegment: boolean): Batch {
    return {
      segment: this.current,
      offset: this.writtenEnd,
      bytes: this.writer.bytes.subarray(0, this.pendingBytes),
      endOffset: this.offset,
      lastLsn: this.appendedLsn,
      closesSegment,
    };
  }

  /** Lays out the segment after the current one, if need be, so that `rotate` does not have to. */
  async prepareRotation(): Promise<void> {
    this.supply.prepare(this.current);
    await this.supply.settled();
  }

  /**
   * Closes the current segment behind what it holds and goes on in the next; returns its number. It is durable as a
   * whole once the commits appended so far are. Throws 53100 or 58030 where the next segment cannot be made, with
   * everything as it was.
   */
  rotate(): number {
    this.commitIsOpen = false;
    if (this.failure !== null) throw this.failure;
    const closed = this.current.number;
    if (this.offset === SEGMENT_HEADER_BYTES) return closed - 1;
    this.beginNextSegment(0);
    this.flush();
    return closed;
  }

  /**
   * Removes the segments up to `number`, which a snapshot has made needless, oldest first: no gap is ever left. The
   * newest of them stay as long as they take no more than `keptBytes` together.
   */
  removeThrough(number: number, keptBytes: number, unwanted: AbortSignal): Promise<void> {
    return removeSegments(this.files, this.folder, number, keptBytes, unwanted);
  }

  flush(): void {
    this.isAwaited = true;
    this.flushLater();
  }

  flushLater(): void {
    this.commitIsOpen = false;
    if (this.failure !== null || this.disk.isWaiting) return;
    if (this.syncInFlight !== null) {
      this.flushAgain = true;
      return;
    }
    const { isAwaited } = this;
    this.isAwaited = false;
    if (isAwaited && this.pace.blocking()) this.flushBlocking();
    else this.flushInBackground(isAwaited);
  }

  private flushBlocking(): void {
    const durableBefore = this.durableLsn;
    for (let batch = this.writeBatch(); batch !== null; batch = this.writeBatch()) {
      const startedMs = this.nowMs();
      try {
        this.files.sync(batch.segment.fd);
      } catch (cause) {
        this.fail("sync", batch.segment.path, cause);
        return;
      }
      this.pace.record(this.nowMs() - startedMs);
      this.settle(batch);
    }
    if (this.durableLsn > durableBefore) this.onDurable();
  }

  private flushInBackground(isAwaited: boolean): void {
    const batch = this.writeBatch();
    if (batch !== null) this.syncInFlight = this.syncInBackground(batch, isAwaited);
  }

  private async syncInBackground(batch: Batch, isAwaited: boolean): Promise<void> {
    const durableBefore = this.durableLsn;
    const startedMs = this.nowMs();
    try {
      await this.files.syncLater(batch.segment.fd);
    } catch (cause) {
      this.syncInFlight = null;
      this.fail("sync", batch.segment.path, cause);
      return;
    }
    this.syncInFlight = null;
    // It has waited for a busy event loop as well as for the disk: that is no reason to do without blocking syncs.
    if (isAwaited) this.pace.record(this.nowMs() - startedMs);
    this.settle(batch);
    const more = this.flushAgain || batch.closesSegment;
    this.flushAgain = false;
    if (this.durableLsn > durableBefore) this.onDurable();
    if (more) this.flushLater();
  }

  /** Writes the oldest frames that are in memory only, one segment's worth; null if there are none. */
  private writeBatch(): Batch | null {
    if (this.failure !== null) return null;
    const full = this.fullSegments[0];
    if (full === undefined && this.pendingBytes === 0) return null;
    const batch = full ?? this.pendingBatch(false);
    const { path } = batch.segment;
    try {
      this.folderWatch.check(batch.segment);
      if (batch.bytes.length > 0) this.files.write(batch.segment.fd, batch.bytes, batch.offset);
    } catch (cause) {
      if (isNoRoom(cause) && !this.isClosing)
        this.disk.framesRefused(fileError("write", path, cause), () => this.flush());
      else this.fail("write", path, cause);
      return null;
    }
    this.disk.framesWritten();
    if (full === undefined) {
      this.writer.clear();
      this.pendingBytes = 0;
      this.writtenEnd = this.offset;
    }
    return batch;
  }

  private settle(batch: Batch): void {
    this.durableLsn = batch.lastLsn;
    if (batch.closesSegment) {
      this.fullSegments.shift();
      this.files.close(batch.segment.fd);
    } else if (batch.segment === this.current) {
      this.durableEnd = batch.endOffset;
    }
  }

  /** After a failed write or sync nobody knows what is on the disk: nothing is tried again. */
  private fail(action: string, path: string, cause: unknown): void {
    const { message, fields } = fileError(action, path, cause);
    this.failure = new DeltatError(SqlState.ioError, `the log has failed: ${message}`, fields);
    this.failure.cause = cause;
    this.report(`${this.failure.message}; changes are refused until the server is started again`);
    this.onDurable();
  }

  close(): Promise<void> {
    this.closing ??= this.finish();
    return this.closing;
  }

  private async finish(): Promise<void> {
    this.isClosing = true;
    this.disk.close();
    this.flush();
    while (this.syncInFlight !== null) await this.syncInFlight;
    if (this.failure === null && !this.endsClean) this.markCleanEnd();
    await this.supply.close();
    for (const { segment } of this.fullSegments) this.files.close(segment.fd);
    this.files.close(this.current.fd);
    if (this.failure !== null) throw this.failure;
  }

  /** Its `durable end` proves that every frame before it was durable, the last one included. */
  private markCleanEnd(): void {
    this.writer.length = 0;
    openFrame(this.writer);
    this.placeFrame(FrameKind.cleanEnd, this.appendedLsn, this.lastAt);
    this.flushBlocking();
    this.endsClean = true;
  }
}
