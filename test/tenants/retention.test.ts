/** Bookings that ended long enough ago are dropped, and no other, not a millisecond earlier. */

import { expect, test } from "bun:test";
import {
  RETENTION_BOOKINGS_PER_COMMIT,
  RETENTION_BOOKINGS_PER_STEP,
  RETENTION_IDLE_MS,
  RETENTION_PAUSE_MS,
  RETENTION_STEP_MS,
} from "../../src/limits.ts";
import { MemoryFiles } from "../storage/memory-files.ts";
import { book, createResource, idOf, START_MS, TestTenant } from "./tenant-fixture.ts";

const DAY = 86_400_000;

/** A tenant with resources 1 and 2 that take many at once, and these bookings on resource 1: id, start, end. */
function tenantWith(bookings: readonly (readonly [n: number, start: number, end: number])[]): TestTenant {
  const opened = new TestTenant();
  const { tenant } = opened;
  const transaction = tenant.engine.begin();
  tenant.enter(transaction);
  for (const n of [1, 2]) {
    const resource = {
      id: idOf(n),
      parentId: null,
      name: null,
      capacity: 10_000,
      bufferAfterMs: 0,
      enforceRules: null,
    };
    tenant.engine.apply(transaction, { kind: "createResource", resource });
  }
  for (const [n, start, end] of bookings) {
    const booking = { id: idOf(n), resourceId: idOf(1), start, end, label: null };
    tenant.engine.apply(transaction, { kind: "placeBooking", booking });
  }
  tenant.commit(transaction);
  return opened;
}

const isThere = ({ tenant }: TestTenant, n: number): boolean =>
  tenant.engine.allocations.findBooking(idOf(n)) >= 0;

test("what ended that long ago goes at that very time, what has not ended or not long enough stays", async () => {
  const opened = tenantWith([
    [10, 0, START_MS - DAY],
    [11, 0, START_MS - DAY + 1],
    [12, 0, START_MS + DAY],
    [13, START_MS - 2 * DAY, START_MS - DAY - 1],
    [14, START_MS, START_MS + 1],
  ]);
  const ear = opened.listen(1);
  opened.tenant.retain(DAY, () => {});
  opened.scheduler.advanceTo(START_MS);
  opened.scheduler.advanceTo(START_MS + 50);
  await opened.syncAll();
  expect([10, 11, 12, 13, 14].map((n) => isThere(opened, n))).toEqual([false, false, true, false, true]);
  opened.scheduler.advanceTo(START_MS + DAY + RETENTION_IDLE_MS);
  await opened.syncAll();
  expect([12, 14].map((n) => isThere(opened, n))).toEqual([true, false]);
  // Nobody is told: it is no cancellation.
  expect(ear.take()).toEqual([]);
  await opened.close();
});

test("a client waits for the disk where a commit is its own, and never for what retention drops", async () => {
  const opened = new TestTenant(new MemoryFiles(), { blockingSyncLimitMs: Number.POSITIVE_INFINITY });
  const { log, scheduler, tenant } = opened;
  const client = opened.connect();
  client.query(createResource(1));
  client.query(book(10, 1, 0, START_MS - DAY));
  scheduler.endTurn();
  expect(log.durableLsn).toBe(2);
  tenant.retain(DAY, () => {});
  scheduler.advanceTo(START_MS + RETENTION_PAUSE_MS);
  scheduler.endTurn();
  expect([isThere(opened, 10), log.durableLsn, log.appendedLsn]).toEqual([false, 2, 3]);
  await opened.syncAll();
  expect(log.durableLsn).toBe(3);
  await opened.close();
});

test("not a millisecond earlier", async () => {
  const end = START_MS + 100_000;
  const opened = tenantWith([[10, 0, end]]);
  opened.tenant.retain(DAY, () => {});
  opened.scheduler.advanceTo(end + DAY - 1);
  expect(isThere(opened, 10)).toBe(true);
  opened.scheduler.advanceTo(end + DAY + 2 * RETENTION_IDLE_MS);
  expect(isThere(opened, 10)).toBe(false);
  await opened.syncAll();
  await opened.close();
});

test("many that begin at one instant go in steps as bounded as any", async () => {
  const many = Array.from({ length: 5 * RETENTION_BOOKINGS_PER_STEP }, (_, n) => [1000 + n, 10, 20] as const);
  const opened = tenantWith(many);
  const { tenant, scheduler } = opened;
  tenant.retain(0, () => {});
  let left = tenant.engine.allocations.bookingCount;
  for (let at = START_MS; left > 0 && at < START_MS + 1000; at += RETENTION_PAUSE_MS) {
    scheduler.advanceTo(at);
    expect(left - tenant.engine.allocations.bookingCount).toBeLessThanOrEqual(RETENTION_BOOKINGS_PER_STEP);
    left = tenant.engine.allocations.bookingCount;
  }
  expect(left).toBe(0);
  await opened.syncAll();
  await opened.close();
});

test("a step that takes its time ends behind its first commit", async () => {
  const many = Array.from({ length: RETENTION_BOOKINGS_PER_STEP }, (_, n) => [1000 + n, 10, 20] as const);
  const opened = tenantWith(many);
  const { tenant, scheduler } = opened;
  let elapsedMs = 0;
  scheduler.stopwatchMs = () => {
    elapsedMs += RETENTION_STEP_MS;
    return elapsedMs;
  };
  tenant.retain(0, () => {});
  scheduler.advanceTo(START_MS + RETENTION_PAUSE_MS);
  const { bookingCount } = tenant.engine.allocations;
  expect(bookingCount).toBe(RETENTION_BOOKINGS_PER_STEP - RETENTION_BOOKINGS_PER_COMMIT);
  await opened.syncAll();
  await opened.close();
});

test("many go in steps that are bounded, behind others that stay, and the log has it", async () => {
  const count = RETENTION_BOOKINGS_PER_STEP * 3 + 7;
  const old = Array.from({ length: count }, (_, n) => [1000 + n, 10 + n, 20 + n] as const);
  const long = Array.from({ length: 2_500 }, (_, n) => [4000 + n, 5, START_MS + DAY] as const);
  const opened = tenantWith([...long, ...old]);
  const before = opened.log.appendedLsn;
  opened.tenant.retain(0, () => {});
  opened.scheduler.advanceTo(START_MS + 5_000);
  await opened.syncAll();
  expect(opened.tenant.engine.allocations.bookingCount).toBe(long.length);
  expect(opened.log.appendedLsn - before).toBeGreaterThanOrEqual(4);
  await opened.close();
  const again = new TestTenant(opened.files, {}, START_MS + 6_000);
  expect(again.tenant.engine.allocations.bookingCount).toBe(long.length);
  await again.close();
});

test("without retention nothing is ever dropped, and a step that fails is tried again", async () => {
  const opened = tenantWith([[10, 0, 1]]);
  opened.scheduler.advanceTo(START_MS + 1000 * DAY);
  expect(isThere(opened, 10)).toBe(true);
  const warnings: string[] = [];
  opened.tenant.retain(DAY, (message) => void warnings.push(message));
  const { commit } = opened.tenant;
  opened.tenant.commit = () => {
    throw new Error("no room");
  };
  opened.scheduler.advanceTo(START_MS + 1000 * DAY + 100);
  expect(isThere(opened, 10)).toBe(true);
  expect(warnings[0]).toContain("no room");
  opened.tenant.commit = commit;
  opened.scheduler.advanceTo(START_MS + 1000 * DAY + 3 * RETENTION_IDLE_MS);
  expect(isThere(opened, 10)).toBe(false);
  await opened.syncAll();
  await opened.close();
});
