/**
 * The shape of a statement: its text with the plain literals lifted out. Two statements of one shape differ in
 * nothing but the values of their literals, so a plan made for one serves the other, without parsing it.
 *
 * The tokenizer takes one pass over the text and is sure of what it lifts: whole numbers, decimals and plain
 * '…' strings. Whatever it is not sure to read as PostgreSQL's scanner does, it declines: the statement is then
 * parsed. Whether a literal is a value or syntax (`varchar(10)`, `ORDER BY 1`) it cannot know; the compiler
 * finds out which lifted literals became values, and only a plan that uses all of them so is kept by shape
 * (CompileContext.isShapeSafe).
 */

import type { Value } from "../values/value.ts";

/** What a literal is; each has its own mark in the key, as PostgreSQL types each differently. */
export type LiteralKind = "integer" | "bigint" | "decimal" | "string";

export interface LiftedLiterals {
  /** The text between the literals, and a mark for each literal. */
  readonly key: string;
  /** Values in order of appearance: numbers for integer and bigint, text for decimal (as NUMERIC) and string. */
  readonly values: readonly Value[];
  readonly kinds: readonly LiteralKind[];
  /** Offset of each literal's first character (a sign is not part of it) in the text, UTF-16 units. */
  readonly offsets: readonly number[];
}

/** Statements longer than this are not worth keeping by shape. */
const MAX_SHAPE_CHARACTERS = 1024 * 1024;

export const MAX_INT4 = 2_147_483_647;

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const DOUBLE_QUOTE = 34;
const DOLLAR = 36;
const AMPERSAND = 38;
const QUOTE = 39;
const STAR = 42;
const MINUS = 45;
const DOT = 46;
const SLASH = 47;
const ZERO = 48;
const NINE = 57;
const SEMICOLON = 59;

/** What the main loop does with a character: pass it by, or one of the tokens below. */
const PLAIN = 0;
const WORD = 1;
const DIGIT = 2;
const SPECIAL = 3;

const CLASS_OF = new Uint8Array(128);
for (let code = 0; code < 128; code++) {
  const character = String.fromCharCode(code);
  if (/[A-Za-z_]/.test(character)) CLASS_OF[code] = WORD;
  else if (/[0-9]/.test(character)) CLASS_OF[code] = DIGIT;
  else if (/["'$.;/\-\0]/.test(character)) CLASS_OF[code] = SPECIAL;
}

function classOf(code: number): number {
  return code < 128 ? (CLASS_OF[code] as number) : WORD;
}

/** What continues an identifier; `code` is NaN past the end of the text. */
function isWordCode(code: number): boolean {
  if (Number.isNaN(code)) return false;
  const kind = classOf(code);
  return kind === WORD || kind === DIGIT || code === DOLLAR;
}

function isBlank(code: number): boolean {
  return code === SPACE || (code >= 9 && code <= CARRIAGE_RETURN);
}

/** The pass over one text. One instance serves all calls: nothing of it outlives `lift` but what is returned. */
class Lifter {
  private text = "";
  private key = "";
  /** Where the part of the text that the key does not hold yet begins. */
  private copied = 0;
  private values: Value[] = [];
  private kinds: LiteralKind[] = [];
  private offsets: number[] = [];

  lift(text: string): LiftedLiterals | null {
    this.text = text;
    this.key = "";
    this.copied = 0;
    this.values = [];
    this.kinds = [];
    this.offsets = [];
    let at = 0;
    while (at < text.length) {
      const code = text.charCodeAt(at);
      const kind = code < 128 ? (CLASS_OF[code] as number) : WORD;
      if (kind === PLAIN) at++;
      else if (kind === WORD) at = this.word(at);
      else if (kind === DIGIT) at = this.number(at);
      else at = this.special(at, code);
      if (at < 0) return null;
    }
    const key = this.key + text.slice(this.copied);
    return { key, values: this.values, kinds: this.kinds, offsets: this.offsets };
  }

  /** Past an identifier or keyword; -1 if it is the prefix of an unusual string (E'…', B'…', X'…', N'…', U&'…'). */
  private word(at: number): number {
    const text = this.text;
    const start = at++;
    let code = text.charCodeAt(at);
    while (isWordCode(code)) code = text.charCodeAt(++at);
    if (at === start + 1 && (code === QUOTE || code === AMPERSAND)) return -1;
    return at;
  }

  private special(at: number, code: number): number {
    const text = this.text;
    const next = text.charCodeAt(at + 1);
    switch (code) {
      case QUOTE:
        return this.string(at);
      case DOUBLE_QUOTE:
        // A doubled quote inside closes and opens again: the key holds the same text either way.
        return text.indexOf('"', at + 1) + 1 || -1;
      case DOLLAR:
        return next >= ZERO && next <= NINE ? this.parameter(at + 1) : -1;
      case DOT:
        return next === DOT || (next >= ZERO && next <= NINE) ? -1 : at + 1;
      case MINUS:
        return next === MINUS ? -1 : at + 1;
      case SLASH:
        return next === STAR ? -1 : at + 1;
      case SEMICOLON:
        return this.onlyBlanksFrom(at + 1) ? text.length : -1;
      default:
        return -1;
    }
  }

  private parameter(at: number): number {
    let code = this.text.charCodeAt(at);
    while (code >= ZERO && code <= NINE) code = this.text.charCodeAt(++at);
    return isWordCode(code) ? -1 : at;
  }

  private onlyBlanksFrom(at: number): boolean {
    while (at < this.text.length) if (!isBlank(this.text.charCodeAt(at++))) return false;
    return true;
  }

  /** A whole number or a decimal such as 12.50; declined: 1e5, 0x1F, 1_000, 5., 007.5, 1..2, more than 2^53. */
  private number(start: number): number {
    const text = this.text;
    let at = start;
    let value = 0;
    let code = text.charCodeAt(at);
    while (code >= ZERO && code <= NINE) {
      value = value * 10 + (code - ZERO);
      code = text.charCodeAt(++at);
    }
    if (code === DOT) return this.decimal(start, at);
    // PostgreSQL reads 2147483648 as bigint, but -2147483648 as integer: the sign is not ours to see.
    if (isWordCode(code) || value > Number.MAX_SAFE_INTEGER || value === MAX_INT4 + 1) return -1;
    const isInt4 = value <= MAX_INT4;
    this.lifted(start, at, value, isInt4 ? "integer" : "bigint", isInt4 ? "\0i" : "\0l");
    return at;
  }

  private decimal(start: number, dot: number): number {
    const text = this.text;
    let at = dot + 1;
    let code = text.charCodeAt(at);
    while (code >= ZERO && code <= NINE) code = text.charCodeAt(++at);
    const hasLeadingZero = dot - start > 1 && text.charCodeAt(start) === ZERO;
    if (at === dot + 1 || isWordCode(code) || code === DOT || hasLeadingZero) return -1;
    this.lifted(start, at, text.slice(start, at), "decimal", "\0n");
    return at;
  }

  private string(start: number): number {
    const text = this.text;
    let end = text.indexOf("'", start + 1);
    if (end < 0) return -1;
    let isDoubled = false;
    while (text.charCodeAt(end + 1) === QUOTE) {
      isDoubled = true;
      end = text.indexOf("'", end + 2);
      if (end < 0) return -1;
    }
    if (this.continues(end + 1)) return -1;
    let value = text.slice(start + 1, end);
    if (isDoubled) value = value.replaceAll("''", "'");
    if (value.includes("\0")) return -1;
    this.lifted(start, end + 1, value, "string", "\0s");
    return end + 1;
  }

  /** SQL joins strings that only a line break separates. */
  private continues(at: number): boolean {
    let code = this.text.charCodeAt(at);
    if (!isBlank(code)) return false;
    let hasLineBreak = false;
    while (isBlank(code)) {
      if (code === NEWLINE || code === CARRIAGE_RETURN) hasLineBreak = true;
      code = this.text.charCodeAt(++at);
    }
    return hasLineBreak && code === QUOTE;
  }

  private lifted(start: number, end: number, value: Value, kind: LiteralKind, mark: string): void {
    this.key += this.text.slice(this.copied, start) + mark;
    this.copied = end;
    this.values.push(value);
    this.kinds.push(kind);
    this.offsets.push(start);
  }
}

const lifter = new Lifter();

/**
 * Lifts the literals out of one statement's text; null where the text holds anything unusual (several statements,
 * comments, escape strings, dollar quotes, exotic numbers, …) and must be parsed.
 */
export function liftLiterals(text: string): LiftedLiterals | null {
  return text.length > MAX_SHAPE_CHARACTERS ? null : lifter.lift(text);
}
