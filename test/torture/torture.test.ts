/** A short torture; `bun run torture` is the long one. */

import { afterAll, expect, test } from "bun:test";
import { cleanUp, FROM_SOURCE } from "../server/harness.ts";
import { torture } from "./campaign.ts";

afterAll(cleanUp);

test("killed in some of its phases, nothing is found", async () => {
  const report = await torture({
    seconds: 4,
    seed: 1,
    program: FROM_SOURCE,
    ballast: 1000,
    print: () => undefined,
  });
  expect(report.findings).toEqual([]);
  expect(report.rounds).toBeGreaterThan(0);
  expect(report.acknowledged).toBeGreaterThan(0);
  expect(report.kills.size).toBeGreaterThan(0);
}, 30_000);
