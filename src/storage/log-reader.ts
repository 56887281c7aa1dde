/**
 * Reading a log: every commit in order, and where the log stops being readable. What was never durable may be torn in
 * any way; a place that had been durable is damage. Two things prove that it had been:
 *
 * - a valid frame after it whose `durable end` lies beyond it;
 * - anything at all in a later segment, which is begun only when the one before is wholly durable.
 *
 * docs/storage-format.md gives the rules in full. Nothing here changes a file.
 */

import { join } from "node:path";
import { DeltatError, SqlState } from "../errors.ts";
import type { CommitRecord } from "./commit-log.ts";
import type { FileSystem } from "./files.ts";
import { alignedBytes, FRAME_ALIGNMENT_BYTES, FRAME_HEADER_BYTES, FrameKind, FrameReader } from "./frame.ts";
import { neededSegments } from "./past-segments.ts";
import {
  decodeHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
  segmentNumber,
} from "./segment.ts";
import { damage, withPath } from "./storage-errors.ts";

/** Position of the replay, and the record handed to the visitor, which is the same object every time. */
export interface Replay {
  lsn: number;
  at: number;
  frames: number;
  lastKind: number;
  /** What the last frame says of its segment: everything before this offset had been durable when it was made. */
  durableEnd: number;
  record: { lsn: number; at: number; body: Uint8Array };
}

/** A segment's file on disk, its header read and checked. */
export interface SegmentOnDisk extends SegmentHeader {
  readonly path: string;
}

/** Where the frames of the log end: the last segment that holds anything. */
export interface LogEnd {
  readonly index: number;
  readonly offset: number;
  /** Offset after the last byte that is not zero; `offset` if there is none. */
  readonly contentEnd: number;
}

/**
 * Replays the commits after `afterLsn` in the segments up to `lastNumber`, which are closed: all of them is durable, so
 * whatever does not read is damage. Nothing is changed. Returns the last lsn and its instant; those of `afterLsn` and 0
 * where there are no such commits. Throws as `recoverLog` does.
 */
export function replayClosedSegments(
  files: FileSystem,
  folder: string,
  lastNumber: number,
  afterLsn: number,
  visit: (record: CommitRecord) => void,
): { readonly lsn: number; readonly at: number } {
  const names = logNames(files, folder).filter((name) => (segmentNumber(name) ?? 0) <= lastNumber);
  const segments = readHeaders(files, folder, neededSegments(files, folder, names, afterLsn));
  const replay = newReplay();
  const end = replaySegments(files, segments, afterLsn, replay, visit);
  const last = segments[end.index];
  if (last !== undefined && end.contentEnd > end.offset) {
    throw damage(last.path, end.offset, "the frame there is invalid, and the segment was closed");
  }
  return { lsn: Math.max(replay.lsn, afterLsn), at: replay.at };
}

/** What was read of a log. */
export interface LogContents {
  readonly segments: number;
  readonly frames: number;
  readonly lastLsn: number;
  /** Of commits that never became durable, at the end: where, and how many bytes; null if there are none. */
  readonly tornTail: { readonly path: string; readonly offsetBytes: number; readonly bytes: number } | null;
}

/**
 * Reads a log as `recoverLog` does, and changes nothing. Throws as that does; null if the folder holds no log.
 * @param which `all` segments; or those `needed` behind the snapshot: of them all is read that can be, before it throws
 */
export function inspectLog(
  files: FileSystem,
  folder: string,
  afterLsn: number,
  which: "all" | "needed",
  visit: (record: CommitRecord) => void,
): LogContents | null {
  const all = logNames(files, folder);
  const names = which === "all" ? all : neededSegments(files, folder, all, afterLsn);
  const { segments, refusal } = readableHeaders(files, folder, names);
  if (refusal !== null && which === "all") throw refusal;
  if (all.length === 0) {
    if (afterLsn > 0) throw noSegment(folder, afterLsn);
    return null;
  }
  checkBeginning(folder, segments, afterLsn);
  const replay = newReplay();
  const end = replaySegments(files, segments, afterLsn, replay, visit);
  if (refusal !== null) throw refusal;
  checkReach(folder, replay, afterLsn);
  const bytes = end.contentEnd - end.offset;
  const path = segments[end.index]?.path ?? folder;
  return {
    segments: segments.length,
    frames: replay.frames,
    lastLsn: Math.max(replay.lsn, afterLsn),
    tornTail: bytes === 0 ? null : { path, offsetBytes: end.offset, bytes },
  };
}

/** Names of what belongs to the log, or claims to; sorted. */
export function logNames(files: FileSystem, folder: string): string[] {
  return withPath("list", folder, () => files.list(folder))
    .filter((name) => name.endsWith(".log"))
    .sort();
}

export function noSegment(folder: string, afterLsn: number): DeltatError {
  return missing(folder, `it holds no log segment, yet a snapshot of lsn ${afterLsn} exists`);
}

export function checkBeginning(folder: string, [first]: readonly SegmentOnDisk[], afterLsn: number): void {
  if (afterLsn > 0 || first === undefined || first.number === 1) return;
  throw missing(folder, `log segment ${segmentName(1)} is not there, and there is no snapshot to begin with`);
}

export function checkReach(folder: string, replay: Replay, afterLsn: number): void {
  if (replay.lsn >= afterLsn || replay.frames === 0) return;
  throw missing(folder, `the log ends at lsn ${replay.lsn}, yet a snapshot of lsn ${afterLsn} exists`);
}

export function newReplay(): Replay {
  return {
    lsn: 0,
    at: 0,
    frames: 0,
    lastKind: 0,
    durableEnd: SEGMENT_HEADER_BYTES,
    record: { lsn: 0, at: 0, body: new Uint8Array(0) },
  };
}

function missing(folder: string, reason: string): DeltatError {
  return new DeltatError(
    SqlState.dataCorrupted,
    `log folder ${folder} is incomplete: ${reason}; nothing was changed`,
    {
      hint: "Put the missing files back, or restore the whole folder of this database from a backup.",
    },
  );
}

/** The headers of segments that follow each other; `names` are sorted. Throws what is wrong with one of them. */
export function readHeaders(files: FileSystem, folder: string, names: readonly string[]): SegmentOnDisk[] {
  const { segments, refusal } = readableHeaders(files, folder, names);
  if (refusal !== null) throw refusal;
  return segments;
}

/** The same up to the first one with which something is wrong, and what that is. */
function readableHeaders(
  files: FileSystem,
  folder: string,
  names: readonly string[],
): { readonly segments: SegmentOnDisk[]; readonly refusal: DeltatError | null } {
  const segments: SegmentOnDisk[] = [];
  try {
    for (const name of names) {
      const path = join(folder, name);
      const segment = readHeader(files, path);
      if (segmentNumber(name) !== segment.number) {
        throw damage(path, 0, `its header says that it is ${segmentName(segment.number)}`);
      }
      const previous = segments.at(-1);
      if (previous !== undefined) checkSuccession(folder, previous, segment);
      segments.push(segment);
    }
  } catch (error) {
    if (error instanceof DeltatError) return { segments, refusal: error };
    throw error;
  }
  return { segments, refusal: null };
}

function readHeader(files: FileSystem, path: string): SegmentOnDisk {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  return withFile(files, path, (fd) => {
    const count = withPath("read", path, () => files.read(fd, bytes, 0));
    const header = decodeHeader(bytes.subarray(0, count), path);
    const sizeBytes = withPath("read the size of", path, () => files.size(fd));
    if (sizeBytes !== header.sizeBytes) {
      const offset = Math.min(sizeBytes, header.sizeBytes);
      throw damage(path, offset, `the file has ${sizeBytes} bytes, its header says ${header.sizeBytes}`);
    }
    return { ...header, path };
  });
}

function checkSuccession(folder: string, previous: SegmentOnDisk, segment: SegmentOnDisk): void {
  if (segment.number !== previous.number + 1) {
    throw missing(folder, `log segment ${segmentName(previous.number + 1)} is not there`);
  }
  if (segment.previousSalt !== previous.salt) {
    throw damage(segment.path, 0, `it belongs to another log than ${segmentName(previous.number)}`);
  }
}

function withFile<T>(files: FileSystem, path: string, use: (fd: number) => T): T {
  const fd = withPath("open", path, () => files.open(path, "read"));
  try {
    return use(fd);
  } finally {
    files.close(fd);
  }
}

export function replaySegments(
  files: FileSystem,
  segments: readonly SegmentOnDisk[],
  afterLsn: number,
  replay: Replay,
  visit: (record: CommitRecord) => void,
): LogEnd {
  let buffer = new Uint8Array(0);
  let end: LogEnd = { index: 0, offset: SEGMENT_HEADER_BYTES, contentEnd: SEGMENT_HEADER_BYTES };
  for (const [index, segment] of segments.entries()) {
    if (buffer.length < segment.sizeBytes) buffer = new Uint8Array(segment.sizeBytes);
    const bytes = buffer.subarray(0, segment.sizeBytes);
    readWhole(files, segment, bytes);
    const contentEnd = endOfContent(bytes);
    if (contentEnd === SEGMENT_HEADER_BYTES) continue;
    // Something was written here, so the segment before was wholly durable: it may not stop at a bad frame.
    const before = segments[end.index];
    if (end.contentEnd > end.offset && before !== undefined) {
      throw damage(
        before.path,
        end.offset,
        `the frame there is invalid, and ${segmentName(segment.number)} goes on`,
      );
    }
    const reader = new FrameReader(bytes, segment.salt);
    const offset = replayFrames(reader, segment.path, contentEnd, afterLsn, replay, visit);
    if (contentEnd > offset) refuseDamage(reader, segment.path, offset, contentEnd);
    end = { index, offset, contentEnd: Math.max(offset, contentEnd) };
  }
  return end;
}

function readWhole(files: FileSystem, segment: SegmentOnDisk, bytes: Uint8Array): void {
  withFile(files, segment.path, (fd) => {
    const count = withPath("read", segment.path, () => files.read(fd, bytes, 0));
    if (count < bytes.length) throw damage(segment.path, count, "the file ends there");
  });
}

/** Offset after the last 8 bytes of a segment that are not all zero; its header counts as content. */
export function endOfContent(bytes: Uint8Array<ArrayBuffer>): number {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const first = SEGMENT_HEADER_BYTES / 4;
  let end = words.length;
  while (end > first && words[end - 1] === 0) end--;
  return alignedBytes(end * 4);
}

/** Visits the valid frames of a segment; returns the offset after the last of them. */
function replayFrames(
  reader: FrameReader,
  path: string,
  contentEnd: number,
  afterLsn: number,
  replay: Replay,
  visit: (record: CommitRecord) => void,
): number {
  const { record } = replay;
  let offset = SEGMENT_HEADER_BYTES;
  while (offset < contentEnd && reader.isFrame(offset)) {
    const kind = reader.kind(offset);
    const lsn = reader.lsn(offset);
    const at = reader.at(offset);
    if (replay.frames === 0) checkFirstLsn(path, offset, kind, lsn, afterLsn);
    else checkOrder(path, offset, kind, lsn, at, replay);
    replay.lsn = lsn;
    replay.at = at;
    replay.frames++;
    replay.lastKind = kind;
    replay.durableEnd = reader.durableEnd(offset);
    if (kind === FrameKind.commit && lsn > afterLsn) {
      record.lsn = lsn;
      record.at = at;
      record.body = reader.body(offset);
      visit(record);
    }
    offset += alignedBytes(reader.length(offset));
  }
  return offset;
}

function checkFirstLsn(path: string, offset: number, kind: number, lsn: number, afterLsn: number): void {
  checkKind(path, offset, kind);
  const reaches = kind === FrameKind.commit ? lsn - 1 : lsn;
  if (reaches <= afterLsn) return;
  throw damage(
    path,
    offset,
    `the log begins with lsn ${reaches + 1}, but the commits from lsn ${afterLsn + 1} on are needed`,
  );
}

function checkOrder(
  path: string,
  offset: number,
  kind: number,
  lsn: number,
  at: number,
  replay: Replay,
): void {
  checkKind(path, offset, kind);
  const expected = kind === FrameKind.commit ? replay.lsn + 1 : replay.lsn;
  if (lsn !== expected) throw damage(path, offset, `lsn ${lsn} follows where lsn ${expected} belongs`);
  if (at < replay.at) throw damage(path, offset, `instant ${at} of lsn ${lsn} is before ${replay.at}`);
}

function checkKind(path: string, offset: number, kind: number): void {
  if (kind === FrameKind.commit || kind === FrameKind.cleanEnd) return;
  throw new DeltatError(
    SqlState.featureNotSupported,
    `log segment ${path} holds a frame of unknown kind ${kind} at byte ${offset}`,
    { hint: "Open the folder with the version of deltat that wrote it." },
  );
}

/**
 * Throws if a valid frame after the bad place at `offset` says that this place had been durable. Only frames
 * that say so are worth a checksum, so the search costs little even over a whole segment.
 */
function refuseDamage(reader: FrameReader, path: string, offset: number, contentEnd: number): void {
  const lastPlace = Math.min(contentEnd - 1, reader.bytes.length - FRAME_HEADER_BYTES);
  for (let later = offset + FRAME_ALIGNMENT_BYTES; later <= lastPlace; later += FRAME_ALIGNMENT_BYTES) {
    const durableEnd = reader.durableEnd(later);
    if (durableEnd <= offset || durableEnd > later || !reader.isFrame(later)) continue;
    throw damage(
      path,
      offset,
      `the frame there is invalid, but the one at byte ${later} (lsn ${reader.lsn(later)}) was written after it had been durable`,
    );
  }
}
