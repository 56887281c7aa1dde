/** Each target for a fixed number of cases of one seed; every kept case; and faults that the targets must find. */

import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TARGETS, targetNamed } from "./targets.ts";

/** Found once, and mended: `<target>-<what it was>.json`. */
const FOUND = join(import.meta.dir, "found");

const SEED = 20_260_101;
const CASES: Readonly<Record<string, number>> = {
  copy: 400,
  decoder: 5000,
  log: 200,
  opening: 60,
  recall: 60,
  regex: 1500,
  scram: 1500,
  session: 100,
  snapshot: 300,
  sql: 40,
  statements: 400,
  values: 1500,
};

afterAll(async () => {
  for (const target of TARGETS) await target.close();
});

describe("a fixed seed finds nothing", () => {
  test.each(TARGETS.map((target) => [target.name, target] as const))("%s", async (name, target) => {
    const count = CASES[name] ?? 0;
    const outcome = await target.run({ seed: SEED, from: 0, count, deadlineMs: Number.POSITIVE_INFINITY });
    expect(outcome).toEqual({ cases: count, findings: [] });
    expect(count).toBeGreaterThan(0);
  });
});

describe("what was found stays mended", () => {
  for (const file of readdirSync(FOUND)
    .filter((name) => name.endsWith(".json"))
    .sort()) {
    test(file, async () => {
      const target = targetNamed(file.slice(0, file.indexOf("-")));
      expect(await target.replay(readFileSync(join(FOUND, file), "utf8"))).toBeNull();
    });
  }
});
