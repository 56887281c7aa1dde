/** What the cache of plans keeps within its bytes, and what it drops first. */

import { expect, test } from "bun:test";
import { controlPlan } from "../../src/sql/execution.ts";
import { PlanCache } from "../../src/sql/plan-cache.ts";

const plan = controlPlan("SELECT", () => "SELECT 0");
const planned = { plan, literalChecks: [] };

test("keeps within its bytes and drops first what was not used", () => {
  // Room for ten plans with keys of a few characters.
  const cache = new PlanCache(25_000);
  for (let i = 0; i < 8; i++) cache.add(`key ${i}`, planned);
  for (let i = 8; i < 200; i++) {
    expect(cache.find("key 0")?.plan).toBe(plan);
    cache.add(`key ${i}`, planned);
    expect(cache.size).toBeLessThanOrEqual(12);
  }
  expect(cache.find("key 0")?.plan).toBe(plan);
  expect(cache.find("key 1")).toBe(undefined);
  expect(cache.find("key 199")?.plan).toBe(plan);
});

test("does not keep what would fill it alone", () => {
  const cache = new PlanCache(25_000);
  cache.add("x".repeat(200), planned);
  expect(cache.size).toBe(0);
});
