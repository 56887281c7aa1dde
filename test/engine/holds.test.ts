/**
 * Holds and time: a hold counts while `expires_at > now` and nowhere from that very millisecond on, whether or
 * not anything has swept it away; and time never goes back.
 */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Command, Span } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import { formatId } from "../../src/id.ts";
import { engineAvailability, errorOf, expectSameRows, rowsByWalking, rowsOfEngine } from "./comparison.ts";
import { Oracle } from "./oracle.ts";
import { bookingId, holdId, resourceId, ruleId } from "./stories.ts";

const room = resourceId(0);
const always: Span = { start: 0, end: 100 };

const openRoom: readonly Command[] = [
  {
    kind: "createResource",
    resource: { id: room, parentId: null, name: null, capacity: 1, bufferAfterMs: 0, enforceRules: null },
  },
  { kind: "addRule", rule: { id: ruleId(0), resourceId: room, blocking: false, ...always } },
];

function engineAt(now: number, ...commands: Command[]): Engine {
  const engine = new Engine({});
  engine.execute([...openRoom, ...commands], now);
  return engine;
}

function hold(n: number, span: Span, expiresAt: number): Command & { kind: "placeHold" } {
  return { kind: "placeHold", hold: { id: holdId(n), resourceId: room, expiresAt, ...span } };
}

function book(n: number, span: Span): Command {
  return { kind: "placeBooking", booking: { id: bookingId(n), resourceId: room, label: null, ...span } };
}

const confirm: Command = { kind: "confirmHold", bookingId: bookingId(0), holdId: holdId(0), label: "kept" };
const slot: Span = { start: 10, end: 20 };

describe("a hold", () => {
  test("keeps its slot up to the last millisecond and gives it back at its expiry, with no timer", () => {
    const engine = engineAt(1_000, hold(0, slot, 2_000));
    const refused = errorOf(() => engine.execute([book(0, slot)], 1_999));
    expect(refused?.sqlState).toBe("23P01");
    expect(refused?.message).toStartWith(`conflict with allocation: ${formatId(holdId(0))}`);
    engine.execute([book(0, slot)], 2_000);
    expect(rowsOfEngine(engine).filter((row) => row.startsWith("hold"))).toEqual([]);
    expect(rowsByWalking(engine).filter((row) => row.startsWith("booking"))).toHaveLength(1);
  });

  test("is gone from what is read at its expiry", () => {
    const engine = engineAt(1_000, hold(0, slot, 2_000));
    engine.expire(1_999);
    expect(engineAvailability(engine, [room], 0, 30)).toEqual([
      { start: 0, end: 10 },
      { start: 20, end: 30 },
    ]);
    expect(engine.allocations.findHold(holdId(0))).toBeGreaterThanOrEqual(0);
    engine.expire(2_000);
    expect(engineAvailability(engine, [room], 0, 30)).toEqual([{ start: 0, end: 30 }]);
    expect(engine.allocations.findHold(holdId(0))).toBe(-1);
  });

  test("frees its id at its expiry, and not before", () => {
    const engine = engineAt(1_000, hold(0, slot, 2_000));
    const elsewhere = hold(0, { start: 50, end: 60 }, 9_000);
    const used = errorOf(() => engine.execute([elsewhere], 1_999));
    expect(used?.sqlState).toBe("23505");
    expect(used?.message).toStartWith(`already exists: ${formatId(holdId(0))}`);
    engine.execute([elsewhere], 2_000);
    expect(engine.holdImage(engine.allocations.findHold(holdId(0)))).toEqual(elsewhere.hold);
  });

  test("never comes back when the clock is set back", () => {
    const engine = engineAt(1_000, hold(0, slot, 2_000));
    engine.expire(2_000);
    engine.expire(500);
    expect(engine.now).toBe(2_000);
    expect(errorOf(() => engine.execute([confirm], 1_500))?.message).toStartWith(
      `not found: ${formatId(holdId(0))}`,
    );
    engine.execute([book(1, slot)], 600);
    expect(engine.now).toBe(2_000);
    // Placed by a clock that went back: dead in the engine's own time.
    engine.execute([hold(1, slot, 1_900)], 700);
    expect(engine.allocations.findHold(holdId(1))).toBe(-1);
  });

  test("becomes a booking while it lives, in one step, with the booking's own id and label", () => {
    const engine = engineAt(1_000, hold(0, slot, 2_000));
    engine.execute([confirm], 1_999);
    engine.expire(5_000);
    expect(engine.allocations.findHold(holdId(0))).toBe(-1);
    expect(engine.bookingImage(engine.allocations.findBooking(bookingId(0)))).toEqual({
      id: bookingId(0),
      resourceId: room,
      label: "kept",
      ...slot,
    });
    expect(errorOf(() => engine.execute([book(1, slot)], 5_000))?.message).toStartWith(
      `conflict with allocation: ${formatId(bookingId(0))}`,
    );
  });

  test("cannot be confirmed once expired, nor twice, nor under a used booking id", () => {
    const missing = `not found: ${formatId(holdId(0))}`;
    const expired = errorOf(() => engineAt(1_000, hold(0, slot, 2_000)).execute([confirm], 2_000));
    expect([expired?.sqlState, expired?.message.slice(0, missing.length)]).toEqual(["23503", missing]);
    const twice = engineAt(1_000, hold(0, slot, 2_000), confirm);
    const again: Command = { kind: "confirmHold", bookingId: bookingId(1), holdId: holdId(0), label: null };
    expect(errorOf(() => twice.execute([again], 1_000))?.sqlState).toBe("23503");
    const taken = engineAt(1_000, hold(0, slot, 2_000), book(0, { start: 40, end: 50 }));
    expect(errorOf(() => taken.execute([confirm], 1_000))?.sqlState).toBe("23505");
    expect(taken.allocations.findHold(holdId(0))).toBeGreaterThanOrEqual(0);
  });

  test("placed or changed to be already expired is accepted and is dead at once", () => {
    const engine = engineAt(1_000, book(0, slot), hold(0, slot, 1_000), hold(0, slot, 3));
    expect(engine.allocations.findHold(holdId(0))).toBe(-1);
    engine.execute([hold(0, { start: 30, end: 40 }, 2_000)], 1_000);
    const { hold: row } = hold(0, slot, 1_000);
    engine.execute([{ kind: "changeHold", hold: row }], 1_000);
    expect(engine.allocations.findHold(holdId(0))).toBe(-1);
    expect(engineAvailability(engine, [room], 30, 40)).toEqual([{ start: 30, end: 40 }]);
  });

  test("lives as long as its last change says, not its first", () => {
    const engine = engineAt(1_000, hold(0, slot, 2_000), hold(1, { start: 30, end: 40 }, 3_000));
    const longer = hold(0, slot, 4_000).hold;
    const shorter = hold(1, { start: 30, end: 40 }, 1_500).hold;
    engine.execute(
      [
        { kind: "changeHold", hold: longer },
        { kind: "changeHold", hold: shorter },
      ],
      1_100,
    );
    engine.expire(1_500);
    expect(engine.allocations.findHold(holdId(1))).toBe(-1);
    engine.expire(3_999);
    expect(engine.allocations.findHold(holdId(0))).toBeGreaterThanOrEqual(0);
    engine.expire(4_000);
    expect(engine.allocations.findHold(holdId(0))).toBe(-1);
  });

  test("many of them expire each at its own millisecond, in whatever order they were placed", () => {
    const placed = fc.array(
      fc.record({
        id: fc.nat({ max: 400 }),
        start: fc.nat({ max: 400 }),
        expiresAt: fc.integer({ min: 1_000, max: 1_200 }),
        act: fc.nat({ max: 9 }),
      }),
      { minLength: 50, maxLength: 300, size: "max" },
    );
    fc.assert(
      fc.property(placed, (rows) => {
        const oracle = new Oracle(false);
        const engine = engineAt(1_000);
        oracle.advance(1_000);
        for (const command of openRoom) oracle.apply(command);
        const tell = (command: Command, now: number) => {
          const before = new Map(oracle.holds);
          oracle.advance(now);
          engine.expire(now);
          const due = [...before].filter(([key]) => !oracle.holds.has(key)).map(([, row]) => row.expiresAt);
          const expired = engine.takeExpired().flatMap(({ effects }) => effects);
          expect(expired.map((effect) => effect.table === "hold" && effect.before?.expiresAt)).toEqual(
            due.sort(),
          );
          expect(engine.nextExpiry).toBe(Math.min(...[...oracle.holds.values()].map((row) => row.expiresAt)));
          const refused = oracle.judge(command).length > 0;
          expect(errorOf(() => engine.execute([command], now)) !== null).toBe(refused);
          if (!refused) oracle.apply(command);
        };
        rows.forEach(({ id, start, expiresAt, act }, n) => {
          const { hold: row } = hold(id, { start, end: start + 1 }, expiresAt);
          if (act === 0) tell({ kind: "releaseHold", id: holdId(id) }, 1_000 + (n >> 3));
          else if (act === 1) tell({ kind: "changeHold", hold: row }, 1_000 + (n >> 3));
          else tell({ kind: "placeHold", hold: row }, 1_000 + (n >> 3));
        });
        for (let now = 1_040; now <= 1_200; now += 20) {
          oracle.advance(now);
          engine.expire(now);
          expectSameRows(engine, oracle);
        }
      }),
      { numRuns: 20 },
    );
  }, 30_000);
});
