/**
 * Values to and from the two formats of the protocol (https://www.postgresql.org/docs/current/protocol-overview.html,
 * Formats and Format Codes): text, format 0, and binary, format 1, as PostgreSQL's send and receive functions have it.
 */

import { type ByteWriter, plainText } from "../../bytes.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import { decodeUtf8 } from "../../utf8.ts";
import { isTimeBinary, readTimeBinary, writeTimeBinary } from "../time/binary.ts";
import { formatArray, parseArray, severalDimensions } from "./array-text.ts";
import { readInteger, writeInteger } from "./integer-text.ts";
import { readNumericBinary, writeNumericBinary } from "./numeric-binary.ts";
import { formatScalar, parseScalar } from "./scalar-text.ts";
import {
  BOOL,
  CHAR,
  FLOAT4,
  FLOAT8,
  INT2,
  INT4,
  INT8,
  isOid,
  isVector,
  JSONB,
  NUMERIC,
  OID,
  type PgType,
  TEXT,
  typeByOid,
  UUID,
  XID,
} from "./types.ts";
import type { Value } from "./value.ts";
import { integerValue } from "./value.ts";
import { checkedLength } from "./value-size.ts";

export const TEXT_FORMAT = 0;
export const BINARY_FORMAT = 1;

/**
 * The value that `text` names. Throws DeltatError 22P02 (syntax), 22003 (out of range) or, for timestamps,
 * 22007 and 22008.
 */
export function decodeText(type: PgType, text: string): Value {
  if (type.arrayOf === undefined) return parseScalar(type, text);
  if (!isVector(type)) return parseArray(type.arrayOf, text);
  const element = type.arrayOf;
  return text.split(" ").flatMap((item) => (item === "" ? [] : [parseScalar(element, item)]));
}

/** The text of a value that is not null. */
export function formatValue(type: PgType, value: Value): string {
  if (type.fields !== undefined) return formatRecord(type.fields, value as readonly Value[]);
  if (isVector(type)) return (value as readonly Value[]).join(" ");
  if (Array.isArray(value)) return formatArray(type.arrayOf ?? type, value);
  return formatScalar(type, value);
}

/** `(a,"b c",)`: NULL is nothing at all (https://www.postgresql.org/docs/current/rowtypes.html). */
function formatRecord(fields: NonNullable<PgType["fields"]>, values: readonly Value[]): string {
  const parts = values.map((value, at) => {
    if (value === null) return "";
    const text = formatValue(fields[at]?.type ?? TEXT, value);
    return text === "" || /[\s(),"\\]/.test(text) ? `"${text.replace(/["\\]/g, "$&$&")}"` : text;
  });
  // What is quoted doubles its quotes with each record around it.
  checkedLength(parts.reduce((sum, part) => sum + part.length + 1, 1));
  return `(${parts.join(",")})`;
}

/** A parameter as Bind brings it, in `bytes[start, end)`. Throws as `decodeText` and `decodeBinary` do, and 22021 for broken UTF-8. */
export function decodeParameter(
  type: PgType,
  format: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): Value {
  if (format === BINARY_FORMAT) return decodeBinary(type, bytes.subarray(start, end));
  if (type === INT8) {
    const value = readInteger(bytes, start, end);
    if (!Number.isNaN(value)) return value;
  }
  return decodeText(type, plainText(bytes, start, end) ?? decodeUtf8(bytes.subarray(start, end)));
}

function invalidBinary(message: string): DeltatError {
  return new DeltatError(SqlState.invalidBinaryRepresentation, message);
}

/** The value in binary format. Throws DeltatError 22P03 for bytes the type does not have, 22021 for broken UTF-8. */
export function decodeBinary(type: PgType, bytes: Uint8Array): Value {
  if (type.arrayOf !== undefined) return decodeBinaryArray(type.arrayOf, bytes);
  if (type === JSONB) return parseScalar(type, decodeUtf8(bytes.subarray(1)));
  if (isTimeBinary(type)) return readTimeBinary(type, bytes);
  if (type.length > 0 && type.category !== "string" && bytes.length !== type.length) {
    throw invalidBinary("incorrect binary data format");
  }
  // charsend: one byte, which is 0 for the empty one.
  if (type === CHAR && bytes[0] === 0) return "";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (type) {
    case INT8:
      return integerValue(view.getBigInt64(0));
    case INT4:
      return view.getInt32(0);
    case INT2:
      return view.getInt16(0);
    case OID:
      return view.getUint32(0);
    case BOOL:
      return bytes[0] !== 0;
    case FLOAT8:
      return view.getFloat64(0);
    case FLOAT4:
      return view.getFloat32(0);
    case UUID:
      return parseScalar(type, Buffer.from(bytes).toString("hex"));
    case NUMERIC: {
      const text = readNumericBinary(bytes);
      if (text === null) throw invalidBinary("invalid numeric value in external binary format");
      return text;
    }
    default:
      if (isOid(type) || type === XID) return view.getUint32(0);
      return parseScalar(type, decodeUtf8(bytes));
  }
}

/** array_recv: dimensions, a null flag, the element's OID, per dimension its length and lower bound, the elements. */
function decodeBinaryArray(element: PgType, bytes: Uint8Array): readonly Value[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 12) throw invalidBinary("insufficient data left in message");
  const dimensions = view.getInt32(0);
  if (dimensions > 1) throw severalDimensions();
  if (dimensions < 0) throw invalidBinary(`invalid number of dimensions: ${dimensions}`);
  const elementOid = view.getUint32(8);
  if (elementOid !== element.oid) {
    const found = typeByOid(elementOid)?.name ?? String(elementOid);
    throw new DeltatError(
      SqlState.datatypeMismatch,
      `binary data has array element type ${elementOid} (${found}) instead of expected ${element.oid} (${element.name})`,
    );
  }
  const items: Value[] = [];
  if (dimensions === 0) return items;
  if (bytes.length < 20) throw invalidBinary("insufficient data left in message");
  const count = view.getInt32(12);
  if (count < 0) throw invalidBinary("invalid array size");
  let at = 20;
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) throw invalidBinary("insufficient data left in message");
    const length = view.getInt32(at);
    at += 4;
    if (length < -1 || length > bytes.length - at) throw invalidBinary("insufficient data left in message");
    items.push(length < 0 ? null : decodeBinary(element, bytes.subarray(at, at + length)));
    if (length > 0) at += length;
  }
  if (at !== bytes.length) throw invalidBinary("incorrect binary data format");
  return items;
}

/** Appends the text of a value that is not null, without length. */
export function encodeText(out: ByteWriter, type: PgType, value: Value): void {
  if (typeof value === "string") out.utf8(value);
  else if (typeof value === "number" && Number.isSafeInteger(value) && isPlainInteger(type))
    writeInteger(out, value);
  else if (typeof value === "boolean") out.u8(value ? 116 : 102);
  else out.utf8(formatValue(type, value));
}

function isPlainInteger(type: PgType): boolean {
  return type === INT8 || type === INT4 || type === INT2 || type === OID || type === XID;
}

/** Appends the binary form of a value that is not null, without length. */
export function encodeBinary(out: ByteWriter, type: PgType, value: Value): void {
  if (isTimeBinary(type)) writeTimeBinary(out, type, value);
  else if (type.fields !== undefined) encodeBinaryRecord(out, type.fields, value as readonly Value[]);
  else if (Array.isArray(value)) encodeBinaryArray(out, type.arrayOf ?? type, value);
  else if (typeof value === "boolean") out.u8(value ? 1 : 0);
  else if (typeof value === "number") encodeBinaryNumber(out, type, value);
  else if (typeof value === "bigint") out.bigInt64(value);
  else if (typeof value === "string") {
    if (type === NUMERIC) writeNumericBinary(out, value);
    else if (type === UUID) out.raw(Buffer.from(value.replaceAll("-", ""), "hex"));
    else if (type === JSONB) {
      // jsonb_send: a version byte, then the text.
      out.u8(1);
      out.utf8(value);
    } else if (value === "" && type === CHAR) out.u8(0);
    else out.utf8(value);
  }
}

/** record_send: the number of parts, then each one's type and value. */
function encodeBinaryRecord(
  out: ByteWriter,
  fields: NonNullable<PgType["fields"]>,
  values: readonly Value[],
): void {
  out.i32(values.length);
  for (const [at, value] of values.entries()) {
    const type = fields[at]?.type ?? TEXT;
    out.u32(type.oid);
    const lengthAt = out.length;
    out.i32(-1);
    if (value === null) continue;
    encodeBinary(out, type, value);
    out.patchI32(lengthAt, out.length - lengthAt - 4);
  }
}

function encodeBinaryNumber(out: ByteWriter, type: PgType, value: number): void {
  switch (type) {
    case INT8:
      out.i64(value);
      break;
    case INT4:
      out.i32(value);
      break;
    case OID:
      out.u32(value);
      break;
    case INT2:
      out.u16(value & 0xffff);
      break;
    case FLOAT8:
      out.f64(value);
      break;
    case FLOAT4:
      float4Bits.setFloat32(0, value);
      out.u32(float4Bits.getUint32(0));
      break;
    default:
      if (isOid(type) || type === XID) {
        out.u32(value);
        break;
      }
      throw new DeltatError(SqlState.internalError, `no binary form of ${type.name} for a number`);
  }
}

const float4Bits = new DataView(new ArrayBuffer(4));

function encodeBinaryArray(out: ByteWriter, element: PgType, items: readonly Value[]): void {
  out.i32(items.length === 0 ? 0 : 1);
  out.i32(items.includes(null) ? 1 : 0);
  out.u32(element.oid);
  if (items.length === 0) return;
  out.i32(items.length);
  out.i32(1);
  for (const item of items) {
    const lengthAt = out.length;
    out.i32(-1);
    if (item === null) continue;
    encodeBinary(out, element, item);
    out.patchI32(lengthAt, out.length - lengthAt - 4);
  }
}
