/**
 * LIKE: `%` stands for any characters, `_` for one, a backslash takes the next literally. Matching goes back only
 * to the last `%`, so it takes at most pattern times text steps.
 */

import { DeltatError, SqlState } from "../../errors.ts";

const PERCENT = 37;
const UNDERSCORE = 95;
const BACKSLASH = 92;

/** Whether `text` matches the whole `pattern`. Throws 22025 for a pattern that ends in a backslash. */
export function isLike(text: string, pattern: string): boolean {
  let at = 0;
  let p = 0;
  let afterPercent = -1;
  let resumeAt = 0;
  while (at < text.length || p < pattern.length) {
    const code = p < pattern.length ? pattern.charCodeAt(p) : -1;
    if (code === PERCENT) {
      afterPercent = ++p;
      resumeAt = at;
      continue;
    }
    const step = at < text.length ? matchOne(text, at, pattern, p, code) : 0;
    if (step > 0) {
      at += step;
      p += code === BACKSLASH ? 2 : 1;
      continue;
    }
    if (afterPercent < 0 || resumeAt >= text.length) return false;
    resumeAt++;
    at = resumeAt;
    p = afterPercent;
  }
  return true;
}

/** UTF-16 units of `text` that the pattern element at `p` takes; 0 if it does not match. */
function matchOne(text: string, at: number, pattern: string, p: number, code: number): number {
  if (code === UNDERSCORE) return (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
  if (code === BACKSLASH && p + 1 >= pattern.length) {
    throw new DeltatError(SqlState.invalidEscapeSequence, "LIKE pattern must not end with escape character");
  }
  const wanted = code === BACKSLASH ? pattern.charCodeAt(p + 1) : code;
  return wanted === text.charCodeAt(at) ? 1 : 0;
}

/** The pattern with `escapeCharacter` as its escape character, rewritten to use the backslash (`LIKE … ESCAPE …`). */
export function withEscape(pattern: string, escapeCharacter: string): string {
  if (escapeCharacter === "\\") return pattern;
  if ([...escapeCharacter].length > 1) {
    throw new DeltatError(SqlState.invalidEscapeSequence, "invalid escape string", {
      hint: "Escape string must be empty or one character.",
    });
  }
  let result = "";
  let isEscaped = false;
  for (const character of pattern) {
    if (character === escapeCharacter && !isEscaped) {
      result += "\\";
      isEscaped = true;
      continue;
    }
    result += character === "\\" && !isEscaped ? "\\\\" : character;
    isEscaped = false;
  }
  return result;
}
