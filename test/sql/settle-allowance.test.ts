/** How long changes wait for paused queries, at once and in the long run. */

import { expect, test } from "bun:test";
import { MAX_SETTLE_MS, SETTLE_SHARE } from "../../src/limits.ts";
import { SettleAllowance } from "../../src/sql/relational/settle-allowance.ts";

test("changes wait for queries a while at once, and a share of the time in the long run", () => {
  let nowMs = 0;
  const allowance = new SettleAllowance(() => nowMs);
  const granted = (share = 1, usedShare = 1) => {
    let ms = 0;
    allowance.use(share, (deadlineMs) => {
      ms = deadlineMs - nowMs;
      nowMs += ms * usedShare;
    });
    return ms;
  };
  expect(granted(1, 0)).toBe(MAX_SETTLE_MS);
  expect(granted(0.5)).toBe(MAX_SETTLE_MS / 2);
  expect(granted()).toBe(MAX_SETTLE_MS / 2);
  expect(granted()).toBe(0);
  nowMs += 1000;
  expect(granted()).toBeCloseTo(1000 * SETTLE_SHARE);
  nowMs += MAX_SETTLE_MS / SETTLE_SHARE + 1;
  expect(granted()).toBe(MAX_SETTLE_MS);
});
