/**
 * Notices a client that does not read: bytes have been offered to its socket, and for a while none was taken. There is
 * one timer, and only while a client is slow; whether it got on meanwhile is looked at when it fires.
 */

import type { Timers } from "../clock.ts";
import { READ_TIMEOUT_SECONDS } from "../limits.ts";

/** What is watched. */
interface WatchedOutput {
  /** The socket took less than it was offered. */
  readonly isBlocked: boolean;
  /** All that it has ever taken. */
  readonly takenBytes: number;
}

export class StallWatch {
  private cancel: (() => void) | null = null;

  constructor(
    private readonly timers: Timers,
    private readonly output: WatchedOutput,
    private readonly stalled: () => void,
  ) {}

  /** The output is blocked. */
  watch(): void {
    if (this.cancel !== null) return;
    const { output } = this;
    const before = output.takenBytes;
    this.cancel = this.timers.after(READ_TIMEOUT_SECONDS * 1000, () => {
      this.cancel = null;
      if (!output.isBlocked) return;
      if (output.takenBytes > before) this.watch();
      else this.stalled();
    });
  }

  stop(): void {
    this.cancel?.();
    this.cancel = null;
  }
}
