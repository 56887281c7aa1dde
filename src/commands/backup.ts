/**
 * `deltat backup <data folder> <target>`: a copy of each database that opens as it is, taken while a server may be at
 * work. A segment that is closed never changes again, so the next backup into the same target takes over those that it has
 * and copies the rest. The copy is put together beside the old one, verified, and only then takes its place.
 *
 * A server that cuts its log short meanwhile removes files that were about to be copied: then it is begun anew. The last
 * segment may be written to while it is read: what is not whole of it verifies as a torn tail, or is copied again. A file
 * of the target is taken over only if it begins as the one of its name does, with the same salt or checksums: the database
 * may be another of that name.
 *
 * Only what a backup has put there is ever replaced: the target is locked as a server locks its data folder, and a database
 * in it without the mark of a backup is somebody's data.
 */

import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { DeltatError, SqlState } from "../errors.ts";
import { localFiles } from "../storage/files.ts";
import { type FolderLock, lockFolder } from "../storage/folder-lock.ts";
import { segmentNumber } from "../storage/segment.ts";
import { BACKUP_MARK } from "../tenants/folder-names.ts";
import { DATABASES, databasesIn, OUTGOING } from "./database-folders.ts";
import { Progress } from "./progress.ts";
import { readStoredDatabase } from "./stored-database.ts";

/** How often a copy is begun anew before it is given up. */
const MAX_ATTEMPTS = 10;

/** Holds the salt and first frames of a segment, or the checksums of a snapshot. */
const HEAD_BYTES = 4096;

/**
 * Prints a line for each database. One that cannot be copied whole does not stop the others: the first such error is
 * thrown at the end. Throws DeltatError 55000, before anything is touched, for a target that is the source or in use.
 */
export async function backup(source: string, target: string, print: (line: string) => void): Promise<void> {
  const databases = databasesIn(source);
  for (const { path } of databases) refuseOwnFolder(path, target);
  const lock = lockTarget(target);
  const failures: unknown[] = [];
  try {
    for (const { name, path } of databases) {
      const place = join(target, DATABASES, basename(path));
      try {
        const { copied, kept, lastLsn } = await copyDatabase(name, path, place);
        print(`${name}: up to commit ${lastLsn}, ${copied} files copied, ${kept} were there`);
      } catch (error) {
        rmSync(`${place}.incoming`, { recursive: true, force: true });
        if (!existsSync(path)) {
          print(`${name}: dropped while it was copied; the target has it as it was`);
          continue;
        }
        print(`${name}: NOT BACKED UP: ${error instanceof Error ? error.message : error}`);
        failures.push(error);
      }
    }
    syncFolder(join(target, DATABASES));
  } finally {
    lock.release();
  }
  if (failures.length > 0) throw failures[0];
}

/** A copy that takes its source's place would pull the files from under the server that writes to them. */
function refuseOwnFolder(source: string, target: string): void {
  const place = join(target, DATABASES, basename(source));
  const isWithin = existsSync(target) && `${realpathSync(target)}/`.startsWith(`${realpathSync(source)}/`);
  const isSame = existsSync(place) && realpathSync(place) === realpathSync(source);
  if (!isWithin && !isSame) return;
  throw new DeltatError(
    SqlState.objectNotInPrerequisiteState,
    `${target} is where the databases are that are to be backed up`,
    { hint: "Name another folder as the target." },
  );
}

function lockTarget(target: string): FolderLock {
  try {
    return lockFolder(target);
  } catch (error) {
    if (!(error instanceof DeltatError) || error.sqlState !== SqlState.objectNotInPrerequisiteState)
      throw error;
    throw new DeltatError(
      SqlState.objectNotInPrerequisiteState,
      `target ${target} is in use: another backup is being written to it, or a server serves it`,
    );
  }
}

interface Copied {
  readonly copied: number;
  readonly kept: number;
  readonly lastLsn: number;
}

async function copyDatabase(name: string, source: string, place: string): Promise<Copied> {
  const incoming = `${place}.incoming`;
  // A backup that was cut short may have taken the old copy away already: it is all there is until this one is done.
  const outgoing = `${place}${OUTGOING}`;
  if (!existsSync(place) && existsSync(outgoing)) renameSync(outgoing, place);
  refuseForeign(place);
  let previous = "";
  for (let attempt = 1; ; attempt++) {
    rmSync(incoming, { recursive: true, force: true });
    mkdirSync(incoming, { recursive: true, mode: 0o700 });
    try {
      // What was taken over may itself have been damaged since: from then on all is copied.
      const counts = copyFiles(name, source, attempt === 1 ? place : null, incoming);
      const lastLsn = checkCopy(name, incoming);
      putInPlace(incoming, place);
      return { ...counts, lastLsn };
    } catch (error) {
      const isOvertaken = error instanceof DeltatError || isMissingFile(error);
      // What two copies have alike, both made from the source alone, is not of the moment.
      const message = error instanceof Error ? error.message : String(error);
      const isLasting = error instanceof DeltatError && attempt > 2 && message === previous;
      if (!isOvertaken || isLasting || attempt === MAX_ATTEMPTS) throw ofSource(error, incoming, source);
      previous = message;
      await Bun.sleep(attempt * 20);
    }
  }
}

/** Returns the last commit of a copy that opens as it is. Throws as reading it does. */
function checkCopy(name: string, incoming: string): number {
  const progress = new Progress(`checking the copy of ${name}`);
  try {
    return readStoredDatabase(incoming, "all", (lsn) => progress.show(`commit ${lsn}`)).log.lastLsn;
  } finally {
    progress.done();
  }
}

/** The copy with the damage is gone when somebody reads of it: the same file of the source is meant. */
function ofSource(error: unknown, incoming: string, source: string): unknown {
  if (!(error instanceof DeltatError)) return error;
  return new DeltatError(error.sqlState, error.message.replaceAll(incoming, source), error.fields);
}

/** Throws where a database is that no backup has put there, or that a server has written to since. */
function refuseForeign(place: string): void {
  if (!existsSync(place) || existsSync(join(place, BACKUP_MARK)) || readdirSync(place).length === 0) return;
  throw new Error(
    `${place} is no backup, or was served since: it is not replaced. Move it away, or name another target`,
  );
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
  try {
    for (const [at, file] of files.entries()) {
      progress.show(`file ${at + 1} of ${files.length}`);
      const earlier = join(place ?? "", file);
      if (had.has(file) && isClosed(file) && beginAlike(earlier, join(source, file))) {
        takeOver(earlier, join(incoming, file));
        kept++;
      } else copyFileSync(join(source, file), join(incoming, file));
    }
  } finally {
    progress.done();
  }
  writeFileSync(join(incoming, BACKUP_MARK), JSON.stringify(files.filter(isClosed)), { mode: 0o600 });
  return { copied: files.length - kept, kept };
}

/** Files of an earlier backup that are as they will always be. */
function closedIn(place: string): ReadonlySet<string> {
  const list = join(place, BACKUP_MARK);
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
  const outgoing = `${place}${OUTGOING}`;
  rmSync(outgoing, { recursive: true, force: true });
  if (existsSync(place)) renameSync(place, outgoing);
  renameSync(incoming, place);
  syncFolder(join(place, ".."));
  rmSync(outgoing, { recursive: true, force: true });
}

function syncFolder(path: string): void {
  if (existsSync(path)) localFiles.syncFolder(path);
}
