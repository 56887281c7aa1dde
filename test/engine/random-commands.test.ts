/**
 * Random stories told to the engine and to the oracle: the same answers, the same rows, the same free times, and
 * the invariant, after every step.
 */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Command } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import {
  engineAvailability,
  errorOf,
  expectInvariant,
  expectSameAvailability,
  expectSameRows,
  expectVerdict,
  FreeTimes,
  judgeAll,
  rowsByWalking,
  rowsOfEngine,
} from "./comparison.ts";
import { Oracle } from "./oracle.ts";
import { allResourceIds, CLOCK_START, HORIZON, idOf, type Story, stories } from "./stories.ts";

/** Tells the story to both, calling `beforeStep` when the clock has moved and `afterStep` when they agreed. */
function tell(
  story: Story,
  afterStep: (engine: Engine, oracle: Oracle) => void,
  beforeStep: (engine: Engine, oracle: Oracle, commands: readonly Command[]) => void = () => undefined,
): void {
  const { enforceRulesByDefault } = story;
  const engine = new Engine({ enforceRulesByDefault });
  let oracle = new Oracle(enforceRulesByDefault);
  let clock = CLOCK_START;
  for (const step of story.steps) {
    clock += step.advanceMs;
    oracle.advance(clock);
    beforeStep(engine, oracle, step.commands);
    const { after, verdict } = judgeAll(oracle, step.commands);
    const error = errorOf(() => engine.execute(step.commands, clock));
    expectVerdict(error, verdict, step);
    oracle = after;
    expect(engine.now).toBe(oracle.now);
    afterStep(engine, oracle);
  }
}

describe("engine and contract", () => {
  test("agree on every answer, every row and every free instant", () => {
    fc.assert(
      fc.property(stories(), (story) => {
        tell(story, (engine, oracle) => {
          engine.expire(oracle.now);
          expectSameRows(engine, oracle);
          expectSameAvailability(engine, new FreeTimes(oracle, story.base));
        });
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test("no resource ever has more live footprints than its capacity", () => {
    fc.assert(
      fc.property(stories(60), (story) => {
        tell(story, (engine) =>
          expectInvariant(engine, Math.max(0, story.base - 3), story.base + HORIZON + 8),
        );
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test("agree on any window, any subset, any min_duration and any min_available", () => {
    const question = fc.record({
      subset: fc.uniqueArray(fc.nat({ max: allResourceIds.length - 1 }), { minLength: 1 }),
      unknown: fc.nat({ max: 3 }),
      from: fc.integer({ min: -3, max: HORIZON + 8 }),
      to: fc.integer({ min: -3, max: HORIZON + 8 }),
      minDurationMs: fc.nat({ max: 12 }),
      minAvailable: fc.option(fc.integer({ min: 1, max: 8 })),
    });
    fc.assert(
      fc.property(stories(25), fc.array(question, { minLength: 30, maxLength: 30 }), (story, questions) => {
        let last: { engine: Engine; oracle: Oracle } | null = null;
        tell(story, (engine, oracle) => {
          last = { engine, oracle };
        });
        if (last === null) return;
        const { engine, oracle } = last as { engine: Engine; oracle: Oracle };
        const times = new FreeTimes(oracle, story.base);
        for (const { subset, unknown, from, to, minDurationMs, minAvailable } of questions) {
          const ids = subset.map((n) => allResourceIds[n] ?? idOf(9, n));
          if (unknown === 0) ids.push(idOf(9, 1));
          const start = Math.max(times.from, story.base + from);
          const needed = minAvailable ?? ids.length;
          const answer = engineAvailability(engine, ids, start, story.base + to, minDurationMs, needed);
          expect(answer).toEqual(times.runs(ids, start, story.base + to, minDurationMs, needed));
        }
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test("a batch that fails leaves rows, ids and free times as they were, however far it came", () => {
    const poison: Command = { kind: "confirmHold", bookingId: idOf(3, 99), holdId: idOf(4, 99), label: null };
    fc.assert(
      fc.property(stories(30, 8), (story) => {
        const poisoned = (engine: Engine, oracle: Oracle, commands: readonly Command[]) => {
          engine.expire(oracle.now);
          const { from, to } = new FreeTimes(oracle, story.base);
          const state = () => ({
            rows: rowsOfEngine(engine),
            walked: rowsByWalking(engine),
            free: allResourceIds.map((id) => engineAvailability(engine, [id], from, to)),
          });
          const before = state();
          const batch = [...commands, poison];
          expectVerdict(
            errorOf(() => engine.execute(batch, oracle.now)),
            judgeAll(oracle, batch).verdict,
            batch,
          );
          expect(state()).toEqual(before);
          // A commit that could not be logged is taken back likewise.
          errorOf(() => engine.revert(engine.execute(commands, oracle.now)));
          expect(state()).toEqual(before);
        };
        tell(story, () => undefined, poisoned);
      }),
      { numRuns: 80 },
    );
  }, 60_000);
});
