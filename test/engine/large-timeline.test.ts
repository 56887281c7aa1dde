/**
 * One resource with tens of thousands of allocations, so that its timeline is split into pages, merged and
 * emptied again, against a plain list of spans and a count per instant.
 */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Command, Span } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import { engineAvailability, engineAvailabilityOf, errorOf } from "./comparison.ts";
import { runsOf } from "./instants.ts";
import { bookingId, resourceId, ruleId } from "./stories.ts";

const room = resourceId(0);
const NOW = 1_000;

/** A resource as one counter per instant of `[0, length)`. */
class CountedLine {
  readonly used: Uint16Array;
  readonly booked = new Map<number, Span>();

  constructor(
    length: number,
    readonly capacity: number,
    readonly bufferAfterMs: number,
  ) {
    this.used = new Uint16Array(length + bufferAfterMs);
  }

  fits(span: Span): boolean {
    for (let t = span.start; t < span.end + this.bufferAfterMs; t++) {
      if ((this.used[t] as number) >= this.capacity) return false;
    }
    return true;
  }

  add(n: number, span: Span): void {
    this.booked.set(n, span);
    this.count(span, 1);
  }

  remove(n: number): void {
    const span = this.booked.get(n);
    if (span === undefined) throw new Error(`no booking ${n}`);
    this.booked.delete(n);
    this.count(span, -1);
  }

  private count(span: Span, by: number): void {
    for (let t = span.start; t < span.end + this.bufferAfterMs; t++)
      this.used[t] = (this.used[t] as number) + by;
  }

  runs(from: number, to: number): Span[] {
    return runsOf((t) => (this.used[t] as number) < this.capacity, from, to);
  }
}

interface Line {
  readonly capacity: number;
  readonly bufferAfterMs: number;
  readonly length: number;
  readonly longest: number;
}

function openEngine({ capacity, bufferAfterMs, length }: Line): Engine {
  const engine = new Engine({});
  engine.execute(
    [
      {
        kind: "createResource",
        resource: { id: room, parentId: null, name: null, capacity, bufferAfterMs, enforceRules: null },
      },
      { kind: "addRule", rule: { id: ruleId(0), resourceId: room, blocking: false, start: 0, end: length } },
    ],
    NOW,
  );
  return engine;
}

const placed = (n: number, span: Span): Command => {
  return { kind: "placeBooking", booking: { id: bookingId(n), resourceId: room, label: null, ...span } };
};

/** Numbers in [0, max) from a seed: xorshift32 (Marsaglia, 2003), so that a failing seed can be run again. */
function numbersFrom(seed: number): (max: number) => number {
  let state = seed | 1;
  return (max) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % max;
  };
}

function expectSame(engine: Engine, line: CountedLine, { length }: Line, from: number, to: number): void {
  const wanted = line.runs(from, Math.min(to, length));
  expect(engineAvailabilityOf(engine, room, from, to)).toEqual(wanted);
  expect(engineAvailability(engine, [room], from, to)).toEqual(wanted);
}

/** The rows whose own span meets the window, each once, by start. */
function expectSameListing(engine: Engine, line: CountedLine, from: number, to: number): void {
  const images = [...engine.allocationRows(engine.resources.find(room), from, to)].map((row) =>
    engine.bookingImage(row),
  );
  const starts = images.map(({ start }) => start);
  expect(starts).toEqual(starts.toSorted((a, b) => a - b));
  const listed = images.map(({ id, start, end }) => `${id.w3} [${start}, ${end})`);
  const meeting = [...line.booked].filter(([, span]) => span.start < to && from < span.end);
  expect(listed.sort()).toEqual(meeting.map(([n, span]) => `${n} [${span.start}, ${span.end})`).sort());
}

/** `rounds` random placements, moves and cancellations; `removing` in ten are cancellations or moves. */
function play(line: Line, rounds: number, removing: number, seed: number): void {
  const engine = openEngine(line);
  const model = new CountedLine(line.length, line.capacity, line.bufferAfterMs);
  const random = numbersFrom(seed);
  const alive: number[] = [];
  const span = (): Span => {
    const start = random(line.length - line.longest);
    return { start, end: start + 1 + random(line.longest) };
  };
  for (let n = 0; n < rounds; n++) {
    const act = random(10);
    if (act >= removing || alive.length === 0) {
      const wanted = span();
      const fits = model.fits(wanted);
      expect(errorOf(() => engine.execute([placed(n, wanted)], NOW)) === null).toBe(fits);
      if (fits) {
        model.add(n, wanted);
        alive.push(n);
      }
    } else {
      const at = random(alive.length);
      const victim = alive[at] as number;
      const before = model.booked.get(victim) as Span;
      model.remove(victim);
      if (act % 2 === 0) {
        alive[at] = alive.at(-1) as number;
        alive.pop();
        engine.execute([{ kind: "cancelBooking", id: bookingId(victim) }], NOW);
      } else {
        const wanted = span();
        const fits = model.fits(wanted);
        const image = { id: bookingId(victim), resourceId: room, label: null, ...wanted };
        expect(errorOf(() => engine.execute([{ kind: "moveBooking", booking: image }], NOW)) === null).toBe(
          fits,
        );
        model.add(victim, fits ? wanted : before);
      }
    }
    if (n % 500 === 0) {
      const from = random(line.length);
      expectSame(engine, model, line, from, from + 2_000);
      expectSameListing(engine, model, from, from + 500);
    }
  }
  expectSame(engine, model, line, 0, line.length + 10);
  expectSameListing(engine, model, 0, line.length);
  // Emptied page by page, in random order.
  while (alive.length > 0) {
    const at = random(alive.length);
    const victim = alive[at] as number;
    alive[at] = alive.at(-1) as number;
    alive.pop();
    model.remove(victim);
    engine.execute([{ kind: "cancelBooking", id: bookingId(victim) }], NOW);
    if (alive.length % 2_000 === 0) expectSame(engine, model, line, 0, line.length + 10);
  }
  expect(engineAvailabilityOf(engine, room, 0, line.length)).toEqual([{ start: 0, end: line.length }]);
}

const shapes: Record<string, Line> = {
  "capacity 1, short spans": { capacity: 1, bufferAfterMs: 0, length: 300_000, longest: 12 },
  "capacity 1, buffer": { capacity: 1, bufferAfterMs: 7, length: 300_000, longest: 6 },
  "capacity 50, spans as long as a fiftieth of the line": {
    capacity: 50,
    bufferAfterMs: 3,
    length: 40_000,
    longest: 800,
  },
  "capacity 7, many equal starts and ends": { capacity: 7, bufferAfterMs: 0, length: 3_000, longest: 3 },
  "capacity 2000, all on few instants": { capacity: 2_000, bufferAfterMs: 1, length: 40, longest: 8 },
};

describe("a timeline of many pages", () => {
  for (const [name, line] of Object.entries(shapes)) {
    test(name, () => {
      fc.assert(
        fc.property(fc.integer({ min: 1 }), fc.integer({ min: 1, max: 5 }), (seed, removing) => {
          play(line, 20_000, removing, seed);
        }),
        { numRuns: 1, endOnFailure: true },
      );
    }, 60_000);
  }

  test("one batch of 20,000 that fails at its last row leaves nothing behind", () => {
    const line = { capacity: 1, bufferAfterMs: 0, length: 50_000, longest: 2 };
    const engine = openEngine(line);
    const batch = Array.from({ length: 20_000 }, (_, n) => placed(n, { start: n * 2, end: n * 2 + 1 }));
    batch.push(placed(20_000, { start: 0, end: 1 }));
    expect(errorOf(() => engine.execute(batch, NOW))?.sqlState).toBe("23P01");
    expect(engineAvailabilityOf(engine, room, 0, 50_000)).toEqual([{ start: 0, end: 50_000 }]);
    expect(engine.allocations.findBooking(bookingId(7))).toBe(-1);
    batch.pop();
    engine.execute(batch, NOW);
    expect(engineAvailabilityOf(engine, room, 0, 40_000)).toHaveLength(20_000);
  });

  test("spans spread over all valid time, in ascending, descending and shuffled order", () => {
    const step = 400_000_000_000;
    const order = Array.from({ length: 20_000 }, (_, n) => n);
    const random = numbersFrom(4711);
    const shuffled = [...order];
    for (let n = shuffled.length - 1; n > 0; n--) {
      const other = random(n + 1);
      [shuffled[n], shuffled[other]] = [shuffled[other] as number, shuffled[n] as number];
    }
    for (const sequence of [order, order.toReversed(), shuffled]) {
      const engine = openEngine({ capacity: 1, bufferAfterMs: 1, length: 8_640_000_000_000_000, longest: 1 });
      for (const n of sequence)
        engine.execute([placed(n, { start: n * step, end: (n + 1) * step - 1 })], NOW);
      expect(engineAvailabilityOf(engine, room, 0, 20_000 * step)).toEqual([]);
      const late = placed(20_000, { start: 7 * step - 1, end: 7 * step });
      expect(errorOf(() => engine.execute([late], NOW))?.sqlState).toBe("23P01");
      engine.execute([{ kind: "cancelBooking", id: bookingId(11_111) }], NOW);
      const gap = [{ start: 11_111 * step, end: 11_112 * step }];
      expect(engineAvailabilityOf(engine, room, 0, 20_000 * step)).toEqual(gap);
    }
  });
});

test("bookings of one and the same span come and go in any order, each found by itself", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0x7fffffff }), (seed) => {
      const engine = new Engine();
      const count = 3_000;
      const resource = { id: room, parentId: null, name: null, bufferAfterMs: 0, enforceRules: null };
      const rule = { id: ruleId(0), resourceId: room, blocking: false, start: 0, end: 100 };
      engine.execute(
        [
          { kind: "createResource", resource: { ...resource, capacity: count } },
          { kind: "addRule", rule },
        ],
        NOW,
      );
      const order = shuffled(count, seed);
      for (const n of order) engine.execute([place(n)], NOW);
      expect(errorOf(() => engine.execute([place(count)], NOW))?.sqlState).toBe("23P01");
      const around = [
        { start: 0, end: 10 },
        { start: 20, end: 100 },
      ];
      expect(engineAvailabilityOf(engine, room, 0, 100)).toEqual(around);
      expect(engineAvailabilityOf(engine, room, 10, 30)).toEqual([{ start: 20, end: 30 }]);
      expect(engineAvailabilityOf(engine, room, 5, 15)).toEqual([{ start: 5, end: 10 }]);
      expect(engineAvailabilityOf(engine, room, 10, 20)).toEqual([]);
      const row = engine.resources.find(room);
      for (const [gone, n] of shuffled(count, seed + 1).entries()) {
        if (gone % 500 === 0) expect(engine.allocationRows(row, 10, 20)).toHaveLength(count - gone);
        engine.execute([{ kind: "cancelBooking", id: bookingId(n) }], NOW);
      }
      expect(engine.allocationRows(row, 0, 100)).toEqual([]);
    }),
    { numRuns: 3 },
  );
}, 30_000);

function place(n: number): Command {
  return {
    kind: "placeBooking",
    booking: { id: bookingId(n), resourceId: room, start: 10, end: 20, label: null },
  };
}

/** 0 … count - 1 in an order that follows from the seed. */
function shuffled(count: number, seed: number): number[] {
  const numbers = Array.from({ length: count }, (_, n) => n);
  let state = seed;
  for (let i = count - 1; i > 0; i--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    const j = state % (i + 1);
    [numbers[i], numbers[j]] = [numbers[j] as number, numbers[i] as number];
  }
  return numbers;
}
