/** Functions whose arguments may be of any type: JSON, arrays, and those that make text of whatever they get. */

import { DeltatError, SqlState } from "../../errors.ts";
import { normaliseJson, toJson } from "../json/to-json.ts";
import { formatValue } from "../values/codec.ts";
import { ANY, ANY_ARRAY, INT4, JSON_TYPE, JSONB, type PgType, REGTYPE, TEXT } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { joinedText } from "../values/value-size.ts";
import { fn, type SqlFunction } from "./signature.ts";

const ANY_NUMBER = { isStrict: false, isVariadic: true } as const;

/** What concat and format show of a value. */
function shown(value: Value, type: PgType): string {
  return value === null ? "" : formatValue(type, value);
}

function buildObject(args: readonly Value[], types: readonly PgType[]): string {
  if (args.length % 2 !== 0) {
    throw new DeltatError(SqlState.invalidParameterValue, "argument list must have even number of elements");
  }
  const parts: string[] = [];
  for (let i = 0; i < args.length; i += 2) {
    const key = args[i] as Value;
    if (key === null) {
      throw new DeltatError(SqlState.invalidParameterValue, `argument ${i + 1}: key must not be null`);
    }
    const value = toJson(types[i + 1] ?? TEXT, args[i + 1] ?? null);
    parts.push(`${JSON.stringify(formatValue(types[i] ?? TEXT, key))} : ${value}`);
  }
  return `{${joinedText(parts, ", ")}}`;
}

function buildArray(args: readonly Value[], types: readonly PgType[]): string {
  const parts = args.map((value, at) => toJson(types[at] ?? TEXT, value));
  return `[${joinedText(parts, ", ")}]`;
}

export const ANY_FUNCTIONS: readonly SqlFunction[] = [
  fn("to_json", [ANY], JSON_TYPE, ([a], _, [type]) => toJson(type ?? TEXT, a ?? null)),
  fn("to_jsonb", [ANY], JSONB, ([a], _, [type]) => normaliseJson(toJson(type ?? TEXT, a ?? null))),
  fn("row_to_json", [ANY], JSON_TYPE, ([a], _, [type]) => toJson(type ?? TEXT, a ?? null)),
  fn("array_to_json", [ANY_ARRAY], JSON_TYPE, ([a], _, [type]) => toJson(type ?? TEXT, a ?? null)),
  fn("json_build_object", [], JSON_TYPE, () => "{}"),
  fn("jsonb_build_object", [], JSONB, () => "{}"),
  fn("json_build_array", [], JSON_TYPE, () => "[]"),
  fn("jsonb_build_array", [], JSONB, () => "[]"),
  fn("json_build_object", [ANY], JSON_TYPE, (args, _, types) => buildObject(args, types), ANY_NUMBER),
  fn(
    "jsonb_build_object",
    [ANY],
    JSONB,
    (args, _, types) => normaliseJson(buildObject(args, types)),
    ANY_NUMBER,
  ),
  fn("json_build_array", [ANY], JSON_TYPE, (args, _, types) => buildArray(args, types), ANY_NUMBER),
  fn(
    "jsonb_build_array",
    [ANY],
    JSONB,
    (args, _, types) => normaliseJson(buildArray(args, types)),
    ANY_NUMBER,
  ),
  fn(
    "concat",
    [ANY],
    TEXT,
    (args, _, types) => {
      const parts = args.map((a, at) => shown(a, types[at] ?? TEXT));
      return joinedText(parts, "");
    },
    ANY_NUMBER,
  ),
  fn(
    "concat_ws",
    [TEXT, ANY],
    TEXT,
    ([separator = null, ...rest], _, [, ...types]) => {
      if (separator === null) return null;
      const parts = rest.flatMap((value, at) => (value === null ? [] : [shown(value, types[at] ?? TEXT)]));
      return joinedText(parts, String(separator));
    },
    ANY_NUMBER,
  ),
  fn("num_nulls", [ANY], INT4, (args) => args.filter((arg) => arg === null).length, ANY_NUMBER),
  fn("num_nonnulls", [ANY], INT4, (args) => args.filter((arg) => arg !== null).length, ANY_NUMBER),
  fn("pg_typeof", [ANY], REGTYPE, (_, __, [type]) => type?.oid ?? 0, { isStrict: false }),
];
