/**
 * What a run works out once and keeps: the result of a subquery that reads nothing of the queries around it. It is
 * asked for in the middle of an expression, where there is no pausing. So when it takes long before a row of the result
 * has been given, the query is broken off there (`Suspension`), the result is worked out with pauses, and the query
 * begins again: then the result is known.
 */

import { type Cursor, DONE, PAUSE } from "./operator.ts";
import type { Run } from "./run.ts";

/** Thrown out of an expression to whoever drives the run. */
export class Suspension {
  constructor(readonly pending: Pending) {}
}

export class Pending {
  private cursor: Cursor | null = null;
  private isDone = false;
  /** It was broken off in the middle of a row, and cannot be gone on with. */
  isBroken = false;
  /** Of rows that it made the run keep. */
  keptBytes = 0;

  constructor(
    private readonly run: Run,
    private readonly open: () => Cursor,
    /** Takes the row at hand; false: no more are wanted. */
    private readonly each: () => boolean,
  ) {}

  /** Goes on until the fuel is used up: false, or all is there: true. */
  advance(): boolean {
    if (this.isDone) return true;
    const { mark } = this.run;
    try {
      if (this.cursor === null) {
        this.cursor = this.open();
        this.cursor.open();
      }
      for (;;) {
        const step = this.cursor.next();
        if (step === PAUSE) return false;
        if (step === DONE || !this.each()) {
          this.isDone = true;
          return true;
        }
      }
    } catch (error) {
      this.isBroken = true;
      throw error;
    } finally {
      this.keptBytes += Math.max(0, this.run.mark - mark);
    }
  }

  /** Works it out now. Throws a Suspension where the run may be broken off for it. */
  finish(): void {
    let paused = false;
    while (!this.advance()) {
      if (this.run.maySuspend) throw new Suspension(this);
      paused = true;
      this.run.tick();
    }
    if (paused) this.run.fuel = 0;
  }
}
