/**
 * A SqlConnection that does what its statements say, a log whose disk the test moves, and timers that it fires:
 * all that a session needs below it, without SQL or disk.
 *
 * Statements: `stream <n> <per slice>` (as `rows`, in slices; `stream <n> <per slice> <bad>` fails at row bad), `rows <n>` (column n: 1…n), `wide <bytes>` (one row so large), `pad <rows> <bytes>`, `write` (a commit to come),
 * `echo $1…`, `begin`, `commit`, `rollback`, `fail <code>`, `partial` (fails amid a row), `overtake` (a sync amid a row), `bug`,
 * `poison` (the commit will fail), `notice <text>`, `set <name> <value>`, `tag <TAG>`, `listen`.
 */

import { ByteWriter } from "../../src/bytes.ts";
import type { Timers } from "../../src/clock.ts";
import { DeltatError, SqlState } from "../../src/errors.ts";
import type { SqlClient } from "../../src/sql/cluster.ts";
import type { DurabilityWaiter, Listener } from "../../src/sql/database.ts";
import type { OutputColumn } from "../../src/sql/execution.ts";
import type { Statement } from "../../src/sql/planned-statement.ts";
import {
  isCopyIn,
  type RowStream,
  type RunResult,
  type Slice,
  WrittenRows,
} from "../../src/sql/rows/row-stream.ts";
import { PortalTable } from "../../src/sql/session/portals.ts";
import { PreparedStatements } from "../../src/sql/session/prepared-statements.ts";
import type { Notice } from "../../src/sql/session/session-state.ts";
import type { Value } from "../../src/sql/values/value.ts";
import type {
  Durability,
  FindDatabase,
  SqlConnection,
  TransactionStatus,
} from "../../src/wire/sql-connection.ts";

export class ScriptedLog implements Durability {
  appendedLsn = 0;
  durableLsn = 0;
  private waiters: { lsn: number; waiter: DurabilityWaiter }[] = [];

  /** @param instant every commit is durable at once */
  constructor(private readonly instant: boolean) {}

  append(): number {
    this.appendedLsn++;
    if (this.instant) this.durableLsn = this.appendedLsn;
    return this.appendedLsn;
  }

  whenDurable(lsn: number, waiter: DurabilityWaiter): void {
    this.waiters.push({ lsn, waiter });
  }

  /** The disk has caught up with `lsn`. */
  sync(lsn: number = this.appendedLsn): void {
    this.durableLsn = lsn;
    const due = this.waiters.filter((entry) => entry.lsn <= lsn);
    this.waiters = this.waiters.filter((entry) => entry.lsn > lsn);
    for (const { waiter } of due) waiter.onDurable(null);
  }

  fail(): void {
    const { waiters } = this;
    this.waiters = [];
    for (const { waiter } of waiters) waiter.onDurable(new Error("disk on fire"));
  }
}

export class ManualTimers implements Timers {
  private pending: { delayMs: number; callback: () => void }[] = [];
  private turns: (() => void)[] = [];

  after(delayMs: number, callback: () => void): () => void {
    const timer = { delayMs, callback };
    this.pending.push(timer);
    return () => {
      this.pending = this.pending.filter((other) => other !== timer);
    };
  }

  get delays(): number[] {
    return this.pending.map((timer) => timer.delayMs);
  }

  /** Nothing is run until `turn` is called. */
  soon(callback: () => void): void {
    this.turns.push(callback);
  }

  /** One turn of the event loop: whether there was anything to do. */
  turn(): boolean {
    const { turns } = this;
    this.turns = [];
    for (const callback of turns) callback();
    return turns.length > 0;
  }

  /** Fires what is due within `delayMs` of when it was set. */
  fire(delayMs: number): void {
    const due = this.pending.filter((timer) => timer.delayMs <= delayMs);
    this.pending = this.pending.filter((timer) => timer.delayMs > delayMs);
    for (const timer of due) timer.callback();
  }
}

const INT4_OID = 23;
export const TEXT_OID = 25;

function column(name: string, typeOid: number): OutputColumn {
  return { name, tableOid: 0, columnNumber: 0, typeOid, typeLength: -1, typeModifier: -1 };
}

function writeRow(out: ByteWriter, value: string, amid: () => void = () => {}): void {
  out.u8(0x44);
  const lengthAt = out.length;
  out.i32(0);
  out.u16(1);
  amid();
  const valueAt = out.length;
  out.i32(0);
  out.patchI32(valueAt, out.utf8(value));
  out.patchI32(lengthAt, out.length - lengthAt);
}

export class ScriptedSql implements SqlConnection {
  transactionStatus: TransactionStatus = "I";
  dependsOnLsn = 0;
  readonly prepared = new PreparedStatements<Statement>(() => 0);
  closed = false;
  readonly portals = new PortalTable();
  statementDeadlineMs = Number.POSITIVE_INFINITY;
  idleTimeoutMs = 0;
  /** What was called, in order: tests of the transaction's course read it. */
  readonly calls: string[] = [];
  lastFormats: readonly number[] = [];
  private staged = 0;
  private poisoned = false;
  private notices: Notice[] = [];
  private changes: [string, string][] = [
    ["server_version", "15.0"],
    ["client_encoding", "UTF8"],
  ];

  constructor(
    private readonly log: ScriptedLog,
    readonly client: SqlClient,
    readonly listener: Listener,
  ) {
    if (client.startupOptions.get("client_encoding") === "LATIN1") {
      throw new DeltatError(SqlState.invalidParameterValue, 'invalid value for parameter "client_encoding"');
    }
  }

  recall(): null {
    return null;
  }

  parseScript(text: string): readonly string[] {
    return text
      .split(";")
      .map((part) => part.trim())
      .filter((part) => part !== "");
  }

  plan(raw: unknown): Statement {
    return this.prepare(String(raw), []);
  }

  prepare(text: string, parameterTypes: readonly number[]): Statement {
    if (text.startsWith("syntax")) {
      throw new DeltatError(SqlState.syntaxError, "syntax error", { position: 3, hint: "no", detail: "d" });
    }
    const types = [...(text.match(/\$\d/g) ?? [])].map((_, i) => parameterTypes[i] || TEXT_OID);
    let columns: OutputColumn[] | null = null;
    if (/^(rows|stream)/.test(text)) columns = [column("n", INT4_OID)];
    if (/^(echo|wide|pad|partial|overtake)/.test(text)) columns = [column("text", TEXT_OID)];
    return { text, isEmpty: text.trim() === "", parameterTypes: types, columns };
  }

  decodeParameter(_typeOid: number, format: number, message: Uint8Array, start: number, end: number): Value {
    const bytes = message.subarray(start, end);
    const text = new TextDecoder().decode(bytes);
    if (text === "bad") throw new DeltatError(SqlState.invalidTextRepresentation, "invalid input syntax");
    return format === 1 ? `binary:${text}` : text;
  }

  execute(
    statement: Statement,
    parameters: readonly Value[],
    formats: readonly number[],
    rows: ByteWriter,
  ): RunResult {
    this.calls.push(statement.text);
    this.lastFormats = formats;
    const [verb = "", ...rest] = statement.text.split(" ");
    if (this.transactionStatus === "E" && verb !== "rollback" && verb !== "commit") {
      throw new DeltatError(SqlState.inFailedSqlTransaction, "current transaction is aborted");
    }
    const action = ACTIONS[verb];
    if (action === undefined) throw new DeltatError(SqlState.syntaxError, `what is ${verb}?`);
    return action(this, rest, parameters, rows);
  }

  open(
    statement: Statement,
    parameters: readonly Value[],
    formats: readonly number[],
    rows: ByteWriter,
  ): RowStream {
    const written = new ByteWriter();
    const result = this.execute(statement, parameters, formats, written);
    if (typeof result === "string") return new WrittenRows(written.written(), result, rows);
    if (isCopyIn(result)) throw new Error("only what gives rows is opened");
    return result;
  }

  begin(): string {
    this.transactionStatus = "T";
    return "BEGIN";
  }

  end(tag: string): string {
    const failed = this.transactionStatus === "E";
    this.transactionStatus = "I";
    if (tag === "COMMIT" && !failed) this.commit();
    else this.portals.endTransaction(false);
    this.staged = 0;
    return failed ? "ROLLBACK" : tag;
  }

  write(): string {
    this.staged++;
    return "INSERT 0 1";
  }

  /** All is durable at this very moment. */
  overtake(): void {
    this.log.sync();
  }

  poison(): string {
    this.poisoned = true;
    return "POISON";
  }

  note(message: string): string {
    this.notices.push({ severity: "NOTICE", sqlState: "00000", message });
    return "NOTICE";
  }

  set(name: string, value: string): string {
    this.changes.push([name, value]);
    return "SET";
  }

  resumes(): void {}

  commitImplicit(): void {
    this.calls.push("commitImplicit");
    if (this.transactionStatus === "I") this.commit();
  }

  abort(): void {
    this.calls.push("abort");
    this.staged = 0;
    this.poisoned = false;
    this.portals.endTransaction(false);
    if (this.transactionStatus === "T") this.transactionStatus = "E";
  }

  takeNotices(): readonly Notice[] {
    const { notices } = this;
    this.notices = [];
    return notices;
  }

  takeParameterChanges(): readonly [string, string][] {
    const { changes } = this;
    this.changes = [];
    return changes;
  }

  close(): void {
    this.closed = true;
  }

  private commit(): void {
    const { poisoned } = this;
    this.poisoned = false;
    if (poisoned) throw new DeltatError(SqlState.serializationFailure, "lost the race");
    if (this.staged > 0) this.dependsOnLsn = this.log.append();
    this.staged = 0;
    this.portals.endTransaction(true);
  }
}

/** The numbers 1 … count, so many of them in each slice; `badRow` cannot be had. */
class CountingStream implements RowStream {
  private at = 0;

  constructor(
    private out: ByteWriter,
    private readonly count: number,
    private readonly perSlice: number,
    private readonly badRow: number,
  ) {}

  sendTo(out: ByteWriter): void {
    this.out = out;
  }

  next(slice: Slice): boolean {
    for (let n = 0; n < this.perSlice && !slice.isOver(this.out); n++) {
      if (this.at === this.count) return true;
      if (++this.at === this.badRow) throw new DeltatError(SqlState.divisionByZero, "division by zero");
      writeRow(this.out, String(this.at));
      slice.rows++;
    }
    return false;
  }

  detach(): void {}

  tag(rows: number): string {
    return `SELECT ${rows}`;
  }

  close(): void {}
}

type Action = (sql: ScriptedSql, rest: string[], parameters: readonly Value[], rows: ByteWriter) => RunResult;

const ACTIONS: Record<string, Action> = {
  rows: (_, [count], _parameters, rows) => {
    for (let n = 1; n <= Number(count); n++) writeRow(rows, String(n));
    return `SELECT ${count}`;
  },
  stream: (_, [count, perSlice, badRow], _parameters, rows) =>
    new CountingStream(rows, Number(count), Number(perSlice), Number(badRow ?? 0)),
  wide: (_, [bytes], _parameters, rows) => {
    writeRow(rows, "x".repeat(Number(bytes)));
    return "SELECT 1";
  },
  pad: (_, [count, bytes], _parameters, rows) => {
    for (let n = 0; n < Number(count); n++) writeRow(rows, String(n).padStart(Number(bytes), "."));
    return `SELECT ${count}`;
  },
  echo: (_, _rest, parameters, rows) => {
    writeRow(rows, parameters.join("|"));
    return "SELECT 1";
  },
  partial: (_sql, _rest, _parameters, rows) => {
    writeRow(rows, "whole");
    rows.u8(0x44);
    throw new DeltatError(SqlState.divisionByZero, "division by zero");
  },
  overtake: (sql, _rest, _parameters, rows) => {
    writeRow(rows, "late", () => sql.overtake());
    return "SELECT 1";
  },
  write: (sql) => sql.write(),
  begin: (sql) => sql.begin(),
  commit: (sql) => sql.end("COMMIT"),
  rollback: (sql) => sql.end("ROLLBACK"),
  poison: (sql) => sql.poison(),
  notice: (sql, rest) => sql.note(rest.join(" ")),
  set: (sql, [name = "", value = ""]) => sql.set(name, value),
  tag: (sql, rest) => {
    const tag = rest.join(" ");
    if (tag === "DEALLOCATE ALL" || tag === "DISCARD ALL") sql.prepared.clear();
    return tag;
  },
  fail: (_, [code]) => {
    throw new DeltatError(code as SqlState, `failed with ${code}`, { table: "bookings", constraint: "c" });
  },
  bug: () => {
    throw new TypeError("undefined is not a function");
  },
};

/** Every database exists but `missing`; `sessions` are the SQL sessions opened, in order. */
export function scriptedDatabase(log: ScriptedLog): { findDatabase: FindDatabase; sessions: ScriptedSql[] } {
  const sessions: ScriptedSql[] = [];
  return {
    sessions,
    findDatabase(name) {
      if (name === "missing") {
        throw new DeltatError(SqlState.invalidCatalogName, `database "${name}" does not exist`);
      }
      return {
        log,
        connect(client, listener) {
          const sql = new ScriptedSql(log, client, listener);
          sessions.push(sql);
          return sql;
        },
      };
    },
  };
}
