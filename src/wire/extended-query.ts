/**
 * The extended query: named and unnamed prepared statements, and portals, which are statements with their
 * parameters. A portal executed with a row limit runs once, into a buffer of its own, and hands its rows out by
 * number; without a limit its rows go straight to the client. Every method throws before it writes, or takes
 * back what it wrote.
 */

import { ByteWriter } from "../bytes.ts";
import { DeltatError, SqlState } from "../errors.ts";
import { MAX_PREPARED_PER_CONNECTION, MAX_RESULT_BYTES } from "../limits.ts";
import type { Value } from "../sql/value.ts";
import {
  writeBindComplete,
  writeCloseComplete,
  writeCommandComplete,
  writeEmptyQueryResponse,
  writeNoData,
  writeParameterDescription,
  writeParseComplete,
  writePortalSuspended,
  writeRowDescription,
} from "./backend-messages.ts";
import { type MessageReader, protocolViolation } from "./message-reader.ts";
import { writeNotices } from "./notices.ts";
import type { SqlConnection, Statement } from "./sql-connection.ts";

interface Portal {
  readonly statement: Statement;
  readonly parameters: readonly Value[];
  /** One per column, or empty: all are text. */
  readonly formats: readonly number[];
  state: "ready" | "suspended" | "done";
  /** Of a suspended portal: its DataRow messages, those from `offset` on still to be handed out. */
  rows: ByteWriter | null;
  offset: number;
  tag: string;
}

const TEXT_FORMATS: readonly number[] = [];
const NO_VALUES: readonly Value[] = [];

const STATEMENT = 0x53;
const PORTAL = 0x50;

export class ExtendedQuery {
  private readonly portals = new Map<string, Portal>();

  constructor(
    private readonly sql: SqlConnection,
    private readonly out: ByteWriter,
  ) {}

  parse(message: MessageReader): void {
    const name = message.cstring();
    const text = message.cstring();
    const parameterTypes: number[] = [];
    for (let left = message.u16(); left > 0; left--) parameterTypes.push(message.i32() >>> 0);
    message.expectEnd();
    const { prepared } = this.sql;
    if (name === "") prepared.remove(name);
    prepared.requireFree(name);
    prepared.add(name, this.sql.prepare(text, parameterTypes));
    writeParseComplete(this.out);
  }

  bind(message: MessageReader): void {
    const name = message.cstring();
    const statementName = message.cstring();
    const statement = this.sql.prepared.get(statementName);
    const parameters = this.readParameters(message, statement, statementName);
    const formats = readResultFormats(message, statement);
    message.expectEnd();
    if (name === "") this.portals.delete(name);
    else if (this.portals.has(name)) {
      throw new DeltatError(SqlState.duplicateCursor, `portal "${name}" already exists`);
    }
    this.requireRoom();
    this.portals.set(name, {
      statement,
      parameters,
      formats,
      state: "ready",
      rows: null,
      offset: 0,
      tag: "",
    });
    writeBindComplete(this.out);
  }

  describe(message: MessageReader): void {
    const kind = readKind(message);
    const name = message.cstring();
    message.expectEnd();
    if (kind === STATEMENT) {
      const statement = this.sql.prepared.get(name);
      writeParameterDescription(this.out, statement.parameterTypes);
      this.writeDescription(statement, TEXT_FORMATS);
    } else {
      const portal = this.portalNamed(name);
      this.writeDescription(portal.statement, portal.formats);
    }
  }

  /** Returns the command tag, or null if the portal is not through. */
  execute(message: MessageReader): string | null {
    const name = message.cstring();
    const limit = message.i32();
    message.expectEnd();
    const portal = this.portalNamed(name);
    if (portal.statement.isEmpty) {
      writeEmptyQueryResponse(this.out);
      return null;
    }
    if (portal.state === "done") return this.executeAgain(portal, name);
    if (portal.state === "ready" && (limit <= 0 || portal.statement.columns === null)) {
      return this.executeWhole(portal);
    }
    return this.executePart(portal, limit);
  }

  close(message: MessageReader): void {
    const kind = readKind(message);
    const name = message.cstring();
    message.expectEnd();
    if (kind === PORTAL) this.portals.delete(name);
    else this.closeStatement(name);
    writeCloseComplete(this.out);
  }

  /** The transaction that the portals belong to has ended. */
  closePortals(): void {
    if (this.portals.size > 0) this.portals.clear();
  }

  /** A simple query takes the place of the unnamed statement and portal. */
  closeUnnamed(): void {
    this.sql.prepared.remove("");
    this.portals.delete("");
  }

  private closeStatement(name: string): void {
    const statement = this.sql.prepared.remove(name);
    if (statement === undefined) return;
    for (const [portalName, portal] of this.portals) {
      if (portal.statement === statement) this.portals.delete(portalName);
    }
  }

  private requireRoom(): void {
    if (this.portals.size < MAX_PREPARED_PER_CONNECTION) return;
    throw new DeltatError(
      SqlState.programLimitExceeded,
      `limit exceeded: portals of one connection, at most ${MAX_PREPARED_PER_CONNECTION} are kept`,
    );
  }

  private portalNamed(name: string): Portal {
    const portal = this.portals.get(name);
    if (portal !== undefined) return portal;
    throw new DeltatError(SqlState.invalidCursorName, `portal "${name}" does not exist`);
  }

  private writeDescription(statement: Statement, formats: readonly number[]): void {
    if (statement.columns === null) writeNoData(this.out);
    else writeRowDescription(this.out, statement.columns, formats);
  }

  private readParameters(message: MessageReader, statement: Statement, name: string): readonly Value[] {
    const formats = readFormats(message);
    const count = message.u16();
    if (formats.length > 1 && formats.length !== count) {
      throw protocolViolation(`bind message has ${formats.length} parameter formats but ${count} parameters`);
    }
    const types = statement.parameterTypes;
    if (count !== types.length) {
      throw protocolViolation(
        `bind message supplies ${count} parameters, but prepared statement "${name}" requires ${types.length}`,
      );
    }
    if (count === 0) return NO_VALUES;
    const values: Value[] = [];
    for (let i = 0; i < count; i++) {
      const length = message.i32();
      const format = (formats.length > 1 ? formats[i] : formats[0]) ?? 0;
      if (length === -1) values.push(null);
      else if (length < 0) throw protocolViolation("invalid message format");
      else values.push(this.sql.decodeParameter(types[i] as number, format, message.raw(length)));
    }
    return values;
  }

  private executeWhole(portal: Portal): string {
    const mark = this.out.length;
    try {
      portal.tag = this.sql.execute(portal.statement, portal.parameters, portal.formats, this.out);
    } catch (error) {
      this.out.length = mark;
      throw error;
    }
    portal.state = "done";
    return this.complete(portal.tag);
  }

  private executePart(portal: Portal, limit: number): string | null {
    if (portal.rows === null) {
      const rows = new ByteWriter();
      portal.tag = this.sql.execute(portal.statement, portal.parameters, portal.formats, rows);
      this.requireMemory(rows.length);
      portal.rows = rows;
      portal.state = "suspended";
    }
    const { rows, offset } = portal;
    const { end, count } = skipRows(rows, offset, limit);
    this.out.raw(rows.bytes.subarray(offset, end));
    portal.offset = end;
    // As in PostgreSQL, a portal that gave as many rows as it was asked for has not seen its end.
    if (limit > 0 && count === limit) {
      writeNotices(this.sql, this.out);
      writePortalSuspended(this.out);
      return null;
    }
    portal.state = "done";
    portal.rows = null;
    return this.complete(tagOfRun(portal.tag, count));
  }

  private requireMemory(bytes: number): void {
    let kept = bytes;
    for (const { rows } of this.portals.values()) kept += rows?.length ?? 0;
    if (kept <= MAX_RESULT_BYTES) return;
    throw new DeltatError(
      SqlState.programLimitExceeded,
      `limit exceeded: bytes of results that portals keep (at most ${MAX_RESULT_BYTES})`,
      { hint: "Read a portal to its end, or close it, before the next is opened." },
    );
  }

  /** A portal that returns rows has none left; any other must not do its work twice. */
  private executeAgain(portal: Portal, name: string): string {
    if (portal.statement.columns !== null) return this.complete(tagOfRun(portal.tag, 0));
    throw new DeltatError(SqlState.objectNotInPrerequisiteState, `portal "${name}" cannot be run`);
  }

  private complete(tag: string): string {
    writeNotices(this.sql, this.out);
    writeCommandComplete(this.out, tag);
    return tag;
  }
}

/** The tag of a SELECT counts the rows of one Execute; that of a change counts its changes. */
function tagOfRun(tag: string, count: number): string {
  return tag.startsWith("SELECT ") ? `SELECT ${count}` : tag;
}

/** Where the DataRow messages from `offset` end, at most `limit` of them if it is positive. */
function skipRows(rows: ByteWriter, offset: number, limit: number): { end: number; count: number } {
  const view = new DataView(rows.bytes.buffer, 0, rows.length);
  let end = offset;
  let count = 0;
  while (end < rows.length && (limit <= 0 || count < limit)) {
    end += 1 + view.getInt32(end + 1);
    count++;
  }
  return { end, count };
}

function readKind(message: MessageReader): number {
  const kind = message.u8();
  if (kind === STATEMENT || kind === PORTAL) return kind;
  throw protocolViolation(`invalid message subtype ${kind}`);
}

function readFormats(message: MessageReader): readonly number[] {
  const count = message.u16();
  if (count === 0) return TEXT_FORMATS;
  const formats: number[] = [];
  for (let i = 0; i < count; i++) {
    const format = message.u16();
    if (format > 1) {
      throw new DeltatError(SqlState.invalidParameterValue, `unsupported format code: ${format}`);
    }
    formats.push(format);
  }
  return formats;
}

function readResultFormats(message: MessageReader, statement: Statement): readonly number[] {
  const formats = readFormats(message);
  const columns = statement.columns?.length ?? 0;
  if (formats.length > 1 && formats.length !== columns) {
    throw protocolViolation(
      `bind message has ${formats.length} result formats but query has ${columns} columns`,
    );
  }
  if (formats.length !== 1) return formats;
  return formats[0] === 0 ? TEXT_FORMATS : new Array<number>(columns).fill(1);
}
