/**
 * Time, as the machine and one life of its process have it: a monotonic clock that moves when the simulation says so, a
 * wall clock that may be set, and the timers and turns of one event loop. A life that has ended runs nothing any more.
 */

import { drainMicrotasks } from "bun:jsc";
import { SystemClock, type Timers } from "../../src/clock.ts";
import type { Scheduler } from "../../src/tenants/tenant.ts";

const START_MS = 1_700_000_000_000;

/** The clocks of the machine, which go on while no process runs. */
export class MachineClock {
  /** Milliseconds since the simulation began. */
  monotonicMs = 0;
  private offsetMs = START_MS;

  get wallMs(): number {
    return this.monotonicMs + this.offsetMs;
  }

  /** The system's clock is set, forwards or back. */
  jump(ms: number): void {
    this.offsetMs += ms;
  }
}

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** The event loop of one process. */
export class EventLoop implements Scheduler, Timers {
  isOver = false;
  private readonly clock: SystemClock;
  private turn: (() => void)[] = [];
  /** Sorted by time, the last first. */
  private timers: Timer[] = [];
  private order = 0;

  /** @param afterEach runs after each callback, when all its promises are settled */
  constructor(
    readonly machine: MachineClock,
    private readonly afterEach: () => void,
  ) {
    this.clock = new SystemClock(() => machine.wallMs);
  }

  now(): number {
    return this.clock.now();
  }

  stopwatchMs(): number {
    return this.machine.monotonicMs;
  }

  soon(callback: () => void): void {
    this.turn.push(callback);
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.machine.monotonicMs + delayMs, order: this.order++, callback };
    const { timers } = this;
    let at = timers.length;
    while (at > 0 && (timers[at - 1] as Timer).atMs <= timer.atMs) at--;
    timers.splice(at, 0, timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  /** Whether a timer is due that has not run: something before it took longer than time was given to pass. */
  get isLate(): boolean {
    return (this.timers.at(-1)?.atMs ?? Number.POSITIVE_INFINITY) <= this.machine.monotonicMs;
  }

  /** Ends the turn: what was put off to its end runs. */
  endTurn(): void {
    for (const callback of this.turn.splice(0)) this.run(callback);
  }

  /** Whether something was put off to the end of this turn. */
  get hasWork(): boolean {
    return this.turn.length > 0;
  }

  /** Time passes; timers run when they are due, each in a turn of its own. */
  pass(ms: number): void {
    const endMs = this.machine.monotonicMs + ms;
    for (;;) {
      const next = this.timers.at(-1);
      if (this.isOver || next === undefined || next.atMs > endMs) break;
      this.timers.pop();
      this.machine.monotonicMs = Math.max(this.machine.monotonicMs, next.atMs);
      this.run(next.callback);
      this.endTurn();
    }
    this.machine.monotonicMs = Math.max(this.machine.monotonicMs, endMs);
  }

  /** Runs something from outside as an event of this loop. */
  run(callback: () => void): void {
    if (this.isOver) return;
    callback();
    drainMicrotasks();
    this.afterEach();
  }
}
