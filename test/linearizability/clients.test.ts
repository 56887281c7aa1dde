/** A short run of clients against the real server, crashes included; `bun run linearize` is the long one. */

import { afterAll, expect, test } from "bun:test";
import { cleanUp, FROM_SOURCE, temporaryFolder } from "../server/harness.ts";
import { linearize } from "./campaign.ts";

afterAll(cleanUp);

test("what many clients are told has an order, also where their server is killed", async () => {
  const report = await linearize({
    seconds: 3,
    seed: 1,
    groups: 3,
    clients: 4,
    roundMs: 500,
    dataDir: temporaryFolder(),
    command: FROM_SOURCE,
  });
  expect(report.findings).toEqual([]);
  expect(report.answered).toBeGreaterThan(0);
  expect(report.crashes).toBeGreaterThan(0);
}, 30_000);
