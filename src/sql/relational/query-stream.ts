/**
 * The rows of a relational query, in slices. Between two of them the query goes on reading the live tables, since
 * what joins and subqueries will look up cannot be copied beforehand. So it asks the engine to be told before
 * anything changes; then it runs to its end there and then, into a buffer, and hands the rows out from that. Other
 * readers never wait for it, a cancel request ends it, and who changes something waits for at most MAX_SETTLE_MS:
 * what is not done by then fails, as if it had lost a race.
 */

import { ByteWriter } from "../../bytes.ts";
import type { PausedReader } from "../../engine/engine.ts";
import type { Execution } from "../execution.ts";
import type { Expression } from "../expressions/expression.ts";
import { type RowStream, type Slice, WrittenRows } from "../rows/row-stream.ts";
import { expandFormats, RowWriter } from "../rows/row-writer.ts";
import { sentType } from "../statements/targets.ts";
import { useSessionTime } from "../time/session-time.ts";
import type { PgType } from "../values/types.ts";
import { type Cursor, DONE, type Operator, PAUSE } from "./operator.ts";
import { type Pending, Suspension } from "./pending.ts";
import { Run } from "./run.ts";
import { settleAllowance } from "./settle-allowance.ts";
import { workMemory } from "./work-memory.ts";

/** What a stream needs of its plan. */
export interface StreamedQuery {
  readonly operator: Operator;
  readonly outputs: readonly Expression[];
  readonly slotCount: number;
  /** Whether no change alters what it reads while it pauses: nothing, or what happened. */
  readonly readsNoTable: boolean;
  /** Whether nothing that it calls is felt outside, so that it may begin again. */
  readonly maySuspend: boolean;
}

export class QueryStream implements RowStream, PausedReader {
  private readonly run: Run;
  private cursor: Cursor;
  private readonly types: readonly PgType[];
  private out: ByteWriter;
  private formats: readonly number[];
  private writer: RowWriter;
  /** What `settle` has written, or what went wrong then. */
  private settled: WrittenRows | null = null;
  private failure: { readonly error: unknown } | null = null;
  private heldBytes = 0;
  private isDone = false;
  /** What is worked out before the query begins again. */
  private pending: Pending | null = null;

  constructor(
    private readonly query: StreamedQuery,
    private readonly execution: Execution,
  ) {
    this.types = query.outputs.map(({ type }) => sentType(type));
    this.out = execution.out;
    this.formats = execution.formats;
    this.writer = this.writerTo(this.out);
    this.run = new Run(execution, query.slotCount, workMemory(execution.session));
    this.run.maySuspend = query.maySuspend;
    this.cursor = query.operator.cursor(this.run);
    this.cursor.open();
  }

  sendTo(out: ByteWriter, formats: readonly number[]): void {
    this.out = out;
    this.formats = formats;
    this.writer = this.writerTo(out);
    this.settled?.sendTo(out);
  }

  next(slice: Slice): boolean {
    this.execution.engine.wake(this);
    if (this.failure !== null) throw this.failure.error;
    if (this.settled !== null) return this.settled.next(slice);
    const { length } = this.out;
    for (;;) {
      try {
        if (this.pending !== null && !this.workOut(this.pending, slice)) return false;
        return this.giveRows(slice);
      } catch (error) {
        if (!(error instanceof Suspension)) throw error;
        // A part of the first row may be written.
        this.out.length = length;
        this.pending = error.pending;
      }
    }
  }

  private giveRows(slice: Slice): boolean {
    const { cursor, out, run } = this;
    while (!slice.isOver(out)) {
      const step = cursor.next();
      if (step === DONE) {
        this.isDone = true;
        return true;
      }
      if (step === PAUSE) {
        run.tick();
        if (slice.isPastDeadline()) return false;
      } else {
        this.writeRow();
        // From here on there is no beginning again.
        run.maySuspend = false;
        slice.rows++;
      }
    }
    return false;
  }

  /** Whether it is there, and the query has begun again. */
  private workOut(pending: Pending, slice: Slice): boolean {
    while (!pending.advance()) {
      this.run.tick();
      if (slice.isPastDeadline()) return false;
    }
    this.beginAgain();
    return true;
  }

  private beginAgain(): void {
    this.pending = null;
    this.run.restart();
    this.cursor = this.query.operator.cursor(this.run);
    this.cursor.open();
  }

  detach(): void {
    if (this.query.readsNoTable) return;
    if (this.settled === null && this.failure === null && !this.isDone) this.execution.engine.pause(this);
  }

  settle(share: number): void {
    const buffer = new ByteWriter();
    this.writer = this.writerTo(buffer);
    // Another session changes something: it waits in the middle of its own statement.
    const interrupted = useSessionTime(this.execution.session);
    try {
      settleAllowance.use(share, (deadlineMs) => {
        const rows = this.writeRest(buffer, deadlineMs);
        this.settled = new WrittenRows(buffer.written(), `SELECT ${rows}`, this.out);
      });
    } catch (error) {
      this.failure = { error };
    } finally {
      useSessionTime(interrupted);
    }
  }

  tag(rows: number): string {
    return `SELECT ${rows}`;
  }

  close(): void {
    this.execution.engine.wake(this);
    this.run.close();
    this.execution.session.memory.giveBack(this.heldBytes);
    this.heldBytes = 0;
  }

  private writerTo(out: ByteWriter): RowWriter {
    return new RowWriter(out, this.types, expandFormats(this.formats, this.types.length));
  }

  private writeRow(): void {
    const { outputs } = this.query;
    this.writer.beginRow(outputs.length);
    for (let i = 0; i < outputs.length; i++) {
      this.writer.value((outputs[i] as Expression).evaluate(this.execution), i);
    }
    this.writer.endRow();
  }

  /** Writes all rows that are left; returns how many. */
  private writeRest(buffer: ByteWriter, deadlineMs: number): number {
    const { execution, run } = this;
    run.maySuspend = false;
    run.deadlineMs = deadlineMs;
    if (this.pending !== null) {
      while (!this.pending.advance()) run.tick();
      this.beginAgain();
    }
    const { cursor } = this;
    for (let rows = 0; ; ) {
      const step = cursor.next();
      if (step === DONE) return rows;
      if (step === PAUSE) {
        run.tick();
      } else {
        const before = buffer.length;
        this.writeRow();
        rows++;
        execution.session.memory.take(buffer.length - before);
        this.heldBytes += buffer.length - before;
      }
    }
  }
}
