/** Functions over regular expressions and over the patterns of SIMILAR TO. */

import { DeltatError, SqlState } from "../../errors.ts";
import {
  matchTexts,
  type Regex,
  regexOf,
  replaceByRegex,
  similarToRegex,
  splitByRegex,
  splitFlags,
  substringByRegex,
} from "../regex/regex.ts";
import { BOOL, INT4, type PgType, TEXT, TEXT_ARRAY } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import type { SqlFunction } from "./signature.ts";

type TextBody = (...args: readonly string[]) => Value;

/** A strict function of texts. */
function ofTexts(name: string, count: number, body: TextBody, result: PgType = TEXT): SqlFunction {
  return {
    name,
    parameters: new Array(count).fill(TEXT),
    result,
    isStrict: true,
    isVariadic: false,
    body: (args) => body(...args.map(String)),
  };
}

function replaced(text: string, pattern: string, by: string, flags: string): string {
  const split = splitFlags(flags);
  return replaceByRegex(text, regexOf(pattern, split.flags), by, split.isGlobal ? null : 1);
}

/** The groups of the first match, or all of it where the pattern has none; NULL without a match. */
function firstMatch(text: string, pattern: string, flags: string): Value {
  const split = splitFlags(flags);
  if (split.isGlobal) {
    throw new DeltatError(
      SqlState.invalidParameterValue,
      'regexp_match() does not support the "global" option',
      {
        hint: "Use the regexp_matches function instead.",
      },
    );
  }
  const regex = regexOf(pattern, split.flags);
  const match = regex.match(text);
  return match === null ? null : matchTexts(text, match);
}

function countMatches(text: string, regex: Regex): number {
  return [...regex.matches(text)].length;
}

function firstOf(text: string, regex: Regex): string | null {
  const match = regex.match(text);
  return match === null ? null : text.slice(match.start, match.end);
}

const similar = (pattern = "", escapeSign = "\\"): string => similarToRegex(pattern, escapeSign);

/** The same function with and without flags as its last argument. */
function withFlags(
  name: string,
  result: PgType,
  body: (text: string, pattern: string, flags: string) => Value,
): SqlFunction[] {
  return [
    ofTexts(name, 2, (text = "", pattern = "") => body(text, pattern, ""), result),
    ofTexts(name, 3, (text = "", pattern = "", flags = "") => body(text, pattern, flags), result),
  ];
}

export const REGEX_FUNCTIONS: readonly SqlFunction[] = [
  ...withFlags("regexp_match", TEXT_ARRAY, firstMatch),
  ...withFlags("regexp_like", BOOL, (text, pattern, flags) => regexOf(pattern, flags).test(text)),
  ...withFlags("regexp_split_to_array", TEXT_ARRAY, (text, pattern, flags) =>
    splitByRegex(text, regexOf(pattern, flags)),
  ),
  ofTexts("regexp_count", 2, (text = "", pattern = "") => countMatches(text, regexOf(pattern)), INT4),
  ofTexts("regexp_substr", 2, (text = "", pattern = "") => firstOf(text, regexOf(pattern))),
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
