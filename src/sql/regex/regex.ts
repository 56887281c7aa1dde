/**
 * PostgreSQL's regular expressions (https://www.postgresql.org/docs/15/functions-matching.html), matched by automata:
 * the time is proportional to the text, whatever the pattern. Of several matches the one that begins first is taken, and
 * of those the longest, or the shortest if the pattern prefers that: not the first that a backtracking matcher would try.
 * Places are offsets in UTF-16 units, as JavaScript counts them.
 */

import { limitExceeded } from "../../engine/violations.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_REGEX_TEXT_CHARACTERS } from "../../limits.ts";
import { checkedElements, checkedLength, PieceLengths } from "../values/value-size.ts";
import { Alphabet, buildAutomaton } from "./automaton.ts";
import { Dissector, type GroupSpan } from "./groups.ts";
import { parseRegex } from "./parse-regex.ts";
import { LookScanners, TextPlaces } from "./places.ts";
import { Scanner } from "./scanner.ts";
import {
  DEFAULT_FLAGS,
  hasGroup,
  preferenceOf,
  type RegexFlags,
  type RegexNode,
  withFlag,
} from "./syntax.ts";

export { similarToRegex } from "./similar-to.ts";

/** One match. */
export interface RegexMatch {
  readonly start: number;
  readonly end: number;
  /** What each pair of parentheses took, as offsets; null where it took no part. */
  readonly groups: readonly GroupSpan[];
}

/** A pattern that is ready to be matched. Obtained by `regexOf`. */
export class Regex {
  private readonly node: RegexNode;
  /** Pairs of parentheses that capture. */
  readonly groupCount: number;
  private readonly alphabet = new Alphabet();
  private readonly looks = new LookScanners(this.alphabet);
  private readonly dissector = new Dissector(this.alphabet);
  private readonly forward: Scanner;
  private readonly isShort: boolean;
  private backward: Scanner | null = null;

  constructor(pattern: string, flags: RegexFlags) {
    const { node, groupCount } = parseRegex(pattern, flags);
    this.node = node;
    this.groupCount = groupCount;
    this.forward = new Scanner(buildAutomaton(node, this.alphabet, "forward"), this.alphabet);
    this.isShort = preferenceOf(node) === "shortest";
  }

  /** Whether the pattern matches anywhere in `text`. */
  test(text: string): boolean {
    let found = false;
    this.forward.scan(text, 0, text.length, this.placesOf(text), true, () => {
      found = true;
      return true;
    });
    return found;
  }

  /** The first match that begins at `from` or later; what stands before `from` is still seen by `^`, `\m` and the like. */
  match(text: string, from = 0): RegexMatch | null {
    for (const match of this.matches(text, from)) return match;
    return null;
  }

  /** All matches from `from` on that do not overlap, one after the other. */
  *matches(text: string, from = 0): Generator<RegexMatch> {
    const places = this.placesOf(text);
    const starts = this.startsOf(text, from, places);
    let earliest = from;
    for (let i = starts.length - 1; i >= 0; i--) {
      const start = starts[i] as number;
      if (start < earliest) continue;
      const end = this.endOf(text, start, places);
      yield { start, end, groups: this.groupsOf(text, start, end, places) };
      // As in PostgreSQL, an empty match is stepped over.
      earliest = end > start ? end : start + 1;
    }
  }

  /** Throws 54000 for a text that would take too long. */
  private placesOf(text: string): TextPlaces {
    if (text.length > MAX_REGEX_TEXT_CHARACTERS) {
      throw limitExceeded("characters of a text to be matched", MAX_REGEX_TEXT_CHARACTERS);
    }
    return new TextPlaces(text, this.alphabet, this.looks);
  }

  /** Where matches begin, the last one first. */
  private startsOf(text: string, from: number, places: TextPlaces): number[] {
    this.backward ??= new Scanner(buildAutomaton(this.node, this.alphabet, "backward"), this.alphabet);
    const starts: number[] = [];
    this.backward.scan(text, text.length, from, places, true, (place) => {
      starts.push(place);
      return false;
    });
    return starts;
  }

  private endOf(text: string, start: number, places: TextPlaces): number {
    let end = start;
    this.forward.scan(text, start, text.length, places, false, (place) => {
      end = place;
      return this.isShort;
    });
    return end;
  }

  private groupsOf(text: string, start: number, end: number, places: TextPlaces): GroupSpan[] {
    const groups: GroupSpan[] = new Array(this.groupCount).fill(null);
    if (hasGroup(this.node)) this.dissector.dissect(this.node, text, start, end, places, groups);
    return groups;
  }
}

const compiled = new Map<string, Regex>();

/** Patterns are mostly constants: a few of the last ones are kept. */
const MAX_COMPILED = 64;

/**
 * The pattern, read with the flags of a function such as regexp_match (`g` is not one of them: see `splitFlags`).
 * Throws 2201B for a pattern that is none, 22023 for an unknown flag, 0A000 for back references.
 */
export function regexOf(pattern: string, flags = ""): Regex {
  const key = `${flags}/${pattern}`;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const regex = new Regex(pattern, flagsOf(flags));
  if (compiled.size >= MAX_COMPILED) compiled.delete(compiled.keys().next().value as string);
  compiled.set(key, regex);
  return regex;
}

function flagsOf(letters: string): RegexFlags {
  let flags = DEFAULT_FLAGS;
  for (const letter of letters) {
    const changed = withFlag(flags, letter);
    if (changed === null) {
      throw new DeltatError(SqlState.invalidParameterValue, `invalid regular expression option: "${letter}"`);
    }
    flags = changed;
  }
  return flags;
}

/** The flags of a function without its `g`, and whether that was there. */
export function splitFlags(flags: string): { readonly flags: string; readonly isGlobal: boolean } {
  return { flags: flags.replaceAll("g", ""), isGlobal: flags.includes("g") };
}

/** `text ~ pattern`, or `~*`. */
export function matchesRegex(text: string, pattern: string, ignoreCase: boolean): boolean {
  return regexOf(pattern, ignoreCase ? "i" : "").test(text);
}

/** What each group of a match took, or all of it where there are none. */
export function matchTexts(text: string, { start, end, groups }: RegexMatch): (string | null)[] {
  if (groups.length === 0) return [text.slice(start, end)];
  return groups.map((group) => (group === null ? null : text.slice(group[0], group[1])));
}

/** What `substring(text from pattern)` gives: the first group if there is one, else the match; null for none. */
export function substringByRegex(text: string, regex: Regex): string | null {
  const match = regex.match(text);
  if (match === null) return null;
  if (regex.groupCount === 0) return text.slice(match.start, match.end);
  const [group] = match.groups;
  return group == null ? null : text.slice(group[0], group[1]);
}

/**
 * `text` with matches replaced, in which `\1` to `\9` stand for groups, `\&` for the match and `\\` for a backslash.
 *
 * @param from where to begin to look, as an offset
 * @param only the number of the one match to be replaced, from 1; null: all
 */
export function replaceByRegex(
  text: string,
  regex: Regex,
  replacement: string,
  only: number | null,
  from = 0,
): string {
  let result = "";
  let at = 0;
  let number = 0;
  for (const match of regex.matches(text, from)) {
    number++;
    if (only !== null && number < only) continue;
    result += text.slice(at, match.start) + replaced(text, match, replacement);
    checkedLength(result.length);
    at = match.end;
    if (only !== null) break;
  }
  return result + text.slice(at);
}

function replaced(text: string, { start, end, groups }: RegexMatch, replacement: string): string {
  const pieces = new PieceLengths();
  return replacement.replace(/\\([1-9&\\])/g, (_, sign: string) => {
    if (sign === "\\") return "\\";
    if (sign === "&") return pieces.checked(text.slice(start, end));
    const group = groups[Number(sign) - 1];
    return group == null ? "" : pieces.checked(text.slice(group[0], group[1]));
  });
}

/** What is between the matches. As in PostgreSQL, a match of nothing at either end or right behind another does not split. */
export function splitByRegex(text: string, regex: Regex): string[] {
  const parts: string[] = [];
  let at = 0;
  for (const { start, end } of regex.matches(text)) {
    if (start === end && (start === at || start === text.length)) continue;
    checkedElements(parts.push(text.slice(at, start)));
    at = end;
  }
  parts.push(text.slice(at));
  return parts;
}
