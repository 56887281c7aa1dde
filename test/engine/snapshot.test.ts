/** What an engine holds, as columns and back: the same rows, the same free time, and the same future. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Command } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import { captureSnapshot, restoreSnapshot, SnapshotSection } from "../../src/engine/snapshot.ts";
import { engineAvailability, errorOf, expectInvariant, rowsByWalking, rowsOfEngine } from "./comparison.ts";
import { allResourceIds, bookingId, CLOCK_START, HORIZON, resourceId, ruleId, stories } from "./stories.ts";

function restored(engine: Engine, enforceRulesByDefault = false): Engine {
  const copy = new Engine({ enforceRulesByDefault });
  restoreSnapshot(copy, captureSnapshot(engine), engine.now);
  return copy;
}

function state(engine: Engine, base: number) {
  return {
    now: engine.now,
    nextExpiry: engine.nextExpiry,
    rows: rowsOfEngine(engine),
    walked: rowsByWalking(engine).toSorted(),
    free: allResourceIds.map((id) => engineAvailability(engine, [id], base, base + HORIZON + 8)),
  };
}

test("an engine that comes from a snapshot holds the same, and answers the same to all that follows", () => {
  fc.assert(
    fc.property(stories(), stories(), (before, after) => {
      const engine = new Engine({ enforceRulesByDefault: before.enforceRulesByDefault });
      let clock = CLOCK_START;
      const tell = (steps: typeof before.steps, engines: readonly Engine[]): void => {
        for (const step of steps) {
          clock += step.advanceMs;
          const errors = engines.map((each) => errorOf(() => each.execute(step.commands, clock))?.sqlState);
          expect(new Set(errors).size).toBe(1);
        }
      };
      tell(before.steps, [engine]);
      const copy = restored(engine, before.enforceRulesByDefault);
      expect(state(copy, before.base)).toEqual(state(engine, before.base));
      expect(captureSnapshot(copy)).toEqual(captureSnapshot(engine));
      tell(after.steps, [engine, copy]);
      expect(state(copy, before.base)).toEqual(state(engine, before.base));
      expectInvariant(copy, before.base, before.base + HORIZON);
    }),
    { numRuns: 80 },
  );
});

test("texts come back to the character, a leading byte order mark too", () => {
  const engine = new Engine();
  const id = resourceId(0);
  const name = "\ufeffÉ😀\n";
  const resource = { id, parentId: null, name, capacity: 1, bufferAfterMs: 0, enforceRules: null };
  const booking = { id: bookingId(0), resourceId: id, start: 0, end: 5, label: "\ufeff" };
  engine.execute(
    [
      { kind: "createResource", resource },
      { kind: "placeBooking", booking },
    ],
    1,
  );
  expect(rowsOfEngine(restored(engine))).toEqual(rowsOfEngine(engine));
});

test("timelines of every length come back, and take more", () => {
  for (const count of [1, 4, 5, 511, 512, 513, 5_000]) {
    const engine = new Engine();
    const resource = resourceId(0);
    engine.execute(
      [
        {
          kind: "createResource",
          resource: {
            id: resource,
            parentId: null,
            name: "a",
            capacity: 1,
            bufferAfterMs: 0,
            enforceRules: null,
          },
        },
        {
          kind: "addRule",
          rule: { id: ruleId(0), resourceId: resource, start: 0, end: count * 20, blocking: false },
        },
      ],
      1,
    );
    const place = (n: number, start: number): Command => ({
      kind: "placeBooking",
      booking: {
        id: bookingId(n),
        resourceId: resource,
        start,
        end: start + 5,
        label: n % 3 === 0 ? `n${n}` : null,
      },
    });
    engine.execute(
      Array.from({ length: count }, (_, n) => place(n, n * 20)),
      1,
    );
    const copy = restored(engine);
    for (const each of [engine, copy]) {
      each.execute(
        Array.from({ length: count }, (_, n) => place(count + n, n * 20 + 10)),
        2,
      );
      for (let n = 0; n < count; n += 2) each.execute([{ kind: "cancelBooking", id: bookingId(n) }], 3);
    }
    expect(rowsOfEngine(copy)).toEqual(rowsOfEngine(engine));
    const free = (each: Engine) => engineAvailability(each, [resource], 0, count * 20);
    expect(free(copy)).toEqual(free(engine));
  }
});

test("columns that contradict each other are refused, not believed", () => {
  const engine = new Engine();
  const resource = {
    id: resourceId(0),
    parentId: null,
    name: null,
    capacity: 1,
    bufferAfterMs: 0,
    enforceRules: null,
  };
  engine.execute(
    [
      { kind: "createResource", resource },
      {
        kind: "placeBooking",
        booking: { id: bookingId(0), resourceId: resource.id, start: 1, end: 2, label: null },
      },
    ],
    1,
  );
  const without = captureSnapshot(engine);
  without.delete(SnapshotSection.labels);
  expect(() => restoreSnapshot(new Engine(), without, 1)).toThrow("section 20 is missing");
  const shorter = captureSnapshot(engine);
  shorter.set(SnapshotSection.allocationEnds, new Uint8Array(0));
  expect(() => restoreSnapshot(new Engine(), shorter, 1)).toThrow("different lengths");
  const orphaned = captureSnapshot(engine);
  orphaned.set(SnapshotSection.allocationResources, new Uint8Array(Int32Array.of(7).buffer));
  expect(() => restoreSnapshot(new Engine(), orphaned, 1)).toThrow("there is no resource 7");
});
