/** A SQL session over the real engine, a log that counts, and a clock that the test turns. */

import { ByteWriter } from "../../src/bytes.ts";
import { Engine } from "../../src/engine/engine.ts";
import { DeltatError } from "../../src/errors.ts";
import { loadParser } from "../../src/sql/parse/parser.ts";
import type { Statement } from "../../src/sql/planned-statement.ts";
import { isCopyIn, type RunResult, StreamRun } from "../../src/sql/rows/row-stream.ts";
import { SqlSession } from "../../src/sql/session.ts";
import type { Value } from "../../src/sql/values/value.ts";
import { Tenant } from "../../src/tenants/tenant.ts";
import { CountingLog } from "../counting-log.ts";

await loadParser();

/** One field of a row in text format; null is NULL. */
export type Field = string | null;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The fields of every DataRow message in `bytes`; those of format 1 are read as bigint. */
export function decodeRows(bytes: Uint8Array, formats: readonly number[] = []): Field[][] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const rows: Field[][] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== 68) throw new Error(`no DataRow at ${at}`);
    const end = at + 1 + view.getInt32(at + 1);
    const row: Field[] = [];
    let field = at + 7;
    for (let i = view.getInt16(at + 5); i > 0; i--) {
      const length = view.getInt32(field);
      field += 4;
      if (length < 0) row.push(null);
      else if (formats[row.length] === 1) row.push(String(view.getBigInt64(field)));
      else row.push(decoder.decode(bytes.subarray(field, field + length)));
      field += Math.max(length, 0);
    }
    if (field !== end) throw new Error("the length of a DataRow is wrong");
    rows.push(row);
    at = end;
  }
  return rows;
}

/** Takes all rows of a result, and gives its tag. */
function finish(result: RunResult, rows: ByteWriter, data: readonly Uint8Array[] = []): string {
  if (typeof result === "string") return result;
  if (isCopyIn(result)) {
    for (const part of data) result.receive(part);
    return result.finish();
  }
  const run = new StreamRun(result);
  while (run.advance(rows) === "more");
  result.close();
  return run.tag;
}

export class TestDatabase {
  now = 1_700_000_000_000;
  readonly log = new CountingLog();
  readonly tenant: Tenant;

  constructor() {
    this.tenant = new Tenant("test", new Engine({ enforceRulesByDefault: false }), this.log, {
      now: () => this.now,
      soon: () => {},
      after: () => () => {},
    });
  }

  connect(startupOptions: ReadonlyMap<string, string> = new Map(), workMemBytes?: number): TestClient {
    return new TestClient(this.tenant, startupOptions, workMemBytes);
  }
}

/** What one statement gave. */
export interface Outcome {
  readonly tag: string;
  readonly rows: Field[][];
}

/** A client that drives the session as the wire does. */
export class TestClient {
  readonly session: SqlSession;
  readonly notifications: [channel: string, payload: string][] = [];

  constructor(tenant: Tenant, startupOptions: ReadonlyMap<string, string>, workMemBytes?: number) {
    this.session = new SqlSession(
      tenant,
      { user: "tester", processId: 7, startupOptions },
      { notify: (channel, payload) => this.notifications.push([channel, payload]) },
      workMemBytes,
    );
  }

  /** A simple query: all statements, then the implicit commit. */
  script(text: string): Outcome[] {
    const { session } = this;
    const run = (statement: Statement): Outcome => {
      const rows = new ByteWriter();
      const tag = finish(session.execute(statement, [], [], rows), rows);
      return { tag, rows: decodeRows(rows.written()) };
    };
    try {
      const bytes = Buffer.from(text);
      const known = session.recall(bytes, 0, bytes.length);
      const outcomes =
        known === null ? session.parseScript(text).map((raw) => run(session.plan(raw))) : [run(known)];
      session.commitImplicit();
      return outcomes;
    } catch (error) {
      session.abort();
      throw error;
    }
  }

  /** COPY FROM with its data, in pieces; returns the tag. */
  copyIn(text: string, ...data: readonly (string | Uint8Array)[]): string {
    const { session } = this;
    const parts = data.map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : part));
    const rows = new ByteWriter();
    try {
      let tag = "";
      for (const raw of session.parseScript(text)) {
        tag = finish(session.execute(session.plan(raw), [], [], rows), rows, parts);
      }
      session.commitImplicit();
      return tag;
    } catch (error) {
      session.abort();
      throw error;
    }
  }

  /** What COPY TO sends: the contents of all CopyData messages. */
  copyOut(text: string): Buffer {
    const { session } = this;
    const rows = new ByteWriter();
    const [raw] = session.parseScript(text);
    finish(session.execute(session.plan(raw as NonNullable<typeof raw>), [], [], rows), rows);
    session.commitImplicit();
    const bytes = Buffer.from(rows.written());
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
      if (bytes[at] === 100) parts.push(bytes.subarray(at + 5, at + 1 + bytes.readInt32BE(at + 1)));
    }
    return Buffer.concat(parts);
  }

  /** The last outcome of a simple query. */
  run(text: string): Outcome {
    return this.script(text).at(-1) as Outcome;
  }

  rows(text: string): Field[][] {
    return this.run(text).rows;
  }

  tag(text: string): string {
    return this.run(text).tag;
  }

  /** A prepared statement with parameters in text format, and its Sync. */
  prepared(text: string, parameters: readonly (string | null)[], types: readonly number[] = []): Outcome {
    const { session } = this;
    try {
      const statement = session.prepare(text, types);
      const values: Value[] = parameters.map((parameter, i) =>
        parameter === null ? null : decodeText(session, statement.parameterTypes[i] ?? 25, parameter),
      );
      const rows = new ByteWriter();
      const tag = finish(session.execute(statement, values, [], rows), rows);
      session.commitImplicit();
      return { tag, rows: decodeRows(rows.written()) };
    } catch (error) {
      session.abort();
      throw error;
    }
  }

  /** `SQLSTATE message` of the error that the text causes. */
  error(text: string, parameters?: readonly (string | null)[]): string {
    const failure = this.failure(text, parameters);
    return failure === null ? "no error" : `${failure.sqlState} ${failure.message}`;
  }

  /** The error that the text causes; null: none. */
  failure(text: string, parameters?: readonly (string | null)[]): DeltatError | null {
    try {
      if (parameters === undefined) this.script(text);
      else this.prepared(text, parameters);
    } catch (error) {
      if (error instanceof DeltatError) return error;
      throw error;
    }
    return null;
  }
}

function decodeText(session: SqlSession, type: number, parameter: string): Value {
  const bytes = new TextEncoder().encode(`<${parameter}>`);
  return session.decodeParameter(type, 0, bytes, 1, bytes.length - 1);
}

/** The id that ends in `n`: "01HZZZZZZZZZZZZZZZZZZZ0001" for 1. */
export function id(n: number): string {
  return `01HZZZZZZZZZZZZZZZZZZZ${String(n).padStart(4, "0")}`;
}

/** A room, the desks in it, and the hours of both. */
export const ROOM = id(1);
export const DESK = id(2);

export function furnish(client: TestClient): void {
  client.script(`
    INSERT INTO resources (id, name) VALUES ('${ROOM}', 'Room');
    INSERT INTO resources (id, parent_id, name, capacity, buffer_after) VALUES ('${DESK}', '${ROOM}', 'Desk', 2, 10);
    INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ('${id(10)}', '${ROOM}', 0, 1000, false)`);
}
