/** What opening a log tells apart: a torn tail, which is cut, and damage, which is refused and left untouched. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { alignedBytes, FRAME_HEADER_BYTES } from "../../src/storage/frame.ts";
import { seededRandom } from "../seeded-random.ts";
import { appendCommit, bodyOf, FOLDER, lsns, openLog, range } from "./log-fixture.ts";
import { MemoryFiles, systemError } from "./memory-files.ts";

const FIRST = `${FOLDER}/0000000001.log`;
const SECOND = `${FOLDER}/0000000002.log`;
const SEGMENT_HEADER_BYTES = 32;

/** Bytes on disk of a frame whose body has `length`. */
function frameBytes(length: number): number {
  return alignedBytes(FRAME_HEADER_BYTES + length);
}

/** A log of `groups`, each a list of body lengths that one flush made durable together; not closed. */
function writtenLog(groups: readonly (readonly number[])[]): MemoryFiles {
  const files = new MemoryFiles();
  const { log } = openLog(files);
  for (const lengths of groups) {
    for (const length of lengths) appendCommit(log, length);
    log.flush();
  }
  return files;
}

function allContents(files: MemoryFiles): Map<string, Uint8Array> {
  return new Map(files.list(FOLDER).map((name) => [name, files.contents(`${FOLDER}/${name}`).slice()]));
}

/** Opening must throw XX001 naming the file and the offset, and change nothing. */
function expectRefused(files: MemoryFiles, path: string, offset: number): void {
  const before = allContents(files);
  let thrown: unknown = null;
  try {
    openLog(files);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ sqlState: "XX001" });
  const { message } = thrown as Error;
  expect(message).toStartWith(`log segment ${path} is damaged at byte ${offset}: `);
  expect(message).toEndWith("nothing was changed");
  expect(allContents(files)).toEqual(before);
}

/** Opening must cut at `offset` with a warning, and the log must go on after `lastLsn`. */
async function expectCut(files: MemoryFiles, path: string, offset: number, lastLsn: number): Promise<void> {
  const { log, commits, cuts } = openLog(files);
  expect(lsns(commits)).toEqual(range(1, lastLsn));
  expect(cuts).toMatchObject([{ path, offsetBytes: offset }]);
  expect(cuts[0]?.message).toContain(`${path} had a torn tail at byte ${offset}: ${cuts[0]?.cutBytes} bytes`);
  expect(
    files
      .contents(path)
      .subarray(offset)
      .every((byte) => byte === 0),
  ).toBe(true);
  expect(appendCommit(log, 33)).toBe(lastLsn + 1);
  await log.close();
  const again = openLog(files);
  expect(again.cuts).toEqual([]);
  expect(lsns(again.commits)).toEqual(range(1, lastLsn + 1));
  expect(again.commits.at(-1)?.body).toEqual(bodyOf(lastLsn + 1, 33));
}

describe("a torn tail", () => {
  const lengths = [40, 51, 77];
  const lastStart = SEGMENT_HEADER_BYTES + frameBytes(40) + frameBytes(51);
  const lastEnd = lastStart + frameBytes(77);
  const whole = writtenLog(lengths.map((length) => [length]));

  test("zeros from any byte of the last frame on cut that frame", async () => {
    const content = whole.contents(FIRST);
    for (let from = lastStart; from < lastEnd; from++) {
      const files = whole.clone();
      files.edit(FIRST, (bytes) => bytes.fill(0, from));
      if (content.subarray(from).every((byte) => byte === 0)) continue;
      if (from <= lastStart) {
        const { commits, cuts } = openLog(files);
        expect([lsns(commits), cuts]).toEqual([[1, 2], []]);
      } else {
        await expectCut(files, FIRST, lastStart, 2);
      }
    }
  });

  test("garbage in any byte of the last frame cuts that frame", async () => {
    for (let at = lastStart; at < lastEnd; at++) {
      const files = whole.clone();
      files.edit(FIRST, (bytes) => {
        bytes[at] = (bytes[at] as number) ^ (1 << (at & 7));
      });
      await expectCut(files, FIRST, lastStart, 2);
    }
  });

  test("garbage after the last frame is cut and costs no commit", async () => {
    const files = whole.clone();
    files.edit(FIRST, (bytes) => bytes.fill(0xa5, lastEnd + 16, lastEnd + 64));
    await expectCut(files, FIRST, lastEnd, 3);
  });

  test("a group torn in any order of its frames is cut at the first that is missing", async () => {
    // Frames 2 to 5 are one group: any of them may have reached the disk without the others.
    const groupLengths = [60, 70, 80, 90];
    const group = writtenLog([[40], groupLengths]);
    const starts: number[] = [];
    let at = SEGMENT_HEADER_BYTES + frameBytes(40);
    for (const length of groupLengths) {
      starts.push(at);
      at += frameBytes(length);
    }
    for (let written = 0; written < 15; written++) {
      const files = group.clone();
      files.edit(FIRST, (bytes) => {
        for (const [i, start] of starts.entries()) {
          const isWritten = (written >> i) & 1;
          if (!isWritten) bytes.fill(0, start, start + frameBytes(groupLengths[i] as number));
        }
      });
      const firstLost = [0, 1, 2, 3].findIndex((i) => ((written >> i) & 1) === 0);
      const somethingFollows = written >> firstLost !== 0;
      if (somethingFollows) {
        await expectCut(files, FIRST, starts[firstLost] as number, firstLost + 1);
      } else {
        const { commits, cuts } = openLog(files);
        expect([lsns(commits), cuts]).toEqual([range(1, firstLost + 1), []]);
      }
    }
  });

  test("the first group of a new segment may be torn too", async () => {
    const files = writtenLog([[2000, 1800], [500]]);
    files.edit(SECOND, (bytes) => bytes.fill(0, 100, 200));
    await expectCut(files, SECOND, SEGMENT_HEADER_BYTES, 2);
  });

  test("behind a snapshot, too: a torn first frame does not say which segments are needed", async () => {
    const files = writtenLog([[1000, 1000, 1000]]);
    const { log } = openLog(files);
    log.rotate();
    appendCommit(log, 100);
    log.flush();
    for (const torn of [8, 16, 24, 40]) {
      const cut = files.clone();
      cut.edit(SECOND, (bytes) => bytes.fill(0, SEGMENT_HEADER_BYTES + torn));
      const { commits } = openLog(cut, { afterLsn: 1 });
      expect(lsns(commits)).toEqual([2, 3]);
    }
  });

  test("bytes of a client that look like a frame do not count as one", async () => {
    // The body of the last commit is the first frames of this very log, copied.
    const files = whole.clone();
    const { log } = openLog(files);
    const copied = files.contents(FIRST).slice(SEGMENT_HEADER_BYTES, lastEnd);
    log.begin().raw(copied);
    log.append(5000);
    log.flush();
    files.edit(FIRST, (bytes) => {
      bytes[lastEnd] = (bytes[lastEnd] as number) ^ 1;
    });
    await expectCut(files, FIRST, lastEnd, 3);
  });

  test("what a killed process left unsynced is made durable before it is given out", () => {
    const files = new MemoryFiles();
    const { log } = openLog(files);
    appendCommit(log, 100);
    files.fault = (operation) => (operation === "sync" ? new Error("power") : null);
    log.flush();
    files.fault = () => null;
    const again = openLog(files);
    expect(lsns(again.commits)).toEqual([1]);
    const afterPowerCut = files.afterCrash(() => 0.9);
    expect(lsns(openLog(afterPowerCut).commits)).toEqual([1]);
  });
});

test("a segment that got its name just before the process was killed keeps it before commits go into it", async () => {
  const files = new MemoryFiles();
  const { log } = openLog(files);
  let isDead = false;
  files.fault = (operation) => {
    isDead ||= operation === "syncFolder";
    return isDead ? systemError("EIO") : null;
  };
  appendCommit(log, 2200);
  log.flush();
  for (let turn = 0; turn < 20 && !isDead; turn++) await Promise.resolve();
  files.fault = () => null;
  expect(files.list(FOLDER)).toEqual(["0000000001.log", "0000000002.log"]);
  const again = openLog(files);
  appendCommit(again.log, 2200);
  again.log.flush();
  expect(again.log.durableLsn).toBe(2);
  const withDurableNames = files.afterCrash(() => 0.4);
  expect(lsns(openLog(withDurableNames).commits)).toEqual([1, 2]);
});

describe("damage", () => {
  test("any flipped bit in a frame that later frames know to be durable is refused", () => {
    const whole = writtenLog([[40], [51], [20]]);
    const secondStart = SEGMENT_HEADER_BYTES + frameBytes(40);
    for (let at = SEGMENT_HEADER_BYTES; at < secondStart + frameBytes(51); at++) {
      const files = whole.clone();
      files.edit(FIRST, (bytes) => {
        bytes[at] = (bytes[at] as number) ^ (1 << (at % 8));
      });
      expectRefused(files, FIRST, at < secondStart ? SEGMENT_HEADER_BYTES : secondStart);
    }
  });

  test("after a clean stop the last frame is protected as well", async () => {
    const files = new MemoryFiles();
    const { log } = openLog(files);
    appendCommit(log, 40);
    appendCommit(log, 50);
    await log.close();
    const lastStart = SEGMENT_HEADER_BYTES + frameBytes(40);
    for (let at = lastStart; at < lastStart + frameBytes(50); at++) {
      const damaged = files.clone();
      damaged.edit(FIRST, (bytes) => {
        bytes[at] = (bytes[at] as number) ^ 0x10;
      });
      expectRefused(damaged, FIRST, lastStart);
    }
  });

  test("a damaged mark of a clean stop is damage once commits follow it, for they had been durable", async () => {
    const files = new MemoryFiles();
    const first = openLog(files);
    appendCommit(first.log, 40);
    await first.log.close();
    const { log } = openLog(files);
    appendCommit(log, 50);
    log.flush();
    const mark = SEGMENT_HEADER_BYTES + frameBytes(40);
    files.edit(FIRST, (bytes) => {
      bytes[mark + 20] = 0x7f;
    });
    expectRefused(files, FIRST, mark);
  });

  test("zeros in the middle are refused", () => {
    const files = writtenLog([[40], [50], [60], [70]]);
    const second = SEGMENT_HEADER_BYTES + frameBytes(40);
    files.edit(FIRST, (bytes) => bytes.fill(0, second, second + frameBytes(50)));
    expectRefused(files, FIRST, second);
  });

  test("a bad frame is refused when a later segment was begun, and so is a lost end of a segment", () => {
    const lengths = [1000, 1000, 1000, 1000];
    const whole = writtenLog([lengths]);
    const lastStart = SEGMENT_HEADER_BYTES + 2 * frameBytes(1000);
    const garbled = whole.clone();
    garbled.edit(FIRST, (bytes) => {
      bytes[lastStart + 50] = (bytes[lastStart + 50] as number) ^ 1;
    });
    expectRefused(garbled, FIRST, lastStart);
    const zeroed = whole.clone();
    zeroed.edit(FIRST, (bytes) => bytes.fill(0, lastStart));
    expectRefused(zeroed, SECOND, SEGMENT_HEADER_BYTES);
  });

  test("a segment that is missing, out of place, of another log, shortened or zeroed is refused", async () => {
    const whole = writtenLog([Array.from({ length: 40 }, () => 300)]);
    expect(whole.list(FOLDER).length).toBeGreaterThan(3);

    const gap = whole.clone();
    gap.remove(SECOND);
    expect(() => openLog(gap)).toThrow(/incomplete: log segment 0000000002.log is not there/);
    const headless = whole.clone();
    headless.remove(FIRST);
    expect(() => openLog(headless)).toThrow(/incomplete: log segment 0000000001.log is not there/);

    const swapped = whole.clone();
    const third = whole.contents(`${FOLDER}/0000000003.log`).slice();
    swapped.edit(SECOND, (bytes) => bytes.set(third));
    expectRefused(swapped, SECOND, 0);

    const foreign = whole.clone();
    const other = new MemoryFiles();
    const { log } = openLog(other, { salt: () => 99 });
    for (let i = 0; i < 40; i++) appendCommit(log, 300);
    await log.close();
    foreign.edit(SECOND, (bytes) => bytes.set(other.contents(SECOND)));
    expectRefused(foreign, SECOND, 0);

    const zeroed = whole.clone();
    zeroed.edit(SECOND, (bytes) => bytes.fill(0));
    expectRefused(zeroed, SECOND, 0);
    const emptied = whole.clone();
    emptied.edit(SECOND, (bytes) => bytes.fill(0, SEGMENT_HEADER_BYTES));
    expectRefused(emptied, `${FOLDER}/0000000003.log`, SEGMENT_HEADER_BYTES);

    const shortened = whole.clone();
    const kept = whole.contents(SECOND).slice(0, 1000);
    shortened.remove(SECOND);
    const fd = shortened.open(SECOND, "create");
    shortened.write(fd, kept, 0);
    expectRefused(shortened, SECOND, 1000);
  });

  test("any flipped bit in a header is refused, and another format version by name", () => {
    const whole = writtenLog([[40]]);
    for (let bit = 0; bit < SEGMENT_HEADER_BYTES * 8; bit++) {
      const files = whole.clone();
      files.edit(FIRST, (bytes) => {
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      });
      const isVersion = bit >= 64 && bit < 96;
      if (isVersion)
        expect(() => openLog(files)).toThrow(/has format version \d+; this deltat reads version 1$/);
      else expectRefused(files, FIRST, 0);
    }
  });

  test("a file that is no segment is refused, and files with other names are left alone", () => {
    const files = writtenLog([[40]]);
    const snapshot = `${FOLDER}/0000000001.snapshot`;
    files.write(files.open(snapshot, "create"), bodyOf(1, 100), 0);
    files.write(files.open(`${FOLDER}/0000000002.log.new3`, "create"), bodyOf(1, 100), 0);
    expect(lsns(openLog(files).commits)).toEqual([1]);
    expect(files.contents(snapshot)).toEqual(bodyOf(1, 100));
    expect(files.list(FOLDER)).not.toContain("0000000002.log.new3");
    files.write(files.open(`${FOLDER}/access.log`, "create"), bodyOf(1, 100), 0);
    expectRefused(files, `${FOLDER}/access.log`, 0);
  });
});

describe("a power cut at any moment", () => {
  test("keeps every durable commit, keeps no hole, and the log goes on", async () => {
    const step = fc.record({ length: fc.nat(5000), flush: fc.boolean() });
    const scenario = fc.record({
      lives: fc.array(fc.array(step, { maxLength: 12 }), { minLength: 1, maxLength: 4 }),
      background: fc.boolean(),
      seed: fc.integer(),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ lives, background, seed }) => {
        const random = seededRandom(seed);
        const blockingSyncLimitMs = background ? -1 : Number.POSITIVE_INFINITY;
        let files = new MemoryFiles();
        let lengths: number[] = [];
        for (const steps of lives) {
          const { log, commits } = openLog(files, { blockingSyncLimitMs });
          expect(commits.map((commit) => commit.body)).toEqual(
            lengths.map((length, i) => bodyOf(i + 1, length)),
          );
          for (const { length, flush } of steps) {
            appendCommit(log, length);
            lengths.push(length);
            if (flush) log.flush();
            for (let turn = 0; turn < 3 && random() < 0.5; turn++) await Promise.resolve();
          }
          const { durableLsn } = log;
          files = files.afterCrash(random);
          const found = openLog(files.clone()).commits;
          expect(found.length).toBeGreaterThanOrEqual(durableLsn);
          lengths = lengths.slice(0, found.length);
        }
      }),
      { numRuns: 300, seed: 4711 },
    );
  });
});
