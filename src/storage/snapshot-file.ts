/**
 * A snapshot: numbered sections of bytes in one file, which stands for all commits up to an lsn. It is written under
 * another name and gets its own when it is whole and durable, so a file of that name that does not read is damage,
 * never a crash. Several may be there for a moment: the newest counts.
 *
 *     0 magic "DELTASNP"   8 u32 format version   12 u32 number of sections   16 f64 lsn   24 f64 instant of that commit
 *     32 u32 CRC-32 of the table   36 u32 CRC-32 of bytes 0 to 36   40 the table, 32 bytes a section:
 *        0 u32 section   4 u32 zero   8 f64 offset   16 f64 length   24 u64 xxHash3 of the bytes
 *     then the sections, each at a multiple of 8
 */

import { join } from "node:path";
import { DeltatError, SqlState } from "../errors.ts";
import type { FileSystem } from "./files.ts";
import { snapshotDamage, withPath } from "./storage-errors.ts";

const MAGIC = new TextEncoder().encode("DELTASNP");
const FORMAT_VERSION = 1;
const HEADER_BYTES = 40;
const TABLE_CHECKSUM_AT = 32;
const HEADER_CHECKSUM_AT = 36;
const ENTRY_BYTES = 32;
const ALIGNMENT = 8;
const WRITE_BYTES = 1024 * 1024;

/** More sections than this are no snapshot's. */
const MAX_SECTIONS = 1000;

const NAME = /^([0-9]{16})\.snapshot$/;
const UNFINISHED = ".new";

export interface Snapshot {
  /** The last commit in it. */
  readonly lsn: number;
  /** Instant of that commit, Unix milliseconds. */
  readonly at: number;
  readonly sections: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
}

/** Sixteen digits, so that names sort as numbers do. */
export function snapshotName(lsn: number): string {
  return `${String(lsn).padStart(16, "0")}.snapshot`;
}

/** The lsn in a snapshot's name, or null if it is the name of something else. */
export function snapshotLsn(name: string): number | null {
  const match = NAME.exec(name);
  return match === null ? null : Number(match[1]);
}

/** Whether this is a snapshot whose making was cut short. */
function isUnfinishedSnapshot(name: string): boolean {
  return name.includes(".snapshot") && name.endsWith(UNFINISHED);
}

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

function encodeHead({ lsn, at, sections }: Snapshot): Uint8Array {
  const tableBytes = sections.size * ENTRY_BYTES;
  const head = new Uint8Array(HEADER_BYTES + tableBytes);
  const view = new DataView(head.buffer);
  let offset = head.length;
  let entry = HEADER_BYTES;
  for (const [section, bytes] of sections) {
    view.setUint32(entry, section);
    view.setFloat64(entry + 8, offset);
    view.setFloat64(entry + 16, bytes.length);
    view.setBigUint64(entry + 24, Bun.hash.xxHash3(bytes));
    entry += ENTRY_BYTES;
    offset += aligned(bytes.length);
  }
  head.set(MAGIC);
  view.setUint32(8, FORMAT_VERSION);
  view.setUint32(12, sections.size);
  view.setFloat64(16, lsn);
  view.setFloat64(24, at);
  view.setUint32(TABLE_CHECKSUM_AT, Bun.hash.crc32(head.subarray(HEADER_BYTES)));
  view.setUint32(HEADER_CHECKSUM_AT, Bun.hash.crc32(head.subarray(0, HEADER_CHECKSUM_AT)));
  return head;
}

/**
 * Puts a snapshot in place, durably; returns its size. Throws DeltatError 53100 or 58030; nothing is left behind then but
 * what the next opening removes. `mayGoOn` is asked before it gets its name: a no leaves all as it was.
 */
export function writeSnapshot(
  files: FileSystem,
  folder: string,
  snapshot: Snapshot,
  mayGoOn: () => boolean = () => true,
): number {
  const path = join(folder, snapshotName(snapshot.lsn));
  const unfinished = `${path}.${crypto.randomUUID()}${UNFINISHED}`;
  const fd = withPath("create", unfinished, () => files.open(unfinished, "create"));
  let size = 0;
  try {
    size = withPath("write", unfinished, () => writeParts(files, fd, snapshot));
    withPath("sync", unfinished, () => files.sync(fd));
  } catch (error) {
    files.close(fd);
    discard(files, unfinished);
    throw error;
  }
  files.close(fd);
  if (!mayGoOn()) {
    discard(files, unfinished);
    throw new DeltatError(SqlState.ioError, `snapshot ${path} was given up`);
  }
  withPath("rename", unfinished, () => files.rename(unfinished, path));
  withPath("sync", folder, () => files.syncFolder(folder));
  return size;
}

function writeParts(files: FileSystem, fd: number, snapshot: Snapshot): number {
  let at = 0;
  for (const bytes of [encodeHead(snapshot), ...snapshot.sections.values()]) {
    for (let done = 0; done < bytes.length; done += WRITE_BYTES) {
      files.write(fd, bytes.subarray(done, Math.min(bytes.length, done + WRITE_BYTES)), at + done);
    }
    at += aligned(bytes.length);
  }
  return at;
}

/** Best effort: the error that led here is the one to report. */
function discard(files: FileSystem, path: string): void {
  try {
    files.remove(path);
  } catch {
    // The next opening removes it.
  }
}

/** The lsns of the snapshots in a folder, oldest first. */
function snapshotsIn(files: FileSystem, folder: string): number[] {
  return withPath("list", folder, () => files.list(folder))
    .map(snapshotLsn)
    .filter((lsn) => lsn !== null)
    .sort((a, b) => a - b);
}

/**
 * The newest snapshot of a folder, every byte of it checked; null if there is none. Throws DeltatError XX001 for damage
 * (file, offset and section named), 0A000 for another format, 58030.
 */
export function readNewestSnapshot(files: FileSystem, folder: string): Snapshot | null {
  const lsn = snapshotsIn(files, folder).at(-1);
  return lsn === undefined ? null : readSnapshot(files, join(folder, snapshotName(lsn)), lsn);
}

/** As `readNewestSnapshot`, of one file, whose name says `lsn`. */
function readSnapshot(files: FileSystem, path: string, lsn: number): Snapshot {
  const bytes = readFile(files, path);
  const head = readHead(bytes, path);
  if (head.lsn !== lsn) throw snapshotDamage(path, 16, `it is of lsn ${head.lsn}, as its name is not`);
  const sections = new Map<number, Uint8Array<ArrayBuffer>>();
  for (const { section, offset, length, checksum, entryAt } of head.entries) {
    if (offset % ALIGNMENT !== 0 || offset + length > bytes.length) {
      throw snapshotDamage(path, entryAt, `section ${section} lies beyond its end`);
    }
    const content = bytes.subarray(offset, offset + length);
    if (Bun.hash.xxHash3(content) !== checksum) {
      throw snapshotDamage(path, offset, `the checksum of section ${section} is wrong`);
    }
    const end = offset + length;
    const filler = bytes.subarray(end, aligned(end)).findIndex((byte) => byte !== 0);
    if (filler >= 0) throw snapshotDamage(path, end + filler, "the bytes between sections are not zero");
    sections.set(section, content);
  }
  return { lsn, at: head.at, sections };
}

function readFile(files: FileSystem, path: string): Uint8Array<ArrayBuffer> {
  const fd = withPath("open", path, () => files.open(path, "read"));
  try {
    return withPath("read", path, () => {
      const bytes = new Uint8Array(files.size(fd));
      const count = files.read(fd, bytes, 0);
      return bytes.subarray(0, count);
    });
  } finally {
    files.close(fd);
  }
}

interface Entry {
  readonly section: number;
  readonly offset: number;
  readonly length: number;
  readonly checksum: bigint;
  /** Where the table names it. */
  readonly entryAt: number;
}

function readHead(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
): { readonly lsn: number; readonly at: number; readonly entries: readonly Entry[] } {
  if (bytes.length < HEADER_BYTES || !MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw snapshotDamage(path, 0, "it is not a snapshot of deltat");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getUint32(8);
  // Before the checksum: another format may keep it elsewhere.
  if (version !== FORMAT_VERSION) {
    throw new DeltatError(
      SqlState.featureNotSupported,
      `snapshot ${path} has format version ${version}; this deltat reads version ${FORMAT_VERSION}`,
      { hint: "Open the folder with the version of deltat that wrote it." },
    );
  }
  if (view.getUint32(HEADER_CHECKSUM_AT) !== Bun.hash.crc32(bytes.subarray(0, HEADER_CHECKSUM_AT))) {
    throw snapshotDamage(path, 0, "the checksum of its header is wrong");
  }
  const count = view.getUint32(12);
  const tableEnd = HEADER_BYTES + count * ENTRY_BYTES;
  const table = bytes.subarray(HEADER_BYTES, tableEnd);
  const isWhole = count <= MAX_SECTIONS && tableEnd <= bytes.length;
  if (!isWhole || view.getUint32(TABLE_CHECKSUM_AT) !== Bun.hash.crc32(table)) {
    throw snapshotDamage(path, HEADER_BYTES, "the checksum of its table is wrong");
  }
  const entries = Array.from({ length: count }, (_, i): Entry => {
    const entryAt = HEADER_BYTES + i * ENTRY_BYTES;
    return {
      section: view.getUint32(entryAt),
      offset: view.getFloat64(entryAt + 8),
      length: view.getFloat64(entryAt + 16),
      checksum: view.getBigUint64(entryAt + 24),
      entryAt,
    };
  });
  return { lsn: view.getFloat64(16), at: view.getFloat64(24), entries };
}

/**
 * Removes what a snapshot of `lsn` makes needless: older ones, and unfinished ones of any. Durable at some later time:
 * what comes back after a crash is removed again.
 */
export function removeOldSnapshots(files: FileSystem, folder: string, lsn: number): void {
  for (const name of withPath("list", folder, () => files.list(folder))) {
    const found = snapshotLsn(name);
    const isOld = found !== null && found < lsn;
    if (!isOld && !isUnfinishedSnapshot(name)) continue;
    const path = join(folder, name);
    withPath("remove", path, () => files.remove(path));
  }
}
