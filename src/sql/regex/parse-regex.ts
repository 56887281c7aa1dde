/**
 * PostgreSQL's advanced regular expressions, read into a tree
 * (https://www.postgresql.org/docs/15/functions-matching.html#POSIX-SYNTAX-DETAILS).
 */

import { MAX_REGEX_DEPTH } from "../../limits.ts";
import { notSupported } from "../parse/unsupported.ts";
import { parseBracket } from "./bracket.ts";
import {
  anyCharacter,
  type CharacterSet,
  complement,
  DIGITS,
  ignoringCase,
  isWord,
  notLineFeed,
  range,
  SPACES,
} from "./character-set.ts";
import {
  type Assertion,
  invalidRegex,
  type Preference,
  preferenceOf,
  type RegexFlags,
  type RegexNode,
  sequenceOf,
  withFlag,
} from "./syntax.ts";

/** As in PostgreSQL (DUPMAX). */
const MAX_REPEATS = 255;

export interface ParsedRegex {
  readonly node: RegexNode;
  readonly groupCount: number;
}

/** Throws 2201B for a pattern that is none, 0A000 for back references. */
export function parseRegex(pattern: string, given: RegexFlags): ParsedRegex {
  let flags = given;
  let source = pattern;
  if (flags.syntax === "advanced" && source.startsWith("***=")) {
    flags = { ...flags, syntax: "literal" };
    source = source.slice(4);
  } else if (flags.syntax === "advanced" && source.startsWith("***")) {
    if (source[3] !== ":") throw invalidRegex("invalid regexp (reg version 0.8)");
    source = source.slice(4);
  }
  const embedded = flags.syntax === "advanced" ? /^\(\?([a-zA-Z]+)\)/.exec(source) : null;
  for (const letter of embedded?.[1] ?? "") {
    if (letter === "b") throw notSupported("a basic regular expression (flag b)");
    const changed = withFlag(flags, letter);
    if (changed === null) throw invalidRegex("invalid embedded option");
    flags = changed;
  }
  source = source.slice(embedded?.[0].length ?? 0);
  return new Parser([...source], flags).parse();
}

export class Parser {
  at = 0;
  private groupCount = 0;
  private depth = 0;
  private inLook = 0;

  constructor(
    /** Characters, not UTF-16 units. */
    readonly source: readonly string[],
    readonly flags: RegexFlags,
  ) {}

  parse(): ParsedRegex {
    if (this.flags.syntax === "literal") {
      return { node: sequenceOf(this.source.map((character) => this.literal(character))), groupCount: 0 };
    }
    const node = this.choice();
    if (this.at < this.source.length) throw invalidRegex("parentheses () not balanced");
    return { node, groupCount: this.groupCount };
  }

  /** The character at hand, "" at the end. */
  get next(): string {
    return this.source[this.at] ?? "";
  }

  isAhead(text: string): boolean {
    return this.source.slice(this.at, this.at + text.length).join("") === text;
  }

  /** The set with its other case where case does not matter. */
  cased(set: CharacterSet): CharacterSet {
    return this.flags.ignoreCase ? ignoringCase(set) : set;
  }

  private choice(): RegexNode {
    if (++this.depth > MAX_REGEX_DEPTH) throw invalidRegex("regular expression is too complex");
    const branches = [this.branch()];
    while (this.next === "|") {
      this.at++;
      branches.push(this.branch());
    }
    this.depth--;
    return branches.length === 1 ? (branches[0] as RegexNode) : { kind: "choice", items: branches };
  }

  private branch(): RegexNode {
    const items: RegexNode[] = [];
    for (;;) {
      this.skipComments();
      if (this.next === "" || this.next === "|" || (this.next === ")" && this.depth > 1)) break;
      const atom = this.atom();
      this.skipComments();
      items.push(this.quantified(atom));
    }
    return sequenceOf(items);
  }

  private skipComments(): void {
    for (;;) {
      if (this.isAhead("(?#")) {
        while (this.next !== ")" && this.next !== "") this.at++;
        this.at++;
      } else if (this.flags.expanded && /^\s$/.test(this.next)) this.at++;
      else if (this.flags.expanded && this.isAhead("#")) {
        while (this.next !== "\n" && this.next !== "") this.at++;
      } else return;
    }
  }

  private atom(): RegexNode {
    const character = this.next;
    switch (character) {
      case "(":
        return this.parenthesis();
      case ")":
        throw invalidRegex("parentheses () not balanced");
      case "[":
        return this.bracket();
      case "\\":
        this.at++;
        return this.flags.syntax === "advanced" ? this.escape() : this.escapedLiteral();
      case ".":
        this.at++;
        return { kind: "set", set: this.flags.lineBound ? notLineFeed : anyCharacter };
      case "^":
        this.at++;
        return assertion(this.flags.lineAnchors ? "lineStart" : "textStart");
      case "$":
        this.at++;
        return assertion(this.flags.lineAnchors ? "lineEnd" : "textEnd");
      case "*":
      case "+":
      case "?":
        throw invalidRegex("quantifier operand invalid");
      default:
        if (character === "{" && this.isBound()) throw invalidRegex("quantifier operand invalid");
        this.at++;
        return this.literal(character);
    }
  }

  literal(character: string): RegexNode {
    const codePoint = character.codePointAt(0) ?? 0;
    return { kind: "set", set: this.cased(range(codePoint, codePoint)) };
  }

  private bracket(): RegexNode {
    for (const [text, kind] of [
      ["[[:<:]]", "wordStart"],
      ["[[:>:]]", "wordEnd"],
    ] as const) {
      if (!this.isAhead(text)) continue;
      this.at += text.length;
      return assertion(kind);
    }
    return { kind: "set", set: parseBracket(this) };
  }

  private parenthesis(): RegexNode {
    this.at++;
    if (this.flags.syntax === "advanced" && this.next === "?") return this.special();
    if (this.inLook > 0) return quantifiable(this.closed());
    const index = ++this.groupCount;
    return { kind: "group", index, item: this.closed() };
  }

  /** `(?:re)`, and looking ahead or behind. */
  private special(): RegexNode {
    for (const [text, ahead, negated] of LOOKS) {
      if (!this.isAhead(text)) continue;
      this.at += text.length;
      this.inLook++;
      const item = this.closed();
      this.inLook--;
      return { kind: "assertion", assertion: { kind: "look", ahead, negated, item } };
    }
    if (!this.isAhead("?:")) throw invalidRegex("quantifier operand invalid");
    this.at += 2;
    return quantifiable(this.closed());
  }

  private closed(): RegexNode {
    const item = this.choice();
    if (this.next !== ")") throw invalidRegex("parentheses () not balanced");
    this.at++;
    return item;
  }

  /** Whether a `{` begins the bounds of a quantifier: in advanced expressions, a digit follows. */
  private isBound(): boolean {
    return this.flags.syntax !== "advanced" || /^\d$/.test(this.source[this.at + 1] ?? "");
  }

  private quantified(atom: RegexNode): RegexNode {
    const bounds = this.bounds();
    if (bounds === null) return atom;
    if (atom.kind === "assertion") throw invalidRegex("quantifier operand invalid");
    const [min, max, isFixed] = bounds;
    const isShort = this.flags.syntax === "advanced" && this.next === "?";
    if (isShort) this.at++;
    if ("*+?".includes(this.next) && this.next !== "") throw invalidRegex("quantifier operand invalid");
    if (this.next === "{" && this.isBound()) throw invalidRegex("quantifier operand invalid");
    const preference: Preference = isFixed ? preferenceOf(atom) : isShort ? "shortest" : "longest";
    return { kind: "repeat", item: atom, min, max, preference };
  }

  /** Least and most repetitions, and whether they were written as one number; null without quantifier. */
  private bounds(): readonly [number, number, boolean] | null {
    const simple = SIMPLE_BOUNDS.get(this.next);
    if (simple !== undefined) {
      this.at++;
      return [...simple, false];
    }
    if (this.next !== "{" || !this.isBound()) return null;
    const match = /^\{(\d+)(,(\d*))?(\}?)/.exec(this.source.slice(this.at, this.at + 16).join(""));
    if (match === null) throw invalidRegex("invalid repetition count(s)");
    const [whole, first = "", comma, second = "", brace] = match;
    if (brace === "") {
      const isCut = !this.source.slice(this.at).includes("}");
      throw invalidRegex(isCut ? "braces {} not balanced" : "invalid repetition count(s)");
    }
    const min = Number(first);
    const max = comma === undefined ? min : second === "" ? Number.POSITIVE_INFINITY : Number(second);
    const isTooMany = min > MAX_REPEATS || (max > MAX_REPEATS && max !== Number.POSITIVE_INFINITY);
    if (min > max || isTooMany) throw invalidRegex("invalid repetition count(s)");
    this.at += whole.length;
    return [min, max, comma === undefined];
  }

  private escapedLiteral(): RegexNode {
    if (this.next === "") throw invalidRegex("invalid escape \\ sequence");
    return this.literal(this.source[this.at++] as string);
  }

  private escape(): RegexNode {
    const letter = this.next;
    const anchored = ANCHORS.get(letter);
    if (anchored !== undefined) {
      this.at++;
      return assertion(anchored);
    }
    const named = this.classEscape();
    if (named !== null) return { kind: "set", set: named };
    const [, reference] = /^([1-9]\d*)/.exec(this.source.slice(this.at, this.at + 4).join("")) ?? [];
    if (reference !== undefined && (reference.length === 1 || Number(reference) <= this.groupCount)) {
      if (this.inLook > 0 || Number(reference) > this.groupCount)
        throw invalidRegex("invalid backreference number");
      throw notSupported("a back reference in a regular expression");
    }
    const codePoint = this.characterEscape();
    return { kind: "set", set: this.cased(range(codePoint, codePoint)) };
  }

  /** After the backslash: `\d` and its like; null for any other. */
  classEscape(): CharacterSet | null {
    const letter = this.next;
    const set = CLASS_ESCAPES.get(letter.toLowerCase());
    if (set === undefined || letter === "") return null;
    this.at++;
    // \D and \W match a line feed whatever the mode; \S does not match it anyway.
    return letter === letter.toLowerCase() ? set : complement(set, false);
  }

  /** After the backslash: the one character that an escape stands for. */
  characterEscape(): number {
    const letter = this.next;
    this.at++;
    const control = CONTROL_ESCAPES.get(letter);
    if (control !== undefined) return control;
    if (letter === "c" && this.next !== "") {
      const code = (this.source[this.at++] as string).codePointAt(0) as number;
      return code & 31;
    }
    if (letter === "x") return this.number(16, /^[0-9a-fA-F]+/, 255);
    if (letter === "u") return this.number(16, /^[0-9a-fA-F]{4}/, 4);
    if (letter === "U") return this.number(16, /^[0-9a-fA-F]{8}/, 8);
    if (/^\d$/.test(letter)) {
      this.at--;
      return this.number(8, /^[0-7]{1,3}/, 3);
    }
    if (letter === "" || /^[a-zA-Z]$/.test(letter)) throw invalidRegex("invalid escape \\ sequence");
    return letter.codePointAt(0) as number;
  }

  private number(base: number, digits: RegExp, longest: number): number {
    const [found] = digits.exec(this.source.slice(this.at, this.at + longest).join("")) ?? [];
    if (found === undefined) throw invalidRegex("invalid escape \\ sequence");
    this.at += found.length;
    const value = Number.parseInt(found, base);
    if (value > 0x10ffff) throw invalidRegex("invalid escape \\ sequence");
    return value;
  }
}

/** An assertion alone takes no quantifier; one in parentheses does. */
function quantifiable(node: RegexNode): RegexNode {
  return node.kind === "assertion" ? { kind: "sequence", items: [node] } : node;
}

const SIMPLE_BOUNDS: ReadonlyMap<string, readonly [number, number]> = new Map([
  ["*", [0, Number.POSITIVE_INFINITY]],
  ["+", [1, Number.POSITIVE_INFINITY]],
  ["?", [0, 1]],
]);

const LOOKS = [
  ["?=", true, false],
  ["?!", true, true],
  ["?<=", false, false],
  ["?<!", false, true],
] as const;

type PlainAssertion = Exclude<Assertion["kind"], "look">;

function assertion(kind: PlainAssertion): RegexNode {
  return { kind: "assertion", assertion: { kind } };
}

const ANCHORS: ReadonlyMap<string, PlainAssertion> = new Map<string, PlainAssertion>([
  ["A", "textStart"],
  ["Z", "textEnd"],
  ["m", "wordStart"],
  ["M", "wordEnd"],
  ["<", "wordStart"],
  [">", "wordEnd"],
  ["y", "wordEdge"],
  ["Y", "notWordEdge"],
]);

const CLASS_ESCAPES: ReadonlyMap<string, CharacterSet> = new Map([
  ["d", DIGITS],
  ["s", SPACES],
  ["w", isWord],
]);

const CONTROL_ESCAPES: ReadonlyMap<string, number> = new Map([
  ["a", 7],
  ["b", 8],
  ["B", 92],
  ["e", 27],
  ["f", 12],
  ["n", 10],
  ["r", 13],
  ["t", 9],
  ["v", 11],
]);
