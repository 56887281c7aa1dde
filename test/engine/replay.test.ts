/**
 * Determinism: the same commands at the same times give the same rows and the same bytes; and what the log
 * keeps of them, replayed on a new engine, gives the same engine.
 */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter } from "../../src/bytes.ts";
import { decodeCommands, encodeCommand } from "../../src/engine/codec.ts";
import type { Command } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import { MAX_BUFFER_MS, MAX_CAPACITY, MAX_INSTANT_MS, MAX_TEXT_BYTES } from "../../src/limits.ts";
import { engineAvailability, errorOf, rowsByWalking, rowsOfEngine } from "./comparison.ts";
import { allResourceIds, CLOCK_START, commands, HORIZON, type Story, stories } from "./stories.ts";

interface Commit {
  readonly at: number;
  readonly body: Uint8Array;
}

function encode(list: readonly Command[]): Uint8Array {
  const writer = new ByteWriter(16);
  for (const command of list) encodeCommand(writer, command);
  return writer.written().slice();
}

/** Tells a story and keeps, for each commit, the bytes that a log would. */
function record(story: Story): { engine: Engine; commits: Commit[] } {
  const engine = new Engine({ enforceRulesByDefault: story.enforceRulesByDefault });
  const commits: Commit[] = [];
  let clock = CLOCK_START;
  for (const step of story.steps) {
    clock += step.advanceMs;
    errorOf(() => {
      const changes = engine.execute(step.commands, clock);
      commits.push({ at: engine.now, body: encode(changes.map((change) => change.command)) });
    });
  }
  return { engine, commits };
}

function state(engine: Engine, base: number) {
  return {
    now: engine.now,
    rows: rowsOfEngine(engine),
    walked: rowsByWalking(engine),
    free: allResourceIds.map((id) => engineAvailability(engine, [id], base, base + HORIZON + 8)),
  };
}

describe("determinism", () => {
  test("the same commands at the same times give the same bytes and the same rows", () => {
    fc.assert(
      fc.property(stories(), (story) => {
        const [one, other] = [record(story), record(story)];
        expect(other.commits).toEqual(one.commits);
        expect(state(other.engine, story.base)).toEqual(state(one.engine, story.base));
        expect(rowsByWalking(other.engine)).toEqual(rowsByWalking(one.engine));
      }),
      { numRuns: 60 },
    );
  }, 30_000);

  test("replaying the encoded commits gives the same engine, whatever the default of enforce_rules is by then", () => {
    fc.assert(
      fc.property(stories(), (story) => {
        const { engine, commits } = record(story);
        const replayed = new Engine({ enforceRulesByDefault: !story.enforceRulesByDefault });
        for (const { at, body } of commits) replayed.replay(decodeCommands(body), at);
        replayed.expire(engine.now);
        expect(state(replayed, story.base)).toEqual(state(engine, story.base));
      }),
      { numRuns: 100 },
    );
  }, 30_000);
});

describe("the codec", () => {
  test("gives back every command it was given, in order", () => {
    const lists = fc
      .constantFrom(0, 1_000, MAX_INSTANT_MS - HORIZON)
      .chain((base) => fc.array(commands(base).filter(valid), { maxLength: 40 }));
    fc.assert(
      fc.property(lists, (list) => {
        expect(decodeCommands(encode(list))).toEqual(list);
      }),
      { numRuns: 300 },
    );
  });

  test("keeps the largest and smallest of every field, and any text", () => {
    const word = fc.integer({ min: 0, max: 0xffffffff });
    const ids = fc.record({ w0: word, w1: word, w2: word, w3: word });
    const instants = fc.oneof(
      fc.constantFrom(0, 1, MAX_INSTANT_MS),
      fc.integer({ min: 0, max: MAX_INSTANT_MS }),
    );
    const texts = fc.option(
      fc.oneof(fc.string({ unit: "grapheme" }), fc.constant("é".repeat(MAX_TEXT_BYTES / 2))),
    );
    const list = fc.tuple(
      fc.record({
        kind: fc.constant("createResource" as const),
        resource: fc.record({
          id: ids,
          parentId: fc.option(ids),
          name: texts,
          capacity: fc.oneof(fc.constant(MAX_CAPACITY), fc.integer({ min: 1, max: MAX_CAPACITY })),
          bufferAfterMs: fc.oneof(fc.constant(MAX_BUFFER_MS), fc.integer({ min: 0, max: MAX_BUFFER_MS })),
          enforceRules: fc.constantFrom(null, true, false),
        }),
      }),
      fc.record({
        kind: fc.constant("placeBooking" as const),
        booking: fc.record({ id: ids, resourceId: ids, start: instants, end: instants, label: texts }),
      }),
      fc.record({
        kind: fc.constant("placeHold" as const),
        hold: fc.record({ id: ids, resourceId: ids, start: instants, end: instants, expiresAt: instants }),
      }),
      fc.record({ kind: fc.constant("confirmHold" as const), bookingId: ids, holdId: ids, label: texts }),
      fc.record({ kind: fc.constant("deleteResource" as const), id: ids }),
    );
    fc.assert(
      fc.property(list, (commandList) => {
        expect(decodeCommands(encode(commandList))).toEqual(commandList);
      }),
      { numRuns: 300 },
    );
  });
});

/** Whether a command could ever be in a log: its numbers are in range. */
function valid(command: Command): boolean {
  const inRange = (instant: number) => instant >= 0 && instant <= MAX_INSTANT_MS;
  if (command.kind === "createResource" || command.kind === "updateResource") {
    return command.resource.capacity >= 1 && command.resource.bufferAfterMs >= 0;
  }
  const row =
    "rule" in command
      ? command.rule
      : "booking" in command
        ? command.booking
        : "hold" in command
          ? command.hold
          : null;
  return row === null || (inRange(row.start) && inRange(row.end));
}
