/** Reads a database's folder as it is, changing nothing, whether or not a server has it open. */

import { Engine } from "../engine/engine.ts";
import { DeltatError } from "../errors.ts";
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
 * Everything that the folder holds, or what of it is `needed` to serve the database. Every frame and section is checked
 * and every commit replayed. What a server at work changes while it is read can look like damage (a segment gone, the
 * tail of another written since): only what is found twice is.
 * @param progress is told the lsn of each commit that was read
 * Throws DeltatError XX001 for damage, naming file and offset, 0A000 for another format, 58030.
 */
export function readStoredDatabase(
  folder: string,
  which: "all" | "needed",
  progress: (lsn: number) => void = () => {},
): StoredDatabase {
  let previous = "";
  for (;;) {
    try {
      return readOnce(folder, which, progress);
    } catch (error) {
      if (!(error instanceof DeltatError) || error.message === previous) throw error;
      previous = error.message;
    }
  }
}

function readOnce(folder: string, which: "all" | "needed", progress: (lsn: number) => void): StoredDatabase {
  const engine = new Engine();
  const snapshotLsn = loadSnapshot(localFiles, folder, engine);
  progress(snapshotLsn);
  const log = inspectLog(localFiles, folder, snapshotLsn, which, (record) => {
    replayCommit(engine, record, folder);
    progress(record.lsn);
  });
  const nothing = { segments: 0, frames: 0, lastLsn: snapshotLsn, tornTail: null };
  return { engine, snapshotLsn, log: log ?? nothing };
}
