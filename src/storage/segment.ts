/**
 * A segment: one file of fixed size, laid out in zeros before its first use, because a write into blocks that
 * are already there makes fdatasync flush data only, not the file's size and extents. It takes its final name
 * only when it is whole and durable, so a file with that name and a bad header is damage, never a crash.
 *
 *     0 magic "DELTALOG"   8 u32 format version   12 u32 number   16 u32 salt   20 u32 size
 *     24 u32 salt of the segment before (0 for the first)   28 u32 CRC-32 of bytes 0 to 28
 */

import { join } from "node:path";
import { DeltatError, SqlState } from "../errors.ts";
import type { FileSystem } from "./files.ts";
import { FRAME_HEADER_BYTES } from "./frame.ts";
import { damage, fileError, withPath } from "./storage-errors.ts";

export const SEGMENT_HEADER_BYTES = 32;

/** Kept free at the end of every segment, so that the mark of a clean stop always finds room. */
export const END_MARK_BYTES = FRAME_HEADER_BYTES;

const FORMAT_VERSION = 1;
const MAGIC = new TextEncoder().encode("DELTALOG");
const CHECKSUM_AT = 28;

/** Sizes are whole disk blocks. */
const BLOCK_BYTES = 4096;

const SEGMENT_NAME = /^([0-9]{10})\.log$/;
const UNFINISHED_NAME = /^[0-9]{10}\.log\.new[0-9]+$/;

const ZEROS = new Uint8Array(1024 * 1024);

export interface SegmentHeader {
  readonly number: number;
  /** Random; seeds the checksums of the segment's frames. */
  readonly salt: number;
  readonly sizeBytes: number;
  readonly previousSalt: number;
}

/** A segment that is open. */
export interface Segment extends SegmentHeader {
  readonly path: string;
  readonly fd: number;
}

/** Ten digits, so that names sort as numbers do. */
export function segmentName(number: number): string {
  return `${String(number).padStart(10, "0")}.log`;
}

/** The number in a segment's name, or null if it is the name of something else. */
export function segmentNumber(name: string): number | null {
  const match = SEGMENT_NAME.exec(name);
  return match === null ? null : Number(match[1]);
}

/** Whether this is a segment whose making was cut short. */
export function isUnfinishedName(name: string): boolean {
  return UNFINISHED_NAME.test(name);
}

/** Size of a segment that has room for `neededBytes` of frames, `preferredBytes` if they fit. */
export function segmentSize(preferredBytes: number, neededBytes: number): number {
  const bytes = Math.max(preferredBytes, SEGMENT_HEADER_BYTES + neededBytes + END_MARK_BYTES);
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

function encodeHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, FORMAT_VERSION);
  view.setUint32(12, header.number);
  view.setUint32(16, header.salt);
  view.setUint32(20, header.sizeBytes);
  view.setUint32(24, header.previousSalt);
  view.setUint32(CHECKSUM_AT, Bun.hash.crc32(bytes.subarray(0, CHECKSUM_AT)));
  return bytes;
}

/**
 * The header in the first bytes of a file. Throws DeltatError XX001 if it is no segment or damaged, 0A000 if
 * it has a format that this version does not read.
 */
export function decodeHeader(bytes: Uint8Array, path: string): SegmentHeader {
  if (bytes.length < SEGMENT_HEADER_BYTES || !MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw damage(path, 0, "it is not a log segment of deltat");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  // Before the checksum: another format may keep it elsewhere.
  const version = view.getUint32(8);
  if (version !== FORMAT_VERSION) {
    throw new DeltatError(
      SqlState.featureNotSupported,
      `log segment ${path} has format version ${version}; this deltat reads version ${FORMAT_VERSION}`,
      { hint: "Open the folder with the version of deltat that wrote it." },
    );
  }
  if (view.getUint32(CHECKSUM_AT) !== Bun.hash.crc32(bytes.subarray(0, CHECKSUM_AT))) {
    throw damage(path, 0, "the checksum of its header is wrong");
  }
  return {
    number: view.getUint32(12),
    salt: view.getUint32(16),
    sizeBytes: view.getUint32(20),
    previousSalt: view.getUint32(24),
  };
}

/** Makes a durable segment, blocking; throws what the file system says, and leaves nothing behind then. */
export function createSegment(
  files: FileSystem,
  folder: string,
  header: SegmentHeader,
  attempt: number,
): Segment {
  const path = join(folder, segmentName(header.number));
  const unfinishedPath = `${path}.new${attempt}`;
  const fd = files.open(unfinishedPath, "create");
  try {
    for (let at = 0; at < header.sizeBytes; at += ZEROS.length) {
      files.write(fd, ZEROS.subarray(0, Math.min(ZEROS.length, header.sizeBytes - at)), at);
    }
    files.write(fd, encodeHeader(header), 0);
    files.sync(fd);
    files.rename(unfinishedPath, path);
  } catch (error) {
    discard(files, fd, unfinishedPath);
    throw error;
  }
  try {
    files.syncFolder(folder);
  } catch (error) {
    discard(files, fd, path);
    throw error;
  }
  return { ...header, path, fd };
}

/**
 * The same in the background. `wanted` is asked before each step; once it says no, what was made is removed
 * and the answer is null: another file may have taken the name.
 */
export async function createSegmentLater(
  files: FileSystem,
  folder: string,
  header: SegmentHeader,
  attempt: number,
  wanted: () => boolean,
): Promise<Segment | null> {
  const path = join(folder, segmentName(header.number));
  const unfinishedPath = `${path}.new${attempt}`;
  const fd = files.open(unfinishedPath, "create");
  let named = false;
  try {
    for (let at = 0; wanted() && at < header.sizeBytes; at += ZEROS.length) {
      // Piece by piece: a sync of the log beside it waits for one of them, not for all.
      if (at > 0) await files.syncLater(fd);
      await files.writeLater(fd, ZEROS.subarray(0, Math.min(ZEROS.length, header.sizeBytes - at)), at);
    }
    if (wanted()) {
      files.write(fd, encodeHeader(header), 0);
      await files.syncLater(fd);
    }
    if (wanted()) {
      files.rename(unfinishedPath, path);
      named = true;
      await files.syncFolderLater(folder);
    }
  } catch (error) {
    if (named && wanted()) discard(files, fd, path);
    else if (named) files.close(fd);
    else discard(files, fd, unfinishedPath);
    throw error;
  }
  if (wanted()) return { ...header, path, fd };
  if (named) files.close(fd);
  else discard(files, fd, unfinishedPath);
  return null;
}

/** Best effort: the error that led here is the one to report. */
function discard(files: FileSystem, fd: number, path: string): void {
  try {
    files.close(fd);
    files.remove(path);
  } catch {
    // The next opening of the log removes unfinished files.
  }
}

/**
 * Removes the segments of a folder up to `number`, oldest first, so that no gap is ever left. The newest of them stay as
 * long as they take no more than `keptBytes` together. It stops where that is unwanted.
 */
export async function removeSegments(
  files: FileSystem,
  folder: string,
  number: number,
  keptBytes: number,
  unwanted: AbortSignal,
): Promise<void> {
  const old = files
    .list(folder)
    .filter((name) => (segmentNumber(name) ?? Number.POSITIVE_INFINITY) <= number)
    .sort();
  for (let room = keptBytes; old.length > 0; old.pop()) {
    room -= fileSize(files, join(folder, old.at(-1) ?? ""));
    if (room < 0) break;
  }
  for (const name of old) {
    if (unwanted.aborted) return;
    const path = join(folder, name);
    withPath("remove", path, () => files.remove(path));
    // Freeing a large file takes its time: others have their turn between two of them.
    await files.syncFolderLater(folder).catch((cause: unknown) => {
      throw fileError("sync", folder, cause);
    });
  }
}

function fileSize(files: FileSystem, path: string): number {
  return withPath("read the size of", path, () => {
    const fd = files.open(path, "read");
    try {
      return files.size(fd);
    } finally {
      files.close(fd);
    }
  });
}
