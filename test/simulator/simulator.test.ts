/** The simulator over a few seeds, over what it once found, and over bugs that are put into the server on purpose. */

import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadParser } from "../../src/sql/parse/parser.ts";
import { campaign, play, shrink, storyOf } from "./campaign.ts";
import { DELIBERATE_BUGS } from "./deliberate-bugs.ts";
import { type Plan, planOf } from "./steps.ts";

const STEPS = 300;
const PAST_FAILURES = join(import.meta.dir, "past-failures");

beforeAll(loadParser);

describe("the simulator", () => {
  test("finds nothing in some seeds", () => {
    for (let seed = 1; seed <= 30; seed++)
      expect([seed, play(planOf(seed, STEPS)).failure]).toEqual([seed, null]);
  }, 60_000);

  test("does the same again from the same seed", () => {
    expect(storyOf(planOf(3, STEPS), null)).toEqual(storyOf(planOf(3, STEPS), null));
  });

  // Plans that once ended badly, as `bun run simulate` printed them.
  for (const name of readdirSync(PAST_FAILURES)) {
    test(`finds no more: ${name}`, () => {
      const plan = JSON.parse(readFileSync(join(PAST_FAILURES, name), "utf8")) as Plan;
      expect(play(plan).failure).toBeNull();
    });
  }
});

describe("a deliberate bug is found:", () => {
  for (const bug of DELIBERATE_BUGS) {
    test(bug.name, () => {
      let runs = 0;
      expect(campaign(bug.seed, STEPS, () => runs++ < 30, new Map(), bug)).not.toBeNull();
      expect(play(planOf(bug.seed, STEPS)).failure).toBeNull();
    }, 30_000);
  }

  test("in the same way again, and cut down to a short story", () => {
    const [bug] = DELIBERATE_BUGS;
    if (bug === undefined) throw new Error("there are no deliberate bugs");
    const plan = planOf(bug.seed, STEPS);
    const story = storyOf(plan, bug);
    expect(story.at(-1)).toStartWith("WRONG: ");
    expect(storyOf(plan, bug)).toEqual(story);
    const short = shrink(plan, bug, () => true);
    expect(short.steps.length).toBeLessThan(15);
    const printed: Plan = JSON.parse(JSON.stringify(short));
    expect(storyOf(printed, bug)).toEqual(storyOf(short, bug));
    expect(play(printed, bug).failure).not.toBeNull();
    expect(play(printed).failure).toBeNull();
  }, 30_000);
});
