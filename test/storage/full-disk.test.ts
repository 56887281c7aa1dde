/** A log whose disk is full: what is refused, how often it looks for room, and how it goes on when there is some. */

import { describe, expect, test } from "bun:test";
import { appendCommit, FOLDER, lsns, openLog, range } from "./log-fixture.ts";
import { MemoryFiles, systemError } from "./memory-files.ts";

const PATH = `${FOLDER}/0000000001.log`;

function sqlStateOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error instanceof Error && "sqlState" in error ? error.sqlState : error;
  }
  return null;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await Promise.resolve();
}

/** The callbacks that wait for their time. */
class Timers {
  waiting: (() => void)[] = [];
  delayMs = 0;

  readonly after = (delayMs: number, callback: () => void): (() => void) => {
    this.delayMs = delayMs;
    this.waiting.push(callback);
    return () => {
      this.waiting = this.waiting.filter((other) => other !== callback);
    };
  };

  run(): void {
    for (const callback of this.waiting.splice(0)) callback();
  }
}

describe("frames that a file system which copies on write has no room for", () => {
  /** Half of what is written gets there, while `code` is set. */
  class SmallFiles extends MemoryFiles {
    code: string | null = null;

    override write(fd: number, bytes: Uint8Array, position: number): void {
      const share = this.code === null ? 1 : 0.5;
      super.write(fd, bytes.subarray(0, bytes.length * share), position);
      if (this.code !== null) throw systemError(this.code);
    }
  }

  for (const blockingSyncLimitMs of [Number.POSITIVE_INFINITY, -1]) {
    const way = blockingSyncLimitMs < 0 ? "in the background" : "blocking";

    async function full(code = "ENOSPC") {
      const files = new SmallFiles();
      const timers = new Timers();
      const reports: string[] = [];
      const report = (message: string): void => void reports.push(message);
      const opened = openLog(files, { blockingSyncLimitMs, after: timers.after, report });
      appendCommit(opened.log, 100);
      opened.log.flush();
      await settle();
      for (let i = 0; i < 3; i++) appendCommit(opened.log, 200);
      files.code = code;
      opened.log.flush();
      await settle();
      return { files, timers, reports, ...opened };
    }

    for (const code of ["ENOSPC", "EDQUOT", "EFBIG"]) {
      test(`wait, and are there when there is room (${code}, ${way})`, async () => {
        const { files, timers, reports, log, durable } = await full(code);
        expect([log.durableLsn, log.failure, durable]).toEqual([1, null, [1]]);
        for (let times = 0; times < 3; times++) {
          expect(sqlStateOf(() => appendCommit(log, 100))).toBe("53100");
          timers.run();
          await settle();
        }
        files.code = null;
        // Nobody tries before it is time.
        log.flush();
        expect(log.durableLsn).toBe(1);
        expect([timers.waiting.length, timers.delayMs]).toEqual([1, 250]);
        timers.run();
        await settle();
        expect([log.durableLsn, durable]).toEqual([4, [1, 4]]);
        expect(appendCommit(log, 100)).toBe(5);
        await log.close();
        expect(reports).toEqual([
          `disk full: could not write ${PATH}; changes are refused until there is room`,
          "there is room on the disk again: changes are accepted",
        ]);
        const again = openLog(files);
        expect([lsns(again.commits), again.cuts]).toEqual([range(1, 5), []]);
      });
    }

    test(`are no damage when the machine stops meanwhile (${way})`, async () => {
      const { files } = await full();
      for (const share of [0, 0.3, 0.9]) {
        const { commits } = openLog(files.afterCrash(() => share));
        expect(lsns(commits).slice(0, 1)).toEqual([1]);
      }
    });

    test(`are the failure of the log when it is closed before there is room (${way})`, async () => {
      const { log, timers } = await full();
      await expect(log.close()).rejects.toThrow(/the log has failed: disk full: could not write/);
      expect([log.durableLsn, timers.waiting.length]).toEqual([1, 0]);
    });
  }

  test("do not wait behind an error of another kind", async () => {
    const files = new MemoryFiles();
    const { log } = openLog(files);
    appendCommit(log, 100);
    files.fault = (operation) => (operation === "write" ? systemError("EIO") : null);
    log.flush();
    expect(sqlStateOf(() => appendCommit(log, 100))).toBe("58030");
  });
});

test("a log without room for its next segment tries again for at most a twentieth of the time", async () => {
  const files = new MemoryFiles();
  let nowMs = 0;
  let tries = 0;
  const reports: string[] = [];
  const { log } = openLog(files, { nowMs: () => nowMs, report: (message) => reports.push(message) });
  appendCommit(log, 3900);
  log.flush();
  files.fault = (operation, path) => {
    if (operation !== "write" || !path.includes(".new")) return null;
    tries++;
    nowMs += 10;
    return systemError("ENOSPC");
  };
  expect(sqlStateOf(() => appendCommit(log, 500))).toBe("53100");
  expect([tries, nowMs]).toEqual([1, 10]);
  nowMs = 10 + 199;
  expect(sqlStateOf(() => appendCommit(log, 500))).toBe("53100");
  expect(tries).toBe(1);
  nowMs = 10 + 200;
  expect(sqlStateOf(() => appendCommit(log, 500))).toBe("53100");
  expect(tries).toBe(2);
  // What fits in the segment that is there goes on.
  expect(appendCommit(log, 8)).toBe(2);
  files.fault = () => null;
  nowMs += 200;
  expect(appendCommit(log, 500)).toBe(3);
  await log.close();
  expect(lsns(openLog(files).commits)).toEqual([1, 2, 3]);
  expect(reports).toEqual([
    `disk full: could not make the next log segment in ${FOLDER}; changes are refused until there is room`,
    "there is room on the disk again: changes are accepted",
  ]);
});

describe("a log whose file was", () => {
  const ways: readonly [string, (files: MemoryFiles) => void][] = [
    ["removed", (files) => files.remove(PATH)],
    ["moved", (files) => files.rename(FOLDER, "/elsewhere")],
    [
      "replaced",
      (files) => {
        files.remove(PATH);
        files.close(files.open(PATH, "create"));
      },
    ],
  ];
  for (const [way, change] of ways) {
    test(`${way} fails at the first write, a second after it was last seen there`, () => {
      const files = new MemoryFiles();
      let nowMs = 0;
      const reports: string[] = [];
      const { log } = openLog(files, { nowMs: () => nowMs, report: (message) => reports.push(message) });
      nowMs = 5000;
      appendCommit(log, 100);
      log.flush();
      change(files);
      nowMs = 5999;
      appendCommit(log, 100);
      log.flush();
      expect([log.durableLsn, log.failure]).toEqual([2, null]);
      nowMs = 6000;
      appendCommit(log, 100);
      log.flush();
      expect(log.durableLsn).toBe(2);
      expect(sqlStateOf(() => appendCommit(log, 100))).toBe("58030");
      expect(reports).toEqual([
        expect.stringMatching(
          /the log has failed: could not write .*: it was removed or moved .* started again$/,
        ),
      ]);
    });
  }
});
