/** The events of a commit are told from its bytes as listeners heard them, and their count is what was counted. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter } from "../../src/bytes.ts";
import { decodeCommands, encodeCommand, encodeNote, firstEventOf } from "../../src/engine/codec.ts";
import { Engine } from "../../src/engine/engine.ts";
import { countEvents, eventsOf, noticesOf } from "../../src/engine/events.ts";
import { effectsOfCommit, encodeNotes } from "../../src/engine/events-of-commit.ts";
import type { Change } from "../../src/engine/transaction.ts";
import { CLOCK_START, stories } from "./stories.ts";

/** A commit as the tenant writes it. */
function encode(changes: readonly Change[], expired: readonly Change[] = []): Uint8Array {
  const out = new ByteWriter();
  for (const change of expired) encodeNotes(out, change);
  for (const change of changes) {
    encodeCommand(out, change.command);
    encodeNotes(out, change);
  }
  return out.bytes.slice(0, out.length);
}

function eventsOfCommit(bytes: Uint8Array, at: number) {
  return [...effectsOfCommit(bytes, at)].flatMap(noticesOf);
}

test("whatever happens, the bytes of a commit tell its events, and replay reads past what only they need", () => {
  let told = 0;
  fc.assert(
    fc.property(stories(), ({ steps, enforceRulesByDefault }) => {
      const engine = new Engine({ enforceRulesByDefault });
      const replayed = new Engine({ enforceRulesByDefault });
      let clock = CLOCK_START;
      const heard: string[] = [];
      const read: string[] = [];
      for (const { advanceMs, commands } of steps) {
        clock += advanceMs;
        engine.expire(clock);
        const expired = engine.takeExpired();
        heard.push(...eventsOf(engine.resources, expired).map(({ payload }) => payload));
        let changes: readonly Change[] = [];
        try {
          changes = engine.execute(commands, clock);
        } catch {
          // Refused: nothing happened.
        }
        heard.push(...eventsOf(engine.resources, changes).map(({ payload }) => payload));
        engine.countEvents([...expired, ...changes]);
        const bytes = encode(changes, expired);
        const notices = eventsOfCommit(bytes, engine.now);
        read.push(...notices.map(({ payload }) => JSON.stringify(payload)));
        expect(notices.length).toBe(countEvents(expired) + countEvents(changes));
        expect(decodeCommands(bytes)).toEqual(changes.map(({ command }) => command));
        replayed.replay(decodeCommands(bytes), engine.now);
      }
      expect(read).toEqual(heard);
      told += read.length;
      expect(engine.eventCount).toBe(heard.length);
      expect(replayed.eventCount).toBe(heard.length);
    }),
    { numRuns: 200 },
  );
  expect(told).toBeGreaterThan(1000);
});

test("a commit says the number of its first event, and replay counts on from there", () => {
  const out = new ByteWriter();
  encodeNote(out, { kind: "firstEvent", seq: 2 ** 40 });
  const bytes = out.bytes.slice(0, out.length);
  expect(firstEventOf(bytes)).toBe(2 ** 40);
  expect(decodeCommands(bytes)).toEqual([]);
  expect(eventsOfCommit(bytes, 5)).toEqual([]);
  expect(firstEventOf(new Uint8Array(0))).toBeNull();
  const engine = new Engine();
  engine.replay([], 5, firstEventOf(bytes));
  expect(engine.eventCount).toBe(2 ** 40 - 1);
});

test("an old commit, which has no notes, is not taken for one", () => {
  const out = new ByteWriter();
  encodeCommand(out, { kind: "cancelBooking", id: { w0: 1, w1: 2, w2: 3, w3: 4 } });
  expect(() => eventsOfCommit(out.bytes.slice(0, out.length), 0)).toThrow("lacks the notes");
});
