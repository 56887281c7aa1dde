/**
 * Who wins and who loses when two transactions meet: a commit that no longer fits what others have committed is
 * 40001 and changes nothing.
 */

import { describe, expect, test } from "bun:test";
import type { Command } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import { formatId } from "../../src/id.ts";
import { errorOf, rowsOfEngine } from "./comparison.ts";
import { bookingId, holdId, resourceId, ruleId } from "./stories.ts";

const room = resourceId(0);
const other = resourceId(1);

function resource(id: typeof room, capacity = 1, bufferAfterMs = 0, parentId: typeof room | null = null) {
  return { id, parentId, name: null, capacity, bufferAfterMs, enforceRules: null };
}

function booking(n: number, start: number, end: number, label: string | null = null) {
  return { id: bookingId(n), resourceId: room, start, end, label };
}

const place = (n: number, start: number, end: number): Command => {
  return { kind: "placeBooking", booking: booking(n, start, end) };
};

const setUp: readonly Command[] = [
  { kind: "createResource", resource: resource(room) },
  { kind: "createResource", resource: resource(other) },
  { kind: "addRule", rule: { id: ruleId(0), resourceId: room, blocking: false, start: 0, end: 100 } },
  place(0, 0, 10),
  { kind: "placeHold", hold: { id: holdId(0), resourceId: room, start: 90, end: 100, expiresAt: 50_000 } },
];

/** Stages `mine`, lets `theirs` be committed by another, then tries to commit; what came of it, and the rows. */
function race(mine: readonly Command[], theirs: readonly Command[], commitAt = 1_000) {
  const engine = new Engine({});
  engine.execute(setUp, 1_000);
  const tx = engine.begin();
  engine.enter(tx, 1_000);
  for (const command of mine) engine.apply(tx, command);
  engine.enter(null, 1_000);
  engine.execute(theirs, 1_000);
  engine.expire(commitAt);
  const before = rowsOfEngine(engine);
  const error = errorOf(() => {
    engine.enter(tx, commitAt);
    engine.commit(tx);
  });
  if (error !== null) engine.rollback(tx);
  engine.enter(null, commitAt);
  return { error, before, after: rowsOfEngine(engine) };
}

const losing: Record<string, { mine: Command[]; theirs: Command[]; commitAt?: number }> = {
  "both book the same slot": { mine: [place(1, 20, 30)], theirs: [place(2, 25, 35)] },
  "both use the same booking id": { mine: [place(1, 20, 30)], theirs: [place(1, 40, 50)] },
  "the moved booking was moved": {
    mine: [{ kind: "moveBooking", booking: booking(0, 20, 30) }],
    theirs: [{ kind: "moveBooking", booking: booking(0, 40, 50) }],
  },
  "the moved booking was cancelled": {
    mine: [{ kind: "moveBooking", booking: booking(0, 20, 30) }],
    theirs: [{ kind: "cancelBooking", id: bookingId(0) }],
  },
  "the cancelled booking was relabelled": {
    mine: [{ kind: "cancelBooking", id: bookingId(0) }],
    theirs: [{ kind: "moveBooking", booking: booking(0, 0, 10, "new") }],
  },
  "the updated resource was updated": {
    mine: [{ kind: "updateResource", resource: resource(room, 2) }],
    theirs: [{ kind: "updateResource", resource: resource(room, 3) }],
  },
  "the updated rule was removed": {
    mine: [
      { kind: "updateRule", rule: { id: ruleId(0), resourceId: room, blocking: true, start: 1, end: 2 } },
    ],
    theirs: [{ kind: "removeRule", id: ruleId(0) }],
  },
  "the confirmed hold was released": {
    mine: [{ kind: "confirmHold", bookingId: bookingId(1), holdId: holdId(0), label: null }],
    theirs: [{ kind: "releaseHold", id: holdId(0) }],
  },
  "the confirmed hold has expired": {
    mine: [{ kind: "confirmHold", bookingId: bookingId(1), holdId: holdId(0), label: null }],
    theirs: [],
    commitAt: 50_000,
  },
  "the prolonged hold has expired": {
    mine: [
      {
        kind: "changeHold",
        hold: { id: holdId(0), resourceId: room, start: 90, end: 100, expiresAt: 60_000 },
      },
    ],
    theirs: [],
    commitAt: 50_000,
  },
  "the resource was deleted": {
    mine: [{ kind: "placeBooking", booking: { ...booking(1, 20, 30), resourceId: other } }],
    theirs: [{ kind: "deleteResource", id: other }],
  },
  "the resource got a child": {
    mine: [{ kind: "deleteResource", id: other }],
    theirs: [{ kind: "createResource", resource: resource(resourceId(2), 1, 0, other) }],
  },
  "the lowered capacity is needed": {
    mine: [{ kind: "updateResource", resource: resource(room, 1, 5) }],
    theirs: [place(1, 12, 20)],
  },
  "two moves in the tree make a cycle": {
    mine: [{ kind: "updateResource", resource: resource(room, 1, 0, other) }],
    theirs: [{ kind: "updateResource", resource: resource(other, 1, 0, room) }],
  },
  "the time was closed": {
    mine: [
      { kind: "placeBooking", booking: booking(1, 20, 30) },
      { kind: "cancelBooking", id: bookingId(0) },
    ],
    theirs: [
      { kind: "updateResource", resource: { ...resource(room), enforceRules: true } },
      { kind: "addRule", rule: { id: ruleId(1), resourceId: room, blocking: true, start: 29, end: 31 } },
    ],
  },
};

describe("a commit that lost the race is 40001 and changes nothing:", () => {
  for (const [name, { mine, theirs, commitAt }] of Object.entries(losing)) {
    test(name, () => {
      const { error, before, after } = race(mine, theirs, commitAt);
      expect(error?.sqlState).toBe("40001");
      expect(after).toEqual(before);
    });
  }
});

describe("a transaction that stays entered while time passes", () => {
  const prolong: Command = {
    kind: "changeHold",
    hold: { id: holdId(0), resourceId: room, start: 90, end: 100, expiresAt: 60_000 },
  };
  const confirm: Command = { kind: "confirmHold", bookingId: bookingId(1), holdId: holdId(0), label: null };
  for (const command of [prolong, confirm]) {
    test(`loses a ${command.kind} when the committed hold expires`, () => {
      const engine = new Engine({});
      engine.execute(setUp, 1_000);
      const tx = engine.begin();
      engine.enter(tx, 1_000);
      engine.apply(tx, command);
      engine.enter(tx, 49_999);
      expect(errorOf(() => engine.enter(tx, 50_000))?.sqlState).toBe("40001");
      engine.rollback(tx);
      engine.enter(null, 50_000);
      expect(rowsOfEngine(engine).filter((row) => row.startsWith("hold"))).toEqual([]);
      expect(engine.allocations.findBooking(bookingId(1))).toBe(-1);
    });
  }
});

describe("a commit wins", () => {
  test("where it deletes a resource, with what others have put on it or taken from it meanwhile", () => {
    for (const theirs of [[place(1, 20, 30)], [{ kind: "cancelBooking" as const, id: bookingId(0) }]]) {
      const { error, after } = race([{ kind: "deleteResource", id: room }], theirs);
      expect(error).toBeNull();
      expect(after).toEqual([expect.stringContaining(formatId(other))]);
    }
  });

  test("where the other's changes leave it room", () => {
    const { error, after } = race([place(1, 20, 30)], [place(2, 30, 40)]);
    expect(error).toBeNull();
    expect(after.filter((row) => row.startsWith("booking"))).toHaveLength(3);
  });

  test("where the other was rolled back", () => {
    const engine = new Engine({});
    engine.execute(setUp, 1_000);
    const [first, second] = [engine.begin(), engine.begin()];
    for (const tx of [first, second]) {
      engine.enter(tx, 1_000);
      engine.apply(tx, place(1, 20, 30));
    }
    engine.rollback(second);
    engine.enter(first, 1_000);
    engine.commit(first);
    engine.enter(null, 1_000);
    expect(rowsOfEngine(engine).some((row) => row.startsWith(`booking ${formatId(bookingId(1))}`))).toBe(
      true,
    );
  });

  test("of a swap of two bookings, which no single move could make", () => {
    const engine = new Engine({});
    engine.execute([...setUp, place(1, 20, 30)], 1_000);
    const swap: Command[] = [
      { kind: "moveBooking", booking: booking(0, 40, 50) },
      { kind: "moveBooking", booking: booking(1, 0, 10) },
      { kind: "moveBooking", booking: booking(0, 20, 30) },
    ];
    expect(errorOf(() => engine.execute(swap.slice(1), 1_000))?.sqlState).toBe("23P01");
    engine.execute(swap, 1_000);
    expect(engine.bookingImage(engine.allocations.findBooking(bookingId(0)))).toEqual(booking(0, 20, 30));
  });
});
