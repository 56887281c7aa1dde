/** Which assertions of a pattern hold at which places of one text. Looking ahead or behind is one scan of the text. */

import { type Alphabet, buildAutomaton } from "./automaton.ts";
import { isWord } from "./character-set.ts";
import { codePointBefore, type Places, Scanner } from "./scanner.ts";
import type { Assertion } from "./syntax.ts";

const LINE_FEED = 10;

/** Scanners of the lookaround assertions, which all texts share. */
export class LookScanners {
  private readonly scanners = new Map<number, Scanner>();

  constructor(private readonly alphabet: Alphabet) {}

  of(assertion: number, { ahead, item }: Assertion & { kind: "look" }): Scanner {
    const known = this.scanners.get(assertion);
    if (known !== undefined) return known;
    // What follows a place is read from the end of the text towards it, and the other way round.
    const automaton = buildAutomaton(item, this.alphabet, ahead ? "backward" : "forward");
    const scanner = new Scanner(automaton, this.alphabet);
    this.scanners.set(assertion, scanner);
    return scanner;
  }
}

export class TextPlaces implements Places {
  private readonly looks = new Map<number, ReadonlySet<number>>();

  constructor(
    private readonly text: string,
    private readonly alphabet: Alphabet,
    private readonly scanners: LookScanners,
  ) {}

  holdsAt(number: number, place: number): boolean {
    const { text } = this;
    const assertion = this.alphabet.assertions[number] as Assertion;
    switch (assertion.kind) {
      case "textStart":
        return place === 0;
      case "textEnd":
        return place === text.length;
      case "lineStart":
        return place === 0 || text.charCodeAt(place - 1) === LINE_FEED;
      case "lineEnd":
        return place === text.length || text.charCodeAt(place) === LINE_FEED;
      case "wordStart":
        return !this.wordBefore(place) && this.wordAfter(place);
      case "wordEnd":
        return this.wordBefore(place) && !this.wordAfter(place);
      case "wordEdge":
        return this.wordBefore(place) !== this.wordAfter(place);
      case "notWordEdge":
        return this.wordBefore(place) === this.wordAfter(place);
      case "look":
        return this.look(number, assertion).has(place) !== assertion.negated;
    }
  }

  private wordBefore(place: number): boolean {
    return place > 0 && isWord(codePointBefore(this.text, place));
  }

  private wordAfter(place: number): boolean {
    return place < this.text.length && isWord(this.text.codePointAt(place) as number);
  }

  private look(number: number, assertion: Assertion & { kind: "look" }): ReadonlySet<number> {
    const known = this.looks.get(number);
    if (known !== undefined) return known;
    const { length } = this.text;
    const found = new Set<number>();
    const scanner = this.scanners.of(number, assertion);
    scanner.scan(
      this.text,
      assertion.ahead ? length : 0,
      assertion.ahead ? 0 : length,
      this,
      true,
      (place) => {
        found.add(place);
        return false;
      },
    );
    this.looks.set(number, found);
    return found;
  }
}
