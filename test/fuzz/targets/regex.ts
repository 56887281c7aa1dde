/**
 * Regular expressions, SIMILAR TO and LIKE against matchers written from the documentation alone (naive-regex.ts): whether
 * and where a pattern matches, each match of several, and that what a group took is a match of the group.
 */

import { isLike, withEscape } from "../../../src/sql/expressions/like.ts";
import { type Regex, regexOf, similarToRegex } from "../../../src/sql/regex/regex.ts";
import type { Random } from "../../seeded-random.ts";
import {
  ALPHABET,
  allMatches,
  ends,
  type Mode,
  makePattern,
  type Pattern,
  similar,
  smallerPatterns,
  spelled,
} from "../naive-regex.ts";
import { smallerTexts } from "../shrinking.ts";
import type { Target } from "../target.ts";

type RegexCase =
  | {
      readonly kind: "regex" | "similar";
      readonly pattern: Pattern;
      readonly flags: string;
      readonly text: string;
    }
  | { readonly kind: "like"; readonly pattern: string; readonly escapeSign: string; readonly text: string };

/** @param compile what is tested; another one shows that the target finds faults */
export function regexTarget(compile: (pattern: string, flags: string) => Regex = regexOf): Target<RegexCase> {
  return {
    name: "regex",
    timeBoundMs: 1000,
    make: makeCase,
    check(made) {
      if (made.kind === "like") return checkLike(made.pattern, made.escapeSign, made.text);
      if (made.kind === "similar") return checkSimilar(compile, made.pattern, made.text);
      return checkRegex(compile, made.pattern, made.flags, made.text);
    },
    *smaller(made) {
      for (const text of smallerTexts(made.text)) yield { ...made, text };
      if (made.kind === "like") {
        for (const pattern of smallerTexts(made.pattern)) yield { ...made, pattern };
        return;
      }
      if (made.flags !== "") yield { ...made, flags: "" };
      for (const pattern of smallerPatterns(made.pattern)) yield { ...made, pattern };
    },
  };
}

const LIKE_SIGNS = ["a", "b", "%", "%", "_", "\\", "é", "😀", "!"];

function word(random: Random, signs: readonly string[], most: number): string {
  return Array.from({ length: random.below(most + 1) }, () => random.pick(signs)).join("");
}

function makeCase(random: Random): RegexCase {
  if (random.chance(0.2)) {
    const escapeSign = random.pick(["\\", "\\", "!", "", "😀"]);
    return {
      kind: "like",
      pattern: word(random, LIKE_SIGNS, 8),
      escapeSign,
      text: word(random, LIKE_SIGNS, 9),
    };
  }
  const isSimilar = random.chance(0.2);
  const kind = isSimilar ? "similar" : "regex";
  const flags = isSimilar ? "" : random.pick(["", "", "i", "n", "p", "w", "in"]);
  return { kind, pattern: makePattern(random, 4, isSimilar), flags, text: word(random, ALPHABET, 10) };
}

function modeOf(flags: string): Mode {
  const has = (letters: string) => [...letters].some((letter) => flags.includes(letter));
  return { ignoreCase: has("i"), lineBound: has("np"), lineAnchors: has("nw") };
}

function checkRegex(
  compile: (pattern: string, flags: string) => Regex,
  pattern: Pattern,
  flags: string,
  text: string,
): string | null {
  const regex = compile(spelled(pattern), flags);
  const characters = [...text];
  const mode = modeOf(flags);
  const expected = allMatches(pattern, characters, mode);
  const place = placesOf(characters);
  if (regex.test(text) !== expected.length > 0)
    return `test: ${spelled(pattern)} should ${expected.length > 0 ? "" : "not "}match`;
  const found = [...regex.matches(text)];
  const given = found.map(({ start, end }) => [place.get(start) ?? -1, place.get(end) ?? -1]);
  if (JSON.stringify(given) !== JSON.stringify(expected)) {
    return `places: ${spelled(pattern)} matches at ${JSON.stringify(given)}, should at ${JSON.stringify(expected)}`;
  }
  const groups = groupsOf(pattern);
  for (const match of found) {
    for (const [i, span] of match.groups.entries()) {
      const group = groups[i];
      if (span === null || group === undefined) continue;
      const [from, to] = [place.get(span[0]) ?? -1, place.get(span[1]) ?? -1];
      const isInside = span[0] >= match.start && span[1] <= match.end;
      if (isInside && ends(group, characters, from, mode).has(to)) continue;
      return `group: ${spelled(pattern)} gives group ${i + 1} ${from} to ${to}, which is no match of it`;
    }
  }
  return null;
}

/** Offsets in UTF-16 to places between characters. */
function placesOf(characters: readonly string[]): Map<number, number> {
  const places = new Map([[0, 0]]);
  let offset = 0;
  for (const [i, character] of characters.entries()) {
    offset += character.length;
    places.set(offset, i + 1);
  }
  return places;
}

/** In the order of their opening parentheses; those in a look do not capture. */
function groupsOf(node: Pattern): Pattern[] {
  if (node.k === "look") return [];
  if (node.k === "seq" || node.k === "alt") return node.items.flatMap(groupsOf);
  if (!("item" in node)) return [];
  return node.k === "group" ? [node.item, ...groupsOf(node.item)] : groupsOf(node.item);
}

function checkSimilar(
  compile: (pattern: string, flags: string) => Regex,
  pattern: Pattern,
  text: string,
): string | null {
  const characters = [...text];
  const isMatch = ends(pattern, characters, 0, modeOf("")).has(characters.length);
  const source = similar(pattern);
  if (compile(similarToRegex(source, "\\"), "").test(text) === isMatch) return null;
  return `similar: ${source} should ${isMatch ? "" : "not "}match`;
}

function checkLike(pattern: string, escapeSign: string, text: string): string | null {
  const tokens = likeTokens([...pattern], escapeSign);
  // A pattern that ends in its escape character is refused, if matching comes so far.
  if (tokens === null) return null;
  const isMatch = likeMatches(tokens, [...text]);
  if (isLike(text, withEscape(pattern, escapeSign)) === isMatch) return null;
  return `like: ${pattern} escape ${escapeSign} should ${isMatch ? "" : "not "}match`;
}

/** `%`, `_`, or a character behind an `=`; null for an escape character at the end. */
function likeTokens(pattern: readonly string[], escapeSign: string): string[] | null {
  const tokens: string[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const sign = pattern[at] ?? "";
    if (sign === escapeSign) {
      const next = pattern[++at];
      if (next === undefined) return null;
      tokens.push(`=${next}`);
    } else tokens.push(sign === "%" || sign === "_" ? sign : `=${sign}`);
  }
  return tokens;
}

function likeMatches([token, ...tokens]: readonly string[], text: readonly string[]): boolean {
  if (token === undefined) return text.length === 0;
  if (token === "%")
    return Array.from({ length: text.length + 1 }, (_, n) => n).some((n) =>
      likeMatches(tokens, text.slice(n)),
    );
  const [first, ...rest] = text;
  return first !== undefined && (token === "_" || token === `=${first}`) && likeMatches(tokens, rest);
}
