/**
 * One deltat per data folder: an exclusive lock of the operating system on the file LOCK in it. The file
 * itself says nothing and is never removed: the lock, unlike a pid file, ends with its process whatever
 * the way it dies.
 */

import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { DeltatError, SqlState } from "../errors.ts";
import { localFiles } from "./files.ts";
import { tryLockFile } from "./platform.ts";
import { withPath } from "./storage-errors.ts";

const LOCK_FILE_NAME = "LOCK";

export interface FolderLock {
  release(): void;
}

/**
 * Creates the data folder if it is missing and locks it until `release` or the end of the process. Throws
 * DeltatError 55000 if another deltat has it (this process included), 58030 if it cannot be made or locked.
 */
export function lockFolder(folder: string): FolderLock {
  withPath("create", folder, () => localFiles.makeFolder(folder));
  const path = join(folder, LOCK_FILE_NAME);
  // Opened for appending, so that a second opener does not disturb the first.
  const fd = withPath("open", path, () => openSync(path, "a", 0o600));
  let locked = false;
  try {
    locked = withPath("lock", path, () => tryLockFile(fd));
  } finally {
    if (!locked) closeSync(fd);
  }
  if (!locked) {
    throw new DeltatError(
      SqlState.objectNotInPrerequisiteState,
      `data folder ${folder} is in use by another deltat`,
      { hint: "Stop the other server, or start this one on another data folder." },
    );
  }
  let held = true;
  return {
    release() {
      if (held) closeSync(fd);
      held = false;
    },
  };
}
