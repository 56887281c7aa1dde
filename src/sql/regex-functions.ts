/** Functions over regular expressions and over the patterns of SIMILAR TO. */

import type { SqlFunction } from "./functions/signature.ts";
import { regexOf, replaceByRegex, similarToRegex, splitFlags, substringByRegex } from "./regex.ts";
import { TEXT } from "./types.ts";
import type { Value } from "./value.ts";

type TextBody = (...args: readonly string[]) => Value;

/** A strict function of texts. */
function ofTexts(name: string, count: number, body: TextBody): SqlFunction {
  return {
    name,
    parameters: new Array(count).fill(TEXT),
    result: TEXT,
    isStrict: true,
    isVariadic: false,
    body: (args) => body(...args.map(String)),
  };
}

function replaced(text: string, pattern: string, by: string, flags: string): string {
  const split = splitFlags(flags);
  return replaceByRegex(text, regexOf(pattern, split.flags), by, split.isGlobal ? null : 1);
}

const similar = (pattern = "", escapeSign = "\\"): string => similarToRegex(pattern, escapeSign);

export const REGEX_FUNCTIONS: readonly SqlFunction[] = [
  ofTexts("regexp_replace", 3, (text = "", pattern = "", by = "") => replaced(text, pattern, by, "")),
  ofTexts("regexp_replace", 4, (text = "", pattern = "", by = "", flags = "") =>
    replaced(text, pattern, by, flags),
  ),
  ofTexts("substring", 2, (text = "", pattern = "") => substringByRegex(text, regexOf(pattern))),
  ofTexts("substring", 3, (text = "", pattern = "", escapeSign = "") =>
    substringByRegex(text, regexOf(similar(pattern, escapeSign))),
  ),
  ofTexts("similar_to_escape", 1, (pattern) => similar(pattern)),
  ofTexts("similar_to_escape", 2, (pattern, escapeSign) => similar(pattern, escapeSign)),
];
