/** The operators of json and jsonb (https://www.postgresql.org/docs/15/functions-json.html). */

import { DeltatError, SqlState } from "../../errors.ts";
import type { Expression } from "../expressions/expression.ts";
import { isUntyped } from "../expressions/untyped.ts";
import {
  BOOL,
  isInteger,
  isString,
  JSON_TYPE,
  JSONB,
  type PgType,
  TEXT,
  TEXT_ARRAY,
} from "../values/types.ts";
import type { Value } from "../values/value.ts";
import {
  childOf,
  containsJson,
  descendantOf,
  type JsonNode,
  jsonText,
  parseJson,
  spellJson,
} from "./document.ts";

interface JsonOperation {
  readonly type: PgType;
  readonly left: Expression;
  readonly right: Expression;
  /** Neither is NULL. */
  apply(left: Value, right: Value): Value;
}

/** How a part of `text` is shown: as it was written, or in jsonb's spelling. */
export function speller(type: PgType, text: string): (node: JsonNode) => string {
  return type === JSONB ? spellJson : ({ start, end }) => text.slice(start, end);
}

/** null where neither side is JSON, or there is no such operator for it. */
export function jsonOperation(operator: string, left: Expression, right: Expression): JsonOperation | null {
  const typed = (side: Expression, type: PgType): Expression =>
    isUntyped(side) ? side.resolveAs(type) : side;
  if (operator === "<@") {
    const swapped = jsonOperation("@>", right, left);
    if (swapped === null) return null;
    return { type: BOOL, left: swapped.right, right: swapped.left, apply: (a, b) => swapped.apply(b, a) };
  }
  if (operator === "@>" && isUntyped(left) && right.type === JSONB) {
    return jsonOperation(operator, left.resolveAs(JSONB), right);
  }
  const { type } = left;
  if (type !== JSON_TYPE && type !== JSONB) return null;
  const found = accessor(operator, type, typed(right, operator.startsWith("#") ? TEXT_ARRAY : TEXT));
  if (found !== null) return { left, ...found };
  if (type !== JSONB) return null;
  const chosen = ofJsonb(operator, typed(right, RIGHT_TYPES[operator] ?? TEXT));
  return chosen === null ? null : { left, ...chosen };
}

const RIGHT_TYPES: Readonly<Record<string, PgType>> = {
  "@>": JSONB,
  "||": JSONB,
  "?|": TEXT_ARRAY,
  "?&": TEXT_ARRAY,
  "#-": TEXT_ARRAY,
};

type RightSide = Omit<JsonOperation, "left">;

/** `->`, `->>`, `#>`, `#>>`. */
function accessor(operator: string, type: PgType, right: Expression): RightSide | null {
  const match = /^(->|#>)(>?)$/.exec(operator);
  if (match === null) return null;
  const isPath = match[1] === "#>";
  const fits = isPath ? right.type === TEXT_ARRAY : isInteger(right.type) || isString(right.type);
  if (!fits) return null;
  const isText = match[2] === ">";
  const find = (node: JsonNode, key: Value): JsonNode | null => {
    if (isPath) return descendantOf(node, key as readonly (string | null)[]);
    return childOf(node, typeof key === "string" ? key : Number(key));
  };
  return {
    type: isText ? TEXT : type,
    right,
    apply: (document, key) => {
      const text = String(document);
      const node = find(parseJson(text), key);
      const spell = speller(type, text);
      if (node === null) return null;
      return isText ? jsonText(node, spell) : spell(node);
    },
  };
}

function ofJsonb(operator: string, right: Expression): RightSide | null {
  const test = (fits: boolean, apply: (node: JsonNode, other: Value) => boolean): RightSide | null =>
    fits ? { type: BOOL, right, apply: (a, b) => apply(parseJson(String(a)), b) } : null;
  const change = (fits: boolean, apply: (node: JsonNode, other: Value) => JsonNode): RightSide | null =>
    fits ? { type: JSONB, right, apply: (a, b) => spellJson(apply(parseJson(String(a)), b)) } : null;
  const isTexts = right.type === TEXT_ARRAY;
  switch (operator) {
    case "@>":
      return test(right.type === JSONB, (node, other) => containsJson(node, parseJson(String(other))));
    case "?":
      return test(isString(right.type), (node, key) => hasKey(node, key));
    case "?|":
      return test(isTexts, (node, keys) => (keys as readonly Value[]).some((key) => hasKey(node, key)));
    case "?&":
      return test(isTexts, (node, keys) =>
        (keys as readonly Value[]).every((key) => key === null || hasKey(node, key)),
      );
    case "||":
      return change(right.type === JSONB, (node, other) => joined(node, parseJson(String(other))));
    case "-":
      return change(isTexts || isString(right.type) || isInteger(right.type), without);
    case "#-":
      return change(isTexts, (node, path) => withoutPath(node, path as readonly (string | null)[]));
    default:
      return null;
  }
}

/** Whether it is a key of the object, or a string of the array, or the string itself. */
function hasKey(node: JsonNode, key: Value): boolean {
  if (node.kind === "object") return node.fields.some(([name]) => name === key);
  if (node.kind === "array") return node.items.some((item) => item.kind === "string" && item.value === key);
  return node.kind === "string" && node.value === key;
}

const NOWHERE = { start: 0, end: 0 };

/** Two objects are one, the second's fields first; all else is joined as arrays. */
function joined(a: JsonNode, b: JsonNode): JsonNode {
  if (a.kind === "object" && b.kind === "object") {
    return { kind: "object", fields: [...a.fields, ...b.fields], ...NOWHERE };
  }
  const items = [...(a.kind === "array" ? a.items : [a]), ...(b.kind === "array" ? b.items : [b])];
  return { kind: "array", items, ...NOWHERE };
}

function without(node: JsonNode, what: Value): JsonNode {
  if (typeof what === "number" || typeof what === "bigint") {
    if (node.kind !== "array")
      throw cannotDelete(node.kind === "object" ? "from object using integer index" : "from scalar");
    const at = Number(what) < 0 ? node.items.length + Number(what) : Number(what);
    return { ...node, items: node.items.filter((_, index) => index !== at) };
  }
  const keys: readonly Value[] = Array.isArray(what) ? what : [what];
  if (node.kind === "object")
    return { ...node, fields: node.fields.filter(([name]) => !keys.includes(name)) };
  if (node.kind !== "array") throw cannotDelete("from scalar");
  return {
    ...node,
    items: node.items.filter((item) => item.kind !== "string" || !keys.includes(item.value)),
  };
}

function cannotDelete(from: string): DeltatError {
  return new DeltatError(SqlState.invalidParameterValue, `cannot delete ${from}`);
}

/** The document without what stands at the path. */
function withoutPath(node: JsonNode, [step = null, ...rest]: readonly (string | null)[]): JsonNode {
  if (step === null) return node;
  if (node.kind === "object") {
    const fields = node.fields.flatMap(([key, value]): [string, JsonNode][] => {
      if (key !== step) return [[key, value]];
      return rest.length === 0 ? [] : [[key, withoutPath(value, rest)]];
    });
    return { ...node, fields };
  }
  if (node.kind !== "array" || !/^-?\d+$/.test(step)) return node;
  const at = Number(step) < 0 ? node.items.length + Number(step) : Number(step);
  const items = node.items.flatMap((item, index) => {
    if (index !== at) return [item];
    return rest.length === 0 ? [] : [withoutPath(item, rest)];
  });
  return { ...node, items };
}
