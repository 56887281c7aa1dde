/**
 * PostgreSQL's regular expressions (https://www.postgresql.org/docs/current/functions-matching.html) on JavaScript's:
 * what both spell alike passes as it is, the classes and word boundaries that differ are put into JavaScript's words.
 */

import { DeltatError, SqlState } from "../errors.ts";

const CLASSES: Record<string, string> = {
  alnum: "a-zA-Z0-9",
  alpha: "a-zA-Z",
  blank: " \\t",
  cntrl: "\\x00-\\x1f\\x7f",
  digit: "0-9",
  graph: "\\x21-\\x7e",
  lower: "a-z",
  print: "\\x20-\\x7e",
  punct: "!-\\/:-@\\[-`{-~",
  space: "\\s",
  upper: "A-Z",
  xdigit: "0-9A-Fa-f",
};

const compiled = new Map<string, RegExp>();

/** Patterns are mostly constants: a few of the last ones are kept. */
const MAX_COMPILED = 256;

export function matchesRegex(text: string, pattern: string, ignoreCase: boolean): boolean {
  return regexOf(pattern, ignoreCase ? "i" : "").test(text);
}

/** Throws 2201B for a pattern that is none. */
export function regexOf(pattern: string, flags: string): RegExp {
  const key = `${flags}/${pattern}`;
  const known = compiled.get(key);
  if (known !== undefined) {
    known.lastIndex = 0;
    return known;
  }
  const regex = compileRegex(pattern, flags);
  if (compiled.size >= MAX_COMPILED) compiled.clear();
  compiled.set(key, regex);
  return regex;
}

function compileRegex(pattern: string, flags: string): RegExp {
  let source = pattern;
  let all = `${flags}s`;
  const embedded = /^\(\?([a-z]+)\)/.exec(source);
  if (embedded !== null) {
    source = source.slice(embedded[0].length);
    if (embedded[1]?.includes("i") === true && !all.includes("i")) all += "i";
  }
  source = source
    .replace(/\[:(\w+):\]/g, (whole, name: string) => CLASSES[name] ?? whole)
    .replace(/\\[myY<>]|\\M/g, (word) => (word === "\\Y" ? "\\B" : "\\b"))
    .replace(/\\A/g, "^")
    .replace(/\\Z/g, "$");
  try {
    return new RegExp(source, all);
  } catch {
    throw new DeltatError(SqlState.invalidRegularExpression, "invalid regular expression");
  }
}
