/** The simulator over a few seeds, over what it once found, and over bugs that are put into the server on purpose. */

import { beforeAll, describe, expect, test } from "bun:test";
import { loadParser } from "../../src/sql/parser.ts";
import { campaign, play, shrink } from "./campaign.ts";
import { DELIBERATE_BUGS } from "./deliberate-bugs.ts";
import { PAST_FAILURES } from "./past-failures.ts";
import { planOf } from "./steps.ts";

beforeAll(loadParser);

describe("the simulator", () => {
  test("finds nothing in some seeds", () => {
    for (let seed = 1; seed <= 15; seed++) expect(play(planOf(seed, 300)).failure).toBeNull();
  }, 30_000);

  test("does the same again from the same seed", () => {
    const [first, second] = [play(planOf(3, 300)), play(planOf(3, 300))];
    expect([...second.counts]).toEqual([...first.counts]);
  });

  for (const { what, plan } of PAST_FAILURES) {
    test(`finds no more: ${what}`, () => {
      expect(play(plan).failure).toBeNull();
    });
  }
});

describe("a deliberate bug is found", () => {
  for (const bug of DELIBERATE_BUGS) {
    test(bug.name, () => {
      let runs = 0;
      const found = campaign(1, 300, () => runs++ < 400, new Map(), bug);
      expect(found).not.toBeNull();
    }, 30_000);
  }

  test("and cut down to a short story", () => {
    const [bug] = DELIBERATE_BUGS;
    if (bug === undefined) throw new Error("there are no deliberate bugs");
    const plan = planOf(1, 300);
    const short = shrink(plan, bug, () => true);
    expect(short.steps.length).toBeLessThan(15);
    expect(play(short, bug).failure).not.toBeNull();
    expect(play(short).failure).toBeNull();
  }, 30_000);
});
