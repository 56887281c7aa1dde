/**
 * The table `events` over the real log: what was heard is read again, once each and in order, whatever became of the
 * server between; what is gone is called gone. The disk is in memory, the lock a real file.
 */

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "../../src/engine/command.ts";
import { DeltatError } from "../../src/errors.ts";
import type { HistoryEvent } from "../../src/sql/event-history.ts";
import { TenantRegistry } from "../../src/tenants/registry.ts";
import type { Tenant } from "../../src/tenants/tenant.ts";
import { seededRandom } from "../seeded-random.ts";
import { MemoryFiles, systemError } from "../storage/memory-files.ts";
import { id, idOf, ManualScheduler, START_MS, settlePromises } from "./tenant-fixture.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const ROOT = "databases/db";

/** A server's database, and all that was heard on `deltat_events` since it was opened. */
interface Opened {
  readonly registry: TenantRegistry;
  readonly tenant: Tenant;
  readonly scheduler: ManualScheduler;
  readonly heard: string[];
}

interface OpenOptions {
  readonly historyBytes?: number;
  readonly segmentBytes?: number;
  readonly nowMs?: number;
}

function open(files: MemoryFiles, options: OpenOptions = {}): Opened {
  const dataDir = mkdtempSync(join(tmpdir(), "deltat-test-"));
  folders.push(dataDir);
  const scheduler = new ManualScheduler();
  scheduler.nowMs = options.nowMs ?? START_MS;
  const moved = files.under(dataDir);
  const registry = new TenantRegistry({
    dataDir,
    scheduler,
    autoCreate: true,
    enforceRulesByDefault: false,
    warn: () => {},
    log: {
      files: moved,
      segmentBytes: options.segmentBytes ?? 4096,
      blockingSyncLimitMs: Number.POSITIVE_INFINITY,
      nowMs: () => 0,
    },
    listFolders: () => ["db"].filter(() => moved.list(join(dataDir, ROOT)).length > 0),
    historyBytes: options.historyBytes ?? 0,
  });
  const tenant = registry.open("db");
  const heard: string[] = [];
  tenant.listen({ notify: (_, payload) => void heard.push(payload) }, "deltat_events");
  return { registry, tenant, scheduler, heard };
}

/** Commits commands as one transaction; nothing is durable before the turn ends. */
function commit({ tenant }: Opened, ...commands: readonly Command[]): void {
  const transaction = tenant.engine.begin();
  tenant.enter(transaction);
  try {
    for (const command of commands) tenant.engine.apply(transaction, command);
    tenant.commit(transaction);
  } catch (error) {
    tenant.rollback(transaction);
    if (!(error instanceof DeltatError)) throw error;
  }
}

function resource(n: number): Command {
  return {
    kind: "createResource",
    resource: {
      id: idOf(n),
      parentId: null,
      name: null,
      capacity: 1,
      bufferAfterMs: 0,
      enforceRules: null,
    },
  };
}

function booking(n: number, on = 1): Command {
  return {
    kind: "placeBooking",
    booking: {
      id: idOf(1000 + n),
      resourceId: idOf(on),
      start: n * 10,
      end: n * 10 + 5,
      label: null,
    },
  };
}

function hold(n: number, expiresAt: number): Command {
  return {
    kind: "placeHold",
    hold: {
      id: idOf(5000 + n),
      resourceId: idOf(1),
      start: 1e6 + n * 10,
      end: 1e6 + n * 10 + 5,
      expiresAt,
    },
  };
}

function read({ tenant }: Opened, from: number | null): HistoryEvent[] {
  const events: HistoryEvent[] = [];
  if (tenant.history === null) throw new Error("no history");
  const reader = tenant.history.read(from);
  for (let next = reader.next(); next.done !== true; next = reader.next()) {
    if (next.value !== null) events.push(next.value);
  }
  return events;
}

/** As they are heard on the channel. */
function shown({ seq, at, payload }: HistoryEvent): string {
  return `{"seq":${seq},"at":${at},"event":${payload}}`;
}

function refusal(opened: Opened, from: number | null): string {
  try {
    read(opened, from);
  } catch (error) {
    if (error instanceof DeltatError) return `${error.sqlState} ${error.message}`;
    throw error;
  }
  return "none";
}

async function checkpoint(opened: Opened): Promise<void> {
  let isOver = false;
  const done = opened.tenant.checkpoint().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    opened.scheduler.endTurn();
    await settlePromises();
  }
  await done;
}

/** Some change, most of which are possible. */
function anyCommand(random: () => number, now: number): Command {
  const n = Math.floor(random() * 12);
  const on = 1 + Math.floor(random() * 3);
  const bookingId = idOf(1000 + n);
  const span = { start: n * 10, end: n * 10 + 5 };
  switch (Math.floor(random() * 12)) {
    case 0:
      return resource(on);
    case 1:
      return { kind: "deleteResource", id: idOf(on) };
    case 2:
      return { kind: "cancelBooking", id: bookingId };
    case 3:
      return {
        kind: "moveBooking",
        booking: { id: bookingId, resourceId: idOf(on), ...span, label: "moved" },
      };
    case 4:
      return { kind: "confirmHold", bookingId: idOf(2000 + n), holdId: idOf(5000 + n), label: null };
    case 5:
      return { kind: "releaseHold", id: idOf(5000 + n) };
    case 6:
      return {
        kind: "addRule",
        rule: { id: idOf(8000 + n), resourceId: idOf(on), ...span, blocking: false },
      };
    case 7:
      return { kind: "removeRule", id: idOf(8000 + n) };
    case 8:
    case 9:
      return hold(n, now + Math.floor(random() * 40) - 5);
    default:
      return booking(n, on);
  }
}

test("what was heard is what is read, once each and in order, across snapshots, restarts and crashes", async () => {
  for (let seed = 1; seed <= 6; seed++) {
    const random = seededRandom(seed);
    let files = new MemoryFiles();
    const options = { historyBytes: seed % 2 === 0 ? 12_000 : 0, segmentBytes: 4096 };
    let opened = open(files, options);
    let heard: string[] = [];
    const all = (): string[] => [...heard, ...opened.heard];
    for (let step = 0; step < 3000; step++) {
      const { scheduler } = opened;
      scheduler.advanceTo(scheduler.nowMs + Math.floor(random() * 3));
      const count = random() < 0.8 ? 1 : 3;
      commit(opened, ...Array.from({ length: count }, () => anyCommand(random, scheduler.nowMs)));
      if (random() < 0.7) scheduler.endTurn();
      if (random() < 0.02) {
        await checkpoint(opened);
        scheduler.endTurn();
      }
      const fate = random();
      if (fate < 0.01) {
        // What was not durable is lost, and was not heard.
        heard = all();
        files = files.afterCrash(() => 0);
        opened = open(files, { ...options, nowMs: scheduler.nowMs });
      } else if (fate < 0.02) {
        await opened.registry.close();
        heard = all();
        opened = open(files, { ...options, nowMs: scheduler.nowMs });
      }
      if (step % 50 !== 0) continue;
      const kept = read(opened, null);
      expect(kept.map(shown)).toEqual(all().slice(all().length - kept.length));
      const oldest = all().length - kept.length + 1;
      const from = oldest + Math.floor(random() * (kept.length + 2));
      expect(read(opened, from).map(shown)).toEqual(all().slice(from - 1));
      if (oldest > 1) {
        expect(refusal(opened, oldest - 1)).toBe(`55000 events before seq ${oldest} are no longer kept`);
      }
    }
    all().forEach((text, at) => {
      expect(text).toStartWith(`{"seq":${at + 1},`);
    });
    expect(all().length).toBeGreaterThan(500);
  }
}, 60_000);

test("only what is durable is told, and nothing was lost that was not told yet", () => {
  const files = new MemoryFiles();
  const opened = open(files);
  commit(opened, resource(1), booking(1));
  expect(read(opened, 1)).toEqual([]);
  opened.scheduler.endTurn();
  expect(read(opened, 1).map(({ seq, kind }) => `${seq} ${kind}`)).toEqual([
    "1 ResourceCreated",
    "2 BookingConfirmed",
  ]);
  commit(opened, booking(2));
  expect(read(opened, 3)).toEqual([]);
  opened.scheduler.endTurn();
  expect(read(opened, 3).map(({ id: row, resourceId }) => [row, resourceId])).toEqual([[id(1002), id(1)]]);
});

test("a hold that expires while the disk is full gets its number with the next commit, and is told once", () => {
  const files = new MemoryFiles();
  const opened = open(files, { segmentBytes: 4096 });
  commit(opened, resource(1), hold(1, START_MS + 50));
  opened.scheduler.endTurn();
  files.fault = (operation, path) =>
    operation === "open" && path.includes(".new") ? systemError("ENOSPC") : null;
  for (let n = 0; n < 200; n++) commit(opened, booking(n));
  opened.scheduler.endTurn();
  const before = read(opened, 1).length;
  opened.scheduler.advanceTo(START_MS + 60);
  opened.scheduler.endTurn();
  expect(opened.tenant.engine.allocations.findHold(idOf(5001))).toBe(-1);
  expect(read(opened, 1)).toHaveLength(before);
  files.fault = () => null;
  commit(opened, resource(2));
  opened.scheduler.endTurn();
  const events = read(opened, 1);
  expect(events.slice(before).map(({ seq, kind, id: row }) => [seq, kind, row])).toEqual([
    [before + 1, "HoldReleased", id(5001)],
    [before + 2, "ResourceCreated", id(2)],
  ]);
  expect(opened.heard).toEqual(events.map(shown));
  const again = open(
    files.afterCrash(() => 0),
    { nowMs: START_MS + 60 },
  );
  expect(read(again, 1)).toEqual(events);
  commit(again, resource(3));
  again.scheduler.endTurn();
  expect(read(again, before + 3).map(({ seq }) => seq)).toEqual([before + 3]);
});

test("a reader near the head reads the end of the log only", () => {
  const files = new MemoryFiles();
  const opened = open(files, { segmentBytes: 1024 * 1024 });
  commit(opened, resource(1));
  for (let n = 0; n < 8000; n++) commit(opened, booking(n));
  opened.scheduler.endTurn();
  expect(read(opened, 1)).toHaveLength(8001);
  let readBytes = 0;
  const { read: readFile } = files;
  files.read = (fd, into, position) => {
    const count = readFile.call(files, fd, into, position);
    readBytes += count;
    return count;
  };
  // The first one finds its way through the segment; from then on its marks are known.
  expect(read(opened, 7990)).toHaveLength(12);
  readBytes = 0;
  expect(read(opened, 7995)).toHaveLength(7);
  expect(readBytes).toBeLessThanOrEqual(2 * 64 * 1024);
  for (let n = 8000; n < 8010; n++) commit(opened, booking(n));
  opened.scheduler.endTurn();
  readBytes = 0;
  expect(read(opened, 8002)).toHaveLength(10);
  expect(readBytes).toBeLessThanOrEqual(3 * 64 * 1024);
});

test("what a checkpoint removes while it is read is gone, and what stays is read on", async () => {
  const files = new MemoryFiles();
  const opened = open(files, { segmentBytes: 64 * 1024 });
  commit(opened, resource(1));
  for (let n = 0; n < 3000; n++) commit(opened, booking(n));
  opened.scheduler.endTurn();
  const reader = opened.tenant.history?.read(1);
  expect(reader?.next().value?.seq).toBe(1);
  await checkpoint(opened);
  const rest = (): void => {
    while (reader?.next().done === false);
  };
  expect(rest).toThrow("events before seq 3002 are no longer kept");
  expect(refusal(opened, 1)).toBe("55000 events before seq 3002 are no longer kept");
  expect(read(opened, 3002)).toEqual([]);
  expect(read(opened, null)).toEqual([]);
  commit(opened, booking(3000));
  opened.scheduler.endTurn();
  expect(read(opened, 3002).map(({ seq }) => seq)).toEqual([3002]);
  expect(refusal(opened, 3001)).toBe("55000 events before seq 3002 are no longer kept");
});

test("segments stay behind a snapshot as far as DELTAT_HISTORY_BYTES goes", async () => {
  for (const [historyBytes, oldest] of [
    [0, 1002],
    [1_000_000_000, 1],
  ] as const) {
    const opened = open(new MemoryFiles(), { segmentBytes: 16 * 1024, historyBytes });
    commit(opened, resource(1));
    for (let n = 0; n < 1000; n++) commit(opened, booking(n));
    opened.scheduler.endTurn();
    await checkpoint(opened);
    expect(read(opened, oldest).length).toBe(1002 - oldest);
  }
  const files = new MemoryFiles();
  const opened = open(files, { segmentBytes: 16 * 1024, historyBytes: 50_000 });
  commit(opened, resource(1));
  for (let n = 0; n < 2000; n++) commit(opened, booking(n));
  opened.scheduler.endTurn();
  await checkpoint(opened);
  const kept = read(opened, null);
  expect(kept.length).toBeGreaterThan(200);
  expect(kept.length).toBeLessThan(700);
  expect(files.allNames().filter((name) => name.endsWith(".log")).length).toBeLessThanOrEqual(5);
  expect(read(open(files.afterCrash(() => 0)), null)).toEqual(kept);
});

test("a commit that the disk has lost is damage, not a gap", () => {
  const files = new MemoryFiles();
  const opened = open(files, { segmentBytes: 4096 });
  commit(opened, resource(1));
  for (let n = 0; n < 100; n++) commit(opened, booking(n));
  opened.scheduler.endTurn();
  const path = files.allNames().find((name) => name.endsWith("0000000002.log")) ?? "";
  files.edit(path, (bytes) => bytes.fill(1, 2048, 2056));
  // It names the segment that is damaged, not the one behind it.
  expect(refusal(opened, 1)).toMatch(
    /^XX001 log segment \S+0000000002\.log is damaged at byte (19|20)\d\d: /,
  );
});

test("a log that has failed takes the numbers of what was not durable back, and goes on telling what was", () => {
  const files = new MemoryFiles();
  const opened = open(files, { segmentBytes: 64 * 1024 });
  commit(opened, resource(1), booking(1));
  opened.scheduler.endTurn();
  files.fault = (operation) => (operation === "sync" ? systemError("EIO") : null);
  commit(opened, booking(2));
  commit(opened, booking(3));
  opened.scheduler.endTurn();
  expect(opened.tenant.history?.lastSeq).toBe(2);
  expect(read(opened, 1).map(({ seq }) => seq)).toEqual([1, 2]);
  files.fault = () => null;
  const again = open(files.afterCrash(() => 0.99));
  commit(again, booking(4));
  again.scheduler.endTurn();
  expect(read(again, 1).map(({ seq, id: row }) => [seq, row])).toEqual([
    [1, id(1)],
    [2, id(1001)],
    [3, id(1004)],
  ]);
});
