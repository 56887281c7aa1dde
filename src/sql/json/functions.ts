/** Functions on JSON that give one value. */

import { DeltatError, SqlState } from "../../errors.ts";
import { fn, type SqlFunction } from "../functions/signature.ts";
import { BOOL, INT4, JSON_TYPE, JSONB, type PgType, TEXT, TEXT_ARRAY } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { descendantOf, type JsonNode, jsonText, parseJson, prettyJson, spellJson } from "./document.ts";
import { speller } from "./operators.ts";

const NOWHERE = { start: 0, end: 0 };
const NULL_NODE: JsonNode = { kind: "null", ...NOWHERE };

function arrayLength(document: Value): number {
  const node = parseJson(String(document));
  if (node.kind === "array") return node.items.length;
  const what = node.kind === "object" ? "a non-array" : "a scalar";
  throw new DeltatError(SqlState.invalidParameterValue, `cannot get array length of ${what}`);
}

function extract(type: PgType, isText: boolean, [document, ...path]: readonly Value[]): Value {
  const text = String(document);
  const node = descendantOf(parseJson(text), path as readonly (string | null)[]);
  if (node === null) return null;
  const spell = speller(type, text);
  return isText ? jsonText(node, spell) : spell(node);
}

/** What a change does where the path ends: `old` is null if nothing is there. */
type Change = (
  old: JsonNode | null,
) => "keep" | { readonly node: JsonNode } | { readonly before: JsonNode } | { readonly after: JsonNode };

function changed(
  node: JsonNode,
  [step = null, ...rest]: readonly (string | null)[],
  change: Change,
): JsonNode {
  if (step === null) return node;
  const isLast = rest.length === 0;
  if (node.kind === "object") {
    const own = node.fields.findLast(([key]) => key === step)?.[1] ?? null;
    if (!isLast) {
      if (own === null) return node;
      return { ...node, fields: [...node.fields, [step, changed(own, rest, change)]] };
    }
    const result = change(own);
    if (result === "keep") return node;
    if (own !== null && !("node" in result)) {
      throw new DeltatError(SqlState.invalidParameterValue, "cannot replace existing key", {
        hint: "Try using the function jsonb_set to replace key value.",
      });
    }
    const value = "node" in result ? result.node : "before" in result ? result.before : result.after;
    return { ...node, fields: [...node.fields, [step, value]] };
  }
  if (node.kind !== "array") return node;
  if (!/^[+-]?\d+$/.test(step)) {
    throw new DeltatError(
      SqlState.invalidTextRepresentation,
      `path element at position 1 is not an integer: "${step}"`,
    );
  }
  const given = Number(step) < 0 ? node.items.length + Number(step) : Number(step);
  const at = Math.max(0, Math.min(given, node.items.length));
  const own = given < 0 ? null : (node.items[given] ?? null);
  const items = [...node.items];
  if (!isLast) {
    if (own !== null) items[given] = changed(own, rest, change);
    return { ...node, items };
  }
  const result = change(own);
  if (result === "keep") return node;
  if ("node" in result) items.splice(at, own === null ? 0 : 1, result.node);
  else if ("before" in result) items.splice(at, 0, result.before);
  else items.splice(own === null ? at : at + 1, 0, result.after);
  return { ...node, items };
}

function set(document: Value, path: Value, value: Value, creates: boolean): string {
  const node = parseJson(String(value));
  const change: Change = (old) => (old === null && !creates ? "keep" : { node });
  return spellJson(changed(parseJson(String(document)), path as readonly (string | null)[], change));
}

function insert(document: Value, path: Value, value: Value, isAfter: boolean): string {
  const node = parseJson(String(value));
  const change: Change = () => (isAfter ? { after: node } : { before: node });
  return spellJson(changed(parseJson(String(document)), path as readonly (string | null)[], change));
}

function withoutNulls(node: JsonNode): JsonNode {
  if (node.kind === "array") return { ...node, items: node.items.map(withoutNulls) };
  if (node.kind !== "object") return node;
  const kept = node.fields.filter(([, value]) => value.kind !== "null");
  return { ...node, fields: kept.map(([key, value]) => [key, withoutNulls(value)]) };
}

/** json's own spelling of what it has changed: no blanks. */
function tight(node: JsonNode, text: string): string {
  if (node.kind === "array") return `[${node.items.map((item) => tight(item, text)).join(",")}]`;
  if (node.kind !== "object") return text.slice(node.start, node.end);
  return `{${node.fields.map(([key, value]) => `${JSON.stringify(key)}:${tight(value, text)}`).join(",")}}`;
}

/** Keys and values in turn, or in two arrays. */
function objectOf(keys: readonly Value[], values: readonly Value[]): JsonNode {
  if (keys.length !== values.length) {
    throw new DeltatError(SqlState.arraySubscriptError, "mismatched array dimensions");
  }
  const fields = keys.map((key, at): [string, JsonNode] => {
    if (key === null)
      throw new DeltatError(SqlState.nullValueNotAllowed, "null value not allowed for object key");
    const value = values[at] ?? null;
    return [String(key), value === null ? NULL_NODE : { kind: "string", value: String(value), ...NOWHERE }];
  });
  return { kind: "object", fields, ...NOWHERE };
}

function pairs(items: readonly Value[]): JsonNode {
  if (items.length % 2 !== 0) {
    throw new DeltatError(SqlState.arraySubscriptError, "array must have even number of elements");
  }
  return objectOf(
    items.filter((_, at) => at % 2 === 0),
    items.filter((_, at) => at % 2 === 1),
  );
}

function spelled(type: PgType, node: JsonNode): string {
  if (type === JSONB || node.kind !== "object") return spellJson(node);
  return `{${node.fields.map(([key, value]) => `${JSON.stringify(key)} : ${spellJson(value)}`).join(", ")}}`;
}

function ofBoth(name: string, type: PgType): SqlFunction[] {
  const prefixed = (rest: string): string => `${name}_${rest}`;
  return [
    fn(prefixed("typeof"), [type], TEXT, ([a]) => parseJson(String(a)).kind),
    fn(prefixed("array_length"), [type], INT4, ([a = null]) => arrayLength(a)),
    fn(prefixed("extract_path"), [type, TEXT], type, (args) => extract(type, false, args), {
      isVariadic: true,
    }),
    fn(prefixed("extract_path_text"), [type, TEXT], TEXT, (args) => extract(type, true, args), {
      isVariadic: true,
    }),
    fn(prefixed("object"), [TEXT_ARRAY], type, ([a]) => spelled(type, pairs(a as readonly Value[]))),
    fn(prefixed("object"), [TEXT_ARRAY, TEXT_ARRAY], type, ([keys, values]) =>
      spelled(type, objectOf(keys as readonly Value[], values as readonly Value[])),
    ),
  ];
}

export const JSON_FUNCTIONS: readonly SqlFunction[] = [
  ...ofBoth("json", JSON_TYPE),
  ...ofBoth("jsonb", JSONB),
  fn("jsonb_set", [JSONB, TEXT_ARRAY, JSONB], JSONB, ([a = null, path = null, b = null]) =>
    set(a, path, b, true),
  ),
  fn("jsonb_set", [JSONB, TEXT_ARRAY, JSONB, BOOL], JSONB, ([a = null, path = null, b = null, creates]) =>
    set(a, path, b, creates === true),
  ),
  fn("jsonb_insert", [JSONB, TEXT_ARRAY, JSONB], JSONB, ([a = null, path = null, b = null]) =>
    insert(a, path, b, false),
  ),
  fn("jsonb_insert", [JSONB, TEXT_ARRAY, JSONB, BOOL], JSONB, ([a = null, path = null, b = null, after]) =>
    insert(a, path, b, after === true),
  ),
  fn("jsonb_strip_nulls", [JSONB], JSONB, ([a]) => spellJson(withoutNulls(parseJson(String(a))))),
  fn("json_strip_nulls", [JSON_TYPE], JSON_TYPE, ([a]) =>
    tight(withoutNulls(parseJson(String(a))), String(a)),
  ),
  fn("jsonb_pretty", [JSONB], TEXT, ([a]) => prettyJson(parseJson(String(a)))),
];
