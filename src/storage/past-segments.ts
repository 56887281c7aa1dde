/** Segments that a snapshot stands for as a whole: kept for who reads what happened, and not read when the log opens. */

import { DeltatError } from "../errors.ts";
import type { FileSystem } from "./files.ts";
import { segmentNumber } from "./segment.ts";
import { readSegmentHeader, type SegmentFile, SegmentFrames } from "./segment-frames.ts";

/**
 * The names of a log's segments from the first on that is needed behind a snapshot of `afterLsn`; `names` are all, sorted.
 * Only a whole first frame behind a whole header counts: one that lies about its lsn would hide all that lies between the
 * snapshot and it. Throws DeltatError 58030.
 */
export function neededSegments(
  files: FileSystem,
  folder: string,
  names: readonly string[],
  afterLsn: number,
): readonly string[] {
  if (afterLsn === 0) return names;
  const index = names.findLastIndex((name) => {
    const segment = wholeHeader(files, folder, name);
    if (segment === null) return false;
    const first = new SegmentFrames(files, segment).peek();
    return first !== null && first.lsn <= afterLsn + 1;
  });
  return names.slice(Math.max(index, 0));
}

/** Null for one that is damaged: whether that matters is seen when it is needed. */
function wholeHeader(files: FileSystem, folder: string, name: string): SegmentFile | null {
  const number = segmentNumber(name);
  if (number === null) return null;
  try {
    const segment = readSegmentHeader(files, folder, number);
    return segment.number === number ? segment : null;
  } catch (error) {
    if (error instanceof DeltatError) return null;
    throw error;
  }
}
