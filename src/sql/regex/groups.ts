/**
 * Which part of a match each pair of parentheses took: the match is divided among the parts of the pattern from left to
 * right, each taking as much or as little as it prefers of what leaves the rest its match. As everything is decided by
 * scans, nothing is ever tried twice.
 */

import { type Alphabet, buildAutomaton, type Direction } from "./automaton.ts";
import { type Places, Scanner } from "./scanner.ts";
import { hasGroup, preferenceOf, type RegexNode, sequenceOf } from "./syntax.ts";

/** Start and end of what a group took, in UTF-16 units; null: it took no part. */
export type GroupSpan = readonly [start: number, end: number] | null;

export class Dissector {
  private readonly forward = new Map<RegexNode, Scanner>();
  private readonly backward = new Map<RegexNode, Scanner>();
  private readonly rests = new Map<RegexNode, RegexNode>();

  constructor(private readonly alphabet: Alphabet) {}

  /** Fills in `groups`, given that `node` matches `text` from `start` to `end`. */
  dissect(
    node: RegexNode,
    text: string,
    start: number,
    end: number,
    places: Places,
    groups: GroupSpan[],
  ): void {
    if (!hasGroup(node)) return;
    switch (node.kind) {
      case "group":
        groups[node.index - 1] = [start, end];
        this.dissect(node.item, text, start, end, places, groups);
        return;
      case "choice":
        for (const item of node.items) {
          if (!this.ends(item, text, start, end, places).has(end)) continue;
          this.dissect(item, text, start, end, places, groups);
          return;
        }
        return;
      case "sequence":
        this.sequence(node, text, start, end, places, groups);
        return;
      case "repeat":
        this.repeat(node, text, start, end, places, groups);
        return;
      default:
    }
  }

  private sequence(
    node: RegexNode & { kind: "sequence" },
    text: string,
    start: number,
    end: number,
    places: Places,
    groups: GroupSpan[],
  ): void {
    let at = start;
    let rest: RegexNode = node;
    while (rest.kind === "sequence" && hasGroup(rest)) {
      const [first, ...others] = rest.items as [RegexNode, ...RegexNode[]];
      const following = this.derived(rest, () => sequenceOf(others));
      const middle = this.divide(first, following, text, at, end, places, -1);
      this.dissect(first, text, at, middle, places, groups);
      at = middle;
      rest = following;
    }
    this.dissect(rest, text, at, end, places, groups);
  }

  /** Turn by turn; the groups tell of the last one. */
  private repeat(
    node: RegexNode & { kind: "repeat" },
    text: string,
    start: number,
    end: number,
    places: Places,
    groups: GroupSpan[],
  ): void {
    let at = start;
    let { min, max } = node;
    let rest: RegexNode & { kind: "repeat" } = node;
    while (max > 0 && (min > 0 || at < end)) {
      const fewer = { ...node, min: Math.max(0, min - 1), max: max - 1 };
      const following =
        min === 0 && max === Number.POSITIVE_INFINITY ? rest : this.derived(rest, () => fewer);
      // A turn that takes nothing brings nothing nearer, once as many as needed were taken.
      const middle = this.divide(node.item, following, text, at, end, places, min > 0 ? -1 : at);
      forget(node.item, groups);
      this.dissect(node.item, text, at, middle, places, groups);
      at = middle;
      ({ min, max } = fewer);
      if (following.kind !== "repeat") return;
      rest = following;
    }
  }

  /** Where `first` ends and `rest` begins; not at `excluded`. */
  private divide(
    first: RegexNode,
    rest: RegexNode,
    text: string,
    start: number,
    end: number,
    places: Places,
    excluded: number,
  ): number {
    const ends = this.ends(first, text, start, end, places);
    const isShort = preferenceOf(first) === "shortest";
    let best = -1;
    this.scanner(rest, "backward").scan(text, end, start, places, false, (place) => {
      if (place === excluded || !ends.has(place)) return false;
      best = place;
      // Places come from the end: the first that fits makes `first` longest, the last one shortest.
      return !isShort;
    });
    return best < 0 ? end : best;
  }

  private ends(node: RegexNode, text: string, start: number, end: number, places: Places): Set<number> {
    const found = new Set<number>();
    this.scanner(node, "forward").scan(text, start, end, places, false, (place) => {
      found.add(place);
      return false;
    });
    return found;
  }

  private derived(node: RegexNode, make: () => RegexNode): RegexNode {
    let rest = this.rests.get(node);
    if (rest === undefined) {
      rest = make();
      this.rests.set(node, rest);
    }
    return rest;
  }

  private scanner(node: RegexNode, direction: Direction): Scanner {
    const scanners = direction === "forward" ? this.forward : this.backward;
    let scanner = scanners.get(node);
    if (scanner === undefined) {
      scanner = new Scanner(buildAutomaton(node, this.alphabet, direction), this.alphabet);
      scanners.set(node, scanner);
    }
    return scanner;
  }
}

/** Each turn of a repetition tells anew what its groups took. */
function forget(node: RegexNode, groups: GroupSpan[]): void {
  if (node.kind === "group") groups[node.index - 1] = null;
  if (node.kind === "group" || node.kind === "repeat") forget(node.item, groups);
  if (node.kind === "sequence" || node.kind === "choice") for (const item of node.items) forget(item, groups);
}
