/** `deltat verify <folder>`: every frame and every section, and every commit onto an engine. Changes nothing. */

import { DeltatError } from "../errors.ts";
import { databasesIn } from "./database-folders.ts";
import { Progress } from "./progress.ts";
import { readStoredDatabase } from "./stored-database.ts";

/** Prints a line for each database of the folder; returns whether all are whole. Throws an Error for a path that has none. */
export function verify(path: string, print: (line: string) => void): boolean {
  let isWhole = true;
  for (const { name, path: folder } of databasesIn(path)) {
    const progress = new Progress(`verifying ${name}`);
    let readable = 0;
    try {
      const { engine, snapshotLsn, log } = readStoredDatabase(folder, (lsn) => {
        readable = lsn;
        progress.show(`commit ${lsn}`);
      });
      progress.done();
      const { bookingCount, holdCount } = engine.allocations;
      print(
        `${name}: ok, up to commit ${log.lastLsn}: ` +
          `${snapshotLsn > 0 ? `a snapshot of commit ${snapshotLsn}` : "no snapshot"}, ` +
          `${log.segments} log segments with ${log.frames} frames; ` +
          `${engine.resources.count} resources, ${engine.rules.count} rules, ${bookingCount} bookings, ${holdCount} holds`,
      );
      if (log.tornTail !== null) {
        const { path: file, offsetBytes, bytes } = log.tornTail;
        print(
          `${name}: ${bytes} bytes from ${file} at byte ${offsetBytes} on are of commits that are not durable (yet): no damage`,
        );
      }
    } catch (error) {
      progress.done();
      if (!(error instanceof DeltatError)) throw error;
      isWhole = false;
      print(`${name}: NOT WHOLE: ${error.sqlState} ${error.message}`);
      print(
        readable > 0
          ? `${name}: up to commit ${readable} it can be read: deltat serve --salvage`
          : `${name}: no commit of it can be read`,
      );
      if (error.fields.hint !== undefined) print(`${name}: ${error.fields.hint}`);
    }
  }
  return isWhole;
}
