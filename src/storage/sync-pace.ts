/**
 * How long syncs have lately taken, and so which way to wait for them. A blocking sync of a fast disk costs
 * less than the turn of the event loop that an asynchronous one needs; on a slow or stalling disk it would
 * stop every reader for as long as the disk takes.
 */

/** Weight of the newest sync: some ten syncs make the average, so that one stall counts but soon fades. */
const NEWEST_WEIGHT = 1 / 8;

export class SyncPace {
  private averageMs = 0;

  /** `blockingLimitMs`: blocking while the average is at most this; negative means never, Infinity always. */
  constructor(private readonly blockingLimitMs: number) {}

  record(durationMs: number): void {
    this.averageMs += (durationMs - this.averageMs) * NEWEST_WEIGHT;
  }

  blocking(): boolean {
    return this.averageMs <= this.blockingLimitMs;
  }
}
