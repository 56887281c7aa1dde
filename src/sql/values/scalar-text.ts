/** Text to value and value to text, type by type, in PostgreSQL's spelling and with its words for what is wrong. */

import { DeltatError, SqlState } from "../../errors.ts";
import { checkedJson, normaliseJson } from "../json/to-json.ts";
import { objectName, objectOid } from "../parse/object-names.ts";
import { formatTimeValue, parseTimeValue } from "../time/text.ts";
import { formatFloat4, formatFloat8, parseFloat8 } from "./float-text.ts";
import { formatDecimal, parseDecimal } from "./numeric.ts";
import {
  BOOL,
  CHAR,
  DATE,
  FLOAT4,
  FLOAT8,
  INSTANT_HINT,
  INT2,
  INT4,
  INT8,
  INTERVAL,
  isOid,
  JSON_TYPE,
  JSONB,
  NAME,
  NUMERIC,
  OID,
  type PgType,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
  UUID,
} from "./types.ts";
import { integerValue, type Value } from "./value.ts";

/** PostgreSQL's NAMEDATALEN - 1: a longer name is cut. */
const MAX_NAME_BYTES = 63;

const INTEGER = /^[+-]?\d+$/;

/** The least and greatest value of each whole-number type. */
const INTEGER_RANGES = new Map<PgType, readonly [bigint, bigint]>([
  [INT2, [-32768n, 32767n]],
  [INT4, [-2147483648n, 2147483647n]],
  [INT8, [-9223372036854775808n, 9223372036854775807n]],
  [OID, [-2147483648n, 4294967295n]],
]);

/** Whether a whole number fits INT2, INT4, INT8 or OID. */
export function isInRange(type: PgType, value: number | bigint): boolean {
  const range = INTEGER_RANGES.get(type);
  return range === undefined || (value >= range[0] && value <= range[1]);
}

/** 22P02 in PostgreSQL's words. */
function invalidSyntax(type: PgType, text: string): DeltatError {
  return new DeltatError(
    SqlState.invalidTextRepresentation,
    `invalid input syntax for type ${type.name}: "${text}"`,
    type === INT8 && /^\s*\d{4}-\d\d-\d\d/.test(text) ? { hint: INSTANT_HINT } : {},
  );
}

/** 22003 in PostgreSQL's words, for text that is a number but too great. */
function valueOutOfRange(type: PgType, text: string): DeltatError {
  return new DeltatError(
    SqlState.numericValueOutOfRange,
    `value "${text}" is out of range for type ${type.name}`,
  );
}

/** The value of a type that is no array. Throws DeltatError 22P02, 22003, 22007 or 22008. */
export function parseScalar(type: PgType, text: string): Value {
  switch (type) {
    case INT8:
    case INT4:
    case INT2:
    case OID:
      return parseInteger(type, text);
    case BOOL:
      return parseBoolean(text);
    case FLOAT8:
    case FLOAT4:
      return parseFloatText(type, text);
    case NUMERIC: {
      const decimal = parseDecimal(text);
      if (decimal === null) throw invalidSyntax(type, text);
      return formatDecimal(decimal);
    }
    case TIMESTAMPTZ:
    case TIMESTAMP:
    case DATE:
    case TIME:
    case INTERVAL:
      return parseTimeValue(type, text);
    case UUID:
      return parseUuid(text);
    case NAME:
      return truncateName(text);
    case CHAR:
      return text.slice(0, 1);
    case JSON_TYPE:
      return checkedJson(text);
    case JSONB:
      return normaliseJson(text);
    default:
      return isOid(type) ? (objectOid(type, text) ?? parseInteger(OID, text)) : text;
  }
}

function parseInteger(type: PgType, text: string): number | bigint {
  const trimmed = text.trim();
  if (!INTEGER.test(trimmed)) return parseUnusualInteger(type, text, trimmed);
  // 15 digits are always exact; the type's own range remains to be checked.
  const value = trimmed.length <= 15 ? Number(trimmed) : integerValue(BigInt(trimmed.replace("+", "")));
  if (!isInRange(type, value)) throw valueOutOfRange(type, text);
  return value === 0 ? 0 : type === OID && value < 0 ? Number(value) + 4294967296 : value;
}

/** 0x1F and 1_000, which PostgreSQL reads too. */
function parseUnusualInteger(type: PgType, text: string, trimmed: string): number | bigint {
  const isUnusual = /^[+-]?(\d+(_\d+)+|0[xX](_?[0-9a-fA-F])+|0[oO](_?[0-7])+|0[bB](_?[01])+)$/.test(trimmed);
  const decimal = isUnusual ? parseDecimal(trimmed) : null;
  if (decimal === null) throw invalidSyntax(type, text);
  const value = integerValue(decimal.digits);
  if (!isInRange(type, value)) throw valueOutOfRange(type, text);
  return value;
}

/** Hexadecimal digits, with or without braces, hyphens after any group of four. */
function parseUuid(text: string): string {
  const match = /^(\{?)([0-9a-f]{4}(?:-?[0-9a-f]{4}){7})(\}?)$/i.exec(text);
  if (match === null || (match[1] === "{") !== (match[3] === "}")) throw invalidSyntax(UUID, text);
  const digits = (match[2] ?? "").replaceAll("-", "").toLowerCase();
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Any unambiguous beginning of true, false, yes, no, on, off, and 1 and 0. */
function parseBoolean(text: string): boolean {
  const word = text.trim().toLowerCase();
  if (word !== "") {
    if ("true".startsWith(word) || "yes".startsWith(word) || word === "on" || word === "1") return true;
    if ("false".startsWith(word) || "no".startsWith(word) || word === "0") return false;
    if (word === "of" || word === "off") return false;
  }
  throw invalidSyntax(BOOL, text);
}

function parseFloatText(type: PgType, text: string): number {
  const value = parseFloat8(text);
  if (value === null) throw invalidSyntax(type, text);
  const stored = type === FLOAT4 ? Math.fround(value) : value;
  const isWritten = /[1-9]/.test(text.replace(/[eE].*$/, ""));
  const overflowed = !Number.isFinite(stored) && isWritten;
  if (overflowed || (stored === 0 && isWritten)) {
    throw new DeltatError(
      SqlState.numericValueOutOfRange,
      `"${text.trim()}" is out of range for type ${type.name}`,
    );
  }
  return stored;
}

/** Cuts a name to what PostgreSQL keeps of it, at a character's edge. */
export function truncateName(text: string): string {
  if (text.length * 3 <= MAX_NAME_BYTES || Buffer.byteLength(text) <= MAX_NAME_BYTES) return text;
  let end = 0;
  let bytes = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > MAX_NAME_BYTES) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** The text of a value that is not null and no array, as PostgreSQL's output functions spell it. */
export function formatScalar(type: PgType, value: Value): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "t" : "f";
  if (typeof value === "number") {
    if (type === FLOAT8) return formatFloat8(value);
    if (type === FLOAT4) return formatFloat4(value);
    if (type.category === "date/time") return formatTimeValue(type, value);
    if (isOid(type) && type !== OID) return objectName(type, value) ?? String(value);
  }
  if (typeof value === "bigint" && type.category === "date/time") return formatTimeValue(type, value);
  return String(value);
}
