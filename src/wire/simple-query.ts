/**
 * The simple query: a text of any number of statements, all of them one implicit transaction. It commits before
 * the last statement is called complete, so that a commit that fails is that statement's error. A statement with
 * a long result pauses between slices of it; the text goes on behind it.
 */

import type { ByteWriter } from "../bytes.ts";
import type { Statement } from "../sql/planned-statement.ts";
import { type CopyIn, isCopyIn, type RowStream, StreamRun } from "../sql/rows/row-stream.ts";
import {
  writeCommandComplete,
  writeCopyInResponse,
  writeEmptyQueryResponse,
  writeRowDescription,
} from "./backend-messages.ts";
import type { MessageReader } from "./message-reader.ts";
import { writeNotices } from "./notices.ts";
import type { SqlConnection } from "./sql-connection.ts";

const NO_PARAMETERS: readonly never[] = [];
/** All columns as text. */
const TEXT_FORMATS: readonly number[] = [];

/** One after the other: the simple queries of one client. */
export class SimpleQuery {
  /** Statements of the text that are not begun, the next one last. */
  private left: unknown[] = [];
  private run: StreamRun | null = null;
  /** What waits for the data of a COPY FROM: `finishCopy` goes on with it. */
  copyIn: CopyIn | null = null;

  constructor(
    private readonly sql: SqlConnection,
    private readonly out: ByteWriter,
  ) {}

  /**
   * Runs the text of a Query and writes its replies, ReadyForQuery excepted: true, or false where `resume` has to go
   * on. When it throws, what the statement that failed has written since the last pause is taken back.
   */
  start(message: MessageReader): boolean {
    const known = message.restOfText(this.recall);
    if (known !== null) return this.runStatement(known) && this.goOn();
    const text = message.cstring();
    message.expectEnd();
    this.left = this.sql.parseScript(text).toReversed();
    if (this.left.length > 0) return this.goOn();
    this.sql.commitImplicit();
    writeEmptyQueryResponse(this.out);
    return true;
  }

  private readonly recall = (bytes: Uint8Array, start: number, end: number): Statement | null =>
    this.sql.recall(bytes, start, end);

  /** Goes on after a pause; as `start`. */
  resume(): boolean {
    if (this.run === null) return true;
    const mark = this.out.length;
    try {
      if (!this.advance(this.run)) return false;
    } catch (error) {
      this.out.length = mark;
      throw error;
    }
    return this.goOn();
  }

  /** The data of the COPY FROM is there: goes on as `resume`. */
  finishCopy(): boolean {
    const mark = this.out.length;
    try {
      const tag = this.copyIn?.finish() ?? "";
      this.copyIn = null;
      this.complete(tag);
    } catch (error) {
      this.out.length = mark;
      throw error;
    }
    return this.goOn();
  }

  /** What a paused statement waits for; undefined: its turn. */
  get waitsFor(): Promise<void> | undefined {
    return this.run?.stream.waitsFor;
  }

  /** Nothing of it is needed any more. */
  close(): void {
    this.run?.stream.close();
    this.run = null;
    this.copyIn = null;
    this.left = [];
  }

  private goOn(): boolean {
    const { left, sql } = this;
    while (left.length > 0) if (!this.runStatement(sql.plan(left.pop()))) return false;
    return true;
  }

  private runStatement(statement: Statement): boolean {
    const { sql, out } = this;
    const mark = out.length;
    try {
      const { columns } = statement;
      if (columns !== null) writeRowDescription(out, columns, TEXT_FORMATS);
      const result = sql.execute(statement, NO_PARAMETERS, TEXT_FORMATS, out);
      if (typeof result !== "string") return this.take(result);
      this.complete(result);
      return true;
    } catch (error) {
      out.length = mark;
      throw error;
    }
  }

  /** Begins to send rows, or to wait for data. */
  private take(result: RowStream | CopyIn): boolean {
    const { out } = this;
    if (isCopyIn(result)) {
      writeCopyInResponse(out, result.isBinary, result.columnCount);
      this.copyIn = result;
      return false;
    }
    this.run = new StreamRun(result);
    return this.advance(this.run);
  }

  private advance(run: StreamRun): boolean {
    if (run.advance(this.out) === "more") return false;
    run.stream.close();
    this.run = null;
    this.complete(run.tag);
    return true;
  }

  private complete(tag: string): void {
    const { sql, out } = this;
    if (this.left.length === 0) sql.commitImplicit();
    writeNotices(sql, out);
    writeCommandComplete(out, tag);
  }
}
