/**
 * Both sides of every bound that the engine keeps: what just fits is accepted, what just does not is refused
 * with the code that limits.ts and the contract name, and changes nothing.
 */

import { describe, expect, test } from "bun:test";
import type { Command, ResourceImage } from "../src/engine/command.ts";
import { endedBookings } from "../src/engine/ended-bookings.ts";
import { Engine } from "../src/engine/engine.ts";
import {
  ENDED_LOOK_ROWS,
  MAX_BUFFER_MS,
  MAX_CAPACITY,
  MAX_INSTANT_MS,
  MAX_TEXT_BYTES,
  MAX_TRANSACTION_CHANGES,
} from "../src/limits.ts";
import { engineAvailability, errorOf, rowsOfEngine } from "./engine/comparison.ts";
import { bookingId, holdId, resourceId, ruleId } from "./engine/stories.ts";

const NOW = 1_000;
const room = resourceId(0);

function roomWith(fields: Partial<ResourceImage>): ResourceImage {
  return {
    id: room,
    parentId: null,
    name: null,
    capacity: 1,
    bufferAfterMs: 0,
    enforceRules: null,
    ...fields,
  };
}

const create = (fields: Partial<ResourceImage>): Command => ({
  kind: "createResource",
  resource: roomWith(fields),
});
const update = (fields: Partial<ResourceImage>): Command => ({
  kind: "updateResource",
  resource: roomWith(fields),
});

function book(start: number, end: number, label: string | null = null, n = 0): Command {
  return { kind: "placeBooking", booking: { id: bookingId(n), resourceId: room, start, end, label } };
}

function hold(start: number, end: number, expiresAt: number): Command {
  return { kind: "placeHold", hold: { id: holdId(0), resourceId: room, start, end, expiresAt } };
}

function open(start: number, end: number): Command {
  return { kind: "addRule", rule: { id: ruleId(0), resourceId: room, blocking: false, start, end } };
}

/** The code and words of the last command's refusal after the others were accepted; null if it was accepted. */
function answer(...story: Command[]): { code: string; message: string } | null {
  const engine = new Engine({});
  engine.execute(story.slice(0, -1), NOW);
  const before = rowsOfEngine(engine);
  const error = errorOf(() => engine.execute(story.slice(-1), NOW));
  if (error === null) return null;
  expect(rowsOfEngine(engine)).toEqual(before);
  return { code: error.sqlState, message: error.message };
}

describe("instants", () => {
  test.each([
    ["a booking", (start: number, end: number) => book(start, end)],
    ["a hold", (start: number, end: number) => hold(start, end, 2_000)],
    ["a rule", (start: number, end: number) => open(start, end)],
  ])("%s lies in [0, 8.64e15], else 22008, and starts before it ends, else 22007", (_, row) => {
    expect(answer(create({}), row(0, 1))).toBeNull();
    expect(answer(create({}), row(MAX_INSTANT_MS - 1, MAX_INSTANT_MS))).toBeNull();
    expect(answer(create({}), row(0, MAX_INSTANT_MS))).toBeNull();
    expect(answer(create({}), row(-1, 1))?.code).toBe("22008");
    expect(answer(create({}), row(5, MAX_INSTANT_MS + 1))?.code).toBe("22008");
    for (const [start, end] of [
      [5, 5],
      [6, 5],
    ] as const) {
      const refused = answer(create({}), row(start, end));
      expect(refused?.code).toBe("22007");
      expect(refused?.message).toStartWith("invalid time range");
    }
  });

  test("expires_at too", () => {
    expect(answer(create({}), hold(0, 1, 0))).toBeNull();
    expect(answer(create({}), hold(0, 1, MAX_INSTANT_MS))).toBeNull();
    expect(answer(create({}), hold(0, 1, -1))?.code).toBe("22008");
    expect(answer(create({}), hold(0, 1, MAX_INSTANT_MS + 1))?.code).toBe("22008");
  });
});

describe("capacity", () => {
  for (const [how, command] of [
    ["created", (capacity: number) => [create({ capacity })]],
    ["updated", (capacity: number) => [create({}), update({ capacity })]],
  ] as const) {
    test(`is from 1 to 2147483647 when ${how}`, () => {
      expect(answer(...command(1))).toBeNull();
      expect(answer(...command(MAX_CAPACITY))).toBeNull();
      expect(answer(...command(0))?.code).toBe("23514");
      expect(answer(...command(-1))?.code).toBe("23514");
      const refused = answer(...command(MAX_CAPACITY + 1));
      expect(refused?.code).toBe("54000");
      expect(refused?.message).toStartWith("limit exceeded: ");
      expect(refused?.message).toContain(String(MAX_CAPACITY));
    });
  }

  test("cannot be lowered below what is used, and can be down to it", () => {
    const crowd = [
      create({ capacity: 3 }),
      book(0, 10, null, 0),
      book(5, 15, null, 1),
      book(10, 20, null, 2),
    ];
    expect(answer(...crowd, update({ capacity: 2 }))).toBeNull();
    expect(answer(...crowd, update({ capacity: 1 }))?.code).toBe("23P01");
  });
});

describe("buffer_after", () => {
  for (const [how, command] of [
    ["created", (bufferAfterMs: number) => [create({ bufferAfterMs })]],
    ["updated", (bufferAfterMs: number) => [create({}), update({ bufferAfterMs })]],
  ] as const) {
    test(`is from 0 to 100 years when ${how}`, () => {
      expect(answer(...command(0))).toBeNull();
      expect(answer(...command(MAX_BUFFER_MS))).toBeNull();
      expect(answer(...command(-1))?.code).toBe("23514");
      const refused = answer(...command(MAX_BUFFER_MS + 1));
      expect(refused?.code).toBe("54000");
      expect(refused?.message).toStartWith("limit exceeded: ");
      expect(refused?.message).toContain(String(MAX_BUFFER_MS));
    });
  }

  test("of 100 years counts to the millisecond, also past the last valid instant", () => {
    const late = MAX_INSTANT_MS - 10;
    const long = create({ bufferAfterMs: MAX_BUFFER_MS });
    expect(answer(long, book(0, 10), book(MAX_BUFFER_MS + 10, MAX_BUFFER_MS + 11, null, 1))).toBeNull();
    expect(answer(long, book(0, 10), book(MAX_BUFFER_MS + 9, MAX_BUFFER_MS + 11, null, 1))?.code).toBe(
      "23P01",
    );
    expect(answer(long, book(late, late + 5), book(late + 5, MAX_INSTANT_MS, null, 1))?.code).toBe("23P01");
    expect(answer(long, book(late, MAX_INSTANT_MS), book(0, 10, null, 1))).toBeNull();
    const engine = new Engine({});
    engine.execute([long, open(0, MAX_INSTANT_MS), book(0, 10)], NOW);
    expect(engineAvailability(engine, [room], 0, MAX_INSTANT_MS)).toEqual([
      { start: MAX_BUFFER_MS + 10, end: MAX_INSTANT_MS },
    ]);
  });

  test("cannot be made so long that footprints collide, and can be up to it", () => {
    const pair = [create({}), book(0, 10, null, 0), book(15, 20, null, 1)];
    expect(answer(...pair, update({ bufferAfterMs: 5 }))).toBeNull();
    expect(answer(...pair, update({ bufferAfterMs: 6 }))?.code).toBe("23P01");
  });
});

describe("names and labels", () => {
  const fits = ["x".repeat(MAX_TEXT_BYTES), "é".repeat(MAX_TEXT_BYTES / 2), "🕒".repeat(MAX_TEXT_BYTES / 4)];
  const moved = (label: string): Command[] => {
    const booking = { id: bookingId(0), resourceId: room, start: 0, end: 1, label };
    return [create({}), book(0, 1), { kind: "moveBooking", booking }];
  };
  const confirmed = (label: string): Command[] => {
    return [
      create({}),
      hold(0, 1, 2_000),
      { kind: "confirmHold", bookingId: bookingId(0), holdId: holdId(0), label },
    ];
  };
  test.each([
    ["a resource's name", (text: string) => [create({ name: text })]],
    ["a resource's new name", (text: string) => [create({}), update({ name: text })]],
    ["a booking's label", (text: string) => [create({}), book(0, 1, text)]],
    ["a booking's new label", moved],
    ["a confirmed booking's label", confirmed],
  ])("%s has at most 65536 bytes of UTF-8", (_, story) => {
    for (const text of fits) {
      expect(answer(...story(text))).toBeNull();
      const refused = answer(...story(`${text}x`));
      expect(refused?.code).toBe("54000");
      expect(refused?.message).toStartWith("limit exceeded: ");
      expect(refused?.message).toContain(String(MAX_TEXT_BYTES));
    }
  });
});

describe("a transaction", () => {
  test("stages at most two million changes", () => {
    const engine = new Engine({});
    const transaction = engine.begin();
    engine.enter(transaction, NOW);
    // As many as that in earnest would take long; the bound is on the length of the list.
    transaction.changes.length = MAX_TRANSACTION_CHANGES - 1;
    engine.apply(transaction, create({}));
    const refused = errorOf(() => engine.apply(transaction, book(0, 1)));
    expect(refused?.sqlState).toBe("54000");
    expect(refused?.message).toStartWith("limit exceeded: ");
    expect(refused?.message).toContain(String(MAX_TRANSACTION_CHANGES));
    engine.rollbackTo(transaction, MAX_TRANSACTION_CHANGES - 1);
    expect(rowsOfEngine(engine)).toEqual([]);
    expect(errorOf(() => engine.apply(transaction, create({})))).toBeNull();
  });
});

test("retention looks at so many rows of a resource at a time", () => {
  for (const [rows, nextStart] of [
    [ENDED_LOOK_ROWS, 0],
    [ENDED_LOOK_ROWS + 1, ENDED_LOOK_ROWS],
  ] as const) {
    const engine = new Engine({});
    // The first has ended; by their starts the others might have.
    const others = Array.from({ length: rows - 1 }, (_, n) => book(n + 1, 1_000_000, null, n + 1));
    engine.execute([create({ capacity: rows }), book(0, 1), ...others], NOW);
    const found = engine.inspect((state) =>
      endedBookings(state, state.resources.find(room), 0, 2 * rows, rows),
    );
    expect(found).toEqual({ ids: [bookingId(0)], nextStart });
  }
});
