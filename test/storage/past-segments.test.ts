/** Which segments are read behind a snapshot: none that is needed is passed over, whatever the others say. */

import { expect, test } from "bun:test";
import { SEGMENT_HEADER_BYTES } from "../../src/storage/segment.ts";
import { appendCommit, FOLDER, lsns, openLog, range } from "./log-fixture.ts";
import { MemoryFiles } from "./memory-files.ts";

const LSN_AT = 16;

/** Segments of some commits each; the last holds one alone, which no later frame bears witness to. */
function keptLog(): { files: MemoryFiles; last: string; lastLsn: number } {
  const files = new MemoryFiles();
  const { log } = openLog(files);
  const segments = (): string[] => files.list(FOLDER).filter((name) => name.endsWith(".log"));
  for (let lsn = 1; lsn <= 40; lsn++) {
    appendCommit(log, 300);
    log.flush();
  }
  log.rotate();
  const lastLsn = appendCommit(log, 300);
  log.flush();
  return { files, last: `${FOLDER}/${segments().sort().at(-1)}`, lastLsn };
}

test("behind a snapshot the commits after it are read, and older segments are not", () => {
  const { files, lastLsn } = keptLog();
  for (const afterLsn of [1, 11, 12, 25, 40, lastLsn]) {
    expect(lsns(openLog(files.clone(), { afterLsn }).commits)).toEqual(range(afterLsn + 1, lastLsn));
  }
});

test("a flipped bit in the last segment's first lsn does not hide the segments between it and the snapshot", () => {
  const { files, last, lastLsn } = keptLog();
  for (let bit = 0; bit < 64; bit++) {
    const flipped = files.clone();
    flipped.edit(last, (bytes) => {
      const at = SEGMENT_HEADER_BYTES + LSN_AT + (bit >> 3);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
    });
    const { commits, cuts } = openLog(flipped, { afterLsn: 12 });
    expect([bit, ...lsns(commits)]).toEqual([bit, ...range(13, lastLsn - 1)]);
    expect(cuts).toMatchObject([{ path: last, offsetBytes: SEGMENT_HEADER_BYTES }]);
  }
});
