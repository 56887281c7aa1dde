/** Functions on JSON that give rows: elements, fields, keys, and records whose columns the statement names. */

import { DeltatError, SqlState } from "../../errors.ts";
import { castExplicitly, tryCast } from "../expressions/casts.ts";
import type { Expression, Frame } from "../expressions/expression.ts";
import { type JsonField, type JsonNode, jsonText, parseJson, uniqueFields } from "../json/document.ts";
import { speller } from "../json/operators.ts";
import { JSON_TYPE, JSONB, type PgType, TEXT } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import type { RowList, SetFunction } from "./set-functions.ts";

const NAME =
  /^(jsonb?)_(array_elements|array_elements_text|each|each_text|object_keys|to_record|to_recordset)$/;

export function isJsonSet(name: string): boolean {
  return NAME.test(name);
}

/** Whether the columns of the rows are those that the statement lists: `AS t(a int, b text)`. */
export function takesColumnList(name: string): boolean {
  return /^jsonb?_to_record(set)?$/.test(name);
}

/** null for arguments that it does not take. */
export function planJsonSet(
  name: string,
  args: readonly Expression[],
  columns: SetFunction["columns"] | null,
): SetFunction | null {
  const [, kind = "", what = ""] = NAME.exec(name) ?? [];
  const type = kind === "jsonb" ? JSONB : JSON_TYPE;
  const [only] = args;
  const document = only === undefined || args.length !== 1 ? null : tryCast(only, type, "implicit");
  if (document === null) return null;
  const over =
    (each: (node: JsonNode, text: string) => RowList) =>
    (frame: Frame): RowList => {
      const text = document.evaluate(frame);
      return text === null ? [] : each(parseJson(String(text)), String(text));
    };
  if (what.startsWith("to_record")) {
    return columns === null ? null : records(what === "to_recordset", columns, type, over);
  }
  const isText = what.endsWith("_text");
  const shown = (node: JsonNode, text: string): Value => {
    const spell = speller(type, text);
    return isText ? jsonText(node, spell) : spell(node);
  };
  const valueType = isText ? TEXT : type;
  if (what === "object_keys") {
    return {
      columns: [{ name: null, type: TEXT }],
      rows: over((node) => fieldsOf(node, type, `cannot call ${name} on`).map(([key]) => [key])),
    };
  }
  if (what.startsWith("each")) {
    return {
      columns: [
        { name: "key", type: TEXT },
        { name: "value", type: valueType },
      ],
      rows: over((node, text) =>
        fieldsOf(node, type, "cannot deconstruct").map(([key, value]) => [key, shown(value, text)]),
      ),
    };
  }
  return {
    columns: [{ name: "value", type: valueType }],
    rows: over((node, text) => itemsOf(node).map((item) => [shown(item, text)])),
  };
}

function itemsOf(node: JsonNode): readonly JsonNode[] {
  if (node.kind === "array") return node.items;
  const what = node.kind === "object" ? "an object" : "a scalar";
  throw new DeltatError(SqlState.invalidParameterValue, `cannot extract elements from ${what}`);
}

function fieldsOf(node: JsonNode, type: PgType, refusal: string): readonly JsonField[] {
  if (node.kind === "object") return type === JSONB ? uniqueFields(node.fields) : node.fields;
  const what = node.kind === "array" ? "an array" : "a scalar";
  throw new DeltatError(SqlState.invalidParameterValue, `${refusal} ${what}`);
}

function records(
  isSet: boolean,
  columns: SetFunction["columns"],
  type: PgType,
  over: (each: (node: JsonNode, text: string) => RowList) => (frame: Frame) => RowList,
): SetFunction {
  // Each field is read as text would be for its column.
  let given: Value = null;
  const field: Expression = { type: TEXT, evaluate: () => given };
  const casts = columns.map((column) => castExplicitly(field, column.type, 1));
  return {
    columns,
    rows: (frame) =>
      over((node, text) => {
        const spell = speller(type, text);
        const objects = isSet ? itemsOf(node) : [node];
        return objects.map((object) => {
          const fields = new Map(fieldsOf(object, type, "cannot call populate_composite on"));
          return columns.map(({ name }, at) => {
            const value = fields.get(name ?? "");
            given = value === undefined ? null : jsonText(value, spell);
            return casts[at]?.evaluate(frame) ?? null;
          });
        });
      })(frame),
  };
}
