/**
 * Time comes in here and nowhere else. `now` never goes backwards within a process, whatever the system clock
 * does, so that a hold once expired never comes back.
 */

export interface Timers {
  /** Calls `callback` once, `delayMs` from now; the function returned prevents that. */
  after(delayMs: number, callback: () => void): () => void;
  /** Calls `callback` once, when this turn of the event loop has processed what it has read. */
  soon(callback: () => void): void;
}

let stopwatch = (): number => performance.now();

/** Milliseconds since some fixed moment, with fractions: for measuring how long something takes. */
export function stopwatchMs(): number {
  return stopwatch();
}

/** For who decides what time it is: on a busy machine a simulated statement must not pause for having taken long. */
export function replaceStopwatch(nowMs: () => number): void {
  stopwatch = nowMs;
}

/** The system's time, timers and turns of the event loop. */
export class SystemClock implements Timers {
  private last = 0;

  /** @param wallClock Unix milliseconds; may jump either way */
  constructor(private readonly wallClock: () => number = Date.now) {}

  /** Unix milliseconds, an integer, never less than before. */
  now(): number {
    const wall = Math.floor(this.wallClock());
    if (wall > this.last) this.last = wall;
    return this.last;
  }

  soon(callback: () => void): void {
    setImmediate(callback);
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  }
}
