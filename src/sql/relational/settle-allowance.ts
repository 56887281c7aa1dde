/**
 * How long changes may wait for the paused queries that read what they change (see query-stream.ts). One that waits
 * holds up everybody, so there is an allowance for all together: MAX_SETTLE_MS at once, and SETTLE_SHARE of the time
 * in the long run. A report beside writes is finished; whoever starts one after the other loses them to 40001 instead
 * of stopping the others.
 */

import { stopwatchMs } from "../../clock.ts";
import { MAX_SETTLE_MS, SETTLE_SHARE } from "../../limits.ts";

export class SettleAllowance {
  private leftMs = MAX_SETTLE_MS;
  private filledAtMs: number;

  constructor(private readonly nowMs: () => number) {
    this.filledAtMs = nowMs();
  }

  /** Runs `settle`, which is told when to be done at the latest; it may use `share` of what is left. */
  use(share: number, settle: (deadlineMs: number) => void): void {
    const startMs = this.nowMs();
    this.leftMs = Math.min(MAX_SETTLE_MS, this.leftMs + (startMs - this.filledAtMs) * SETTLE_SHARE);
    try {
      settle(startMs + this.leftMs * share);
    } finally {
      this.filledAtMs = this.nowMs();
      this.leftMs = Math.max(0, this.leftMs - (this.filledAtMs - startMs));
    }
  }
}

/** All databases are served by one thread. */
export const settleAllowance = new SettleAllowance(stopwatchMs);
