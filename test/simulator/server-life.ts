/**
 * One life of the server's process: the real registry with its tenants, logs, snapshots and retention, and the real wire
 * sessions, on the simulated disk and the simulated event loop. It ends by a stop, a kill or a power cut.
 */

import { unlimitedMemory } from "../../src/memory-budget.ts";
import { SqlSession } from "../../src/sql/session.ts";
import type { FileSystem } from "../../src/storage/files.ts";
import type { SnapshotMaker } from "../../src/tenants/checkpoint.ts";
import { TenantRegistry } from "../../src/tenants/registry.ts";
import { makeSnapshot } from "../../src/tenants/stored-state.ts";
import type { Tenant } from "../../src/tenants/tenant.ts";
import { AccessPolicy } from "../../src/wire/access-policy.ts";
import { ClientMemory } from "../../src/wire/client-memory.ts";
import type { Transport } from "../../src/wire/output.ts";
import { ClientSession } from "../../src/wire/session.ts";
import type { SessionHost } from "../../src/wire/session-host.ts";
import { SliceQueue } from "../../src/wire/slice-queue.ts";
import type { Random } from "../seeded-random.ts";
import type { After, DeliberateBug } from "./deliberate-bug.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import type { EventLoop } from "./simulated-time.ts";

export const DATA_FOLDER = "/data";

/** A client's end of the connection. */
interface ConnectingClient extends Transport {
  /** The server has accepted it. */
  open(session: ClientSession): void;
}

/** How a run is set up; a seed decides. */
export interface ServerSettings {
  readonly segmentBytes: number;
  readonly snapshotBytes: number;
  readonly historyBytes: number;
  readonly retentionMs: number | null;
  readonly blockingSyncLimitMs: number;
  readonly enforceRulesByDefault: boolean;
}

/** What is heard of a life. */
interface LifeEvents {
  /** What the operator is told. */
  readonly warn?: (message: string) => void;
  readonly snapshotMade?: () => void;
}

const ignore = (): void => undefined;

const access = new AccessPolicy({ password: "p", method: "password", tls: null, requiresTls: false });

export class ServerLife {
  readonly registry: TenantRegistry;
  /** What the server itself calls a bug of its own. */
  readonly bugs: unknown[] = [];
  private readonly host: Omit<SessionHost, "findDatabase">;
  private lastProcessId = 0;

  /**
   * Starts the server: every database is recovered. Throws as that does.
   */
  constructor(
    readonly loop: EventLoop,
    disk: SimulatedDisk,
    bug: DeliberateBug | null,
    settings: ServerSettings,
    random: Random,
    { warn = ignore, snapshotMade = ignore }: LifeEvents = {},
  ) {
    const after: After = (delayMs, callback) => void loop.after(delayMs, callback);
    const { files, snapshotMaker } = bug?.plumb?.(disk) ?? { files: disk, snapshotMaker: null };
    this.registry = new TenantRegistry({
      dataDir: DATA_FOLDER,
      scheduler: loop,
      autoCreate: true,
      enforceRulesByDefault: settings.enforceRulesByDefault,
      warn,
      log: {
        files,
        segmentBytes: settings.segmentBytes,
        blockingSyncLimitMs: settings.blockingSyncLimitMs,
        nowMs: () => loop.machine.monotonicMs,
        salt: () => random.below(2 ** 32),
      },
      retentionMs: settings.retentionMs,
      snapshotBytes: settings.snapshotBytes,
      historyBytes: settings.historyBytes,
      makeSnapshot: snapshotMaker?.(files, after) ?? snapshotsAside(files, after, random, snapshotMade),
      listFolders: (root) => disk.foldersIn(root),
      lock: () => ({ release: () => undefined }),
    });
    this.host = {
      access,
      timers: loop,
      memory: new ClientMemory(unlimitedMemory(), loop),
      slices: new SliceQueue(loop, () => 0),
      expectPlace: () => undefined,
      admit: () => undefined,
      cancel: () => undefined,
      internalError: (error) => this.bugs.push(error),
      ended: () => undefined,
      closed: () => undefined,
    };
  }

  /** The database, if it is there and served. */
  tenant(name: string): Tenant | null {
    return this.registry.names().includes(name) ? this.registry.open(name) : null;
  }

  /** @param onSession is told of the client's SQL session */
  connect(client: ConnectingClient, onSession?: (session: SqlSession) => void): void {
    const processId = ++this.lastProcessId;
    const findDatabase: SessionHost["findDatabase"] = (name) => {
      const database = this.registry.open(name);
      return {
        log: database,
        connect: (sqlClient, listener) => {
          const session = new SqlSession(database, sqlClient, listener);
          onSession?.(session);
          return session;
        },
      };
    };
    client.open(new ClientSession({ ...this.host, findDatabase }, client, processId, processId));
  }
}

/** As the server has them made by another process: a while later. */
function snapshotsAside(
  files: FileSystem,
  after: After,
  random: Random,
  snapshotMade: () => void,
): SnapshotMaker {
  return async (folder, lastSegment) => {
    await new Promise<void>((resolve) => after(random.below(40), resolve));
    const made = makeSnapshot(files, folder, lastSegment);
    snapshotMade();
    await new Promise<void>((resolve) => after(random.below(10), resolve));
    return made;
  };
}
