/** The database folders that a path given to a command means: a data folder holds several, any other is one itself. */

import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { segmentNumber } from "../storage/segment.ts";
import { snapshotLsn } from "../storage/snapshot-file.ts";
import { databaseOf } from "../tenants/folder-names.ts";

export const DATABASES = "databases";

/** Ends the name of a database of a backup that the next one was about to replace. */
export const OUTGOING = ".outgoing";

export interface DatabaseFolder {
  readonly name: string;
  readonly path: string;
}

/** Sorted by name. Throws an Error that says so where there is no such folder, or no database in it. */
export function databasesIn(path: string): DatabaseFolder[] {
  if (!existsSync(path) || !statSync(path).isDirectory()) throw new Error(`${path} is not a folder`);
  const root = join(path, DATABASES);
  if (!existsSync(root)) {
    const holdsLog = readdirSync(path).some(
      (name) => segmentNumber(name) !== null || snapshotLsn(name) !== null,
    );
    if (!holdsLog) throw new Error(`${path} holds no database of deltat`);
    return [{ name: databaseOf(basename(path)) ?? basename(path), path }];
  }
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name: folder }) => {
      const name = databaseOf(folder);
      return name === null ? [] : [{ name, path: join(root, folder) }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Folders of databases that a backup was about to replace when it was cut short, between taking the old copy away and putting
 * the new one there: the old ones, each whole.
 */
export function takenAwayIn(path: string): DatabaseFolder[] {
  const root = join(path, DATABASES);
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .filter(
      (folder) => folder.endsWith(OUTGOING) && !existsSync(join(root, folder.slice(0, -OUTGOING.length))),
    )
    .flatMap((folder) => {
      const name = databaseOf(folder.slice(0, -OUTGOING.length));
      return name === null ? [] : [{ name, path: join(root, folder) }];
    });
}
