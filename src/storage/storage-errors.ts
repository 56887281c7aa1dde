/** What the file system and damaged files say, as errors that an operator can act on. */

import { DeltatError, messageOf, SqlState, systemCodeOf } from "../errors.ts";

/** The disk, the user's share of it, or the file may not grow. */
const NO_ROOM_CODES = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** What an operator can do about damage. */
const RESTORE =
  "Check the disk, and restore the whole folder of this database from a backup; deltat verify tells what can be read.";

/** Whether the system refused for want of room. */
export function isNoRoom(cause: unknown): boolean {
  return NO_ROOM_CODES.has(systemCodeOf(cause) ?? "");
}

/** 53100 if the disk is full, else 58030; names the path and what the system said. */
export function fileError(action: string, path: string, cause: unknown): DeltatError {
  const reason = messageOf(cause);
  const full = isNoRoom(cause);
  const error = new DeltatError(
    full ? SqlState.diskFull : SqlState.ioError,
    full ? `disk full: could not ${action} ${path}` : `could not ${action} ${path}: ${reason}`,
    full
      ? {
          detail: reason,
          hint: "Free some room on the disk that holds the data folder; no restart is needed.",
        }
      : {},
  );
  error.cause = cause;
  return error;
}

/** Runs a call of the file system and names the path in what it throws. */
export function withPath<T>(action: string, path: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw fileError(action, path, cause);
  }
}

/** XX001: a snapshot that was durable is no longer what was written. */
export function snapshotDamage(path: string, offsetBytes: number, reason: string): DeltatError {
  return new DeltatError(
    SqlState.dataCorrupted,
    `snapshot ${path} is damaged at byte ${offsetBytes}: ${reason}; nothing was changed`,
    {
      detail: "Unless the log is kept back to its beginning, the database cannot be read without it.",
      hint: RESTORE,
    },
  );
}

/** XX001: bytes that were durable are no longer what was written. */
export function damage(path: string, offsetBytes: number, reason: string): DeltatError {
  return new DeltatError(
    SqlState.dataCorrupted,
    `log segment ${path} is damaged at byte ${offsetBytes}: ${reason}; nothing was changed`,
    {
      detail: "Commits from this place on had been made durable, so the log is not cut here.",
      hint: RESTORE,
    },
  );
}
