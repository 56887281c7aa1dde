/**
 * The tree of resources: how deep it may be, that it stays a tree, and what goes with a deleted resource.
 */

import { describe, expect, test } from "bun:test";
import type { Command, ResourceImage } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import { formatId, type Id } from "../../src/id.ts";
import { MAX_TREE_DEPTH } from "../../src/limits.ts";
import { engineAvailability, errorOf, rowsByWalking, rowsOfEngine } from "./comparison.ts";
import { bookingId, holdId, resourceId, ruleId } from "./stories.ts";

const NOW = 1_000;

function image(n: number, parent: number | null): ResourceImage {
  const parentId = parent === null ? null : resourceId(parent);
  return { id: resourceId(n), parentId, name: null, capacity: 1, bufferAfterMs: 0, enforceRules: null };
}

const create = (n: number, parent: number | null): Command => {
  return { kind: "createResource", resource: image(n, parent) };
};
const move = (n: number, parent: number | null): Command => {
  return { kind: "updateResource", resource: image(n, parent) };
};

/** Resources first … first + length - 1, each the parent of the next; the first is a root. */
function chain(first: number, length: number): Command[] {
  return Array.from({ length }, (_, n) => create(first + n, n === 0 ? null : first + n - 1));
}

function engineOf(...story: Command[]): Engine {
  const engine = new Engine({});
  engine.execute(story, NOW);
  return engine;
}

function refusal(engine: Engine, ...story: Command[]): [string, string] | null {
  const before = rowsOfEngine(engine);
  const error = errorOf(() => engine.execute(story, NOW));
  if (error === null) return null;
  expect(rowsOfEngine(engine)).toEqual(before);
  return [error.sqlState, error.message];
}

describe("depth", () => {
  test("64 levels are accepted, a 65th is 54000", () => {
    const engine = engineOf(...chain(0, MAX_TREE_DEPTH));
    const refused = refusal(engine, create(100, MAX_TREE_DEPTH - 1));
    expect(refused?.[0]).toBe("54000");
    expect(refused?.[1]).toStartWith("limit exceeded: ");
    expect(refused?.[1]).toContain("64");
    expect(refusal(engine, create(100, MAX_TREE_DEPTH - 2))).toBeNull();
  });

  test("a subtree may be moved to where its lowest level is the 64th, and no deeper", () => {
    const engine = engineOf(...chain(0, 60), ...chain(100, 5));
    expect(refusal(engine, move(100, 59))?.[0]).toBe("54000");
    expect(refusal(engine, move(100, 58))).toBeNull();
    expect(refusal(engine, create(200, 104))?.[0]).toBe("54000");
  });

  test("rules of the root reach the 64th level", () => {
    const rule = { id: ruleId(0), resourceId: resourceId(0), blocking: false, start: 5, end: 9 };
    const engine = engineOf(...chain(0, MAX_TREE_DEPTH), { kind: "addRule", rule });
    expect(engineAvailability(engine, [resourceId(MAX_TREE_DEPTH - 1)], 0, 20)).toEqual([
      { start: 5, end: 9 },
    ]);
  });
});

describe("a resource cannot become its own ancestor:", () => {
  const cycle = (n: number): [string, string] => [
    "23514",
    `cycle detected at resource: ${formatId(resourceId(n))}`,
  ];

  test("nor its own parent", () => {
    expect(refusal(engineOf(create(0, null)), move(0, 0))).toEqual(cycle(0));
  });

  test("nor a child's, nor a distant descendant's child", () => {
    const engine = engineOf(...chain(0, 40));
    expect(refusal(engine, move(0, 1))).toEqual(cycle(0));
    expect(refusal(engine, move(0, 39))).toEqual(cycle(0));
    expect(refusal(engine, move(3, 39))).toEqual(cycle(3));
    expect(refusal(engine, move(39, 0))).toBeNull();
  });

  test("in one batch two resources may change places", () => {
    const engine = engineOf(...chain(0, 2));
    expect(refusal(engine, move(1, null), move(0, 1))).toBeNull();
    expect(engine.resourceImage(engine.resources.find(resourceId(0))).parentId).toEqual(resourceId(1));
  });
});

describe("rules follow the tree when it changes", () => {
  test("a moved resource is open when its new ancestors are", () => {
    const open = (n: number, id: Id, start: number, end: number): Command => {
      return { kind: "addRule", rule: { id: ruleId(n), resourceId: id, blocking: false, start, end } };
    };
    const engine = engineOf(
      create(0, null),
      create(1, null),
      create(2, 0),
      create(3, 2),
      open(0, resourceId(0), 0, 10),
      open(1, resourceId(1), 20, 30),
    );
    const free = () => engineAvailability(engine, [resourceId(3)], 0, 50);
    expect(free()).toEqual([{ start: 0, end: 10 }]);
    engine.execute([move(2, 1)], NOW);
    expect(free()).toEqual([{ start: 20, end: 30 }]);
    engine.execute([move(2, null)], NOW);
    expect(free()).toEqual([]);
    engine.execute([open(2, resourceId(2), 40, 60)], NOW);
    expect(free()).toEqual([{ start: 40, end: 50 }]);
    engine.execute([{ kind: "removeRule", id: ruleId(2) }], NOW);
    expect(free()).toEqual([]);
  });

  test("enforce_rules comes from the nearest ancestor that says so", () => {
    const set = (n: number, parent: number | null, enforceRules: boolean | null): Command => {
      return { kind: "updateResource", resource: { ...image(n, parent), enforceRules } };
    };
    const booking = { id: bookingId(0), resourceId: resourceId(2), start: 5, end: 9, label: null };
    const place: Command = { kind: "placeBooking", booking };
    const engine = engineOf(...chain(0, 3), set(0, null, true));
    const closed: [string, string] = ["23514", "not available: [5, 9)"];
    expect(refusal(engine, place)).toEqual(closed);
    expect(refusal(engine, set(1, 0, false), place, { kind: "cancelBooking", id: bookingId(0) })).toBeNull();
    engine.execute([set(2, 1, true)], NOW);
    expect(refusal(engine, place)).toEqual(closed);
  });
});

describe("a deleted resource", () => {
  const everything: Command[] = [
    {
      kind: "addRule",
      rule: { id: ruleId(0), resourceId: resourceId(1), blocking: false, start: 0, end: 99 },
    },
    {
      kind: "addRule",
      rule: { id: ruleId(1), resourceId: resourceId(1), blocking: true, start: 50, end: 60 },
    },
    ...Array.from({ length: 40 }, (_, n): Command => {
      const booking = { id: bookingId(n), resourceId: resourceId(1), start: n, end: n + 1, label: `no ${n}` };
      return { kind: "placeBooking", booking };
    }),
    {
      kind: "placeHold",
      hold: { id: holdId(0), resourceId: resourceId(1), start: 70, end: 80, expiresAt: 9_000 },
    },
  ];

  test("takes its rules, bookings and holds along, and leaves its neighbours", () => {
    const engine = engineOf(create(0, null), create(1, 0), create(2, 0));
    const before = rowsOfEngine(engine).filter((row) => !row.includes(`resource ${formatId(resourceId(1))}`));
    engine.execute(everything, NOW);
    engine.execute([{ kind: "deleteResource", id: resourceId(1) }], NOW);
    expect(rowsOfEngine(engine)).toEqual(before);
    expect(rowsByWalking(engine)).toEqual(before);
    expect(engine.allocations.findBooking(bookingId(3))).toBe(-1);
    expect(engine.allocations.findHold(holdId(0))).toBe(-1);
    engine.expire(10_000);
    engine.execute([create(1, 0), ...everything.slice(0, 20)], 10_000);
    expect(engineAvailability(engine, [resourceId(1)], 0, 30)).toEqual([{ start: 18, end: 30 }]);
  });

  test("comes back whole when the transaction fails after it", () => {
    const engine = engineOf(create(0, null), create(1, 0), ...everything);
    const free = () => engineAvailability(engine, [resourceId(1)], 0, 99);
    const before = free();
    const poison: Command = { kind: "placeBooking", booking: { ...booking(0, 5, 4) } };
    expect(refusal(engine, { kind: "deleteResource", id: resourceId(1) }, poison)?.[0]).toBe("22007");
    expect(free()).toEqual(before);
    engine.expire(9_000);
    expect(engine.allocations.findHold(holdId(0))).toBe(-1);
  });

  test("with children is refused until they are gone", () => {
    const engine = engineOf(...chain(0, 3));
    const words = `cannot delete resource ${formatId(resourceId(0))}: has children`;
    expect(refusal(engine, { kind: "deleteResource", id: resourceId(0) })).toEqual(["23503", words]);
    const bottomUp = [2, 1, 0].map((n): Command => ({ kind: "deleteResource", id: resourceId(n) }));
    expect(refusal(engine, ...bottomUp)).toBeNull();
    expect(rowsOfEngine(engine)).toEqual([]);
  });

  test("that was moved away no longer holds its old parent", () => {
    const engine = engineOf(create(0, null), create(1, 0), move(1, null));
    expect(refusal(engine, { kind: "deleteResource", id: resourceId(0) })).toBeNull();
  });
});

function booking(n: number, start: number, end: number) {
  return { id: bookingId(n), resourceId: resourceId(0), start, end, label: null };
}
