/**
 * Whether a message says again what was said before. Clients send the same few statements over and over, with other
 * values; so before a message is decoded and taken apart (shape.ts), it is compared byte by byte with the statement
 * that this shape was first seen in: the same between the literals, and a literal of the same kind in each place. Then
 * it has the same shape, and what is read on the way are its values. Whatever is not plain to see is no match, and is
 * read from its text.
 */

import { asciiText } from "../../bytes.ts";
import type { CheckedPlan } from "../plan-cache.ts";
import { readInteger } from "../values/integer-text.ts";
import type { Value } from "../values/value.ts";
import { type LiftedLiterals, MAX_INT4 } from "./shape.ts";

/** Longer statements are not kept: each session holds on to the last few it has sent. */
const MAX_KNOWN_CHARACTERS = 4096;

const QUOTE = 39;
const ZERO = 48;

/** Kinds of literals by number; a decimal is left to the tokenizer. */
const INTEGER = 0;
const BIGINT = 1;
const STRING = 2;
const KIND_NUMBERS = { integer: INTEGER, bigint: BIGINT, string: STRING } as const;

function isDigit(code: number): boolean {
  return code >= ZERO && code <= ZERO + 9;
}

export class KnownStatement {
  /** Of part k, what stands before literal k (or behind the last): `text[starts[k], ends[k])`. */
  private readonly starts: Int32Array;
  private readonly ends: Int32Array;
  /** Where the last match has got to in its message. */
  private at = 0;

  private constructor(
    readonly checked: CheckedPlan,
    private readonly text: Uint8Array,
    private readonly kinds: Uint8Array,
    borders: readonly number[],
  ) {
    this.starts = Int32Array.from(borders.filter((_, i) => i % 2 === 0));
    this.ends = Int32Array.from(borders.filter((_, i) => i % 2 === 1));
  }

  /** Keeps a statement by its text; null for one that cannot be told by its bytes. */
  static from(text: string, literals: LiftedLiterals, checked: CheckedPlan): KnownStatement | null {
    if (text.length > MAX_KNOWN_CHARACTERS) return null;
    const bytes = Buffer.from(text, "latin1");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
    if (!/^[\x01-\x7f]*$/.test(text)) return null;
    const borders = [0];
    const kinds: number[] = [];
    for (const [i, kind] of literals.kinds.entries()) {
      if (kind === "decimal") return null;
      const start = literals.offsets[i] as number;
      kinds.push(KIND_NUMBERS[kind]);
      borders.push(start, endOfLiteral(text, start, kind === "string"));
    }
    borders.push(text.length);
    return new KnownStatement(checked, bytes, Uint8Array.from(kinds), borders);
  }

  /** The values of the statement in `message[start, end)` if it has this shape; else null. */
  match(message: Uint8Array, start: number, end: number): Value[] | null {
    const { kinds } = this;
    const count = kinds.length;
    this.at = start;
    if (!this.passes(0, message, end)) return null;
    const values: Value[] = [];
    for (let i = 0; i < count; i++) {
      const kind = kinds[i] as number;
      const value = kind === STRING ? this.string(message, end) : this.number(message, end, kind === BIGINT);
      if (value === null || !this.passes(i + 1, message, end)) return null;
      values.push(value);
    }
    return this.at === end ? values : null;
  }

  /** The text that `values` were read from. */
  textOf(values: readonly Value[]): string {
    let text = "";
    for (let i = 0; i < this.starts.length; i++) {
      text += asciiText(this.text, this.starts[i] as number, this.ends[i] as number);
      const value = values[i];
      if (value !== undefined) text += this.kinds[i] === STRING ? `'${value}'` : String(value);
    }
    return text;
  }

  /** Whether part `k` is what comes next in the message; goes behind it then. */
  private passes(k: number, message: Uint8Array, end: number): boolean {
    const { text } = this;
    const to = this.ends[k] as number;
    let from = this.starts[k] as number;
    let at = this.at;
    if (to - from > end - at) return false;
    while (from < to) if (text[from++] !== message[at++]) return false;
    this.at = at;
    return true;
  }

  /** A whole number without leading zeros, of the kind that is wanted; null where none comes next. */
  private number(message: Uint8Array, end: number, isBigint: boolean): number | null {
    const start = this.at;
    let at = start;
    while (at < end && isDigit(message[at] as number)) at++;
    if (at - start > 1 && message[start] === ZERO) return null;
    const value = readInteger(message, start, at);
    this.at = at;
    return (isBigint ? value > MAX_INT4 + 1 : value <= MAX_INT4) ? value : null;
  }

  /** A text in quotes, of ASCII and without a quote in it; null where none comes next. */
  private string(message: Uint8Array, end: number): string | null {
    const start = this.at + 1;
    if (start >= end || message[start - 1] !== QUOTE) return null;
    let at = start;
    let code = message[at] as number;
    while (code !== QUOTE) {
      if (code === 0 || code > 127 || ++at >= end) return null;
      code = message[at] as number;
    }
    // A quote that is doubled is part of the text. What follows is compared, but there may be nothing to compare.
    if (message[at + 1] === QUOTE) return null;
    this.at = at + 1;
    return asciiText(message, start, at);
  }
}

/** Where the literal at `start` ends; that it is well formed is known. */
function endOfLiteral(text: string, start: number, isString: boolean): number {
  let at = start + 1;
  if (!isString) {
    while (isDigit(text.charCodeAt(at))) at++;
    return at;
  }
  while (text.charCodeAt(at) !== QUOTE || text.charCodeAt(at + 1) === QUOTE) {
    at += text.charCodeAt(at) === QUOTE ? 2 : 1;
  }
  return at + 1;
}

/** How many statements a session keeps in hand; one that sends more of them in turn has each read from its text. */
const KEPT = 4;

/** The last statements of one session, the newest first. */
export class RecentStatements {
  private readonly kept: KnownStatement[] = [];
  /** Values of what `find` has found. */
  values: readonly Value[] = [];

  find(message: Uint8Array, start: number, end: number): KnownStatement | null {
    const { kept } = this;
    for (let i = 0; i < kept.length; i++) {
      const known = kept[i] as KnownStatement;
      const values = known.match(message, start, end);
      if (values === null) continue;
      this.values = values;
      if (i > 0) this.add(known);
      return known;
    }
    return null;
  }

  /** Puts a statement in front. */
  add(known: KnownStatement): void {
    const { kept } = this;
    const at = kept.indexOf(known);
    if (at >= 0) kept.splice(at, 1);
    else if (kept.length === KEPT) kept.pop();
    kept.unshift(known);
  }
}
