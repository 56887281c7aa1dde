/**
 * The databases of one data folder, each in its own folder with its own engine and log. The folder is locked
 * for as long as the registry lives. All databases are recovered at start, so that damage shows then and not
 * when a client comes.
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Engine } from "../engine/engine.ts";
import { DeltatError, messageOf, SqlState, systemCodeOf } from "../errors.ts";
import { MAX_DATABASES } from "../limits.ts";
import type { Cluster, ConnectedSession } from "../sql/cluster.ts";
import type { EventHistory } from "../sql/event-history.ts";
import { type FileSystem, localFiles } from "../storage/files.ts";
import { type FolderLock, lockFolder } from "../storage/folder-lock.ts";
import { surveyLog } from "../storage/log-survey.ts";
import { ReadOnlyLog } from "../storage/read-only-log.ts";
import { openSegmentLog, type SegmentLogOptions } from "../storage/segment-log.ts";
import { removeOldSnapshots, snapshotLsn } from "../storage/snapshot-file.ts";
import { withPath } from "../storage/storage-errors.ts";
import { type CheckpointOptions, Checkpoints, type SnapshotMaker, SnapshotQueue } from "./checkpoint.ts";
import { BACKUP_MARK, DATABASES_FOLDER, databaseOf, folderOf } from "./folder-names.ts";
import { loadSnapshot, makeSnapshot, readUpToDamage, replayCommit } from "./stored-state.ts";
import { type Scheduler, Tenant } from "./tenant.ts";

/** Ends the name of a folder whose database was dropped; no database has such a folder. */
const DROPPED = ".dropped";

/** What a clock kept by NTP may be set back. */
const TOLERATED_CLOCK_STEP_MS = 1000;

export interface RegistryOptions {
  readonly dataDir: string;
  readonly scheduler: Scheduler;
  /** Whether a database is made when a client first asks for it. */
  readonly autoCreate: boolean;
  readonly enforceRulesByDefault: boolean;
  readonly warn: (message: string) => void;
  /** Is told of each commit that is replayed when a database is opened; default: nobody. */
  readonly onReplayed?: (database: string, lsn: number) => void;
  /** How the logs are kept; default: in the operating system's files. */
  readonly log?: Pick<SegmentLogOptions, "files" | "segmentBytes" | "blockingSyncLimitMs" | "nowMs" | "salt">;
  /** Keeps others from the data folder; default: the operating system's lock. */
  readonly lock?: (dataDir: string) => FolderLock;
  /** Bookings that ended so long ago are dropped; null or left out: never. */
  readonly retentionMs?: number | null;
  /** Bytes of log after which a snapshot is made; default 0: only when asked for. */
  readonly snapshotBytes?: number;
  /** Bytes of log that are kept behind a snapshot for the table `events`; default 0. */
  readonly historyBytes?: number;
  /** Makes one; default: here and now, while all wait. */
  readonly makeSnapshot?: SnapshotMaker;
  /** Databases are read up to the first damage and served read-only; not a byte of them is changed. Default false. */
  readonly salvage?: boolean;
  /** Names of the folders in `root`, sorted; default: as the operating system lists them. */
  readonly listFolders?: (root: string) => string[];
}

export class TenantRegistry implements Cluster {
  private readonly tenants = new Map<string, Tenant>();
  private readonly lock: FolderLock;
  private readonly root: string;
  private readonly files: FileSystem;
  private readonly snapshots = new SnapshotQueue();
  private readonly checkpointing: CheckpointOptions;
  /** Databases that could not be opened, and why. */
  private readonly refused = new Map<string, DeltatError>();
  /** Folders of dropped databases on their way out. */
  private readonly removals = new Set<Promise<void>>();

  /**
   * Locks the data folder and recovers every database in it. One that cannot be, because it is damaged for instance,
   * does not stop the others: it is refused to whoever connects, and warned of. Throws DeltatError 55000 when another
   * server has the folder, 58030 when the file system refuses, and what is wrong with the first one if none is left.
   */
  constructor(private readonly options: RegistryOptions) {
    this.lock = (options.lock ?? lockFolder)(options.dataDir);
    this.root = join(options.dataDir, DATABASES_FOLDER);
    this.files = options.log?.files ?? localFiles;
    const { files } = this;
    this.checkpointing = {
      files,
      make: options.makeSnapshot ?? (async (folder, lastSegment) => makeSnapshot(files, folder, lastSegment)),
      logBytes: options.snapshotBytes ?? 0,
      historyBytes: options.historyBytes ?? 0,
      warn: options.warn,
    };
    try {
      for (const folder of (options.listFolders ?? foldersIn)(this.root)) {
        if (folder.endsWith(DROPPED)) {
          if (options.salvage === true) continue;
          this.removeLater(join(this.root, folder));
          continue;
        }
        const name = databaseOf(folder);
        // A database whose first segment found no room was never there, and must not keep the others from starting.
        if (!this.holdsLog(folder)) continue;
        if (name === null)
          options.warn(`${join(this.root, folder)} is not the folder of a database: left alone`);
        else this.recoverOrRefuse(name, folder);
      }
      // Where nothing can be served there is nothing to start for.
      const [refusal] = this.refused.values();
      if (this.tenants.size === 0 && refusal !== undefined) throw refusal;
    } catch (error) {
      this.lock.release();
      throw error;
    }
  }

  get count(): number {
    return this.tenants.size;
  }

  /** The database of this name, made if that is allowed. Throws DeltatError 3D000, 54000 or as the log does. */
  open(name: string): Tenant {
    const existing = this.tenants.get(name);
    if (existing !== undefined) return existing;
    const refusal = this.refused.get(name);
    if (refusal !== undefined) throw refusal;
    const { autoCreate, salvage = false } = this.options;
    if (!autoCreate || salvage) {
      throw new DeltatError(SqlState.invalidCatalogName, `database "${name}" does not exist`, {
        hint: salvage
          ? "The server only shows what there is: it was started with --salvage."
          : "DELTAT_AUTO_CREATE=true makes a database when it is first connected to.",
      });
    }
    return this.make(name);
  }

  private make(name: string): Tenant {
    const folder = folderOf(name);
    if (this.tenants.size >= MAX_DATABASES) {
      throw new DeltatError(
        SqlState.programLimitExceeded,
        `limit exceeded: databases (at most ${MAX_DATABASES})`,
      );
    }
    return this.recover(name, folder);
  }

  /** Syncs and closes every log, then gives the folder back. Rejects with the failure of a log, if one has failed. */
  async close(): Promise<void> {
    const closings = await Promise.allSettled([
      ...[...this.tenants.values()].map((tenant) => tenant.close()),
      ...this.removals,
    ]);
    this.tenants.clear();
    this.lock.release();
    for (const closing of closings) if (closing.status === "rejected") throw closing.reason;
  }

  private refuseInSalvage(): void {
    if (this.options.salvage !== true) return;
    throw new DeltatError(SqlState.ioError, "databases are being salvaged: nothing can be changed");
  }

  private has(name: string): boolean {
    return this.tenants.has(name) || this.refused.has(name);
  }

  private recoverOrRefuse(name: string, folder: string): void {
    try {
      this.recover(name, folder);
    } catch (error) {
      if (!(error instanceof DeltatError)) throw error;
      this.refused.set(name, error);
      this.options.warn(`database "${name}" is not served: ${error.message}`);
    }
  }

  names(): readonly string[] {
    return [...this.tenants.keys(), ...this.refused.keys()].sort();
  }

  sessions(): readonly ConnectedSession[] {
    return [...this.tenants.values()].flatMap((tenant) => [...tenant.sessions]);
  }

  sizeBytes(name: string): number {
    if (!this.has(name)) throw noDatabase(name);
    const { files } = this;
    const folder = join(this.root, folderOf(name));
    return files.list(folder).reduce((sum, file) => {
      const fd = files.open(join(folder, file), "read");
      try {
        return sum + files.size(fd);
      } finally {
        files.close(fd);
      }
    }, 0);
  }

  create(name: string): void {
    this.refuseInSalvage();
    if (this.has(name)) {
      throw new DeltatError(SqlState.duplicateDatabase, `database "${name}" already exists`);
    }
    this.make(name);
  }

  /**
   * The folder gets another name at once, durably: from then on the database is gone, whatever happens. What is in the
   * folder goes when its log is closed, or at the next start.
   */
  drop(name: string): void {
    this.refuseInSalvage();
    const tenant = this.tenants.get(name);
    if (!this.has(name)) throw noDatabase(name);
    const others = tenant?.sessions.size ?? 0;
    if (others > 0) {
      throw new DeltatError(SqlState.objectInUse, `database "${name}" is being accessed by other users`, {
        detail:
          others === 1
            ? "There is 1 other session using the database."
            : `There are ${others} other sessions using the database.`,
      });
    }
    const path = join(this.root, folderOf(name));
    const aside = `${path}.${crypto.randomUUID()}${DROPPED}`;
    withPath("rename", path, () => this.files.rename(path, aside));
    withPath("sync", this.root, () => this.files.syncFolder(this.root));
    this.tenants.delete(name);
    this.refused.delete(name);
    this.removeLater(aside, tenant);
  }

  private removeLater(path: string, tenant?: Tenant): void {
    const removal = (async () => {
      try {
        // A failed log has nothing to lose any more.
        await tenant?.close().catch(() => {});
        await this.files.removeFolderLater(path);
      } catch (error) {
        this.options.warn(`${path} cannot be removed: ${messageOf(error)}`);
      }
    })();
    this.removals.add(removal);
    void removal.then(() => this.removals.delete(removal));
  }

  /** Whether a first segment was ever made in a database's folder; its snapshot says so too, should all segments be lost. */
  private holdsLog(folder: string): boolean {
    return this.files
      .list(join(this.root, folder))
      .some((file) => file.endsWith(".log") || snapshotLsn(file) !== null);
  }

  /** Opens a database: its newest snapshot, and its log behind that; a new one is empty. */
  private recover(name: string, folderName: string): Tenant {
    const { files, options } = this;
    const folder = join(this.root, folderName);
    if (options.salvage === true) return this.salvage(name, folder);
    const engine = new Engine({ enforceRulesByDefault: options.enforceRulesByDefault });
    withPath("create", folder, () => files.makeFolder(folder));
    const afterLsn = loadSnapshot(files, folder, engine);
    let replayedBytes = 0;
    let tenant: Tenant | null = null;
    const log = openSegmentLog(
      {
        ...options.log,
        folder,
        afterLsn,
        onDurable: () => tenant?.onDurable(),
        warn: (cut) => options.warn(cut.message),
        after: (delayMs, callback) => options.scheduler.after(delayMs, callback),
        // What becomes of a database that was dropped, or is only being opened, is told by who does that.
        report: (message) => {
          if (this.tenants.get(name) === tenant) options.warn(`database "${name}": ${message}`);
        },
      },
      (record) => {
        replayedBytes += record.body.length;
        replayCommit(engine, record, folder);
        options.onReplayed?.(name, record.lsn);
      },
    );
    // Only now that the folder has opened is anything removed from it.
    removeOldSnapshots(files, folder, afterLsn);
    if (files.list(folder).includes(BACKUP_MARK)) files.remove(join(folder, BACKUP_MARK));
    this.warnOfClock(name, engine.now);
    const opened = new Tenant(name, engine, log, options.scheduler, undefined, this);
    tenant = opened;
    opened.readHistoryIn(files, folder);
    this.tenants.set(name, opened);
    const whenDurable = (lsn: number): Promise<void> => opened.durable(lsn);
    const { snapshots } = this;
    opened.checkpointBy(
      new Checkpoints(folder, log, whenDurable, snapshots, this.checkpointing, afterLsn, replayedBytes),
    );
    const { retentionMs = null } = options;
    if (retentionMs !== null) opened.retain(retentionMs, options.warn);
    return opened;
  }

  /** Reads what can be read, and says where it ends and what lies beyond. */
  private salvage(name: string, folder: string): Tenant {
    const { files, options } = this;
    const { enforceRulesByDefault } = options;
    const { engine, lastLsn, damage } = readUpToDamage(files, folder, { enforceRulesByDefault }, (lsn) =>
      options.onReplayed?.(name, lsn),
    );
    if (damage !== null) {
      options.warn(`database "${name}" is served up to commit ${lastLsn}, read-only: ${damage.message}`);
      for (const line of surveyLog(files, folder, lastLsn)) options.warn(`database "${name}": ${line}`);
    }
    const refusal = new DeltatError(
      SqlState.ioError,
      `database "${name}" is being salvaged: nothing can be changed`,
      {
        detail: damage === null ? "It is whole." : `It is read up to commit ${lastLsn}: ${damage.message}`,
        hint: "Dump it with deltat dump --salvage or COPY, and restore that into another data folder.",
      },
    );
    const log = new ReadOnlyLog(lastLsn, refusal);
    const tenant = new Tenant(name, engine, log, options.scheduler, undefined, this);
    tenant.history = unreadHistory(name, engine);
    this.tenants.set(name, tenant);
    return tenant;
  }

  /** Time does not go back: until the system's clock has caught up, now stays at the last commit's instant. */
  private warnOfClock(name: string, lastAt: number): void {
    const aheadMs = lastAt - this.options.scheduler.now();
    if (aheadMs <= TOLERATED_CLOCK_STEP_MS) return;
    this.options.warn(
      `the last commit of database "${name}" is ${aheadMs} ms ahead of the system's clock: until then a hold ` +
        "that expires before that instant is gone at once; is the clock right?",
    );
  }
}

/** Of a database that is being salvaged: its log is not whole, and rows tell all that can be told. */
function unreadHistory(name: string, engine: Engine): EventHistory {
  return {
    lastSeq: engine.eventCount,
    read() {
      throw new DeltatError(
        SqlState.objectNotInPrerequisiteState,
        `database "${name}" is being salvaged: its events are not read`,
      );
    },
  };
}

function noDatabase(name: string): DeltatError {
  return new DeltatError(SqlState.invalidCatalogName, `database "${name}" does not exist`);
}

function foldersIn(root: string): string[] {
  try {
    return readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return [];
    throw error;
  }
}
