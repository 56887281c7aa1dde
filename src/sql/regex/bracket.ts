/** A bracket expression: `[a-z[:digit:]_]`, its complement, and what stands in it as itself. */

import { anyOf, type CharacterSet, complement, namedClass, range } from "./character-set.ts";
import type { Parser } from "./parse-regex.ts";
import { invalidRegex } from "./syntax.ts";

/** Reads from the opening bracket to the closing one. */
export function parseBracket(parser: Parser): CharacterSet {
  parser.at++;
  const isNegated = parser.next === "^";
  if (isNegated) parser.at++;
  const sets: CharacterSet[] = [];
  for (let isFirst = true; parser.next !== "]" || isFirst; isFirst = false) {
    if (parser.next === "") throw invalidRegex("brackets [] not balanced");
    sets.push(member(parser, isFirst));
  }
  parser.at++;
  const set = parser.cased(anyOf(sets));
  return isNegated ? complement(set, parser.flags.lineBound) : set;
}

function member(parser: Parser, isFirst: boolean): CharacterSet {
  if (parser.isAhead("[:")) {
    const named = namedClass(delimited(parser, ":]"));
    if (named === undefined) throw invalidRegex("invalid character class");
    return named;
  }
  if (parser.next === "\\" && parser.flags.syntax === "advanced") {
    parser.at++;
    const escaped = parser.classEscape();
    if (escaped !== null) return escaped;
    parser.at--;
  }
  // A hyphen is itself at either end; in between it would be a range without a beginning.
  if (parser.next === "-" && !isFirst && parser.source[parser.at + 1] !== "]") {
    throw invalidRegex("invalid character range");
  }
  const from = endpoint(parser);
  if (parser.next !== "-" || parser.source[parser.at + 1] === "]") return range(from, from);
  parser.at++;
  if (parser.at >= parser.source.length) throw invalidRegex("brackets [] not balanced");
  if (parser.isAhead("[:")) throw invalidRegex("invalid character range");
  const to = endpoint(parser);
  if (to < from) throw invalidRegex("invalid character range");
  return range(from, to);
}

/** One character, also as `[.x.]`, `[=x=]` or an escape. */
function endpoint(parser: Parser): number {
  for (const [open, close] of [
    ["[.", ".]"],
    ["[=", "=]"],
  ] as const) {
    if (!parser.isAhead(open)) continue;
    const [character = "", ...others] = delimited(parser, close);
    if (character === "" || others.length > 0) throw invalidRegex("invalid collating element");
    return character.codePointAt(0) as number;
  }
  if (parser.next === "\\" && parser.flags.syntax === "advanced") {
    parser.at++;
    return parser.characterEscape();
  }
  return (parser.source[parser.at++] as string).codePointAt(0) as number;
}

function delimited(parser: Parser, close: string): string {
  parser.at += 2;
  const from = parser.at;
  while (!parser.isAhead(close)) {
    if (parser.next === "") throw invalidRegex("brackets [] not balanced");
    parser.at++;
  }
  const text = parser.source.slice(from, parser.at).join("");
  parser.at += 2;
  return text;
}
