/**
 * A database as its folder has it: the newest snapshot, and the commits behind it. Opening replays onto it; making the
 * next snapshot does the same with segments that are closed, and so exercises recovery each time.
 */

import { join } from "node:path";
import { decodeCommands, firstEventOf } from "../engine/codec.ts";
import { Engine } from "../engine/engine.ts";
import { captureSnapshot, restoreSnapshot } from "../engine/snapshot.ts";
import { DeltatError, SqlState } from "../errors.ts";
import type { CommitRecord } from "../storage/commit-log.ts";
import type { FileSystem } from "../storage/files.ts";
import { inspectLog, replayClosedSegments } from "../storage/log-reader.ts";
import { segmentNumbers } from "../storage/segment-frames.ts";
import { readNewestSnapshot, type Snapshot, snapshotName, writeSnapshot } from "../storage/snapshot-file.ts";
import { snapshotDamage } from "../storage/storage-errors.ts";

/** Puts the newest snapshot of a folder into an empty engine; returns its lsn, 0 if there is none. Throws as reading it does. */
export function loadSnapshot(files: FileSystem, folder: string, engine: Engine): number {
  const snapshot = readNewestSnapshot(files, folder);
  if (snapshot === null) return 0;
  restore(engine, snapshot, folder);
  return snapshot.lsn;
}

function restore(engine: Engine, { lsn, at, sections }: Snapshot, folder: string): void {
  try {
    restoreSnapshot(engine, new Map(sections), at);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw snapshotDamage(join(folder, snapshotName(lsn)), 0, reason);
  }
}

/** Replays one commit of the log in `folder`. Throws DeltatError XX001 for one that the engine refuses. */
export function replayCommit(engine: Engine, { lsn, at, body }: CommitRecord, folder: string): void {
  try {
    engine.replay(decodeCommands(body), at, firstEventOf(body));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DeltatError(SqlState.dataCorrupted, `commit ${lsn} cannot be replayed: ${reason}`, {
      detail: `The log is in ${folder}; nothing was changed.`,
    });
  }
}

/** What can be read of a database. */
export interface Readable {
  readonly engine: Engine;
  /** The last commit in it. */
  readonly lastLsn: number;
  /** Why that is not all; null if it is. */
  readonly damage: DeltatError | null;
}

/**
 * Reads a database up to the first damage of what it needs. A snapshot that cannot be read is done without if the log
 * still goes back to its beginning. Throws as `loadSnapshot` does if it does not.
 * @param progress is told the lsn of each commit that was read
 */
export function readUpToDamage(
  files: FileSystem,
  folder: string,
  options: { readonly enforceRulesByDefault?: boolean } = {},
  progress: (lsn: number) => void = () => {},
): Readable {
  let engine = new Engine(options);
  let lastLsn = 0;
  let damage: DeltatError | null = null;
  try {
    lastLsn = loadSnapshot(files, folder, engine);
  } catch (error) {
    if (!(error instanceof DeltatError) || segmentNumbers(files, folder)[0] !== 1) throw error;
    engine = new Engine(options);
    damage = error;
  }
  try {
    inspectLog(files, folder, lastLsn, "needed", (record) => {
      replayCommit(engine, record, folder);
      lastLsn = record.lsn;
      progress(lastLsn);
    });
  } catch (error) {
    if (!(error instanceof DeltatError)) throw error;
    damage = error;
  }
  return { engine, lastLsn, damage };
}

export interface MadeSnapshot {
  readonly lsn: number;
  readonly bytes: number;
}

/**
 * Writes the snapshot of all commits in the segments up to `lastSegment`, which are closed and durable, and puts it in
 * place. Takes the memory of the whole database once more. Throws as reading and writing do; `mayGoOn` is asked last.
 */
export function makeSnapshot(
  files: FileSystem,
  folder: string,
  lastSegment: number,
  mayGoOn?: () => boolean,
): MadeSnapshot {
  const engine = new Engine();
  const afterLsn = loadSnapshot(files, folder, engine);
  const { lsn } = replayClosedSegments(files, folder, lastSegment, afterLsn, (record) =>
    replayCommit(engine, record, folder),
  );
  const snapshot = { lsn, at: engine.now, sections: captureSnapshot(engine) };
  return { lsn, bytes: writeSnapshot(files, folder, snapshot, mayGoOn) };
}
