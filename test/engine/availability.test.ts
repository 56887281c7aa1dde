/**
 * What availability promises on its own: it shows exactly what can be booked, it composes from window to window,
 * and the order in which bookings came leaves no trace in it.
 */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Command, Span } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import { engineAvailability, engineAvailabilityOf, errorOf } from "./comparison.ts";
import { runsOf } from "./instants.ts";
import { Oracle } from "./oracle.ts";
import { bases, bookingId, CLOCK_START, HORIZON, resourceId, ruleId, validSpans } from "./stories.ts";

const room = resourceId(0);

interface Shape {
  readonly capacity: number;
  readonly bufferAfterMs: number;
}

const shapes: fc.Arbitrary<Shape> = fc.record({
  capacity: fc.integer({ min: 1, max: 3 }),
  bufferAfterMs: fc.constantFrom(0, 0, 1, 2, 5),
});

function openRoom(base: number, shape: Shape): Command[] {
  const span = { start: base, end: base + HORIZON };
  return [
    {
      kind: "createResource",
      resource: { id: room, parentId: null, name: null, enforceRules: null, ...shape },
    },
    { kind: "addRule", rule: { id: ruleId(0), resourceId: room, blocking: false, ...span } },
  ];
}

function place(n: number, span: Span): Command {
  return { kind: "placeBooking", booking: { id: bookingId(n), resourceId: room, label: null, ...span } };
}

/** A room with as many of the spans booked as fit, taken in order; and the spans that did fit. */
function bookedRoom(base: number, shape: Shape, wanted: readonly Span[]): { engine: Engine; booked: Span[] } {
  const engine = new Engine({});
  engine.execute(openRoom(base, shape), CLOCK_START);
  const booked = wanted.filter(
    (span, n) => errorOf(() => engine.execute([place(n, span)], CLOCK_START)) === null,
  );
  return { engine, booked };
}

const rooms = fc.record({ base: bases, shape: shapes }).chain(({ base, shape }) =>
  fc.record({
    base: fc.constant(base),
    shape: fc.constant(shape),
    wanted: fc.array(validSpans(base), { maxLength: 25 }),
    candidate: validSpans(base, 8),
  }),
);

describe("availability", () => {
  test("a span can be booked exactly where its whole footprint is shown free", () => {
    fc.assert(
      fc.property(rooms, ({ base, shape, wanted, candidate }) => {
        const { engine } = bookedRoom(base, shape, wanted);
        const footprint = { start: candidate.start, end: candidate.end + shape.bufferAfterMs };
        // Where the room is closed nothing is shown free, though without enforce_rules it can be booked.
        fc.pre(footprint.end <= base + HORIZON);
        const seen = engineAvailability(engine, [room], footprint.start, footprint.end);
        const whole = Bun.deepEquals(seen, [footprint]);
        const error = errorOf(() => engine.execute([place(99, candidate)], CLOCK_START));
        expect(error === null).toBe(whole);
        if (error !== null) expect(error.sqlState).toBe("23P01");
      }),
      { numRuns: 300 },
    );
  }, 30_000);

  test("the answer for [a, c) is the merged answers for [a, b) and [b, c)", () => {
    const cuts = fc.array(fc.integer({ min: 0, max: HORIZON + 6 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(rooms, cuts, ({ base, shape, wanted }, offsets) => {
        const { engine } = bookedRoom(base, shape, wanted);
        const instants = offsets.map((offset) => base + offset).sort((a, b) => a - b);
        const parts = instants.slice(1).flatMap((to, n) => {
          return engineAvailability(engine, [room], instants[n] as number, to);
        });
        const whole = engineAvailability(engine, [room], instants[0] as number, instants.at(-1) as number);
        expect(merged(parts)).toEqual(whole);
        expect(engineAvailabilityOf(engine, room, instants[0] as number, instants.at(-1) as number)).toEqual(
          whole,
        );
      }),
      { numRuns: 300 },
    );
  }, 30_000);

  test("bookings that fit together are accepted in any order, and leave the same free time", () => {
    const shuffled = rooms.chain((one) =>
      fc.record({
        one: fc.constant(one),
        order: fc.shuffledSubarray(
          one.wanted.map((_, n) => n),
          { minLength: one.wanted.length },
        ),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ one: { base, shape, wanted }, order }) => {
        const { engine, booked } = bookedRoom(base, shape, wanted);
        const inOrder = order.flatMap((n) => booked[n] ?? []);
        const other = bookedRoom(base, shape, inOrder);
        expect(other.booked).toEqual(inOrder);
        const batch = new Engine({});
        batch.execute([...openRoom(base, shape), ...inOrder.map((span, n) => place(n, span))], CLOCK_START);
        const answer = engineAvailability(engine, [room], base, base + HORIZON);
        expect(engineAvailability(other.engine, [room], base, base + HORIZON)).toEqual(answer);
        expect(engineAvailability(batch, [room], base, base + HORIZON)).toEqual(answer);
      }),
      { numRuns: 200 },
    );
  }, 30_000);

  test("every footprint ever cancelled gives its time back", () => {
    fc.assert(
      fc.property(rooms, ({ base, shape, wanted }) => {
        const { engine } = bookedRoom(base, shape, wanted);
        wanted.forEach((_, n) => {
          if (engine.allocations.findBooking(bookingId(n)) < 0) return;
          engine.execute([{ kind: "cancelBooking", id: bookingId(n) }], CLOCK_START);
        });
        const whole = [{ start: base, end: base + HORIZON }];
        expect(engineAvailability(engine, [room], base, base + HORIZON)).toEqual(whole);
      }),
      { numRuns: 100 },
    );
  }, 30_000);

  test("no rows for an empty or inverted window, an unknown id, or more resources than are listed", () => {
    const { engine } = bookedRoom(0, { capacity: 1, bufferAfterMs: 0 }, []);
    expect(engineAvailability(engine, [room], 10, 10)).toEqual([]);
    expect(engineAvailability(engine, [room], 10, 5)).toEqual([]);
    expect(engineAvailability(engine, [resourceId(7)], 0, 10)).toEqual([]);
    expect(engineAvailability(engine, [room, resourceId(7)], 0, 10)).toEqual([]);
    expect(engineAvailability(engine, [room, resourceId(7)], 0, 10, 0, 1)).toEqual([{ start: 0, end: 10 }]);
    expect(engineAvailability(engine, [room], 0, 10, 0, 2)).toEqual([]);
    expect(engineAvailability(engine, [room], 0, 10, 11)).toEqual([]);
    expect(engineAvailability(engine, [room], 0, 10, 10)).toEqual([{ start: 0, end: 10 }]);
  });

  test("runs of several resources are merged before min_duration is applied", () => {
    const engine = new Engine({});
    const other = resourceId(1);
    const shape = { parentId: null, name: null, enforceRules: null, capacity: 1, bufferAfterMs: 0 };
    const rule = (n: number, id: typeof room, start: number, end: number): Command => {
      return { kind: "addRule", rule: { id: ruleId(n), resourceId: id, blocking: false, start, end } };
    };
    engine.execute(
      [
        { kind: "createResource", resource: { id: room, ...shape } },
        { kind: "createResource", resource: { id: other, ...shape } },
        rule(0, room, 0, 5),
        rule(1, other, 5, 10),
      ],
      CLOCK_START,
    );
    expect(engineAvailability(engine, [room, other], 0, 20, 10, 1)).toEqual([{ start: 0, end: 10 }]);
    expect(engineAvailability(engine, [room, other], 0, 20, 0, 2)).toEqual([]);
  });

  test("of many resources with many gaps is counted instant by instant", () => {
    const count = 40;
    const length = 4_000;
    const ids = Array.from({ length: count }, (_, n) => resourceId(n));
    const engine = new Engine({});
    const free = ids.map(() => new Uint8Array(length).fill(1));
    const shape = { parentId: null, name: null, enforceRules: null, capacity: 1, bufferAfterMs: 0 };
    ids.forEach((id, n) => {
      const bookings: Command[] = [];
      for (let start = n; start + 3 < length; start += 5 + n) {
        const booking = {
          id: bookingId(n * length + start),
          resourceId: id,
          start,
          end: start + 3,
          label: null,
        };
        bookings.push({ kind: "placeBooking", booking });
        free[n]?.fill(0, start, start + 3);
      }
      const rule = { id: ruleId(n), resourceId: id, blocking: false, start: 0, end: length };
      engine.execute(
        [{ kind: "createResource", resource: { id, ...shape } }, { kind: "addRule", rule }, ...bookings],
        CLOCK_START,
      );
    });
    for (const listed of [2, 7, count]) {
      for (const needed of [1, 2, listed - 1, listed]) {
        const enough = (t: number) =>
          free.slice(0, listed).reduce((sum, column) => sum + (column[t] as number), 0) >= needed;
        const answer = engineAvailability(engine, ids.slice(0, listed), 0, length, 0, needed);
        expect(answer).toEqual(runsOf(enough, 0, length));
      }
    }
  });

  test("own open rules replace the ancestors', blocking rules add up along the tree", () => {
    const oracle = new Oracle(false);
    const engine = new Engine({});
    const shape = { name: null, enforceRules: null, capacity: 1, bufferAfterMs: 0 };
    const story: Command[] = [
      { kind: "createResource", resource: { id: resourceId(0), parentId: null, ...shape } },
      { kind: "createResource", resource: { id: resourceId(1), parentId: resourceId(0), ...shape } },
      { kind: "createResource", resource: { id: resourceId(2), parentId: resourceId(1), ...shape } },
      {
        kind: "addRule",
        rule: { id: ruleId(0), resourceId: resourceId(0), blocking: false, start: 0, end: 50 },
      },
      {
        kind: "addRule",
        rule: { id: ruleId(1), resourceId: resourceId(0), blocking: true, start: 20, end: 30 },
      },
      {
        kind: "addRule",
        rule: { id: ruleId(2), resourceId: resourceId(2), blocking: false, start: 10, end: 40 },
      },
      {
        kind: "addRule",
        rule: { id: ruleId(3), resourceId: resourceId(1), blocking: true, start: 12, end: 14 },
      },
    ];
    engine.execute(story, CLOCK_START);
    for (const command of story) oracle.apply(command);
    const free = (n: number) => engineAvailability(engine, [resourceId(n)], 0, 60);
    expect(free(0)).toEqual([
      { start: 0, end: 20 },
      { start: 30, end: 50 },
    ]);
    expect(free(2)).toEqual([
      { start: 10, end: 12 },
      { start: 14, end: 20 },
      { start: 30, end: 40 },
    ]);
    for (const n of [0, 1, 2]) expect(free(n)).toEqual(oracle.availability([resourceId(n)], 0, 60, 0, 1));
  });
});

function merged(parts: readonly Span[]): Span[] {
  const runs: Span[] = [];
  for (const part of parts) {
    const last = runs.at(-1);
    if (last !== undefined && last.end === part.start)
      runs[runs.length - 1] = { start: last.start, end: part.end };
    else runs.push(part);
  }
  return runs;
}
