/** What a regular expression says, as a tree, and how it may be spelled besides: the letters of its flags. */

import { DeltatError, SqlState } from "../../errors.ts";
import type { CharacterSet } from "./character-set.ts";

export type RegexNode =
  | { readonly kind: "empty" }
  | { readonly kind: "set"; readonly set: CharacterSet }
  | { readonly kind: "assertion"; readonly assertion: Assertion }
  | { readonly kind: "sequence"; readonly items: readonly RegexNode[] }
  | { readonly kind: "choice"; readonly items: readonly RegexNode[] }
  | { readonly kind: "group"; readonly index: number; readonly item: RegexNode }
  | {
      readonly kind: "repeat";
      readonly item: RegexNode;
      readonly min: number;
      readonly max: number;
      readonly preference: Preference;
    };

/** What holds at a place between two characters. */
export type Assertion =
  | { readonly kind: "textStart" | "textEnd" | "lineStart" | "lineEnd" }
  | { readonly kind: "wordStart" | "wordEnd" | "wordEdge" | "notWordEdge" }
  | {
      readonly kind: "look";
      readonly ahead: boolean;
      readonly negated: boolean;
      readonly item: RegexNode;
    };

/** Whether the longest or the shortest of several matches is wanted; null: it is left to what stands around. */
export type Preference = "longest" | "shortest" | null;

/** How a pattern is read and matched. */
export interface RegexFlags {
  readonly ignoreCase: boolean;
  /** `.` and complements do not match a line feed. */
  readonly lineBound: boolean;
  /** `^` and `$` match at line feeds too. */
  readonly lineAnchors: boolean;
  /** Blanks and comments in the pattern do not count. */
  readonly expanded: boolean;
  readonly syntax: "advanced" | "extended" | "literal";
}

export const DEFAULT_FLAGS: RegexFlags = {
  ignoreCase: false,
  lineBound: false,
  lineAnchors: false,
  expanded: false,
  syntax: "advanced",
};

/** What one letter of a function's flags or of embedded options changes; null for an unknown one. */
export function withFlag(flags: RegexFlags, letter: string): RegexFlags | null {
  switch (letter) {
    case "i":
      return { ...flags, ignoreCase: true };
    case "c":
      return { ...flags, ignoreCase: false };
    case "m":
    case "n":
      return { ...flags, lineBound: true, lineAnchors: true };
    case "p":
      return { ...flags, lineBound: true, lineAnchors: false };
    case "w":
      return { ...flags, lineBound: false, lineAnchors: true };
    case "s":
      return { ...flags, lineBound: false, lineAnchors: false };
    case "x":
      return { ...flags, expanded: true };
    case "t":
      return { ...flags, expanded: false };
    case "e":
      return { ...flags, syntax: "extended" };
    case "q":
      return { ...flags, syntax: "literal" };
    default:
      return null;
  }
}

/** 2201B with PostgreSQL's reason (regex/regerrs.h). */
export function invalidRegex(reason: string): DeltatError {
  return new DeltatError(SqlState.invalidRegularExpression, `invalid regular expression: ${reason}`);
}

/** Which match of the node is wanted: what its first quantifier with a preference says; a choice is always greedy. */
export function preferenceOf(node: RegexNode): Preference {
  switch (node.kind) {
    case "repeat":
      return node.preference;
    case "group":
      return preferenceOf(node.item);
    case "choice":
      return "longest";
    case "sequence":
      for (const item of node.items) {
        const preference = preferenceOf(item);
        if (preference !== null) return preference;
      }
      return null;
    default:
      return null;
  }
}

export function hasGroup(node: RegexNode): boolean {
  switch (node.kind) {
    case "group":
      return true;
    case "repeat":
      return hasGroup(node.item);
    case "sequence":
    case "choice":
      return node.items.some(hasGroup);
    default:
      return false;
  }
}

const EMPTY: RegexNode = { kind: "empty" };

/** One node for several in a row. */
export function sequenceOf(items: readonly RegexNode[]): RegexNode {
  const [only] = items;
  if (only === undefined) return EMPTY;
  return items.length === 1 ? only : { kind: "sequence", items };
}
