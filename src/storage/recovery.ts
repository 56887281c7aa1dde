/**
 * Opening a log: every commit is read back in order (log-reader.ts), and the log is made ready for more. Frames that were
 * written but never synced may be torn in any way, since the disk writes sectors in any order: nobody was promised them,
 * and they are cut off. Damage is refused, and nothing is touched then.
 */

import { join } from "node:path";
import type { CommitRecord } from "./commit-log.ts";
import type { FileSystem } from "./files.ts";
import { FrameKind } from "./frame.ts";
import {
  checkBeginning,
  checkReach,
  type LogEnd,
  logNames,
  newReplay,
  noSegment,
  type Replay,
  readHeaders,
  replaySegments,
  type SegmentOnDisk,
} from "./log-reader.ts";
import { neededSegments } from "./past-segments.ts";
import { isUnfinishedName, type Segment } from "./segment.ts";
import { withPath } from "./storage-errors.ts";

/** A torn tail that was cut off: commits that had never become durable. */
export interface TailCut {
  readonly path: string;
  readonly offsetBytes: number;
  /** From `offsetBytes` to the last byte that was not zero. */
  readonly cutBytes: number;
  /** The whole of it in one sentence. */
  readonly message: string;
}

/** Where the log goes on. */
export interface RecoveredLog {
  /** Open for writing; everything in it up to `offset` is durable, everything after is zero. */
  readonly current: Segment;
  readonly offset: number;
  readonly lastLsn: number;
  readonly lastAt: number;
  /** Whether the last frame is the mark of a clean stop, or there is no frame. */
  readonly endsClean: boolean;
}

/**
 * Replays all commits after `afterLsn` and makes the log ready for more; null if the folder holds no log.
 * Throws DeltatError XX001 for damage, 0A000 for an unknown format, 58030 if the files cannot be read, and
 * whatever `visit` throws; the files are unchanged then.
 */
export function recoverLog(
  files: FileSystem,
  folder: string,
  afterLsn: number,
  visit: (record: CommitRecord) => void,
  warn: (cut: TailCut) => void,
): RecoveredLog | null {
  const names = logNames(files, folder);
  const segments = readHeaders(files, folder, neededSegments(files, folder, names, afterLsn));
  if (segments.length === 0) {
    if (afterLsn > 0) throw noSegment(folder, afterLsn);
    return null;
  }
  checkBeginning(folder, segments, afterLsn);
  const replay = newReplay();
  const end = replaySegments(files, segments, afterLsn, replay, visit);
  checkReach(folder, replay, afterLsn);
  removeLeftovers(files, folder, segments.slice(end.index + 1));
  return makeReady(files, segments, end, replay, afterLsn, warn);
}

/**
 * Files that a crash left half made, and segments without frames. Such a one may be empty in the system's memory only: where
 * the sync behind the cut of its torn tail has failed, what was cut is on the disk still.
 */
function removeLeftovers(files: FileSystem, folder: string, surplus: readonly SegmentOnDisk[]): void {
  const names = withPath("list", folder, () => files.list(folder));
  const paths = names.filter(isUnfinishedName).map((name) => join(folder, name));
  // Last first: a crash in between must not leave a gap in the numbers.
  paths.push(...surplus.map((segment) => segment.path).reverse());
  for (const path of paths) withPath("remove", path, () => files.remove(path));
  // Always: what the last process named or removed may be so in the system's memory only, and commits go into that.
  withPath("sync", folder, () => files.syncFolder(folder));
}

function makeReady(
  files: FileSystem,
  segments: readonly SegmentOnDisk[],
  end: LogEnd,
  replay: Replay,
  afterLsn: number,
  warn: (cut: TailCut) => void,
): RecoveredLog {
  const last = segments[end.index] as SegmentOnDisk;
  const current = openForWriting(files, last);
  if (end.contentEnd > end.offset) cutTail(files, current, end, warn);
  // What was read may still be in the system's memory only, if just the process died: nobody may build on it yet.
  writeAgain(files, current, replay.durableEnd, end.offset);
  withPath("sync", current.path, () => files.sync(current.fd));
  return {
    current,
    offset: end.offset,
    lastLsn: Math.max(replay.lsn, afterLsn),
    lastAt: replay.at,
    endsClean: replay.frames === 0 || replay.lastKind === FrameKind.cleanEnd,
  };
}

/**
 * Writes what nothing proves to be durable once more. After a sync that failed the system's memory may hold as clean what
 * the disk never got: reading shows it, and no sync would write it.
 */
function writeAgain(files: FileSystem, { fd, path }: Segment, from: number, to: number): void {
  if (from >= to) return;
  const bytes = new Uint8Array(to - from);
  withPath("read", path, () => files.read(fd, bytes, from));
  withPath("write", path, () => files.write(fd, bytes, from));
}

function openForWriting(files: FileSystem, segment: SegmentOnDisk): Segment {
  const fd = withPath("open", segment.path, () => files.open(segment.path, "write"));
  return { ...segment, fd };
}

function cutTail(files: FileSystem, segment: Segment, end: LogEnd, warn: (cut: TailCut) => void): void {
  const cutBytes = end.contentEnd - end.offset;
  withPath("cut the torn tail of", segment.path, () =>
    files.write(segment.fd, new Uint8Array(cutBytes), end.offset),
  );
  const message =
    `log segment ${segment.path} had a torn tail at byte ${end.offset}: ` +
    `${cutBytes} bytes of commits that had never become durable were cut off`;
  warn({ path: segment.path, offsetBytes: end.offset, cutBytes, message });
}
