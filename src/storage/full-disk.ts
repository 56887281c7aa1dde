/**
 * A full disk, as a log lives with it: a change that needs room is refused, nothing is lost, and when there is room
 * again the log goes on by itself. Writing until the disk says no may take as long as writing does, so that is tried
 * only as often as it is cheap.
 *
 * A segment is laid out before its first use, so it is the next segment that finds no room. A file system that copies
 * on write may refuse frames as well: those stay in memory, neither promised nor lost, and are written again at the
 * same place, where half of them may be already. Meanwhile no commit joins them.
 */

import type { DeltatError } from "../errors.ts";
import { FULL_DISK_RETRY_MS, FULL_DISK_TRIES_SHARE } from "../limits.ts";

export interface FullDiskOptions {
  /** A monotonic clock. */
  readonly nowMs: () => number;
  /** Runs `callback` after `delayMs`; returns what cancels it. */
  readonly after: (delayMs: number, callback: () => void) => () => void;
  /** Told when the disk is found full, and when there is room again. */
  readonly report: (message: string) => void;
}

export class FullDisk {
  /** What the frames in memory were refused with; null if they were not. */
  framesRefusal: DeltatError | null = null;
  private segmentRefusal: DeltatError | null = null;
  private nextTryMs = Number.NEGATIVE_INFINITY;
  private cancelRetry: (() => void) | null = null;

  constructor(private readonly options: FullDiskOptions) {}

  /** Whether frames wait for their next try. */
  get isWaiting(): boolean {
    return this.cancelRetry !== null;
  }

  /** Throws what the last segment was refused with, if it is too early for another try. */
  refuseIfTooEarly(): void {
    if (this.segmentRefusal !== null && this.options.nowMs() < this.nextTryMs) throw this.segmentRefusal;
  }

  /** Making a segment, begun at `startedMs`, found no room. */
  segmentRefused(refusal: DeltatError, startedMs: number): void {
    const nowMs = this.options.nowMs();
    this.nextTryMs = nowMs + (nowMs - startedMs) / FULL_DISK_TRIES_SHARE;
    this.reportFull(refusal);
    this.segmentRefusal = refusal;
  }

  segmentMade(): void {
    if (this.segmentRefusal === null) return;
    this.segmentRefusal = null;
    this.nextTryMs = Number.NEGATIVE_INFINITY;
    this.reportRoom();
  }

  /** Writing frames found no room; `retry` runs when it is time to write them again. */
  framesRefused(refusal: DeltatError, retry: () => void): void {
    this.reportFull(refusal);
    this.framesRefusal = refusal;
    this.cancelRetry = this.options.after(FULL_DISK_RETRY_MS, () => {
      this.cancelRetry = null;
      retry();
    });
  }

  framesWritten(): void {
    if (this.framesRefusal === null) return;
    this.framesRefusal = null;
    this.reportRoom();
  }

  /** No try follows by itself any more. */
  close(): void {
    this.cancelRetry?.();
    this.cancelRetry = null;
  }

  private get isFull(): boolean {
    return this.segmentRefusal !== null || this.framesRefusal !== null;
  }

  private reportFull({ message }: DeltatError): void {
    if (!this.isFull) this.options.report(`${message}; changes are refused until there is room`);
  }

  private reportRoom(): void {
    if (!this.isFull) this.options.report("there is room on the disk again: changes are accepted");
  }
}
