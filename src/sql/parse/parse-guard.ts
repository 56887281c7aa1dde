/**
 * Keeps the WASM parser alive. Its own recursion over a long left-leaning chain (`1+1+1+…`, `a UNION b UNION …`)
 * runs the JavaScript stack out in the middle of WASM code, and the instance never works again: one client could
 * silence the server. So a text long enough for that is scanned first, without recursion, for an upper bound of
 * the depth its tree can have. A comma, AND, OR or semicolon starts a new item of a flat list; every other token
 * may be one level deeper; brackets and CASE…END nest.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_CHAIN_TOKENS, MAX_COMMENT_LOOKAHEAD, MAX_EXPRESSION_DEPTH } from "../../limits.ts";

/** Shorter texts cannot hold a chain that harms: a level takes at least two characters. */
const HARMLESS_CHARACTERS = 10_000;

/** What one bracket costs: a subselect is several levels of tree. */
const BRACKET_COST = 4;

const QUOTE = 39;
const DOUBLE_QUOTE = 34;
const DOLLAR = 36;
const BACKSLASH = 92;

export function depthExceeded(): DeltatError {
  return new DeltatError(SqlState.programLimitExceeded, "limit exceeded: expression depth", {
    detail: `A statement's syntax tree may be ${MAX_EXPRESSION_DEPTH} levels deep.`,
  });
}

/** Open brackets: tokens of the current item, the deepest inner bracket in it, and the deepest item so far. */
class Nesting {
  private readonly tokens: number[] = [0];
  private readonly inner: number[] = [0];
  private readonly deepest: number[] = [0];
  private readonly isCase: boolean[] = [false];
  private top = 0;
  /** Set operations and joins chain across commas and ANDs: they count for the whole text. */
  private chained = 0;
  private lookahead = 0;

  token(): void {
    this.tokens[this.top] = (this.tokens[this.top] as number) + 1;
    this.check(this.depth());
  }

  chain(): void {
    this.chained++;
    this.token();
  }

  separate(): void {
    this.deepest[this.top] = Math.max(this.deepest[this.top] as number, this.depth());
    this.tokens[this.top] = 0;
    this.inner[this.top] = 0;
  }

  open(isCase: boolean): void {
    this.top++;
    this.tokens[this.top] = 0;
    this.inner[this.top] = 0;
    this.deepest[this.top] = 0;
    this.isCase[this.top] = isCase;
    this.check(this.top * BRACKET_COST);
  }

  close(isCase: boolean): void {
    if (this.top === 0 || this.isCase[this.top] !== isCase) return;
    this.separate();
    const depth = (this.deepest[this.top] as number) + BRACKET_COST;
    this.top--;
    this.inner[this.top] = Math.max(this.inner[this.top] as number, depth);
    this.check(this.depth());
  }

  /** A comment opens at `at`. */
  comment(text: string, at: number): void {
    let end = at + 2;
    while (isOperatorCode(text.charCodeAt(end))) end++;
    this.lookahead += end - at;
    if (this.lookahead <= MAX_COMMENT_LOOKAHEAD) return;
    throw new DeltatError(SqlState.programLimitExceeded, "limit exceeded: comments without a blank between");
  }

  private depth(): number {
    return (this.tokens[this.top] as number) + (this.inner[this.top] as number);
  }

  private check(depth: number): void {
    if (depth + this.chained > MAX_CHAIN_TOKENS) throw depthExceeded();
  }
}

/** Throws 54000 `limit exceeded: expression depth` if the tree of `text` might exhaust the parser's stack. */
export function guardParser(text: string): void {
  if (text.length <= HARMLESS_CHARACTERS) return;
  const nesting = new Nesting();
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code <= 32) at++;
    else if (code === QUOTE || code === DOUBLE_QUOTE) {
      nesting.token();
      at = skipQuoted(text, at, code);
    } else if (code === DOLLAR) {
      nesting.token();
      at = skipDollar(text, at);
    } else if (isWordCode(code)) at = readWord(text, at, nesting);
    else at = readPunctuation(text, at, code, nesting);
  }
}

function readPunctuation(text: string, at: number, code: number, nesting: Nesting): number {
  const next = text.charCodeAt(at + 1);
  if (code === 45 && next === 45) return skipLine(text, at);
  if (code === 47 && next === 42) return skipComment(text, at, nesting);
  if (code === 40 || code === 91) nesting.open(false);
  else if (code === 41 || code === 93) nesting.close(false);
  else if (code === 44 || code === 59) nesting.separate();
  else nesting.token();
  return at + 1;
}

function readWord(text: string, at: number, nesting: Nesting): number {
  const dollar = isDigit(text.charCodeAt(at)) ? -1 : DOLLAR;
  let end = at + 1;
  while (end < text.length && (isWordCode(text.charCodeAt(end)) || text.charCodeAt(end) === dollar)) end++;
  // No keyword that matters here is longer; slicing a megabyte-long word would be for nothing.
  const word = end - at <= 9 ? text.slice(at, end).toLowerCase() : "";
  if (word === "and" || word === "or") nesting.separate();
  else if (word === "case") nesting.open(true);
  else if (word === "end") nesting.close(true);
  else if (word === "union" || word === "intersect" || word === "except" || word === "join") nesting.chain();
  else nesting.token();
  if (word === "e" && text.charCodeAt(end) === QUOTE) return skipEscapeString(text, end);
  return end;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Letters, digits, underscore and everything beyond ASCII. */
function isWordCode(code: number): boolean {
  return (
    (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || isDigit(code) || code === 95 || code >= 128
  );
}

/** Past the closing quote; a doubled quote just starts another part, which is as good here. */
function skipQuoted(text: string, at: number, quote: number): number {
  const end = text.indexOf(quote === QUOTE ? "'" : '"', at + 1);
  return end < 0 ? text.length : end + 1;
}

/** An escape string goes on, with its backslashes, after a doubled quote and after blanks and another quote. */
const ESCAPE_STRING_CONTINUES = /(?:\s|--[^\n\r]*)*'/y;

function skipEscapeString(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length) {
    const code = text.charCodeAt(end);
    if (code === BACKSLASH) end += 2;
    else if (code !== QUOTE) end++;
    else {
      ESCAPE_STRING_CONTINUES.lastIndex = end + 1;
      if (!ESCAPE_STRING_CONTINUES.test(text)) return end + 1;
      end = ESCAPE_STRING_CONTINUES.lastIndex;
    }
  }
  return end;
}

/** `$1`, or a string between `$tag$` and `$tag$`. */
function skipDollar(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && isWordCode(text.charCodeAt(end))) end++;
  const isParameter = isDigit(text.charCodeAt(at + 1));
  if (isParameter || text.charCodeAt(end) !== DOLLAR) return end;
  const tag = text.slice(at, end + 1);
  const close = text.indexOf(tag, end + 1);
  return close < 0 ? text.length : close + tag.length;
}

function skipLine(text: string, at: number): number {
  while (at < text.length && text.charCodeAt(at) !== 10 && text.charCodeAt(at) !== 13) at++;
  return at;
}

/** PostgreSQL's comments nest. */
function skipComment(text: string, at: number, nesting: Nesting): number {
  let level = 0;
  do {
    if (text.startsWith("*/", at)) level--;
    else if (text.startsWith("/*", at)) {
      level++;
      nesting.comment(text, at);
    } else {
      at++;
      continue;
    }
    at += 2;
  } while (at < text.length && level > 0);
  return at;
}

/** The characters that operators are made of (PostgreSQL's scan.l, op_chars). */
function isOperatorCode(code: number): boolean {
  return code >= 33 && code <= 126 && OPERATOR_CHARACTERS.includes(String.fromCharCode(code));
}

const OPERATOR_CHARACTERS = "~!@#^&|`?+-*/%<>=";
