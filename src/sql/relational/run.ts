/** One run of a relational plan: the execution, what its subqueries remember, and what it may still use up. */

import { stopwatchMs } from "../../clock.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_SETTLE_MS } from "../../limits.ts";
import type { Execution } from "../execution.ts";
import type { Value } from "../values/value.ts";
import { type Cursor, DONE, type Operator, PAUSE } from "./operator.ts";
import { Pending } from "./pending.ts";
import { SharedRows } from "./shared-rows.ts";

/** Rows that are looked at between two pauses. */
const SLICE_ROWS = 8192;

/** What a kept row costs besides its values, and each value: estimates of JavaScriptCore's objects. */
const ROW_BYTES = 48;
const VALUE_BYTES = 16;

const RESERVED_AT_ONCE = 64 * 1024;

export class Run {
  fuel = SLICE_ROWS;
  /** Results and cursors of subqueries and of WITH, by the number that the planner gave them. */
  readonly memo: unknown[] = [];
  /** Whether a subquery that takes long may break the query off (see pending.ts). */
  maySuspend = false;
  /** When a run that cannot pause is to give up; Infinity: never. By `stopwatchMs`. */
  deadlineMs = Number.POSITIVE_INFINITY;
  private keptBytes = 0;
  /** What the session's memory has given for it, ahead and in pieces: rows are many. */
  private reservedBytes = 0;

  constructor(
    readonly execution: Execution,
    slotCount: number,
    /** Bytes of rows that the run may keep at one time, all operators together. */
    private readonly maxBytes: number,
  ) {
    execution.slots = new Array<Value>(slotCount).fill(null);
    execution.run = this;
  }

  /** Takes one unit of fuel; true: there was none, and the slice is to end before the next piece of work. */
  isSpent(): boolean {
    return --this.fuel < 0;
  }

  /** As `isSpent`, for what is also driven by a slice of its own. */
  isTimeUp(): boolean {
    return this.isSpent();
  }

  /** Where there is no pausing: looks at the time instead. Throws 57014, 40001. */
  tick(): void {
    this.execution.session.checkTimeout();
    if (stopwatchMs() >= this.deadlineMs) throw changedMeanwhile();
    this.refuel();
  }

  refuel(): void {
    this.fuel = SLICE_ROWS;
  }

  /** Notes that a row is kept. Throws 53200 beyond the bound. */
  keep(row: readonly Value[]): void {
    this.keepBytes(rowBytes(row));
  }

  /** The same for what is no row. */
  keepBytes(bytes: number): void {
    this.keptBytes += bytes;
    if (this.keptBytes > this.maxBytes) throw outOfMemory(this.maxBytes);
    if (this.keptBytes > this.reservedBytes) this.reserve();
  }

  /** The run is over, and what it kept is not used any more. */
  close(): void {
    this.execution.session.memory.giveBack(this.reservedBytes);
    this.reservedBytes = 0;
  }

  private reserve(): void {
    const { memory } = this.execution.session;
    const needed = this.keptBytes - this.reservedBytes;
    const bytes = Math.max(needed, Math.min(RESERVED_AT_ONCE, memory.leftBytes));
    memory.take(bytes);
    this.reservedBytes += bytes;
  }

  /** Bytes kept now: given back to `release` when what was kept since is dropped. */
  get mark(): number {
    return this.keptBytes;
  }

  release(mark: number): void {
    this.keptBytes = mark;
  }

  /** Runs a cursor to its end inside an expression, where there is no pausing: the outer query pauses after it. */
  drain(cursor: Cursor, each: () => boolean): void {
    let paused = false;
    for (;;) {
      const step = cursor.next();
      if (step === DONE) break;
      if (step === PAUSE) {
        paused = true;
        this.tick();
      } else if (!each()) break;
    }
    if (paused) this.fuel = 0;
  }

  /** Forgets all but what was worked out once and for all: the query begins again. */
  restart(): void {
    this.keptBytes = 0;
    for (const [index, known] of this.memo.entries()) {
      const isKept = known instanceof Pending || known instanceof SharedRows;
      if (isKept && !known.isBroken) this.keptBytes += known.keptBytes;
      else this.memo[index] = undefined;
    }
    this.refuel();
  }

  /** The cursor that this run keeps for `operator` under `index`. */
  cursorOf(index: number, operator: Operator): Cursor {
    const known = this.memo[index] as Cursor | undefined;
    if (known !== undefined) return known;
    const cursor = operator.cursor(this);
    this.memo[index] = cursor;
    return cursor;
  }
}

function changedMeanwhile(): DeltatError {
  return new DeltatError(
    SqlState.serializationFailure,
    "could not serialize access: what the query reads is about to change",
    {
      detail: `A change waits at most ${MAX_SETTLE_MS} ms for all queries that read what it changes.`,
      hint: "Ask for less at a time, or run it again when less is changed.",
    },
  );
}

export function rowBytes(row: readonly Value[]): number {
  let bytes = ROW_BYTES + row.length * VALUE_BYTES;
  for (let i = 0; i < row.length; i++) {
    const value = row[i];
    if (typeof value === "string") bytes += value.length;
  }
  return bytes;
}

/** Throws 53200 for rows that take more than `maxBytes`. */
export function checkRowMemory(rows: readonly (readonly Value[])[], maxBytes: number): void {
  let bytes = 0;
  for (const row of rows) bytes += rowBytes(row);
  if (bytes > maxBytes) throw outOfMemory(maxBytes);
}

function outOfMemory(maxBytes: number): DeltatError {
  return new DeltatError(SqlState.outOfMemory, "out of memory", {
    detail: `The statement would keep more than ${maxBytes} bytes of rows at a time.`,
    hint: "Ask for fewer rows, or raise work_mem or DELTAT_WORK_MEM_MB.",
  });
}
