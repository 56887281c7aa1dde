/** A snapshot file is read back whole, or its damage is named; an unfinished one is nothing. */

import { describe, expect, test } from "bun:test";
import { DeltatError } from "../../src/errors.ts";
import {
  readNewestSnapshot,
  removeOldSnapshots,
  type Snapshot,
  snapshotName,
  writeSnapshot,
} from "../../src/storage/snapshot-file.ts";
import { MemoryFiles, systemError } from "./memory-files.ts";

const FOLDER = "/db";

const SNAPSHOT: Snapshot = {
  lsn: 42,
  at: 1_700_000_000_000,
  sections: new Map([
    [1, new Uint8Array([1, 2, 3])],
    [7, new Uint8Array(3_000_000).fill(9)],
    [20, new Uint8Array(0)],
  ]),
};

function refusal(action: () => unknown): DeltatError {
  try {
    action();
  } catch (error) {
    if (error instanceof DeltatError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test("what is written is read back, the newest of several", () => {
  const files = new MemoryFiles();
  expect(readNewestSnapshot(files, FOLDER)).toBeNull();
  const bytes = writeSnapshot(files, FOLDER, { ...SNAPSHOT, lsn: 41, sections: new Map() });
  expect(bytes).toBe(40);
  writeSnapshot(files, FOLDER, SNAPSHOT);
  expect(readNewestSnapshot(files, FOLDER)).toEqual(SNAPSHOT);
  expect(
    readNewestSnapshot(
      files.afterCrash(() => 0),
      FOLDER,
    ),
  ).toEqual(SNAPSHOT);
  removeOldSnapshots(files, FOLDER, 42);
  expect(files.list(FOLDER)).toEqual([snapshotName(42)]);
});

test("one that was not finished is nothing, and goes", () => {
  const files = new MemoryFiles();
  writeSnapshot(files, FOLDER, SNAPSHOT);
  const unfinished = `${snapshotName(50)}.x.new`;
  files.open(`${FOLDER}/${unfinished}`, "create");
  expect(readNewestSnapshot(files, FOLDER)?.lsn).toBe(42);
  removeOldSnapshots(files, FOLDER, 42);
  expect(files.list(FOLDER)).toEqual([snapshotName(42)]);
});

test("a disk that refuses leaves nothing behind, and says what it is", () => {
  for (const operation of ["open", "write", "sync", "rename"]) {
    const files = new MemoryFiles();
    files.fault = (asked) => (asked === operation ? systemError("ENOSPC") : null);
    expect(refusal(() => writeSnapshot(files, FOLDER, SNAPSHOT)).sqlState).toBe("53100");
    files.fault = () => null;
    expect(readNewestSnapshot(files, FOLDER)).toBeNull();
  }
  const files = new MemoryFiles();
  expect(refusal(() => writeSnapshot(files, FOLDER, SNAPSHOT, () => false)).sqlState).toBe("58030");
  expect(files.list(FOLDER)).toEqual([]);
});

describe("damage is named", () => {
  const damaged = (change: (bytes: Uint8Array<ArrayBuffer>) => void): string => {
    const files = new MemoryFiles();
    writeSnapshot(files, FOLDER, SNAPSHOT);
    files.edit(`${FOLDER}/${snapshotName(42)}`, change);
    const { sqlState, message } = refusal(() => readNewestSnapshot(files, FOLDER));
    return `${sqlState} ${message}`;
  };
  const flip =
    (at: number) =>
    (bytes: Uint8Array): void => {
      bytes[at] = (bytes[at] as number) ^ 16;
    };
  const headBytes = 40 + 3 * 32;

  test("every flipped bit of the head and the table", () => {
    for (let at = 0; at < headBytes; at++) {
      // The version is asked before the checksum: a damaged one is a format of another time.
      expect(damaged(flip(at))).toMatch(
        at >= 8 && at < 12 ? /^0A000 .*format version/ : /^XX001 .*is damaged at byte/,
      );
    }
  });

  test("flipped bits of the sections, with section and offset", () => {
    expect(damaged(flip(headBytes + 1))).toStartWith(
      `XX001 snapshot ${FOLDER}/${snapshotName(42)} is damaged at byte ${headBytes}: the checksum of section 1 is wrong`,
    );
    for (const at of [headBytes + 8, headBytes + 1_000_000, headBytes + 3_000_007]) {
      expect(damaged(flip(at))).toContain("the checksum of section 7 is wrong");
    }
  });

  test("flipped bits between the sections", () => {
    const between = [headBytes + 3, headBytes + 7];
    for (const at of between) {
      expect(damaged(flip(at))).toContain(
        `is damaged at byte ${at}: the bytes between sections are not zero`,
      );
    }
  });

  test("a name that says another lsn", () => {
    const files = new MemoryFiles();
    writeSnapshot(files, FOLDER, SNAPSHOT);
    files.rename(`${FOLDER}/${snapshotName(42)}`, `${FOLDER}/${snapshotName(43)}`);
    expect(refusal(() => readNewestSnapshot(files, FOLDER)).message).toContain("it is of lsn 42");
  });
});

test("a file that was cut short is damaged, at any length", () => {
  const files = new MemoryFiles();
  writeSnapshot(files, FOLDER, SNAPSHOT);
  const whole = files.contents(`${FOLDER}/${snapshotName(42)}`);
  for (const length of [0, 7, 39, 40, 100, headEnd, whole.length - 1]) {
    const cut = new MemoryFiles();
    const fd = cut.open(`${FOLDER}/${snapshotName(42)}`, "create");
    cut.write(fd, whole.subarray(0, length), 0);
    expect(refusal(() => readNewestSnapshot(cut, FOLDER)).sqlState).toBe("XX001");
  }
});

const headEnd = 40 + 3 * 32;
