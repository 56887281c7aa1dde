/**
 * Runs an automaton over a text without ever going back: the sets of states that it can be in are themselves states of
 * a deterministic automaton, which is made while it is needed and forgotten when it grows too large. So a text is
 * read in time proportional to its length, and to the size of the pattern at the worst.
 */

import { MAX_REGEX_CACHE } from "../../limits.ts";
import type { Alphabet, Automaton } from "./automaton.ts";

/** Which assertions hold where. */
export interface Places {
  /** A bit for each assertion, of those that the automaton at hand can ask about. */
  holdsAt(assertion: number, place: number): boolean;
}

interface StateSet {
  /** Before assertions and empty steps. */
  readonly states: readonly number[];
  readonly closures: Map<string, Closure>;
}

interface Closure {
  readonly reading: readonly number[];
  readonly accepts: boolean;
  /** By symbol; of a match that began where the scan did. */
  readonly next: (StateSet | undefined)[];
  /** The same where a match may begin at any place. */
  readonly nextAnywhere: (StateSet | undefined)[];
}

export class Scanner {
  private sets = new Map<string, StateSet>();
  private made = 0;
  /** Assertions that the automaton has. */
  private readonly asked: readonly number[];
  private readonly seen: Int32Array;
  private mark = 0;

  constructor(
    private readonly automaton: Automaton,
    private readonly alphabet: Alphabet,
  ) {
    this.asked = [...new Set(automaton.asserts.filter((assertion) => assertion >= 0))];
    this.seen = new Int32Array(automaton.reads.length);
  }

  /**
   * Reads `text` from `from` towards `to` and calls `accepted` with each place where a match ends, until that answers
   * true, `to` is reached, or no match can end further on. With `anywhere`, a match may begin at any place on the way.
   */
  scan(
    text: string,
    from: number,
    to: number,
    places: Places,
    anywhere: boolean,
    accepted: (place: number) => boolean,
  ): void {
    const step = to >= from ? 1 : -1;
    let set = this.setOf([this.automaton.start]);
    for (let at = from; ; ) {
      const closure = this.closureOf(set, at, places);
      if (closure.accepts && accepted(at)) return;
      if (at === to || (closure.reading.length === 0 && !anywhere)) return;
      let codePoint: number;
      if (step > 0) {
        codePoint = text.codePointAt(at) as number;
        at += codePoint > 0xffff ? 2 : 1;
      } else {
        codePoint = codePointBefore(text, at);
        at -= codePoint > 0xffff ? 2 : 1;
      }
      const symbol = this.alphabet.symbolOf(codePoint);
      const next = anywhere ? closure.nextAnywhere : closure.next;
      set = next[symbol] ?? this.advance(closure, symbol, anywhere);
    }
  }

  private setOf(states: readonly number[]): StateSet {
    const key = states.join(",");
    const known = this.sets.get(key);
    if (known !== undefined) return known;
    // What is forgotten is still held by the closures that lead there, but those go as well.
    if (this.made > MAX_REGEX_CACHE) {
      this.sets = new Map();
      this.made = 0;
    }
    this.made += states.length + 1;
    const set: StateSet = { states, closures: new Map() };
    this.sets.set(key, set);
    return set;
  }

  private closureOf(set: StateSet, place: number, places: Places): Closure {
    let key = "";
    for (const assertion of this.asked) key += places.holdsAt(assertion, place) ? "1" : "0";
    const known = set.closures.get(key);
    if (known !== undefined) return known;
    const { reads, asserts, next, accept } = this.automaton;
    const reading: number[] = [];
    let accepts = false;
    const mark = ++this.mark;
    const stack = [...set.states];
    for (let state = stack.pop(); state !== undefined; state = stack.pop()) {
      if (this.seen[state] === mark) continue;
      this.seen[state] = mark;
      if (state === accept) accepts = true;
      if ((reads[state] as number) >= 0) reading.push(state);
      else if ((asserts[state] as number) < 0 || places.holdsAt(asserts[state] as number, place)) {
        for (const follower of next[state] as readonly number[]) stack.push(follower);
      }
    }
    const closure: Closure = { reading: reading.sort((a, b) => a - b), accepts, next: [], nextAnywhere: [] };
    set.closures.set(key, closure);
    return closure;
  }

  private advance(closure: Closure, symbol: number, anywhere: boolean): StateSet {
    const { reads, next, start } = this.automaton;
    const members = this.alphabet.members[symbol] as readonly boolean[];
    const states = new Set<number>(anywhere ? [start] : []);
    for (const state of closure.reading) {
      if (members[reads[state] as number] === true)
        states.add((next[state] as readonly number[])[0] as number);
    }
    const made = this.made;
    const set = this.setOf([...states].sort((a, b) => a - b));
    // After forgetting, the old closures lead nowhere any more.
    if (this.made >= made) (anywhere ? closure.nextAnywhere : closure.next)[symbol] = set;
    return set;
  }
}

/** The code point that ends before `at`. */
export function codePointBefore(text: string, at: number): number {
  const unit = text.charCodeAt(at - 1);
  if (unit >= 0xdc00 && unit <= 0xdfff && at > 1) {
    const whole = text.codePointAt(at - 2) as number;
    if (whole > 0xffff) return whole;
  }
  return unit;
}
