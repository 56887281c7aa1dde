/**
 * Statements with long results take turns, whoever they belong to: in each turn of the event loop only as many slices
 * run as fit into TURN_SLICES_MS, and then what has come from everybody is answered first. So however many long
 * statements there are, a short one waits for a slice or two, not for one of each.
 */

import { stopwatchMs, type Timers } from "../clock.ts";
import { TURN_SLICES_MS } from "../limits.ts";

export class SliceQueue {
  private waiting: (() => void)[] = [];
  private first = 0;
  private isScheduled = false;

  constructor(
    private readonly timers: Timers,
    private readonly nowMs: () => number = stopwatchMs,
  ) {}

  /** Runs `slice` once, in its turn. */
  add(slice: () => void): void {
    this.waiting.push(slice);
    this.schedule();
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.timers.soon(this.run);
  }

  private readonly run = (): void => {
    this.isScheduled = false;
    const endMs = this.nowMs() + TURN_SLICES_MS;
    // What is added meanwhile has its turn in the next one.
    const end = this.waiting.length;
    do (this.waiting[this.first++] as () => void)();
    while (this.first < end && this.nowMs() < endMs);
    if (this.first >= this.waiting.length) {
      this.waiting = [];
      this.first = 0;
    } else {
      if (this.first > this.waiting.length / 2) {
        this.waiting = this.waiting.slice(this.first);
        this.first = 0;
      }
      this.schedule();
    }
  };
}
