/** What the log promises while it runs: order, group commit, segments, faults of the disk, both ways to sync. */

import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { localFiles } from "../../src/storage/files.ts";
import { appendCommit, bodyOf, FOLDER, lsns, openLog, range } from "./log-fixture.ts";
import { MemoryFiles, systemError } from "./memory-files.ts";

function sqlStateOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as { sqlState: string }).sqlState;
  }
  return "nothing thrown";
}

describe("appending and reading back", () => {
  test("commits come back in order with their instants and bodies", async () => {
    const files = new MemoryFiles();
    const { log, durable } = openLog(files);
    expect([log.appendedLsn, log.durableLsn]).toEqual([0, 0]);
    for (let i = 0; i < 10; i++) appendCommit(log, i, 500 + i);
    expect([log.appendedLsn, log.durableLsn]).toEqual([10, 0]);
    log.flush();
    expect(log.durableLsn).toBe(10);
    expect(durable).toEqual([10]);
    await log.close();

    const again = openLog(files);
    expect(again.commits).toEqual(
      range(1, 10).map((lsn) => ({ lsn, at: 499 + lsn, body: bodyOf(lsn, lsn - 1) })),
    );
    expect(again.cuts).toEqual([]);
    expect(appendCommit(again.log, 5)).toBe(11);
  });

  test("a group is one sync, and a flush of nothing is none", () => {
    const files = new MemoryFiles();
    const { log, durable } = openLog(files);
    const before = files.syncCount;
    for (let i = 0; i < 20; i++) appendCommit(log, 8);
    log.flush();
    log.flush();
    expect(files.syncCount - before).toBe(1);
    expect(durable).toEqual([20]);
  });

  test("a commit that was begun but not appended leaves nothing", async () => {
    const files = new MemoryFiles();
    const { log } = openLog(files);
    log.begin().raw(bodyOf(9, 100));
    appendCommit(log, 10);
    log.begin().raw(bodyOf(9, 100));
    log.flush();
    appendCommit(log, 11);
    await log.close();
    expect(openLog(files).commits.map((commit) => commit.body)).toEqual([bodyOf(1, 10), bodyOf(2, 11)]);
  });

  test("any sizes, groups and reopenings give back every commit", async () => {
    const step = fc.record({ length: fc.nat(9000), flush: fc.boolean(), reopen: fc.nat(9) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const files = new MemoryFiles();
        let { log } = openLog(files);
        for (const { length, flush, reopen } of steps) {
          appendCommit(log, length);
          if (flush) log.flush();
          if (reopen === 0) {
            await log.close();
            log = openLog(files).log;
          }
        }
        await log.close();
        const { commits, cuts } = openLog(files);
        expect(cuts).toEqual([]);
        expect(commits.map((commit) => commit.body)).toEqual(
          steps.map(({ length }, i) => bodyOf(i + 1, length)),
        );
      }),
      { numRuns: 60, seed: 20260 },
    );
  });

  test("it works on the real file system", async () => {
    const parent = mkdtempSync(join(tmpdir(), "deltat-log-"));
    try {
      const folder = join(parent, "a", "b");
      const { log } = openLog(localFiles, { folder });
      for (let i = 0; i < 100; i++) {
        appendCommit(log, 200);
        log.flush();
      }
      await log.close();
      expect(readdirSync(folder).sort().slice(0, 2)).toEqual(["0000000001.log", "0000000002.log"]);
      const again = openLog(localFiles, { folder });
      expect(lsns(again.commits)).toEqual(range(1, 100));
      await again.log.close();
    } finally {
      rmSync(parent, { recursive: true });
    }
  });
});

describe("segments", () => {
  test("the log goes on in the next one when one is full, whether it was prepared in time or not", async () => {
    for (const waits of [true, false]) {
      const files = new MemoryFiles();
      const { log } = openLog(files);
      for (let i = 0; i < 200; i++) {
        appendCommit(log, 100);
        if (i % 7 === 0) log.flush();
        if (waits) for (let turn = 0; turn < 8; turn++) await Promise.resolve();
      }
      log.flush();
      expect(log.durableLsn).toBe(200);
      await log.close();
      expect(files.list(FOLDER).filter((name) => !name.endsWith(".log"))).toEqual([]);
      const again = openLog(files);
      expect(lsns(again.commits)).toEqual(range(1, 200));
    }
  });

  test("a frame larger than a segment gets a segment of its own", async () => {
    const files = new MemoryFiles();
    const { log } = openLog(files);
    for (const length of [20_000, 10, 3000, 50_000, 10, 60_000]) {
      appendCommit(log, length);
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    }
    log.flush();
    await log.close();
    const again = openLog(files);
    expect(again.commits.map((commit) => commit.body.length)).toEqual([20_000, 10, 3000, 50_000, 10, 60_000]);
  });

  test("replay may begin after the lsn of a snapshot, and then old segments may be gone", async () => {
    const files = new MemoryFiles();
    const { log } = openLog(files);
    for (let i = 0; i < 100; i++) appendCommit(log, 200);
    await log.close();
    expect(lsns(openLog(files, { afterLsn: 60 }).commits)).toEqual(range(61, 100));
    files.remove(`${FOLDER}/0000000001.log`);
    files.remove(`${FOLDER}/0000000002.log`);
    expect(lsns(openLog(files, { afterLsn: 60 }).commits)).toEqual(range(61, 100));
    expect(sqlStateOf(() => openLog(files))).toBe("XX001");
    expect(() => openLog(files, { afterLsn: 3 })).toThrow(/the commits from lsn 4 on are needed/);
    expect(() => openLog(files, { afterLsn: 101 })).toThrow(/ends at lsn 100, yet a snapshot of lsn 101/);
    expect(() => openLog(new MemoryFiles(), { afterLsn: 5 })).toThrow(/holds no log segment/);
  });
});

describe("a disk that fails", () => {
  test("a full disk refuses the commit that needs a segment, and only that one", async () => {
    const files = new MemoryFiles();
    const { log } = openLog(files);
    appendCommit(log, 3900);
    log.flush();
    files.fault = (operation, path) =>
      operation === "write" && path.includes(".new") ? systemError("ENOSPC") : null;
    for (let i = 0; i < 3; i++) expect(sqlStateOf(() => appendCommit(log, 500))).toBe("53100");
    expect([log.appendedLsn, log.failure]).toEqual([1, null]);
    files.fault = () => null;
    expect(appendCommit(log, 500)).toBe(2);
    await log.close();
    expect(lsns(openLog(files).commits)).toEqual([1, 2]);
  });

  test("a full disk found in the background shows only when the segment is needed", async () => {
    const files = new MemoryFiles();
    const { log } = openLog(files);
    files.fault = (operation, path) =>
      operation === "write" && path.includes(".new") ? systemError("ENOSPC") : null;
    for (let i = 0; i < 3; i++) {
      appendCommit(log, 900);
      log.flush();
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    }
    expect(log.durableLsn).toBe(3);
    expect(sqlStateOf(() => appendCommit(log, 1200))).toBe("53100");
    files.fault = () => null;
    expect(appendCommit(log, 1200)).toBe(4);
    await log.close();
    expect(lsns(openLog(files).commits)).toEqual(range(1, 4));
  });

  for (const operation of ["write", "sync"] as const) {
    for (const blockingSyncLimitMs of [Number.POSITIVE_INFINITY, -1]) {
      const way = blockingSyncLimitMs < 0 ? "in the background" : "blocking";
      test(`a failed ${operation} (${way}) stops the log for good`, async () => {
        const files = new MemoryFiles();
        const { log, durable } = openLog(files, { blockingSyncLimitMs });
        appendCommit(log, 100);
        files.fault = (failing) => (failing === operation ? systemError("EIO") : null);
        log.flush();
        for (let turn = 0; turn < 8; turn++) await Promise.resolve();
        expect(durable).toEqual([0]);
        expect(log.failure?.message).toMatch(/the log has failed: could not .*0000000001.log: EIO/);
        files.fault = () => null;
        expect(sqlStateOf(() => appendCommit(log, 100))).toBe("58030");
        log.flush();
        expect([log.appendedLsn, log.durableLsn]).toEqual([1, 0]);
        await expect(log.close()).rejects.toThrow(/the log has failed/);
      });
    }
  }

  test("what the system refuses at opening is named with its path", async () => {
    const files = new MemoryFiles();
    await openLog(files).log.close();
    for (const operation of ["list", "open", "read", "sync"] as const) {
      files.fault = (failing) => (failing === operation ? systemError("EACCES") : null);
      expect(sqlStateOf(() => openLog(files))).toBe("58030");
      expect(() => openLog(files)).toThrow(/\/data\/tenant.*EACCES/);
    }
  });
});

describe("syncing in the background", () => {
  test("one sync is in flight, and what is appended meanwhile is the next group", async () => {
    const files = new MemoryFiles();
    files.holdSyncs = true;
    const { log, durable } = openLog(files, { blockingSyncLimitMs: -1 });
    const settle = async () => {
      files.releaseSyncs();
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    };
    const before = files.syncCount;
    appendCommit(log, 100);
    log.flush();
    for (let i = 0; i < 5; i++) {
      appendCommit(log, 100);
      log.flush();
    }
    expect([log.durableLsn, files.syncCount - before]).toEqual([0, 1]);
    await settle();
    expect([log.durableLsn, files.syncCount - before]).toEqual([1, 2]);
    await settle();
    expect([log.durableLsn, files.syncCount - before]).toEqual([6, 2]);
    expect(durable).toEqual([1, 6]);
    files.holdSyncs = false;
    await log.close();
    expect(lsns(openLog(files).commits)).toEqual(range(1, 6));
  });

  test("what nobody waits for blocks on no disk; who waits for it blocks as ever, once that sync is over", async () => {
    const files = new MemoryFiles();
    const { log, durable } = openLog(files);
    const settle = async () => {
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    };
    appendCommit(log, 100);
    log.flushLater();
    expect(log.durableLsn).toBe(0);
    await settle();
    expect(log.durableLsn).toBe(1);
    files.holdSyncs = true;
    appendCommit(log, 100);
    log.flushLater();
    appendCommit(log, 100);
    log.flush();
    appendCommit(log, 100);
    log.flushLater();
    files.releaseSyncs();
    // Held from now on, a sync in the background would never end.
    await settle();
    expect(durable).toEqual([1, 2, 4]);
    appendCommit(log, 100);
    log.flushLater();
    expect(log.durableLsn).toBe(4);
    files.holdSyncs = false;
    files.releaseSyncs();
    await log.close();
    expect(lsns(openLog(files).commits)).toEqual(range(1, 5));
  });

  test("a group over several segments is durable in order", async () => {
    const files = new MemoryFiles();
    const { log, durable } = openLog(files, { blockingSyncLimitMs: -1 });
    for (let i = 0; i < 100; i++) appendCommit(log, 200);
    log.flush();
    appendCommit(log, 200);
    await log.close();
    expect(log.durableLsn).toBe(101);
    expect(durable).toEqual(durable.toSorted((a, b) => a - b));
    expect(lsns(openLog(files).commits)).toEqual(range(1, 101));
  });

  test("a disk that grows slow is waited for in the background, and blocking again when it recovers", async () => {
    const files = new MemoryFiles();
    let nowMs = 0;
    let syncMs = 0.1;
    const nowFor = () => {
      nowMs += syncMs / 2;
      return nowMs;
    };
    const { log } = openLog(files, { blockingSyncLimitMs: 2, nowMs: nowFor });
    const commitOnce = async () => {
      appendCommit(log, 8);
      log.flush();
      const blocked = log.durableLsn === log.appendedLsn;
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
      expect(log.durableLsn).toBe(log.appendedLsn);
      return blocked;
    };
    expect(await commitOnce()).toBe(true);
    syncMs = 100;
    expect(await commitOnce()).toBe(true);
    expect(await commitOnce()).toBe(false);
    syncMs = 0.1;
    const ways: boolean[] = [];
    for (let i = 0; i < 40; i++) ways.push(await commitOnce());
    expect([ways[0], ways.at(-1)]).toEqual([false, true]);
    await log.close();
  });
});
