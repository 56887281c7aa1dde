/** JSON as PostgreSQL makes it: `to_json` of a value, and the one spelling that jsonb has. */

import { DeltatError, SqlState } from "../errors.ts";
import { formatValue } from "./codec.ts";
import { compareTexts } from "./text-order.ts";
import { BOOL, JSON_TYPE, JSONB, type PgType, TEXT, TIMESTAMP, TIMESTAMPTZ } from "./types.ts";
import type { Value } from "./value.ts";

/** The JSON text of a value (to_json, https://www.postgresql.org/docs/current/functions-json.html). */
export function toJson(type: PgType, value: Value): string {
  if (value === null) return "null";
  const { fields, arrayOf } = type;
  if (fields !== undefined) {
    const parts = (value as readonly Value[]).map(
      (part, at) => `${JSON.stringify(fields[at]?.name ?? "")}:${toJson(fields[at]?.type ?? TEXT, part)}`,
    );
    return `{${parts.join(",")}}`;
  }
  if (arrayOf !== undefined) {
    return `[${(value as readonly Value[]).map((item) => toJson(arrayOf, item)).join(",")}]`;
  }
  if (type === JSON_TYPE || type === JSONB) return value as string;
  if (type === BOOL) return value === true ? "true" : "false";
  const text = formatValue(type, value);
  if (type === TIMESTAMPTZ) return JSON.stringify(text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"));
  if (type === TIMESTAMP) return JSON.stringify(text.replace(" ", "T"));
  if (type.category === "numeric" && /^-?\d/.test(text)) return text;
  return JSON.stringify(text);
}

function invalidJson(type: PgType): DeltatError {
  return new DeltatError(SqlState.invalidTextRepresentation, `invalid input syntax for type ${type.name}`);
}

/** The text as it is, once it is known to be JSON. Throws 22P02. */
export function checkedJson(text: string): string {
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw invalidJson(JSON_TYPE);
  }
}

/** jsonb's spelling: blanks after colons and commas, keys by length and then by bytes, the last of equal ones. */
export function normaliseJson(text: string): string {
  try {
    return spell(JSON.parse(text));
  } catch {
    throw invalidJson(JSONB);
  }
}

function spell(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spell).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const keys = Object.keys(value).sort((a, b) => a.length - b.length || compareTexts(a, b));
  const fields = value as Record<string, unknown>;
  return `{${keys.map((key) => `${JSON.stringify(key)}: ${spell(fields[key])}`).join(", ")}}`;
}
