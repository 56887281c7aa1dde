/**
 * `deltat backup <data folder> <target>`: a copy of each database that opens as it is, taken while a server may be at
 * work. A segment that is closed never changes again, so the next backup into the same target takes over those that it has
 * and copies the rest. The copy is put together beside the old one, verified, and only then takes its place.
 *
 * A server that cuts its log short meanwhile removes files that were about to be copied: then it is begun anew. The last
 * segment may be written to while it is read: what is not whole of it verifies as a torn tail, or is copied again. A file
 * of the target is taken over only if it begins as the one of its name does, with the same salt or checksums: the database
 * may be another of that name.
 */

import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { DeltatError } from "../errors.ts";
import { localFiles } from "../storage/files.ts";
import { segmentNumber } from "../storage/segment.ts";
import { DATABASES, databasesIn } from "./database-folders.ts";
import { Progress } from "./progress.ts";
import { readStoredDatabase } from "./stored-database.ts";

/** How often a copy is begun anew before it is given up. */
const MAX_ATTEMPTS = 10;

/** In a backup beside the files: the names of those that will never change. */
const CLOSED_LIST = "closed.json";

/** Holds the salt and first frames of a segment, or the checksums of a snapshot. */
const HEAD_BYTES = 4096;

/**
 * Prints a line for each database. One that cannot be copied whole does not stop the others: the first such error is
 * thrown at the end.
 */
export async function backup(source: string, target: string, print: (line: string) => void): Promise<void> {
  const failures: unknown[] = [];
  for (const { name, path } of databasesIn(source)) {
    const place = join(target, DATABASES, basename(path));
    try {
      const { copied, kept, lastLsn } = await copyDatabase(name, path, place);
      print(`${name}: up to commit ${lastLsn}, ${copied} files copied, ${kept} were there`);
    } catch (error) {
      print(`${name}: NOT BACKED UP: ${error instanceof Error ? error.message : error}`);
      failures.push(error);
    }
  }
  syncFolder(join(target, DATABASES));
  if (failures.length > 0) throw failures[0];
}

interface Copied {
  readonly copied: number;
  readonly kept: number;
  readonly lastLsn: number;
}

async function copyDatabase(name: string, source: string, place: string): Promise<Copied> {
  const incoming = `${place}.incoming`;
  for (let attempt = 1; ; attempt++) {
    rmSync(incoming, { recursive: true, force: true });
    mkdirSync(incoming, { recursive: true, mode: 0o700 });
    try {
      // What was taken over may itself have been damaged since: from then on all is copied.
      const counts = copyFiles(name, source, attempt === 1 ? place : null, incoming);
      const { log } = readStoredDatabase(incoming);
      putInPlace(incoming, place);
      return { ...counts, lastLsn: log.lastLsn };
    } catch (error) {
      const isOvertaken = error instanceof DeltatError || isMissingFile(error);
      if (!isOvertaken || attempt === MAX_ATTEMPTS) throw error;
      await Bun.sleep(attempt * 20);
    }
  }
}

function isMissingFile(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function copyFiles(
  name: string,
  source: string,
  place: string | null,
  incoming: string,
): { readonly copied: number; readonly kept: number } {
  const files = readdirSync(source)
    .filter((file) => segmentNumber(file) !== null || file.endsWith(".snapshot"))
    .sort();
  const numbers = files.map(segmentNumber).filter((number) => number !== null);
  // The last but one is the one written to, unless the log has just moved on: neither is closed for sure.
  const firstOpen = (numbers.at(-1) ?? 0) - 1;
  const isClosed = (file: string): boolean => (segmentNumber(file) ?? 0) < firstOpen;
  const had = place === null ? new Set() : closedIn(place);
  const progress = new Progress(`backing up ${name}`);
  let kept = 0;
  for (const [at, file] of files.entries()) {
    progress.show(`file ${at + 1} of ${files.length}`);
    const earlier = join(place ?? "", file);
    if (had.has(file) && isClosed(file) && beginAlike(earlier, join(source, file))) {
      takeOver(earlier, join(incoming, file));
      kept++;
    } else copyFileSync(join(source, file), join(incoming, file));
  }
  writeFileSync(join(incoming, CLOSED_LIST), JSON.stringify(files.filter(isClosed)));
  progress.done();
  return { copied: files.length - kept, kept };
}

/** Files of an earlier backup that are as they will always be. */
function closedIn(place: string): ReadonlySet<string> {
  const list = join(place, CLOSED_LIST);
  return new Set(existsSync(list) ? (JSON.parse(readFileSync(list, "utf8")) as string[]) : []);
}

function beginAlike(one: string, other: string): boolean {
  const [a, b] = [one, other].map(headOf);
  return a !== undefined && b !== undefined && a.size === b.size && a.bytes.equals(b.bytes);
}

function headOf(path: string): { readonly size: number; readonly bytes: Buffer } | undefined {
  if (!existsSync(path)) return undefined;
  const fd = localFiles.open(path, "read");
  try {
    const bytes = Buffer.alloc(HEAD_BYTES);
    localFiles.read(fd, bytes, 0);
    return { size: localFiles.size(fd), bytes };
  } finally {
    localFiles.close(fd);
  }
}

function takeOver(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    // A file system without links.
    copyFileSync(from, to);
  }
}

/** Durably: whatever happens, the old backup or the new one is there, or the new one beside its place. */
function putInPlace(incoming: string, place: string): void {
  for (const file of readdirSync(incoming)) {
    const fd = localFiles.open(join(incoming, file), "write");
    localFiles.sync(fd);
    localFiles.close(fd);
  }
  syncFolder(incoming);
  const outgoing = `${place}.outgoing`;
  rmSync(outgoing, { recursive: true, force: true });
  if (existsSync(place)) renameSync(place, outgoing);
  renameSync(incoming, place);
  syncFolder(join(place, ".."));
  rmSync(outgoing, { recursive: true, force: true });
}

function syncFolder(path: string): void {
  if (existsSync(path)) localFiles.syncFolder(path);
}
