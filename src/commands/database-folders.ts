/** The database folders that a path given to a command means: a data folder holds several, any other is one itself. */

import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { databaseOf } from "../tenants/folder-names.ts";

export const DATABASES = "databases";

export interface DatabaseFolder {
  readonly name: string;
  readonly path: string;
}

/** Sorted by name. Throws an Error that says so where there is no such folder, or no database in it. */
export function databasesIn(path: string): DatabaseFolder[] {
  if (!existsSync(path) || !statSync(path).isDirectory()) throw new Error(`${path} is not a folder`);
  const root = join(path, DATABASES);
  if (!existsSync(root)) {
    const holdsLog = readdirSync(path).some((name) => name.endsWith(".log") || name.endsWith(".snapshot"));
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
