/**
 * The simple query: a text of any number of statements, all of them one implicit transaction. It commits before
 * the last statement is called complete, so that a commit that fails is that statement's error. A statement with
 * a long result pauses between slices of it; the text goes on behind it.
 */

import type { ByteWriter } from "../bytes.ts";
import { type CopyIn, isCopyIn, StreamRun } from "../sql/row-stream.ts";
import {
  writeCommandComplete,
  writeCopyInResponse,
  writeEmptyQueryResponse,
  writeRowDescription,
} from "./backend-messages.ts";
import { writeNotices } from "./notices.ts";
import type { SqlConnection } from "./sql-connection.ts";

const NO_PARAMETERS: readonly never[] = [];
/** All columns as text. */
const TEXT_FORMATS: readonly number[] = [];
const NO_SCRIPT: readonly unknown[] = [];

/** One after the other: the simple queries of one client. */
export class SimpleQuery {
  private script: readonly unknown[] = NO_SCRIPT;
  /** The statement that runs. */
  private at = 0;
  private run: StreamRun | null = null;
  /** What waits for the data of a COPY FROM: `finishCopy` goes on with it. */
  copyIn: CopyIn | null = null;

  constructor(
    private readonly sql: SqlConnection,
    private readonly out: ByteWriter,
  ) {}

  /**
   * Runs `text` and writes its replies, ReadyForQuery excepted: true, or false where `resume` has to go on. When
   * it throws, what the statement that failed has written since the last pause is taken back.
   */
  start(text: string): boolean {
    this.at = 0;
    this.script = this.sql.parseScript(text);
    if (this.script.length > 0) return this.goOn();
    this.sql.commitImplicit();
    writeEmptyQueryResponse(this.out);
    return true;
  }

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
    this.script = NO_SCRIPT;
  }

  private goOn(): boolean {
    const { script } = this;
    while (this.at < script.length) {
      const mark = this.out.length;
      try {
        if (!this.runStatement(script[this.at])) return false;
      } catch (error) {
        this.out.length = mark;
        throw error;
      }
    }
    this.script = NO_SCRIPT;
    return true;
  }

  private runStatement(raw: unknown): boolean {
    const { sql, out } = this;
    const statement = sql.plan(raw);
    const { columns } = statement;
    if (columns !== null) writeRowDescription(out, columns, TEXT_FORMATS);
    const result = sql.execute(statement, NO_PARAMETERS, TEXT_FORMATS, out);
    if (typeof result === "string") {
      this.complete(result);
      return true;
    }
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
    if (++this.at === this.script.length) sql.commitImplicit();
    writeNotices(sql, out);
    writeCommandComplete(out, tag);
  }
}
