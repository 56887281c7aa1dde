/**
 * The messages that the server sends, each a function that appends one to a ByteWriter
 * (https://www.postgresql.org/docs/current/protocol-message-formats.html). DataRow and the
 * messages of COPY TO are not here: the SQL layer writes rows itself, straight from where they are.
 */

import type { ByteWriter } from "../bytes.ts";
import type { ErrorFields } from "../errors.ts";
import type { OutputColumn } from "../sql/execution.ts";
import type { Notice } from "../sql/session/session-state.ts";
import type { TransactionStatus } from "./sql-connection.ts";

/** ERROR ends a statement, FATAL the connection. */
export type Severity = "ERROR" | "FATAL";

function code(letter: string): number {
  return letter.charCodeAt(0);
}

const Backend = {
  authentication: code("R"),
  backendKeyData: code("K"),
  bindComplete: code("2"),
  closeComplete: code("3"),
  commandComplete: code("C"),
  copyInResponse: code("G"),
  emptyQueryResponse: code("I"),
  errorResponse: code("E"),
  negotiateProtocolVersion: code("v"),
  noData: code("n"),
  noticeResponse: code("N"),
  notificationResponse: code("A"),
  parameterDescription: code("t"),
  parameterStatus: code("S"),
  parseComplete: code("1"),
  portalSuspended: code("s"),
  readyForQuery: code("Z"),
  rowDescription: code("T"),
} as const;

const AUTHENTICATION_OK = 0;
const AUTHENTICATION_CLEARTEXT_PASSWORD = 3;
const AUTHENTICATION_SASL = 10;
const AUTHENTICATION_SASL_CONTINUE = 11;
const AUTHENTICATION_SASL_FINAL = 12;

/** Begins a message; returns where its length stands. */
function begin(out: ByteWriter, type: number): number {
  out.u8(type);
  out.i32(0);
  return out.length - 4;
}

function finish(out: ByteWriter, lengthAt: number): void {
  out.patchI32(lengthAt, out.length - lengthAt);
}

/** A message without fields. */
function bare(out: ByteWriter, type: number): void {
  out.u8(type);
  out.i32(4);
}

export function writeAuthenticationOk(out: ByteWriter): void {
  const lengthAt = begin(out, Backend.authentication);
  out.i32(AUTHENTICATION_OK);
  finish(out, lengthAt);
}

export function writeAuthenticationCleartextPassword(out: ByteWriter): void {
  const lengthAt = begin(out, Backend.authentication);
  out.i32(AUTHENTICATION_CLEARTEXT_PASSWORD);
  finish(out, lengthAt);
}

/** @param mechanisms names of SASL mechanisms, the preferred one first */
export function writeAuthenticationSasl(out: ByteWriter, mechanisms: readonly string[]): void {
  const lengthAt = begin(out, Backend.authentication);
  out.i32(AUTHENTICATION_SASL);
  for (const mechanism of mechanisms) out.cstring(mechanism);
  out.u8(0);
  finish(out, lengthAt);
}

/** @param challenge of the mechanism, ASCII */
export function writeAuthenticationSaslContinue(out: ByteWriter, challenge: string): void {
  writeSaslData(out, AUTHENTICATION_SASL_CONTINUE, challenge);
}

/** @param outcome of the mechanism, ASCII */
export function writeAuthenticationSaslFinal(out: ByteWriter, outcome: string): void {
  writeSaslData(out, AUTHENTICATION_SASL_FINAL, outcome);
}

function writeSaslData(out: ByteWriter, kind: number, data: string): void {
  const lengthAt = begin(out, Backend.authentication);
  out.i32(kind);
  out.utf8(data);
  finish(out, lengthAt);
}

/** @param version the newest protocol version served, as in a start-up packet: 3.0 is 0x30000 */
export function writeNegotiateProtocolVersion(
  out: ByteWriter,
  version: number,
  unrecognizedOptions: readonly string[],
): void {
  const lengthAt = begin(out, Backend.negotiateProtocolVersion);
  out.i32(version);
  out.i32(unrecognizedOptions.length);
  for (const name of unrecognizedOptions) out.cstring(name);
  finish(out, lengthAt);
}

export function writeBackendKeyData(out: ByteWriter, processId: number, secret: number): void {
  const lengthAt = begin(out, Backend.backendKeyData);
  out.i32(processId);
  out.i32(secret);
  finish(out, lengthAt);
}

export function writeParameterStatus(out: ByteWriter, name: string, value: string): void {
  const lengthAt = begin(out, Backend.parameterStatus);
  out.cstring(name);
  out.cstring(value);
  finish(out, lengthAt);
}

export function writeReadyForQuery(out: ByteWriter, status: TransactionStatus): void {
  out.u8(Backend.readyForQuery);
  out.i32(5);
  out.u8(code(status));
}

/** RowDescriptions of results that are all text, by the columns of their plan: what a client asks again is copied. */
const textDescriptions = new WeakMap<readonly OutputColumn[], Uint8Array>();

/** @param formats one per column, 0 text or 1 binary; empty: all are text */
export function writeRowDescription(
  out: ByteWriter,
  columns: readonly OutputColumn[],
  formats: readonly number[],
): void {
  if (formats.length > 0) {
    encodeRowDescription(out, columns, formats);
    return;
  }
  const known = textDescriptions.get(columns);
  if (known !== undefined) {
    out.raw(known);
    return;
  }
  const from = out.length;
  encodeRowDescription(out, columns, formats);
  textDescriptions.set(columns, out.bytes.slice(from, out.length));
}

function encodeRowDescription(
  out: ByteWriter,
  columns: readonly OutputColumn[],
  formats: readonly number[],
): void {
  const lengthAt = begin(out, Backend.rowDescription);
  out.u16(columns.length);
  for (let i = 0; i < columns.length; i++) {
    const column = columns[i] as OutputColumn;
    out.cstring(column.name);
    out.u32(column.tableOid);
    out.u16(column.columnNumber);
    out.u32(column.typeOid);
    out.u16(column.typeLength & 0xffff);
    out.i32(column.typeModifier);
    out.u16(formats[i] ?? 0);
  }
  finish(out, lengthAt);
}

export function writeParameterDescription(out: ByteWriter, typeOids: readonly number[]): void {
  const lengthAt = begin(out, Backend.parameterDescription);
  out.u16(typeOids.length);
  for (const oid of typeOids) out.u32(oid);
  finish(out, lengthAt);
}

/** @param tag such as `INSERT 0 1` */
export function writeCommandComplete(out: ByteWriter, tag: string): void {
  const lengthAt = begin(out, Backend.commandComplete);
  out.cstring(tag);
  finish(out, lengthAt);
}

/** All columns in one format. */
export function writeCopyInResponse(out: ByteWriter, isBinary: boolean, columnCount: number): void {
  const format = isBinary ? 1 : 0;
  const lengthAt = begin(out, Backend.copyInResponse);
  out.u8(format);
  out.u16(columnCount);
  for (let i = 0; i < columnCount; i++) out.u16(format);
  finish(out, lengthAt);
}

export function writeNotificationResponse(
  out: ByteWriter,
  processId: number,
  channel: string,
  payload: Uint8Array,
): void {
  const lengthAt = begin(out, Backend.notificationResponse);
  out.i32(processId);
  out.cstring(channel);
  out.raw(payload);
  out.u8(0);
  finish(out, lengthAt);
}

export function writeNoticeResponse(out: ByteWriter, notice: Notice): void {
  writeReport(out, Backend.noticeResponse, notice.severity, notice.sqlState, notice.message, {});
}

export function writeErrorResponse(
  out: ByteWriter,
  severity: Severity,
  sqlState: string,
  message: string,
  fields: ErrorFields = {},
): void {
  writeReport(out, Backend.errorResponse, severity, sqlState, message, fields);
}

function writeReport(
  out: ByteWriter,
  type: number,
  severity: string,
  sqlState: string,
  message: string,
  fields: ErrorFields,
): void {
  const lengthAt = begin(out, type);
  writeField(out, "S", severity);
  writeField(out, "V", severity);
  writeField(out, "C", sqlState);
  writeField(out, "M", message);
  writeField(out, "D", fields.detail);
  writeField(out, "H", fields.hint);
  writeField(out, "P", fields.position?.toString());
  writeField(out, "W", fields.where);
  if (fields.table !== undefined) {
    writeField(out, "s", "public");
    writeField(out, "t", fields.table);
  }
  writeField(out, "c", fields.column);
  writeField(out, "d", fields.dataType);
  writeField(out, "n", fields.constraint);
  out.u8(0);
  finish(out, lengthAt);
}

/** A zero would end the field early and take the rest for another one, so there is none in `value`. */
function writeField(out: ByteWriter, letter: string, value: string | undefined): void {
  if (value === undefined) return;
  out.u8(code(letter));
  out.cstring(value.includes("\0") ? value.replaceAll("\0", "\\0") : value);
}

export function writeParseComplete(out: ByteWriter): void {
  bare(out, Backend.parseComplete);
}

export function writeBindComplete(out: ByteWriter): void {
  bare(out, Backend.bindComplete);
}

export function writeCloseComplete(out: ByteWriter): void {
  bare(out, Backend.closeComplete);
}

export function writeNoData(out: ByteWriter): void {
  bare(out, Backend.noData);
}

export function writePortalSuspended(out: ByteWriter): void {
  bare(out, Backend.portalSuspended);
}

export function writeEmptyQueryResponse(out: ByteWriter): void {
  bare(out, Backend.emptyQueryResponse);
}
