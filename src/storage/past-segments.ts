/** Segments that a snapshot stands for as a whole: kept for who reads what happened, and not read when the log opens. */

import type { FileSystem } from "./files.ts";
import { type SegmentFile, SegmentFrames } from "./segment-frames.ts";

/**
 * Index of the first segment that is needed behind a snapshot of `afterLsn`: the last one whose first commit is at most
 * the next. Only a whole frame counts: one that was torn when the power went may say anything of its lsn.
 */
export function firstNeeded(files: FileSystem, segments: readonly SegmentFile[], afterLsn: number): number {
  if (afterLsn === 0) return 0;
  const index = segments.findLastIndex((segment) => {
    const first = new SegmentFrames(files, segment).peek();
    return first !== null && first.lsn <= afterLsn + 1;
  });
  return Math.max(index, 0);
}
