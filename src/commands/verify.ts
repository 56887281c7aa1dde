/** `deltat verify <folder>`: every frame and every section, and every commit onto an engine. Changes nothing. */

import { DeltatError, SqlState } from "../errors.ts";
import { localFiles } from "../storage/files.ts";
import { surveyLog } from "../storage/log-survey.ts";
import { readUpToDamage } from "../tenants/stored-state.ts";
import { type DatabaseFolder, databasesIn, takenAwayIn } from "./database-folders.ts";
import { Progress } from "./progress.ts";
import { readStoredDatabase } from "./stored-database.ts";

/** Prints a line for each database of the folder; returns whether all are whole. Throws an Error for a path that has none. */
export function verify(path: string, print: (line: string) => void): boolean {
  const databases = databasesIn(path);
  if (databases.length === 0) print(`${path} is a data folder without databases`);
  let isWhole = true;
  for (const { name, path: folder } of takenAwayIn(path)) {
    isWhole = false;
    print(`${name}: NOT IN PLACE: a backup was cut short: back up again, or rename ${folder} back`);
  }
  for (const database of databases) {
    const say = (line: string): void => print(`${database.name}: ${line}`);
    try {
      verifyDatabase(database, say);
    } catch (error) {
      if (!(error instanceof DeltatError)) throw error;
      isWhole = false;
      say(`NOT WHOLE: ${error.sqlState} ${error.message}`);
      describeDamage(database.path, error, say);
    }
  }
  return isWhole;
}

function verifyDatabase({ name, path }: DatabaseFolder, say: (line: string) => void): void {
  const progress = new Progress(`verifying ${name}`);
  try {
    const { engine, snapshotLsn, log } = readStoredDatabase(path, "all", (lsn) =>
      progress.show(`commit ${lsn}`),
    );
    const { bookingCount, holdCount } = engine.allocations;
    progress.done();
    say(
      `ok, up to commit ${log.lastLsn}: ` +
        `${snapshotLsn > 0 ? `a snapshot of commit ${snapshotLsn}` : "no snapshot"}, ` +
        `${log.segments} log segments with ${log.frames} frames; ` +
        `${engine.resources.count} resources, ${engine.rules.count} rules, ${bookingCount} bookings, ${holdCount} holds`,
    );
    if (log.tornTail === null) return;
    const { path: file, offsetBytes, bytes } = log.tornTail;
    say(
      `${bytes} bytes from ${file} at byte ${offsetBytes} on are of commits that are not durable (yet): no damage`,
    );
  } finally {
    progress.done();
  }
}

/** All that is damaged, not the first place only, and what can be saved. */
function describeDamage(folder: string, first: DeltatError, say: (line: string) => void): void {
  const { sqlState, message, fields } = first;
  // Of another version, most likely: that one may find nothing wrong.
  const readable = sqlState === SqlState.dataCorrupted ? readableOf(folder) : null;
  if (readable?.isServed) {
    say("it is served all the same: what is damaged is kept for the table events only, and goes with it");
  } else if (fields.hint !== undefined) say(fields.hint);
  if (readable === null) return;
  const { lastLsn, isServed } = readable;
  if (lastLsn === 0) say("no commit of it can be read");
  else if (!isServed) say(`up to commit ${lastLsn} it can be read: deltat serve --salvage`);
  for (const line of surveyLog(localFiles, folder, lastLsn)) if (line !== message) say(line);
}

function readableOf(folder: string): { readonly lastLsn: number; readonly isServed: boolean } {
  try {
    const { lastLsn, damage } = readUpToDamage(localFiles, folder);
    return { lastLsn, isServed: damage === null };
  } catch (error) {
    if (!(error instanceof DeltatError)) throw error;
    return { lastLsn: 0, isServed: false };
  }
}
