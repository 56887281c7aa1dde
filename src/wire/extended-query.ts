/**
 * The extended query: named and unnamed prepared statements, and portals, which are statements with their
 * parameters. Without a row limit the rows of a portal go straight to the client; with one, or where they are
 * many, they are taken from a stream, over several messages or several turns of the event loop. Every method
 * throws before it writes, or takes back what it wrote.
 */

import type { ByteWriter } from "../bytes.ts";
import { DeltatError, SqlState } from "../errors.ts";
import type { Statement } from "../sql/planned-statement.ts";
import { type CopyIn, isCopyIn, StreamRun } from "../sql/rows/row-stream.ts";
import { Portal, type PortalTable } from "../sql/session/portals.ts";
import type { Value } from "../sql/values/value.ts";
import {
  writeBindComplete,
  writeCloseComplete,
  writeCommandComplete,
  writeCopyInResponse,
  writeEmptyQueryResponse,
  writeNoData,
  writeParameterDescription,
  writeParseComplete,
  writePortalSuspended,
  writeRowDescription,
} from "./backend-messages.ts";
import { type MessageReader, protocolViolation } from "./message-reader.ts";
import { writeNotices } from "./notices.ts";
import type { SqlConnection } from "./sql-connection.ts";

const TEXT_FORMATS: readonly number[] = [];
const NO_VALUES: readonly Value[] = [];

const STATEMENT = 0x53;
const PORTAL = 0x50;

export class ExtendedQuery {
  private readonly portals: PortalTable;
  /** The Execute that has paused, and what it takes rows of. */
  private running: { readonly portal: Portal; readonly run: StreamRun } | null = null;
  /** What waits for the data of a COPY FROM, and the portal that runs it. */
  private copying: { readonly portal: Portal; readonly target: CopyIn } | null = null;

  constructor(
    private readonly sql: SqlConnection,
    private readonly out: ByteWriter,
  ) {
    this.portals = sql.portals;
  }

  parse(message: MessageReader): void {
    const name = message.cstring();
    const text = message.cstring();
    const parameterTypes: number[] = [];
    for (let left = message.u16(); left > 0; left--) parameterTypes.push(message.i32() >>> 0);
    message.expectEnd();
    const { prepared } = this.sql;
    if (name === "") prepared.remove(name);
    prepared.requireFree(name);
    prepared.add(name, this.sql.prepare(text, parameterTypes), false);
    writeParseComplete(this.out);
  }

  bind(message: MessageReader): void {
    const name = message.cstring();
    const statementName = message.cstring();
    const statement = this.sql.prepared.get(statementName);
    const parameters = this.readParameters(message, statement, statementName);
    const formats = readResultFormats(message, statement);
    message.expectEnd();
    this.portals.add(name, new Portal(statement, parameters, formats));
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

  /** True: it is answered; false: `resume` has to go on. */
  execute(message: MessageReader): boolean {
    const name = message.cstring();
    const limit = message.i32();
    message.expectEnd();
    const portal = this.portalNamed(name);
    if (portal.statement.isEmpty) {
      writeEmptyQueryResponse(this.out);
      return true;
    }
    if (portal.state === "done") {
      this.executeAgain(portal, name);
      return true;
    }
    if (portal.state === "ready" && (limit <= 0 || portal.statement.columns === null)) {
      return this.executeWhole(portal);
    }
    return this.executePart(portal, limit);
  }

  /** What a paused Execute waits for; undefined: its turn. */
  get waitsFor(): Promise<void> | undefined {
    return this.running?.run.stream.waitsFor;
  }

  /** Goes on with an Execute that has paused; as `execute`. */
  resume(): boolean {
    if (this.running === null) return true;
    const { portal, run } = this.running;
    return this.advance(portal, run);
  }

  /** What waits for the data of a COPY FROM: `finishCopy` goes on with it. */
  get copyIn(): CopyIn | null {
    return this.copying?.target ?? null;
  }

  /** The data of the COPY FROM is there. */
  finishCopy(): boolean {
    if (this.copying === null) return true;
    const { portal, target } = this.copying;
    const tag = target.finish();
    this.copying = null;
    portal.finish(tag);
    this.complete(tag);
    return true;
  }

  /** The paused Execute has failed, or its client is gone. */
  interrupt(): void {
    this.copying?.portal.close();
    this.copying = null;
    this.running?.portal.close();
    this.running = null;
  }

  close(message: MessageReader): void {
    const kind = readKind(message);
    const name = message.cstring();
    message.expectEnd();
    if (kind === PORTAL) this.portals.close(name);
    else this.closeStatement(name);
    writeCloseComplete(this.out);
  }

  /** A simple query takes the place of the unnamed statement and portal. */
  closeUnnamed(): void {
    this.sql.prepared.remove("");
    this.portals.close("");
  }

  private closeStatement(name: string): void {
    const statement = this.sql.prepared.remove(name);
    if (statement === undefined) return;
    this.portals.closeOf(statement);
  }

  private portalNamed(name: string): Portal {
    const portal = this.portals.find(name);
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
      else values.push(this.readParameter(message, types[i] as number, format, length));
    }
    return values;
  }

  private readParameter(message: MessageReader, type: number, format: number, length: number): Value {
    const start = message.skip(length);
    return this.sql.decodeParameter(type, format, message.bytes, start, start + length);
  }

  private executeWhole(portal: Portal): boolean {
    const { sql, out } = this;
    const mark = out.length;
    try {
      const result = sql.execute(portal.statement, portal.parameters, portal.formats, out);
      if (typeof result !== "string") {
        if (!isCopyIn(result)) return this.advance(portal, new StreamRun(portal.open(result)));
        writeCopyInResponse(out, result.isBinary, result.columnCount);
        this.copying = { portal, target: result };
        return false;
      }
      portal.finish(result);
      this.complete(result);
      return true;
    } catch (error) {
      out.length = mark;
      throw error;
    }
  }

  private executePart(portal: Portal, limit: number): boolean {
    const { sql, out } = this;
    if (portal.stream === null) {
      portal.open(sql.open(portal.statement, portal.parameters, portal.formats, out));
    }
    const { stream } = portal;
    if (stream === null) return true;
    stream.sendTo(out, portal.formats);
    return this.advance(portal, new StreamRun(stream, limit > 0 ? limit : Number.POSITIVE_INFINITY));
  }

  private advance(portal: Portal, run: StreamRun): boolean {
    const before = run.rows;
    const progress = run.advance(this.out);
    portal.position += run.rows - before;
    if (progress === "more") {
      this.running ??= { portal, run };
      return false;
    }
    this.running = null;
    if (progress === "limit") {
      writeNotices(this.sql, this.out);
      writePortalSuspended(this.out);
      return true;
    }
    const { tag } = run;
    portal.finish(tag);
    this.complete(tag);
    return true;
  }

  /** A portal that returns rows has none left; any other must not do its work twice. */
  private executeAgain(portal: Portal, name: string): void {
    if (portal.statement.columns === null) {
      throw new DeltatError(SqlState.objectNotInPrerequisiteState, `portal "${name}" cannot be run`);
    }
    const { tag } = portal;
    this.complete(tag.startsWith("SELECT ") ? "SELECT 0" : tag);
  }

  private complete(tag: string): void {
    writeNotices(this.sql, this.out);
    writeCommandComplete(this.out, tag);
  }
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
