/** What the clients of one group do next: choices from a seed, made so that they get in each other's way. */

import type { Random } from "../seeded-random.ts";
import { type Action, HORIZON, type Line, type Placement } from "./model.ts";

/** Ids that clients may name: the newest of the group's. */
const REMEMBERED = 12;

/** Spans in units. */
const LONGEST = 4;

export class Choices {
  private nextId = 1000;
  private bookings: string[] = [];
  private holds: string[] = [];

  /** @param now Unix milliseconds, by the clock of the history */
  constructor(
    readonly random: Random,
    readonly resources: number,
    private readonly now: () => number,
  ) {}

  line(): Line {
    const { random } = this;
    return { capacity: 1 + random.below(2), buffer: random.below(2) };
  }

  /** One action; `changesOnly`: none that reads. */
  action(changesOnly = false): Action {
    const { random } = this;
    const kind = random.below(changesOnly ? 14 : 20);
    if (kind <= 3) return { kind: "book", ifUsed: "refuse", ...this.placement(this.booking()) };
    if (kind === 4) {
      const ifUsed = random.pick(["refuse", "skip", "move"] as const);
      return { kind: "book", ifUsed, ...this.placement(this.known(this.bookings)) };
    }
    if (kind === 5) {
      return { kind: "batch", rows: [1, 2, 3].map(() => this.placement(this.booking())) };
    }
    if (kind <= 7) {
      const expiresAt = Math.floor(this.now()) + random.below(120) - 2;
      return { kind: "hold", ...this.placement(this.hold()), expiresAt };
    }
    if (kind <= 9) return { kind: "confirm", id: this.booking(), holdId: this.known(this.holds) };
    if (kind <= 11) return { kind: "move", ...this.placement(this.known(this.bookings)) };
    if (kind === 12) return { kind: "cancel", id: this.known(this.bookings) };
    if (kind === 13) return this.rarer();
    return this.reading();
  }

  private rarer(): Action {
    const { random } = this;
    const resource = random.below(this.resources);
    const kind = random.below(5);
    if (kind === 0) return { kind: "release", id: this.known(this.holds) };
    if (kind === 1) return { kind: "clear", resource };
    if (kind === 2) return { kind: "configure", resource, line: this.line() };
    if (kind === 3) return { kind: "cancel", id: this.known(this.bookings) };
    return {
      kind: "prolong",
      id: this.known(this.holds),
      expiresAt: Math.floor(this.now()) + 20 + random.below(200),
    };
  }

  private reading(): Action {
    const { random } = this;
    const kind = random.below(6);
    if (kind === 0) return { kind: "find", id: this.known(this.bookings) };
    if (kind <= 2) return { kind: "list" };
    const resources = Array.from({ length: this.resources }, (_, n) => n).filter(() => random.chance(0.6));
    if (resources.length === 0) resources.push(0);
    const atLeast = random.chance(0.3) ? null : 1 + random.below(resources.length);
    return { kind: "free", resources, atLeast, shortest: random.below(4) };
  }

  private placement(id: string): Placement {
    const { random } = this;
    const start = random.below(HORIZON - LONGEST);
    return {
      id,
      resource: random.below(this.resources),
      start,
      end: start + 1 + random.below(LONGEST),
    };
  }

  private booking(): string {
    return this.remember(this.bookings);
  }

  private hold(): string {
    return this.remember(this.holds);
  }

  private remember(list: string[]): string {
    const id = String(this.nextId++);
    list.push(id);
    if (list.length > REMEMBERED) list.shift();
    return id;
  }

  /** One that somebody has named before, whatever has become of it. */
  private known(list: string[]): string {
    return list.length === 0 ? this.remember(list) : this.random.pick(list);
  }
}
