/** JSON as PostgreSQL makes it: `to_json` of a value, and the one spelling that jsonb has. */

import { formatValue } from "../values/codec.ts";
import { BOOL, JSON_TYPE, JSONB, type PgType, TEXT, TIMESTAMP, TIMESTAMPTZ } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { joinedText, PieceLengths } from "../values/value-size.ts";
import { parseJson, spellJson } from "./document.ts";

/** The JSON text of a value (to_json, https://www.postgresql.org/docs/current/functions-json.html). */
export function toJson(type: PgType, value: Value): string {
  if (value === null) return "null";
  const { fields, arrayOf } = type;
  if (fields !== undefined) {
    const parts = (value as readonly Value[]).map(
      (part, at) => `${JSON.stringify(fields[at]?.name ?? "")}:${toJson(fields[at]?.type ?? TEXT, part)}`,
    );
    return `{${joinedText(parts, ",")}}`;
  }
  if (arrayOf !== undefined) {
    const pieces = new PieceLengths();
    const parts = (value as readonly Value[]).map((item) => pieces.checked(toJson(arrayOf, item)));
    return `[${joinedText(parts, ",")}]`;
  }
  if (type === JSON_TYPE || type === JSONB) return value as string;
  if (type === BOOL) return value === true ? "true" : "false";
  const text = formatValue(type, value);
  if (type === TIMESTAMPTZ) return JSON.stringify(text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"));
  if (type === TIMESTAMP) return JSON.stringify(text.replace(" ", "T"));
  if (type.category === "numeric" && /^-?\d/.test(text)) return text;
  return JSON.stringify(text);
}

/** The text as it is, once it is known to be JSON. Throws 22P02. */
export function checkedJson(text: string): string {
  parseJson(text);
  return text;
}

/** jsonb's spelling of a JSON text. Throws 22P02. */
export function normaliseJson(text: string): string {
  return spellJson(parseJson(text));
}
