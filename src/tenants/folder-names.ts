/**
 * A database's name as a folder name: bytes of UTF-8, where anything but a-z, 0-9, `_` and `-` is written %XX.
 * Upper case is escaped too, so that `A` and `a` stay two databases on a file system that ignores case.
 */

import { DeltatError, SqlState } from "../errors.ts";
import { MAX_DATABASE_NAME_BYTES } from "../limits.ts";

/** In a data folder, and in a backup: the folder that holds those of the databases. */
export const DATABASES_FOLDER = "databases";

/**
 * In the folder of a database that is a backup, and in no other: the names of those of its files that will never change. A
 * server that opens the database takes it away, for then it is one of its own.
 */
export const BACKUP_MARK = "closed.json";

const SAFE = /^[a-z0-9_-]$/;

/** The folder of a database. Throws DeltatError 3D000 for a name that none can have. */
export function folderOf(databaseName: string): string {
  const bytes = Buffer.from(databaseName, "utf8");
  if (bytes.length === 0 || bytes.length > MAX_DATABASE_NAME_BYTES || bytes.includes(0)) {
    throw new DeltatError(SqlState.invalidCatalogName, `invalid database name: "${databaseName}"`, {
      detail: `A database name has 1 to ${MAX_DATABASE_NAME_BYTES} bytes of UTF-8.`,
    });
  }
  let folder = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    folder += SAFE.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return folder;
}

/** The database that a folder holds, or null if no database has that folder. */
export function databaseOf(folder: string): string | null {
  try {
    const name = decodeURIComponent(folder);
    return folderOf(name) === folder ? name : null;
  } catch {
    return null;
  }
}
