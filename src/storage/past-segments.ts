/** Segments that a snapshot stands for as a whole: kept for who reads what happened, and not read when the log opens. */

import type { FileSystem } from "./files.ts";
import { FRAME_HEADER_BYTES, FrameKind, FrameReader } from "./frame.ts";
import { SEGMENT_HEADER_BYTES } from "./segment.ts";
import { withPath } from "./storage-errors.ts";

/**
 * Index of the first segment that is needed behind a snapshot of `afterLsn`. A first frame that lies about its lsn is
 * found when its segment is replayed.
 */
export function firstNeeded(
  files: FileSystem,
  segments: readonly { readonly path: string }[],
  afterLsn: number,
): number {
  if (afterLsn === 0) return 0;
  const index = segments.findLastIndex(({ path }) => {
    const frame = firstFrameHeader(files, path);
    if (frame.length(0) === 0) return false;
    return (frame.kind(0) === FrameKind.commit ? frame.lsn(0) - 1 : frame.lsn(0)) <= afterLsn;
  });
  return Math.max(index, 0);
}

function firstFrameHeader(files: FileSystem, path: string): FrameReader {
  const bytes = new Uint8Array(FRAME_HEADER_BYTES);
  const fd = withPath("open", path, () => files.open(path, "read"));
  try {
    withPath("read", path, () => files.read(fd, bytes, SEGMENT_HEADER_BYTES));
  } finally {
    files.close(fd);
  }
  return new FrameReader(bytes, 0);
}
