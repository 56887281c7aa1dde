/**
 * One statement, run in every way that there is to run it: parsed with its literals in place, through the cache of shapes
 * (cold, and with a plan that was made for other literals), recalled by its bytes, and prepared with its literals as
 * parameters, in text and in binary. Rows, tag and SQLSTATE must be the same. Each run is taken back.
 */

import { ByteWriter } from "../../src/bytes.ts";
import { DeltatError } from "../../src/errors.ts";
import type { OutputColumn } from "../../src/sql/execution.ts";
import type { LiftedLiterals } from "../../src/sql/parse/shape.ts";
import { isCopyIn, type RowStream, type RunResult, StreamRun } from "../../src/sql/rows/row-stream.ts";
import type { RawStatement, SqlSession } from "../../src/sql/session.ts";
import type { Value } from "../../src/sql/values/value.ts";
import { rowsOfTables } from "../differential/dataset.ts";
import { decodeRows, type TestClient, TestDatabase } from "../sql/sql-fixture.ts";

/** A statement that gives rows for longer, or more of them, is left where it is. */
const ROWS_MS = 1500;
const ROWS_BYTES = 4 * 1024 * 1024;

export interface Answer {
  /** Tag, or SQLSTATE, message and position. */
  readonly words: string;
  readonly code: string | null;
  readonly message: string | null;
  readonly columns: readonly OutputColumn[];
  /** Fields of each row, joined. */
  readonly rows: readonly string[];
  /** It was left before its end. */
  readonly isCut: boolean;
}

const NO_ANSWER: Answer = { words: "", code: null, message: null, columns: [], rows: [], isCut: false };

/** A session on a database with rows in it; whatever a statement does is undone. */
export class SqlWays {
  private client: TestClient;
  private readonly database = new TestDatabase();

  constructor() {
    const loader = this.database.connect();
    for (const text of rowsOfTables()) loader.run(text);
    this.client = this.connect();
  }

  private connect(): TestClient {
    const client = this.database.connect(new Map(), 64 * 1024 * 1024);
    client.run("SET statement_timeout = 2000");
    return client;
  }

  /** Runs a text, all of its statements, as a simple query does. Throws what is no DeltatError. */
  simple(text: string, parse = (session: SqlSession) => session.parseScript(text)): Answer {
    return this.undone((session) => {
      let answer = NO_ANSWER;
      for (const raw of parse(session)) {
        const statement = session.plan(raw);
        const { columns } = statement;
        answer = finish((out) => session.execute(statement, [], [], out), columns ?? []);
      }
      return answer;
    });
  }

  /** As `simple`, but found by its bytes if the session has lately run one like it, as the wire does. */
  recalled(text: string): Answer {
    return this.undone((session) => {
      const bytes = Buffer.from(text);
      const known = session.recall(bytes, 0, bytes.length);
      const statements = known === null ? session.parseScript(text).map((raw) => session.plan(raw)) : [known];
      let answer = NO_ANSWER;
      for (const statement of statements) {
        const { columns } = statement;
        answer = finish((out) => session.execute(statement, [], [], out), columns ?? []);
      }
      return answer;
    });
  }

  /** @param encode what the parameters are, by type; null: the statement is not run at all */
  prepared(
    text: string,
    types: readonly number[],
    encode: (typeOid: number, at: number) => { format: 0 | 1; bytes: Uint8Array },
    resultFormat: 0 | 1,
  ): Answer {
    return this.undone((session) => {
      const statement = session.prepare(text, types);
      const values: Value[] = statement.parameterTypes.map((oid, at) => {
        const { format, bytes } = encode(oid, at);
        return session.decodeParameter(oid, format, bytes, 0, bytes.length);
      });
      const columns = statement.columns ?? [];
      const formats = resultFormat === 0 ? [] : columns.map(() => 1);
      return finish((out) => session.execute(statement, values, formats, out), columns, resultFormat === 1);
    });
  }

  /**
   * As `simple`, for one statement whose rows are taken from a portal, a few at a time. What another session changes
   * meanwhile must not be seen.
   */
  inParts(text: string, rowsAtATime: number): Answer {
    const intruder = new Intruder(this.database);
    try {
      return this.taken(text, rowsAtATime, () => intruder.change());
    } finally {
      intruder.leave();
    }
  }

  private taken(text: string, rowsAtATime: number, meanwhile: () => void): Answer {
    return this.undone((session) => {
      const statement = session.prepare(text, []);
      const columns = statement.columns ?? [];
      const out = new ByteWriter();
      const stream = session.open(statement, [], [], out);
      try {
        const { rows, isCut } = takeInParts(stream, out, rowsAtATime, meanwhile);
        const given = rowsOf(out.written(), columns, false).toSorted();
        const words = isCut ? "" : stream.tag(rows);
        return { words, code: null, message: null, columns, rows: given, isCut };
      } finally {
        stream.close();
      }
    });
  }

  private undone(work: (session: SqlSession) => Answer): Answer {
    const { session } = this.client;
    let answer: Answer;
    try {
      answer = work(session);
    } catch (error) {
      if (!(error instanceof DeltatError) || error.sqlState === "XX000") throw error;
      const { sqlState, message, fields } = error;
      const words = `${sqlState} ${message} at ${fields.position ?? "-"}`;
      answer = { words, code: sqlState, message, columns: [], rows: [], isCut: false };
    }
    // The implicit transaction is never committed, and a block is left by closing the session.
    session.abort();
    if (session.transactionStatus !== "I" || session.portals.find("c") !== undefined) {
      session.close();
      this.client = this.connect();
    }
    return answer;
  }
}

/** How many rows a stream has given, a few at a time, and whether it was left before its end. */
function takeInParts(
  stream: RowStream,
  out: ByteWriter,
  rowsAtATime: number,
  meanwhile: () => void,
): { rows: number; isCut: boolean } {
  const deadline = performance.now() + ROWS_MS;
  let rows = 0;
  for (;;) {
    const run = new StreamRun(stream, rowsAtATime);
    let progress = run.advance(out);
    while (progress === "more" && performance.now() < deadline) progress = run.advance(out);
    rows += run.rows;
    if (progress !== "limit" || out.length >= ROWS_BYTES) return { rows, isCut: progress !== "end" };
    if (rows === run.rows) meanwhile();
  }
}

/** Another session that changes a row of three tables, and puts all back. */
class Intruder {
  private readonly client: TestClient;
  private hasChanged = false;

  constructor(private readonly database: TestDatabase) {
    this.client = database.connect();
  }

  change(): void {
    this.hasChanged = true;
    this.client.run("UPDATE resources SET name = 'elsewhere' WHERE id = '01KE60000000000000000R0000'");
    this.client.run("UPDATE bookings SET label = 'elsewhere' WHERE id = '01KE60000000000000000B0000'");
    this.client.run(
      "INSERT INTO rules VALUES ('01KE60000000000000000E0990', '01KE60000000000000000R0001', 5, 6, true)",
    );
  }

  leave(): void {
    if (this.hasChanged) this.restore();
    this.client.session.close();
    // What is durable need not be kept to be taken back.
    this.database.log.flush();
    this.database.tenant.onDurable();
  }

  private restore(): void {
    this.client.run("UPDATE resources SET name = 'Room 1' WHERE id = '01KE60000000000000000R0000'");
    this.client.run("UPDATE bookings SET label = 'Team meeting' WHERE id = '01KE60000000000000000B0000'");
    this.client.run("DELETE FROM rules WHERE id = '01KE60000000000000000E0990'");
  }
}

function finish(
  run: (out: ByteWriter) => RunResult,
  columns: readonly OutputColumn[],
  isBinary = false,
): Answer {
  const out = new ByteWriter();
  const result = run(out);
  const { tag, isCut } = drain(result, out);
  const written = out.written();
  const rows =
    written[0] === COPY_OUT ? [Buffer.from(written).toString("hex")] : rowsOf(written, columns, isBinary);
  return { words: tag, code: null, message: null, columns, rows: rows.toSorted(), isCut };
}

const COPY_OUT = 72;

function drain(result: RunResult, out: ByteWriter): { tag: string; isCut: boolean } {
  if (typeof result === "string") return { tag: result, isCut: false };
  if (isCopyIn(result)) return { tag: result.finish(), isCut: false };
  const run = new StreamRun(result);
  const deadline = performance.now() + ROWS_MS;
  try {
    while (run.advance(out) === "more") {
      if (performance.now() >= deadline || out.length >= ROWS_BYTES) return { tag: "", isCut: true };
    }
    return { tag: run.tag, isCut: false };
  } finally {
    result.close();
  }
}

function rowsOf(bytes: Uint8Array, columns: readonly OutputColumn[], isBinary: boolean): string[] {
  if (isBinary) return binaryRows(Buffer.from(bytes), columns);
  return decodeRows(bytes).map((row) => JSON.stringify(row));
}

/** Types whose binary form is read here, by OID, as PostgreSQL's documentation has it; the text must be the same. */
const READERS: Readonly<Record<number, (field: Buffer) => string>> = {
  16: (field) => (field.readUInt8() === 1 ? "t" : "f"),
  20: (field) => String(field.readBigInt64BE()),
  21: (field) => String(field.readInt16BE()),
  23: (field) => String(field.readInt32BE()),
  25: (field) => field.toString("utf8"),
  26: (field) => String(field.readUInt32BE()),
  700: (field) => floatText(field.readFloatBE()),
  701: (field) => floatText(field.readDoubleBE()),
  1042: (field) => field.toString("utf8"),
  1043: (field) => field.toString("utf8"),
};

function floatText(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** What is left of a row, text or binary, when columns that are not read here are left out and floats are numbers. */
function binaryRows(bytes: Buffer, columns: readonly OutputColumn[]): string[] {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
    const fields: (string | null)[] = [];
    let field = at + 7;
    for (let i = 0; i < bytes.readInt16BE(at + 5); i++) {
      const length = bytes.readInt32BE(field);
      field += 4;
      const read = READERS[columns[i]?.typeOid ?? 0];
      if (length < 0) fields.push(null);
      else fields.push(read === undefined ? "?" : read(bytes.subarray(field, field + length)));
      field += Math.max(0, length);
    }
    rows.push(JSON.stringify(fields));
  }
  return rows;
}

/** An answer in text as it reads once columns of types that are not read in binary are blotted out. */
export function comparable({ rows, columns }: Answer): string[] {
  const shown = rows.map((row) => {
    const fields = JSON.parse(row) as (string | null)[];
    return JSON.stringify(
      fields.map((field, i) => {
        const oid = columns[i]?.typeOid ?? 0;
        if (field === null) return null;
        if (oid === 700) return floatText(Math.fround(Number(field)));
        if (oid === 701) return floatText(Number(field));
        return READERS[oid] === undefined ? "?" : field;
      }),
    );
  });
  return shown.toSorted();
}

/** The shape's text with the literals replaced. */
export function withLiterals(lifted: LiftedLiterals, literal: (at: number) => string): string {
  let at = 0;
  return lifted.key.replace(/\0[ilns]/g, () => literal(at++));
}

export type ParseScript = (session: SqlSession, text: string) => readonly RawStatement[];
