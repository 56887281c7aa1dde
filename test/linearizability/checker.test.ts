/** The checker itself: histories made by hand, some of which no server that does one thing after the other can have had. */

import { describe, expect, test } from "bun:test";
import { Random } from "../seeded-random.ts";
import { checkLinearizability, type Operation } from "./checker.ts";
import { type Attempt, type Ending, historyOf } from "./history.ts";
import { type Action, emptyState, type Outcome } from "./model.ts";

const DONE: Outcome = { kind: "done", count: 1 };
const NOTHING: Outcome = { kind: "done", count: 0 };

function told(
  invokedAt: number,
  answeredAt: number,
  steps: readonly (readonly [Action, Outcome?])[],
  ending: Ending = "committed",
): Attempt {
  const outcomes = steps.flatMap(([, outcome]) => (outcome === undefined ? [] : [outcome]));
  return { client: 0, actions: steps.map(([action]) => action), outcomes, ending, invokedAt, answeredAt };
}

function book(id: string, start: number, end: number, resource = 0): Action {
  return { kind: "book", id, resource, start, end, ifUsed: "refuse" };
}

function hold(id: string, expiresAt: number): Action {
  return { kind: "hold", id, resource: 0, start: 4, end: 6, expiresAt };
}

const LIST: Action = { kind: "list" };
const FREE: Action = { kind: "free", resources: [0], atLeast: 1, shortest: 0 };

function rows(text: string): Outcome {
  return { kind: "rows", rows: text };
}

function refused(code: string, named: string | null = null): Outcome {
  return { kind: "refused", code, named };
}

const EMPTY = emptyState([
  { capacity: 1, buffer: 1 },
  { capacity: 2, buffer: 0 },
]);

function isLinearizable(attempts: readonly Attempt[], until = 1000): boolean {
  const { operations } = historyOf(attempts, new Set(), until);
  return checkLinearizability([EMPTY], operations).isLinearizable;
}

const BOTH = rows("b1,0,4,6;b2,0,8,9");

describe("what one server that does one thing after the other can have answered is accepted", () => {
  const histories: Readonly<Record<string, readonly Attempt[]>> = {
    "nothing at all": [],
    "two at once, of which one is refused by the other": [
      told(0, 10, [[book("1", 4, 6), DONE]]),
      told(1, 9, [[book("2", 5, 7), refused("23P01", "1")]]),
    ],
    "a read that may have come before or after": [
      told(0, 10, [[book("1", 4, 6), DONE]]),
      told(1, 2, [[LIST, rows("b1,0,4,6")]]),
      told(3, 4, [[LIST, rows("b1,0,4,6")]]),
    ],
    "orders that only the third answer decides": [
      told(0, 100, [[book("1", 4, 6), DONE]]),
      told(0, 100, [[{ kind: "cancel", id: "1" }, DONE]]),
      told(0, 100, [[book("2", 4, 5), DONE]]),
      told(50, 60, [[LIST, rows("b1,0,4,6")]]),
    ],
    "a transaction, seen as a whole": [
      told(0, 10, [
        [book("1", 4, 6), DONE],
        [book("2", 8, 9), DONE],
        [LIST, BOTH],
      ]),
      told(2, 3, [[LIST, rows("")]]),
      told(4, 5, [[LIST, BOTH]]),
    ],
    "an unanswered booking that is there later": [
      told(0, 500, [[book("1", 4, 6)]], "unknown"),
      told(100, 110, [[LIST, rows("")]]),
      told(200, 210, [[LIST, rows("b1,0,4,6")]]),
    ],
    "an unanswered booking that never was": [
      told(0, 50, [[book("1", 4, 6)]], "unknown"),
      told(100, 110, [[LIST, rows("")]]),
      told(200, 210, [[book("2", 4, 6), DONE]]),
    ],
    "an unanswered booking that came just before the crash": [
      told(0, 50, [[book("1", 4, 6)]], "unknown"),
      told(10, 20, [[LIST, rows("")]]),
      told(60, 70, [[book("2", 5, 6), refused("23P01", "1")]]),
    ],
    "a hold that has expired in between": [
      told(0, 10, [[hold("1", 100), DONE]]),
      told(50, 60, [[book("2", 4, 6), refused("23P01", "1")]]),
      told(110, 120, [[{ kind: "confirm", id: "3", holdId: "1" }, refused("23503")]]),
      told(130, 140, [[book("2", 4, 6), DONE]]),
    ],
    "a hold at the edge of its time, seen and then gone": [
      told(0, 10, [[hold("1", 100), DONE]]),
      told(99, 101, [[LIST, rows("h1,0,4,6")]]),
      told(99, 101, [[LIST, rows("")]]),
    ],
    "free time with the buffer": [
      told(0, 10, [[book("1", 4, 6), DONE]]),
      told(20, 30, [[FREE, rows("1,4;12,23;7,10")]]),
    ],
    "a transaction given up, which saw itself and nobody else did": [
      told(
        0,
        50,
        [
          [book("1", 4, 6), DONE],
          [book("2", 5, 6), refused("23P01", "1")],
        ],
        "aborted",
      ),
      told(60, 70, [[LIST, rows("")]]),
    ],
  };
  test.each(Object.keys(histories))("%s", (name) => {
    expect(isLinearizable(histories[name] ?? [])).toBe(true);
  });
});

describe("what it cannot have answered is rejected", () => {
  const histories: Readonly<Record<string, readonly Attempt[]>> = {
    "a double booking": [told(0, 10, [[book("1", 4, 6), DONE]]), told(1, 9, [[book("2", 5, 7), DONE]])],
    "a booking in the buffer of another": [
      told(0, 10, [[book("1", 4, 6), DONE]]),
      told(20, 30, [[book("2", 6, 7), DONE]]),
    ],
    "an acknowledged booking that is not read": [
      told(0, 10, [[book("1", 4, 6), DONE]]),
      told(20, 30, [[LIST, rows("")]]),
    ],
    "a booking that was read and then is not there": [
      told(0, 100, [[book("1", 4, 6), DONE]]),
      told(10, 20, [[LIST, rows("b1,0,4,6")]]),
      told(30, 40, [[LIST, rows("")]]),
    ],
    "an unanswered booking that was read and then undone": [
      told(0, 100, [[book("1", 4, 6)]], "unknown"),
      told(10, 20, [[LIST, rows("b1,0,4,6")]]),
      told(150, 160, [[LIST, rows("")]]),
    ],
    "an unanswered booking that comes after the crash": [
      told(0, 50, [[book("1", 4, 6)]], "unknown"),
      told(60, 70, [[LIST, rows("")]]),
      told(80, 90, [[LIST, rows("b1,0,4,6")]]),
    ],
    "half a transaction": [
      told(0, 100, [
        [book("1", 4, 6), DONE],
        [book("2", 8, 9), DONE],
      ]),
      told(10, 20, [[LIST, rows("b1,0,4,6")]]),
    ],
    "half of an unanswered transaction": [
      told(0, 50, [[book("1", 4, 6)], [book("2", 8, 9)]], "unknown"),
      told(60, 70, [[LIST, rows("b2,0,8,9")]]),
    ],
    "what a transaction did that was given up": [
      told(0, 50, [[book("1", 4, 6), DONE]], "aborted"),
      told(60, 70, [[LIST, rows("b1,0,4,6")]]),
    ],
    "a refusal that names what does not collide": [
      told(0, 10, [[book("1", 4, 6), DONE]]),
      told(0, 10, [[book("2", 14, 16), DONE]]),
      told(20, 30, [[book("3", 5, 7), refused("23P01", "2")]]),
    ],
    "a refusal without a reason": [told(0, 10, [[book("1", 4, 6), refused("23P01", "9")]])],
    "a hold that counts after its expiry": [
      told(0, 10, [[hold("1", 100), DONE]]),
      told(110, 120, [[book("2", 4, 6), refused("23P01", "1")]]),
    ],
    "a hold that is gone before its expiry": [
      told(0, 10, [[hold("1", 100), DONE]]),
      told(80, 90, [[book("2", 4, 6), DONE]]),
    ],
    "an expired hold that comes back": [
      told(0, 10, [[hold("1", 100), DONE]]),
      told(97, 98, [[LIST, rows("")]]),
      told(99, 100, [[LIST, rows("h1,0,4,6")]]),
    ],
    "two who cancel the same booking": [
      told(0, 10, [[book("1", 4, 6), DONE]]),
      told(20, 40, [[{ kind: "cancel", id: "1" }, DONE]]),
      told(20, 40, [[{ kind: "cancel", id: "1" }, DONE]]),
    ],
    "two who both find nothing to do, one of whom should": [
      told(0, 10, [[book("1", 4, 6), DONE]]),
      told(20, 40, [[{ kind: "cancel", id: "1" }, NOTHING]]),
      told(20, 40, [[{ kind: "cancel", id: "1" }, NOTHING]]),
    ],
    "free time without the buffer": [
      told(0, 10, [[book("1", 4, 6), DONE]]),
      told(20, 30, [[FREE, rows("1,4;12,23;6,10")]]),
    ],
    "two reads that see two bookings in different orders": [
      told(0, 100, [[book("1", 4, 6), DONE]]),
      told(0, 100, [[book("2", 8, 9), DONE]]),
      told(10, 90, [
        [{ kind: "find", id: "1" }, rows("0,4,6")],
        [{ kind: "find", id: "2" }, rows("")],
      ]),
      told(10, 90, [
        [{ kind: "find", id: "1" }, rows("")],
        [{ kind: "find", id: "2" }, rows("0,8,9")],
      ]),
    ],
  };
  test.each(Object.keys(histories))("%s", (name) => {
    expect(isLinearizable(histories[name] ?? [])).toBe(false);
  });
});

interface Register {
  readonly key: string;
}

/** A register of one digit, whose answers are made up: about every other history of these is linearizable. */
function madeUp(random: Random): Operation<Register>[] {
  return Array.from({ length: 2 + random.below(4) }, () => {
    const invokedAt = random.below(12);
    const digit = String(random.below(3));
    const isWrite = random.chance(0.5);
    return {
      invokedAt,
      answeredAt: invokedAt + 1 + random.below(8),
      isOptional: isWrite && random.chance(0.3),
      changesNothing: !isWrite,
      step: (state) => (isWrite ? { key: digit } : state.key === digit ? state : null),
      describe: () => digit,
    };
  });
}

/** Every order is tried, with and without each optional operation. */
function bruteForce(state: Register, left: readonly Operation<Register>[]): boolean {
  if (left.every(({ isOptional }) => isOptional)) return true;
  return left.some((next) => {
    const others = left.filter((one) => one !== next);
    // Whoever was answered before this one was asked for has to come first, unless it may not have happened.
    const isFirst = others.every((other) => other.answeredAt >= next.invokedAt || other.isOptional);
    if (!isFirst) return false;
    const remaining = others.filter((other) => other.answeredAt >= next.invokedAt);
    const after = next.step(state);
    return after !== null && bruteForce(after, remaining);
  });
}

test("random histories of a register: the verdict is that of trying every order", () => {
  const verdicts = new Map<boolean, number>();
  for (let seed = 0; seed < 4000; seed++) {
    const operations = madeUp(new Random(seed));
    const wanted = bruteForce({ key: "0" }, operations);
    const { isLinearizable: found } = checkLinearizability([{ key: "0" }], operations);
    if (found !== wanted) throw new Error(`seed ${seed}: ${found}, should be ${wanted}`);
    verdicts.set(wanted, (verdicts.get(wanted) ?? 0) + 1);
  }
  for (const verdict of [true, false]) expect(verdicts.get(verdict)).toBeGreaterThan(500);
});
