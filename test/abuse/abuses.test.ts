/**
 * A few abuses for half a second each, beside a client that has to be served: every statement and every newcomer. How
 * quickly is for `bun run abuse` to tell.
 */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { cleanUp, type ServerProcess, startServer } from "../server/harness.ts";
import { runAbuser } from "./abuser-process.ts";
import { SETTINGS } from "./abuses.ts";
import { WellBehaved } from "./well-behaved.ts";

const SECONDS = 0.5;

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer({ settings: SETTINGS });
});

afterAll(async () => {
  expect(server.complaints).toBe("");
  await cleanUp();
});

test.each([
  ["silent-sockets", /FATAL 53300/],
  ["half-startups", /FATAL 53300/],
  ["cancel-flood", /cancel requests/],
  ["announced-messages", /^$/],
  ["deep-expressions", /54000 limit exceeded/],
  ["pipelines", /statements/],
  ["staged-1000", /statements/],
])(
  "beside %s others are served",
  async (name, told) => {
    const client = await WellBehaved.start(server.port);
    const answer = await runAbuser(name, server.port, SECONDS, () => client.take());
    await client.caughtUp();
    const { latencies } = client.take();
    await client.stop();
    expect(client.failures).toEqual([]);
    expect(latencies.length).toBeGreaterThan(0);
    expect(answer).toMatch(told);
  },
  60_000,
);
