/** Reads a database's folder as it is, changing nothing, whether or not a server has it open. */

import { Engine } from "../engine/engine.ts";
import { localFiles } from "../storage/files.ts";
import { inspectLog, type LogContents } from "../storage/log-reader.ts";
import { loadSnapshot, replayCommit } from "../tenants/stored-state.ts";

export interface StoredDatabase {
  readonly engine: Engine;
  /** The last commit in the snapshot; 0 without one. */
  readonly snapshotLsn: number;
  readonly log: LogContents;
}

/**
 * Everything that the folder holds. Every frame and section is checked and every commit replayed.
 * @param progress is told the lsn now and then
 * Throws DeltatError XX001 for damage, naming file and offset, 0A000 for another format, 58030.
 */
export function readStoredDatabase(
  folder: string,
  progress: (lsn: number) => void = () => {},
): StoredDatabase {
  const engine = new Engine();
  const snapshotLsn = loadSnapshot(localFiles, folder, engine);
  const log = inspectLog(localFiles, folder, snapshotLsn, (record) => {
    if (record.lsn % PROGRESS_COMMITS === 0) progress(record.lsn);
    replayCommit(engine, record, folder);
  });
  const nothing = { segments: 0, frames: 0, lastLsn: snapshotLsn, tornTail: null };
  return { engine, snapshotLsn, log: log ?? nothing };
}

const PROGRESS_COMMITS = 10_000;
