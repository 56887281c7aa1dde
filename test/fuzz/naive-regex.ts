/**
 * Regular expressions as trees, and the plainest way to match them: for each place in the text the set of places where a
 * match may end. Exponential in nothing but patience, and written from PostgreSQL's documentation alone
 * (https://www.postgresql.org/docs/15/functions-matching.html#POSIX-MATCHING-RULES).
 */

import type { Random } from "../seeded-random.ts";

export type Pattern =
  | { readonly k: "char"; readonly c: string }
  | { readonly k: "any" }
  | { readonly k: "set"; readonly negated: boolean; readonly chars: string }
  | { readonly k: "seq" | "alt"; readonly items: readonly Pattern[] }
  | { readonly k: "group"; readonly item: Pattern }
  | {
      readonly k: "rep";
      readonly item: Pattern;
      readonly min: number;
      readonly max: number | null;
      readonly lazy: boolean;
    }
  | { readonly k: "edge"; readonly sign: "^" | "$" | "\\y" | "\\Y" | "\\m" | "\\M" }
  | { readonly k: "look"; readonly ahead: boolean; readonly negated: boolean; readonly item: Pattern };

export const ALPHABET = ["a", "b", "A", "1", "_", " ", "\n", "é", "😀"];

/** @param isPlain only what SIMILAR TO has, too */
export function makePattern(random: Random, depth: number, isPlain = false): Pattern {
  if (depth <= 0 || random.chance(0.2)) return leaf(random, isPlain);
  const inner = () => makePattern(random, depth - 1, isPlain);
  const items = () => Array.from({ length: 2 + random.below(2) }, inner);
  switch (random.below(isPlain ? 5 : 6)) {
    case 0:
    case 1:
      return { k: "seq", items: items() };
    case 2:
      return { k: "alt", items: items() };
    case 3:
      return { k: "group", item: inner() };
    case 4: {
      const [min, max] = random.pick<readonly [number, number | null]>([
        [0, null],
        [1, null],
        [0, 1],
        [2, 2],
        [0, 2],
        [1, 3],
        [2, null],
      ]);
      const item = inner();
      return { k: "rep", item, min, max, lazy: !isPlain && random.chance(0.3) };
    }
    default:
      return { k: "look", ahead: random.chance(0.5), negated: random.chance(0.5), item: inner() };
  }
}

function leaf(random: Random, isPlain: boolean): Pattern {
  if (!isPlain && random.chance(0.15)) {
    return { k: "edge", sign: random.pick(["^", "$", "\\y", "\\Y", "\\m", "\\M"] as const) };
  }
  if (random.chance(0.15)) return { k: "any" };
  if (random.chance(0.2)) {
    return { k: "set", negated: random.chance(0.4), chars: random.pick(["ab", "A1", "é", " \n", "_a😀"]) };
  }
  return { k: "char", c: random.pick(ALPHABET) };
}

/** As PostgreSQL spells it. */
export function spelled(node: Pattern): string {
  switch (node.k) {
    case "char":
      return node.c;
    case "any":
      return ".";
    case "set":
      return `[${node.negated ? "^" : ""}${node.chars}]`;
    case "seq":
      return node.items.map(spelled).join("");
    case "alt":
      return `(?:${node.items.map(spelled).join("|")})`;
    case "group":
      return `(${spelled(node.item)})`;
    case "rep":
      return `(?:${spelled(node.item)})${bounds(node.min, node.max)}${node.lazy ? "?" : ""}`;
    case "edge":
      return node.sign;
    case "look":
      return `(?${node.ahead ? "" : "<"}${node.negated ? "!" : "="}${spelled(node.item)})`;
  }
}

/** For SIMILAR TO. */
export function similar(node: Pattern): string {
  switch (node.k) {
    case "char":
      return node.c === "_" ? "\\_" : node.c;
    case "any":
      return "_";
    case "alt":
      return `(${node.items.map(similar).join("|")})`;
    case "seq":
      return node.items.map(similar).join("");
    case "group":
      return `(${similar(node.item)})`;
    case "rep":
      return `(${similar(node.item)})${bounds(node.min, node.max)}`;
    default:
      return spelled(node);
  }
}

function bounds(min: number, max: number | null): string {
  if (max === null) return min === 0 ? "*" : min === 1 ? "+" : `{${min},}`;
  if (min === 0 && max === 1) return "?";
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

export interface Mode {
  readonly ignoreCase: boolean;
  /** `.` and complements do not match a line feed. */
  readonly lineBound: boolean;
  readonly lineAnchors: boolean;
}

/** Where matches of `node` that begin at `from` end. `text` is a list of characters. */
export function ends(node: Pattern, text: readonly string[], from: number, mode: Mode): Set<number> {
  switch (node.k) {
    case "char":
    case "any":
    case "set":
      return new Set(from < text.length && takes(node, text[from] ?? "", mode) ? [from + 1] : []);
    case "seq":
      return node.items.reduce((places, item) => afterEach(places, item, text, mode), new Set([from]));
    case "alt":
      return new Set(node.items.flatMap((item) => [...ends(item, text, from, mode)]));
    case "group":
      return ends(node.item, text, from, mode);
    case "rep":
      return repeated(node.item, node.min, node.max, text, from, mode);
    case "edge":
      return new Set(isEdge(node.sign, text, from, mode) ? [from] : []);
    case "look":
      return new Set(looks(node, text, from, mode) !== node.negated ? [from] : []);
  }
}

function takes(node: Pattern & { k: "char" | "any" | "set" }, character: string, mode: Mode): boolean {
  const folded = (one: string) => (mode.ignoreCase ? one.toLowerCase() : one);
  if (node.k === "char") return folded(node.c) === folded(character);
  if (node.k === "any") return !(mode.lineBound && character === "\n");
  const isIn = [...node.chars].some((one) => folded(one) === folded(character));
  if (!node.negated) return isIn;
  return !isIn && !(mode.lineBound && character === "\n");
}

function afterEach(places: Set<number>, item: Pattern, text: readonly string[], mode: Mode): Set<number> {
  return new Set([...places].flatMap((place) => [...ends(item, text, place, mode)]));
}

function repeated(
  item: Pattern,
  min: number,
  max: number | null,
  text: readonly string[],
  from: number,
  mode: Mode,
): Set<number> {
  let places = new Set([from]);
  for (let i = 0; i < min; i++) places = afterEach(places, item, text, mode);
  const found = new Set(places);
  // More rounds than there are characters lead nowhere new.
  for (let i = min; i < (max ?? min + text.length + 1); i++) {
    places = afterEach(places, item, text, mode);
    for (const place of places) found.add(place);
  }
  return found;
}

function isWord(character: string | undefined): boolean {
  return character !== undefined && /^[\p{L}\p{N}_]$/u.test(character);
}

function isEdge(sign: string, text: readonly string[], at: number, { lineAnchors }: Mode): boolean {
  const [before, after] = [text[at - 1], text[at]];
  const isStart = !isWord(before) && isWord(after);
  const isEnd = isWord(before) && !isWord(after);
  switch (sign) {
    case "^":
      return at === 0 || (lineAnchors && before === "\n");
    case "$":
      return at === text.length || (lineAnchors && after === "\n");
    case "\\m":
      return isStart;
    case "\\M":
      return isEnd;
    case "\\y":
      return isStart || isEnd;
    default:
      return !(isStart || isEnd);
  }
}

function looks(node: Pattern & { k: "look" }, text: readonly string[], at: number, mode: Mode): boolean {
  if (node.ahead) return ends(node.item, text, at, mode).size > 0;
  return Array.from({ length: at + 1 }, (_, from) => from).some((from) =>
    ends(node.item, text, from, mode).has(at),
  );
}

/** Whether the longest or the shortest match is wanted; null: neither is asked for. */
function greediness(node: Pattern): "longest" | "shortest" | null {
  switch (node.k) {
    case "alt":
      return "longest";
    case "group":
      return greediness(node.item);
    case "seq":
      return node.items.map(greediness).find((one) => one !== null) ?? null;
    case "rep":
      if (node.min === node.max) return greediness(node.item);
      return node.lazy ? "shortest" : "longest";
    default:
      return null;
  }
}

/** All matches one after the other, as places between characters; an empty one is stepped over. */
export function allMatches(
  node: Pattern,
  text: readonly string[],
  mode: Mode,
): [start: number, end: number][] {
  const isShort = greediness(node) === "shortest";
  const found: [number, number][] = [];
  for (let from = 0; from <= text.length; from++) {
    const places = ends(node, text, from, mode);
    if (places.size === 0) continue;
    const end = isShort ? Math.min(...places) : Math.max(...places);
    found.push([from, end]);
    if (end > from) from = end - 1;
  }
  return found;
}

/** Patterns with a part in place of the whole, or with something left out. */
export function* smallerPatterns(node: Pattern): Generator<Pattern> {
  if (node.k === "seq" || node.k === "alt") {
    yield* node.items;
    for (const [at, item] of node.items.entries()) {
      if (node.items.length > 2) yield { ...node, items: node.items.toSpliced(at, 1) };
      for (const smaller of smallerPatterns(item)) yield { ...node, items: node.items.with(at, smaller) };
    }
  } else if ("item" in node) {
    yield node.item;
    for (const item of smallerPatterns(node.item)) yield { ...node, item };
  } else if (node.k !== "char") yield { k: "char", c: "a" };
}
