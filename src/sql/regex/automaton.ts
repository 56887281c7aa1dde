/**
 * A tree of a regular expression as a nondeterministic automaton (Thompson's construction), for reading a text forward
 * or backward. Counted repetitions are written out, so MAX_REGEX_STATES bounds what a short pattern can ask for.
 */

import { assert } from "../../errors.ts";
import { MAX_REGEX_STATES } from "../../limits.ts";
import type { CharacterSet } from "./character-set.ts";
import { type Assertion, invalidRegex, type RegexNode } from "./syntax.ts";

/** What a pattern's automata share: its sets and assertions by number. */
export class Alphabet {
  readonly sets: CharacterSet[] = [];
  readonly assertions: Assertion[] = [];
  private readonly setNumbers = new Map<CharacterSet, number>();
  private readonly assertionNumbers = new Map<Assertion, number>();
  private readonly ascii = new Int32Array(128).fill(-1);
  private readonly known = new Map<number, number>();
  private readonly symbols = new Map<string, number>();
  /** For each symbol, which sets it is in. */
  readonly members: (readonly boolean[])[] = [];

  setNumber(set: CharacterSet): number {
    assert(this.members.length === 0 || this.setNumbers.has(set), "sets are numbered before symbols");
    return numbered(set, this.sets, this.setNumbers);
  }

  /** The sets of what looks ahead or behind are numbered with it: symbols tell all sets apart, whenever they are asked. */
  assertionNumber(assertion: Assertion): number {
    if (assertion.kind === "look" && !this.assertionNumbers.has(assertion)) this.include(assertion.item);
    return numbered(assertion, this.assertions, this.assertionNumbers);
  }

  private include(node: RegexNode): void {
    if (node.kind === "set") this.setNumber(node.set);
    else if (node.kind === "assertion") this.assertionNumber(node.assertion);
    else if ("items" in node) for (const item of node.items) this.include(item);
    else if ("item" in node) this.include(node.item);
  }

  /** The number of the class of characters that no set tells from this one. */
  symbolOf(codePoint: number): number {
    const known = codePoint < 128 ? (this.ascii[codePoint] as number) : (this.known.get(codePoint) ?? -1);
    if (known >= 0) return known;
    const members = this.sets.map((set) => set(codePoint));
    const key = members.map(Number).join("");
    let symbol = this.symbols.get(key);
    if (symbol === undefined) {
      symbol = this.members.push(members) - 1;
      this.symbols.set(key, symbol);
    }
    if (codePoint < 128) this.ascii[codePoint] = symbol;
    else this.known.set(codePoint, symbol);
    return symbol;
  }
}

function numbered<T>(item: T, list: T[], numbers: Map<T, number>): number {
  const known = numbers.get(item);
  if (known !== undefined) return known;
  const number = list.push(item) - 1;
  numbers.set(item, number);
  return number;
}

export type Direction = "forward" | "backward";

/** States by number; each reads one character of a set, or passes on without reading. */
export interface Automaton {
  readonly start: number;
  /** Reached where a match ends. */
  readonly accept: number;
  /** The set that a state reads, or -1. */
  readonly reads: readonly number[];
  /** The assertion that must hold to pass a state, or -1. */
  readonly asserts: readonly number[];
  readonly next: readonly (readonly number[])[];
}

export function buildAutomaton(node: RegexNode, alphabet: Alphabet, direction: Direction): Automaton {
  const builder = new Builder(alphabet, direction);
  const accept = builder.state(-1, -1, []);
  return { start: builder.build(node, accept), accept, ...builder.parts };
}

class Builder {
  private readonly reads: number[] = [];
  private readonly asserts: number[] = [];
  private readonly next: number[][] = [];

  constructor(
    private readonly alphabet: Alphabet,
    private readonly direction: Direction,
  ) {}

  get parts() {
    return { reads: this.reads, asserts: this.asserts, next: this.next };
  }

  state(reads: number, asserts: number, next: number[]): number {
    if (this.reads.length >= MAX_REGEX_STATES) throw invalidRegex("regular expression is too complex");
    this.reads.push(reads);
    this.asserts.push(asserts);
    return this.next.push(next) - 1;
  }

  /** The state to begin in for `node` followed by `then`. */
  build(node: RegexNode, then: number): number {
    switch (node.kind) {
      case "empty":
        return then;
      case "set":
        return this.state(this.alphabet.setNumber(node.set), -1, [then]);
      case "assertion":
        return this.state(-1, this.alphabet.assertionNumber(node.assertion), [then]);
      case "group":
        return this.build(node.item, then);
      case "choice":
        return this.state(
          -1,
          -1,
          node.items.map((item) => this.build(item, then)),
        );
      case "sequence": {
        const items = this.direction === "forward" ? node.items.toReversed() : node.items;
        return items.reduce((rest, item) => this.build(item, rest), then);
      }
      case "repeat":
        return this.repeat(node.item, node.min, node.max, then);
    }
  }

  private repeat(item: RegexNode, min: number, max: number, then: number): number {
    let rest = then;
    if (max === Number.POSITIVE_INFINITY) {
      const loop = this.state(-1, -1, [then]);
      this.next[loop]?.push(this.build(item, loop));
      rest = loop;
    } else {
      for (let i = min; i < max; i++) rest = this.state(-1, -1, [then, this.build(item, rest)]);
    }
    for (let i = 0; i < min; i++) rest = this.build(item, rest);
    return rest;
  }
}
