/**
 * The log is cut short without losing anything: the process dies at every step of a checkpoint, the power goes, and
 * what was acknowledged is there. The disk is in memory, the lock a real file.
 */

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { snapshotLsn } from "../../src/storage/snapshot-file.ts";
import { TenantRegistry } from "../../src/tenants/registry.ts";
import type { Tenant } from "../../src/tenants/tenant.ts";
import { MemoryFiles, systemError } from "../storage/memory-files.ts";
import { idOf, ManualScheduler, settlePromises } from "./tenant-fixture.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const ROOT = "databases/db";

interface Opened {
  readonly registry: TenantRegistry;
  readonly tenant: Tenant;
  readonly scheduler: ManualScheduler;
  readonly warnings: string[];
}

function open(files: MemoryFiles, snapshotBytes = 0): Opened {
  const dataDir = mkdtempSync(join(tmpdir(), "deltat-test-"));
  folders.push(dataDir);
  const scheduler = new ManualScheduler();
  const warnings: string[] = [];
  const moved = files.under(dataDir);
  const registry = new TenantRegistry({
    dataDir,
    scheduler,
    autoCreate: true,
    enforceRulesByDefault: false,
    warn: (message) => void warnings.push(message),
    log: { files: moved, segmentBytes: 4096, blockingSyncLimitMs: Number.POSITIVE_INFINITY },
    listFolders: () => ["db"].filter(() => moved.list(join(dataDir, ROOT)).length > 0),
    snapshotBytes,
  });
  return { registry, tenant: registry.open("db"), scheduler, warnings };
}

/** Books hour `n` and makes it durable. */
function book({ tenant, scheduler }: Opened, n: number): void {
  const resourceId = idOf(1);
  const transaction = tenant.engine.begin();
  tenant.enter(transaction);
  if (tenant.engine.resources.find(resourceId) < 0) {
    tenant.engine.apply(transaction, {
      kind: "createResource",
      resource: {
        id: resourceId,
        parentId: null,
        name: null,
        capacity: 1,
        bufferAfterMs: 0,
        enforceRules: null,
      },
    });
  }
  const booking = {
    id: idOf(1000 + n),
    resourceId,
    start: n * 10,
    end: n * 10 + 5,
    label: `hour ${n}`,
  };
  tenant.engine.apply(transaction, { kind: "placeBooking", booking });
  const lsn = tenant.commit(transaction);
  tenant.whenDurable(lsn, { onDurable: () => undefined });
  scheduler.endTurn();
}

function bookings({ tenant }: Opened): number {
  return tenant.engine.allocations.bookingCount;
}

async function checkpointed(opened: Opened): Promise<string> {
  let outcome = "pending";
  opened.tenant.checkpoint().then(
    () => {
      outcome = "done";
    },
    (error: unknown) => {
      outcome = error instanceof Error ? error.message : String(error);
    },
  );
  for (let turn = 0; turn < 40 && outcome === "pending"; turn++) {
    opened.scheduler.endTurn();
    await settlePromises();
  }
  return outcome;
}

function namesOf(files: MemoryFiles): string[] {
  return files.allNames().map((path) => path.split("/").at(-1) ?? "");
}

test("after a checkpoint there is one snapshot and the log behind it, and all of it opens again", async () => {
  const files = new MemoryFiles();
  const first = open(files);
  for (let n = 0; n < 200; n++) book(first, n);
  const before = namesOf(files).length;
  expect(before).toBeGreaterThan(3);
  expect(await checkpointed(first)).toBe("done");
  const names = namesOf(files);
  expect(names.filter((name) => snapshotLsn(name) !== null)).toEqual(["0000000000000200.snapshot"]);
  expect(names.length).toBeLessThanOrEqual(3);
  for (let n = 200; n < 230; n++) book(first, n);
  const second = open(files.afterCrash(() => 0));
  expect(bookings(second)).toBe(230);
  book(second, 230);
  expect(await checkpointed(second)).toBe("done");
  expect(await checkpointed(second)).toBe("done");
  await second.registry.close();
  expect(second.warnings).toEqual([]);
});

test("a log that has grown enough is cut short by itself, and stays bounded", async () => {
  const files = new MemoryFiles();
  const opened = open(files, 20_000);
  let most = 0;
  for (let n = 0; n < 3000; n++) {
    book(opened, n);
    if (n % 20 !== 0) continue;
    for (let turn = 0; turn < 6; turn++) {
      opened.scheduler.endTurn();
      await settlePromises();
    }
    most = Math.max(most, namesOf(files).length);
  }
  expect(most).toBeLessThan(80);
  expect(namesOf(files).some((name) => snapshotLsn(name) !== null)).toBe(true);
  expect(bookings(open(files.afterCrash(() => 0)))).toBe(3000);
  expect(opened.warnings).toEqual([]);
});

test("wherever the process dies and the power goes, what was acknowledged is there", async () => {
  let random = 7;
  const next = (): number => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    return random / 2 ** 32;
  };
  let steps = 0;
  for (let dieAt = 1; ; dieAt++) {
    const files = new MemoryFiles();
    const opened = open(files);
    for (let n = 0; n < 60; n++) book(opened, n);
    // A checkpoint that went well before: the second has an old snapshot to replace.
    if (dieAt % 2 === 0) expect(await checkpointed(opened)).toBe("done");
    for (let n = 60; n < 90; n++) book(opened, n);
    let operations = 0;
    files.fault = () => (++operations >= dieAt ? systemError("EIO") : null);
    const outcome = await checkpointed(opened);
    files.fault = () => null;
    for (let times = 0; times < 3; times++) {
      const again = open(files.afterCrash(next));
      expect([dieAt, bookings(again)]).toEqual([dieAt, 90]);
      expect(again.tenant.engine.allocations.findBooking(idOf(1089))).toBeGreaterThanOrEqual(0);
      book(again, 90);
      expect(await checkpointed(again)).toBe("done");
      expect(bookings(again)).toBe(91);
    }
    steps = operations;
    if (outcome === "done" && operations < dieAt) break;
  }
  expect(steps).toBeGreaterThan(15);
}, 60_000);

test("a checkpoint that fails leaves the log as it was, and the next one works", async () => {
  const files = new MemoryFiles();
  const opened = open(files);
  for (let n = 0; n < 50; n++) book(opened, n);
  files.fault = (operation, path) =>
    operation === "write" && path.includes(".snapshot") ? systemError("ENOSPC") : null;
  expect(await checkpointed(opened)).toStartWith("disk full: could not write");
  book(opened, 50);
  files.fault = () => null;
  expect(bookings(open(files.afterCrash(() => 0)))).toBe(51);
  expect(await checkpointed(opened)).toBe("done");
  expect(bookings(open(files.afterCrash(() => 0)))).toBe(51);
});

test("a folder that cannot be synced after a segment was removed is told as any failure of the disk", async () => {
  const files = new MemoryFiles();
  const opened = open(files);
  for (let n = 0; n < 50; n++) book(opened, n);
  let removed = false;
  files.fault = (operation, path) => {
    removed ||= operation === "remove" && path.endsWith(".log");
    return removed && operation === "syncFolder" ? systemError("EIO") : null;
  };
  expect(await checkpointed(opened)).toStartWith("could not sync ");
});
