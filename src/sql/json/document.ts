/**
 * JSON as a tree that remembers where each value stands in its text, since `json` gives back what was written, and that
 * keeps numbers as they were written, since `jsonb` has them exact. RFC 8259.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_JSON_DEPTH } from "../../limits.ts";
import { compareDecimals, type Decimal, formatDecimal, parseDecimal } from "../values/numeric.ts";
import { compareTexts } from "../values/text-order.ts";

interface Place {
  readonly start: number;
  readonly end: number;
}

export type JsonNode = Place &
  (
    | { readonly kind: "null" }
    | { readonly kind: "boolean"; readonly value: boolean }
    | { readonly kind: "number"; readonly value: Decimal }
    | { readonly kind: "string"; readonly value: string }
    | { readonly kind: "array"; readonly items: readonly JsonNode[] }
    | { readonly kind: "object"; readonly fields: readonly JsonField[] }
  );

export type JsonField = readonly [key: string, value: JsonNode];

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const BLANK = /[ \t\n\r]*/y;
const BACKSLASH = 92;

/** Throws 22P02 for a text that is no JSON, 54001 for one that is too deep. */
export function parseJson(text: string): JsonNode {
  const parser = new Parser(text);
  const node = parser.value(0);
  parser.end();
  return node;
}

function invalid(): DeltatError {
  return new DeltatError(SqlState.invalidTextRepresentation, "invalid input syntax for type json");
}

class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  value(depth: number): JsonNode {
    if (depth > MAX_JSON_DEPTH) {
      throw new DeltatError(SqlState.statementTooComplex, "stack depth limit exceeded", {
        detail: `JSON may be ${MAX_JSON_DEPTH} levels deep.`,
      });
    }
    this.blanks();
    const start = this.at;
    switch (this.text[start]) {
      case "{":
        return this.object(start, depth);
      case "[":
        return this.array(start, depth);
      case '"':
        return { kind: "string", value: this.string(), start, end: this.at };
      case "t":
        this.word("true");
        return { kind: "boolean", value: true, start, end: this.at };
      case "f":
        this.word("false");
        return { kind: "boolean", value: false, start, end: this.at };
      case "n":
        this.word("null");
        return { kind: "null", start, end: this.at };
      default: {
        const value = parseDecimal(this.match(NUMBER));
        if (value === null) throw invalid();
        return { kind: "number", value, start, end: this.at };
      }
    }
  }

  end(): void {
    this.blanks();
    if (this.at < this.text.length) throw invalid();
  }

  private object(start: number, depth: number): JsonNode {
    const fields: JsonField[] = [];
    this.at++;
    this.blanks();
    if (this.takes("}")) return { kind: "object", fields, start, end: this.at };
    do {
      this.blanks();
      const key = this.string();
      this.blanks();
      if (!this.takes(":")) throw invalid();
      fields.push([key, this.value(depth + 1)]);
      this.blanks();
    } while (this.takes(","));
    if (!this.takes("}")) throw invalid();
    return { kind: "object", fields, start, end: this.at };
  }

  private array(start: number, depth: number): JsonNode {
    const items: JsonNode[] = [];
    this.at++;
    this.blanks();
    if (this.takes("]")) return { kind: "array", items, start, end: this.at };
    do {
      items.push(this.value(depth + 1));
      this.blanks();
    } while (this.takes(","));
    if (!this.takes("]")) throw invalid();
    return { kind: "array", items, start, end: this.at };
  }

  /** What is escaped in it is checked by JSON.parse. */
  private string(): string {
    const start = this.at;
    if (!this.takes('"')) throw invalid();
    this.at = this.closingQuote() + 1;
    try {
      return JSON.parse(this.text.slice(start, this.at)) as string;
    } catch {
      throw invalid();
    }
  }

  /** The next quote with an even number of backslashes before it. A pattern would keep a place to go back to for each character. */
  private closingQuote(): number {
    const { text } = this;
    for (let at = this.at; ; at++) {
      at = text.indexOf('"', at);
      if (at < 0) throw invalid();
      let first = at;
      while (text.charCodeAt(first - 1) === BACKSLASH) first--;
      if ((at - first) % 2 === 0) return at;
    }
  }

  private word(word: string): void {
    if (!this.text.startsWith(word, this.at)) throw invalid();
    this.at += word.length;
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const [found] = pattern.exec(this.text) ?? [];
    if (found === undefined) throw invalid();
    this.at += found.length;
    return found;
  }

  private takes(sign: string): boolean {
    if (this.text[this.at] !== sign) return false;
    this.at++;
    return true;
  }

  private blanks(): void {
    BLANK.lastIndex = this.at;
    BLANK.exec(this.text);
    this.at = BLANK.lastIndex;
  }
}

/** The fields of an object as jsonb has them: by length of their keys and then by bytes, the last of equal ones. */
export function uniqueFields(fields: readonly JsonField[]): JsonField[] {
  const byKey = new Map(fields);
  return [...byKey].sort(([a], [b]) => Buffer.byteLength(a) - Buffer.byteLength(b) || compareTexts(a, b));
}

/** jsonb's spelling. */
export function spellJson(node: JsonNode): string {
  return spell(node, formatDecimal);
}

/** The same for equal documents: 1.0 and 1 are one number. */
export function jsonKey(node: JsonNode): string {
  return spell(node, (value) =>
    formatDecimal(value)
      .replace(/(\.\d*?)0+$/, "$1")
      .replace(/\.$/, ""),
  );
}

function spell(node: JsonNode, number: (value: Decimal) => string): string {
  switch (node.kind) {
    case "null":
      return "null";
    case "boolean":
      return String(node.value);
    case "number":
      return number(node.value);
    case "string":
      return JSON.stringify(node.value);
    case "array":
      return `[${node.items.map((item) => spell(item, number)).join(", ")}]`;
    case "object": {
      const fields = uniqueFields(node.fields);
      return `{${fields.map(([key, value]) => `${JSON.stringify(key)}: ${spell(value, number)}`).join(", ")}}`;
    }
  }
}

/** jsonb_pretty: four blanks for each level. */
export function prettyJson(node: JsonNode, indent = ""): string {
  const inner = `${indent}    `;
  if (node.kind === "array") {
    const items = node.items.map((item) => `${inner}${prettyJson(item, inner)}`);
    return `[\n${items.length === 0 ? "" : `${items.join(",\n")}\n`}${indent}]`;
  }
  if (node.kind !== "object") return spellJson(node);
  const fields = uniqueFields(node.fields).map(
    ([key, value]) => `${inner}${JSON.stringify(key)}: ${prettyJson(value, inner)}`,
  );
  return `{\n${fields.length === 0 ? "" : `${fields.join(",\n")}\n`}${indent}}`;
}

/** The text of a value, without the quotes of a string; null for null. */
export function jsonText(node: JsonNode, spell: (node: JsonNode) => string): string | null {
  if (node.kind === "null") return null;
  return node.kind === "string" ? node.value : spell(node);
}

/** What `->` finds by a key or a position, from the end if negative. */
export function childOf(node: JsonNode, key: string | number): JsonNode | null {
  if (typeof key === "number") return node.kind === "array" ? (node.items.at(key) ?? null) : null;
  if (node.kind !== "object") return null;
  return node.fields.findLast(([name]) => name === key)?.[1] ?? null;
}

/** What `#>` finds: the steps of a path are keys or, in arrays, positions. */
export function descendantOf(node: JsonNode, path: readonly (string | null)[]): JsonNode | null {
  let at: JsonNode | null = node;
  for (const step of path) {
    if (at === null || step === null) return null;
    if (at.kind !== "array") at = childOf(at, step);
    else at = /^[+-]?\d+$/.test(step) ? childOf(at, Number(step)) : null;
  }
  return at;
}

/** `@>`: whether all of `inner` is found in `outer`, in the same places. */
export function containsJson(outer: JsonNode, inner: JsonNode, isTop = true): boolean {
  if (outer.kind === "object" && inner.kind === "object") {
    return inner.fields.every(([key, value]) => {
      const own = childOf(outer, key);
      return own !== null && containsJson(own, value, false);
    });
  }
  if (outer.kind === "array" && inner.kind === "array") {
    return inner.items.every((item) => outer.items.some((own) => containsJson(own, item, false)));
  }
  // As an exception, an array contains a plain value.
  if (isTop && outer.kind === "array" && inner.kind !== "object") {
    return outer.items.some((own) => containsJson(own, inner, false));
  }
  return outer.kind === inner.kind && compareJson(outer, inner) === 0;
}

const RANKS: readonly JsonNode["kind"][] = ["null", "string", "number", "boolean", "array", "object"];

/** The order of jsonb: by kind, then by number of parts, then part by part. */
export function compareJson(a: JsonNode, b: JsonNode): number {
  if (a.kind !== b.kind) return RANKS.indexOf(a.kind) - RANKS.indexOf(b.kind);
  if (a.kind === "boolean" && b.kind === "boolean") return Number(a.value) - Number(b.value);
  if (a.kind === "number" && b.kind === "number") return compareDecimals(a.value, b.value);
  if (a.kind === "string" && b.kind === "string") return compareTexts(a.value, b.value);
  if (a.kind === "array" && b.kind === "array") return compareParts(a.items, b.items, compareJson);
  if (a.kind !== "object" || b.kind !== "object") return 0;
  return compareParts(
    uniqueFields(a.fields),
    uniqueFields(b.fields),
    ([x, valueX], [y, valueY]) => compareTexts(x, y) || compareJson(valueX, valueY),
  );
}

function compareParts<T>(a: readonly T[], b: readonly T[], compare: (a: T, b: T) => number): number {
  if (a.length !== b.length) return a.length - b.length;
  for (const [at, part] of a.entries()) {
    const difference = compare(part, b[at] as T);
    if (difference !== 0) return difference;
  }
  return 0;
}
