/**
 * Results that are made in slices. A short result is written by its plan in one call; a long one becomes a
 * RowStream, from which the wire, a portal or FETCH takes rows: some milliseconds or some hundred kilobytes at a
 * time, then other clients have their turn. Consistency costs nothing until the first pause: up to there the
 * stream reads the live tables, and what it still needs of them is copied (`detach`) before anyone can change them.
 */

import { ByteWriter } from "../../bytes.ts";
import { stopwatchMs } from "../../clock.ts";
import { assert } from "../../errors.ts";
import type { Execution, Plan } from "../execution.ts";
import type { StatementMemory } from "../session/statement-memory.ts";

/** Results of up to so many candidate rows are made in one call: a millisecond or less. */
export const SHORT_RESULT_ROWS = 1000;

/** How long a slice may work: what another client's statement waits at most for one, roughly. */
const SLICE_MS = 4;

/** How much a slice may write; far below the high-water mark, so that a slow reader stops a stream in time. */
const SLICE_BYTES = 256 * 1024;

/** The time is asked for once in so many steps, a power of two. */
const STEPS_PER_LOOK = 64;

/** The bounds of one slice, and how much of them is used. */
export class Slice {
  rows = 0;
  private maxRows = 0;
  private maxLength = 0;
  private deadlineMs = 0;
  private steps = 0;

  /** @param out where rows go: what it holds already does not count */
  begin(out: ByteWriter, maxRows: number): void {
    this.rows = 0;
    this.maxRows = maxRows;
    this.maxLength = out.length + SLICE_BYTES;
    this.deadlineMs = stopwatchMs() + SLICE_MS;
    this.steps = 0;
  }

  /** Whether the time is up: for work that writes nothing yet. To be asked once for each small step. */
  isTimeUp(): boolean {
    return (++this.steps & (STEPS_PER_LOOK - 1)) === 0 && stopwatchMs() >= this.deadlineMs;
  }

  /** Whether the time is up: after work that took long by itself. */
  isPastDeadline(): boolean {
    return stopwatchMs() >= this.deadlineMs;
  }

  /** Whether no further row is to be looked for. To be asked before each. */
  isOver(out: ByteWriter): boolean {
    return this.rows >= this.maxRows || out.length >= this.maxLength || this.isTimeUp();
  }

  /** Runs `work` with room for no more than `rows` further rows. */
  within(rows: number, work: () => boolean): boolean {
    const { maxRows } = this;
    this.maxRows = Math.min(maxRows, this.rows + rows);
    try {
      return work();
    } finally {
      this.maxRows = maxRows;
    }
  }
}

/**
 * Rows as DataRow messages, taken bit by bit; of COPY TO, the messages of COPY.
 */
export interface RowStream {
  /** Where it waits for something else than its turn: `next` need not be called before this resolves. It never rejects. */
  readonly waitsFor?: Promise<void>;
  /** Where rows go from now on, and in which formats: none (all text), one for all, or one per column. */
  sendTo(out: ByteWriter, formats: readonly number[]): void;
  /** Writes rows, and counts them in `slice.rows`, until the slice is over: false, or no row is left: true. */
  next(slice: Slice): boolean;
  /** From now on the tables may change: copies what is still needed of them, the first time. Throws 53200. */
  detach(): void;
  /** The command tag of a statement that took `rows` rows from here, ending with the last one or not. */
  tag(rows: number): string;
  /** Gives back the memory that it holds; it is not used afterwards. */
  close(): void;
}

/** A COPY FROM that has begun and waits for its data. Whoever feeds it stops at its first error. */
export interface CopyIn {
  readonly isBinary: boolean;
  readonly columnCount: number;
  /** Takes some of the data, split anywhere. `bytes` is not used after the call. */
  receive(bytes: Uint8Array): void;
  /** All has come: places the rows and returns the command tag. */
  finish(): string;
}

/** What a plan's run gives: the command tag, all being written; rows to be taken in slices; or a wait for data. */
export type RunResult = string | RowStream | CopyIn;

export function isCopyIn(result: RowStream | CopyIn): result is CopyIn {
  return "receive" in result;
}

const slice = new Slice();

/** One statement, Execute or FETCH taking rows from a stream: as many as it asked for, over several slices. */
export class StreamRun {
  /** Taken so far. */
  rows = 0;

  constructor(
    readonly stream: RowStream,
    private readonly maxRows: number = Number.POSITIVE_INFINITY,
  ) {}

  /**
   * Takes one slice: `end` when there are no more rows, `limit` when those asked for are there (that no more
   * follow is then not known, as in PostgreSQL), else `more`. When it throws, `out` is as it was before.
   */
  advance(out: ByteWriter): "more" | "limit" | "end" {
    const mark = out.length;
    try {
      slice.begin(out, this.maxRows - this.rows);
      const isEnd = this.stream.next(slice);
      this.rows += slice.rows;
      if (isEnd) return "end";
      this.stream.detach();
      return this.rows >= this.maxRows ? "limit" : "more";
    } catch (error) {
      out.length = mark;
      throw error;
    }
  }

  get tag(): string {
    return this.stream.tag(this.rows);
  }
}

/** The rows of a run as a stream, whatever the plan offers. */
export function streamOf(plan: Plan, execution: Execution): RowStream {
  if (plan.open !== undefined) return plan.open(execution);
  const { out } = execution;
  const written = new ByteWriter();
  execution.out = written;
  const result = plan.run(execution);
  if (typeof result !== "string") {
    assert(!isCopyIn(result), "only what gives rows is opened");
    result.sendTo(out, execution.formats);
    return result;
  }
  const { memory } = execution.session;
  memory.take(written.length);
  return new WrittenRows(written.written(), result, out, memory);
}

/** All rows of a stream in one go, for what reads beside changes and locks; returns the command tag. */
export function takeAll(stream: RowStream, { out, session }: Execution): string {
  const run = new StreamRun(stream);
  try {
    while (run.advance(out) === "more") session.checkTimeout();
    return run.tag;
  } finally {
    stream.close();
  }
}

/** Rows that are there already, such as those of RETURNING: a change must not be done in slices. */
export class WrittenRows implements RowStream {
  private at = 0;
  private readonly view: DataView;

  /** @param written DataRow messages, not changed afterwards */
  constructor(
    private readonly written: Uint8Array<ArrayBuffer>,
    private readonly runTag: string,
    private out: ByteWriter,
    /** Where the rows are accounted for; null: nowhere. */
    private readonly memory: StatementMemory | null = null,
  ) {
    this.view = new DataView(written.buffer, written.byteOffset, written.length);
  }

  /** The formats are those that the rows were written in. */
  sendTo(out: ByteWriter): void {
    this.out = out;
  }

  next(current: Slice): boolean {
    const { out, written } = this;
    while (!current.isOver(out)) {
      if (this.at === written.length) return true;
      const end = this.at + 1 + this.view.getInt32(this.at + 1);
      out.raw(written.subarray(this.at, end));
      this.at = end;
      current.rows++;
    }
    return false;
  }

  detach(): void {}

  /** The tag of a SELECT counts the rows taken; that of a change counts its changes. */
  tag(rows: number): string {
    return this.runTag.startsWith("SELECT ") ? `SELECT ${rows}` : this.runTag;
  }

  close(): void {
    this.memory?.giveBack(this.written.length);
  }
}
