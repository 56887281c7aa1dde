/**
 * Arrays as text: `{1,NULL,"a b"}` (https://www.postgresql.org/docs/current/arrays.html, Array Input and Output
 * Syntax). One dimension, counted from 1; more are refused by name.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { formatScalar, parseScalar } from "./scalar-text.ts";
import type { PgType } from "./types.ts";
import type { Value } from "./value.ts";
import { joinedText, PieceLengths } from "./value-size.ts";

function malformed(text: string, detail: string): DeltatError {
  return new DeltatError(SqlState.invalidTextRepresentation, `malformed array literal: "${text}"`, {
    detail,
  });
}

/** 0A000: arrays of arrays. */
export function severalDimensions(): DeltatError {
  return new DeltatError(SqlState.featureNotSupported, "arrays of more than one dimension are not supported");
}

/** The elements that `text` names. Throws 22P02 for a malformed literal and whatever an element's type throws. */
export function parseArray(element: PgType, text: string): readonly Value[] {
  let body = text.trim();
  const bounds = /^(\[[+-]?\d+(?::[+-]?\d+)?\])+\s*=\s*/.exec(body);
  if (bounds !== null) body = body.slice(bounds[0].length);
  if (!body.startsWith("{")) {
    throw malformed(text, 'Array value must start with "{" or dimension information.');
  }
  const items: Value[] = [];
  let at = skipBlanks(body, 1);
  if (body[at] === "}") {
    if (at + 1 !== body.length) throw malformed(text, "Junk after closing right brace.");
    return items;
  }
  for (;;) {
    at = parseItem(element, body, at, text, items);
    const delimiter = body[at];
    if (delimiter === "}") {
      if (at + 1 !== body.length) throw malformed(text, "Junk after closing right brace.");
      return items;
    }
    if (delimiter === undefined) throw malformed(text, "Unexpected end of input.");
    if (delimiter !== ",") throw malformed(text, "Unexpected array element.");
    at = skipBlanks(body, at + 1);
  }
}

/** Reads one element from `at` into `items`; returns the offset of the delimiter behind it. */
function parseItem(element: PgType, body: string, at: number, text: string, items: Value[]): number {
  const first = body[at];
  if (first === "{") throw severalDimensions();
  if (first === "}" || first === ",") throw malformed(text, `Unexpected "${first}" character.`);
  if (first === '"') {
    const item = quotedItem(body, at + 1, text);
    items.push(parseScalar(element, item.value));
    return skipBlanks(body, item.end);
  }
  let value = "";
  let isEscaped = false;
  let end = at;
  for (; end < body.length && body[end] !== "," && body[end] !== "}"; end++) {
    if (body[end] === "{" || body[end] === '"') throw malformed(text, `Unexpected "${body[end]}" character.`);
    if (body[end] === "\\") {
      end++;
      isEscaped = true;
    }
    value += body[end] ?? "";
  }
  value = value.trimEnd();
  items.push(!isEscaped && /^null$/i.test(value) ? null : parseScalar(element, value));
  return end;
}

function quotedItem(body: string, at: number, text: string): { value: string; end: number } {
  let value = "";
  for (; at < body.length; at++) {
    if (body[at] === '"') return { value, end: at + 1 };
    if (body[at] === "\\") at++;
    value += body[at] ?? "";
  }
  throw malformed(text, "Unexpected end of input.");
}

function skipBlanks(text: string, at: number): number {
  while (/\s/.test(text[at] ?? "")) at++;
  return at;
}

/** The text of an array, elements quoted only where PostgreSQL quotes them. */
export function formatArray(element: PgType, items: readonly Value[]): string {
  const pieces = new PieceLengths();
  const parts = items.map((item) => {
    if (item === null) return "NULL";
    const text = formatScalar(element, item);
    const needsQuotes = text === "" || /[\s{}",\\]/.test(text) || /^null$/i.test(text);
    return pieces.checked(needsQuotes ? `"${text.replace(/["\\]/g, "\\$&")}"` : text);
  });
  return `{${joinedText(parts, ",")}}`;
}
