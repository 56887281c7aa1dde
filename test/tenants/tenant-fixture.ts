/**
 * A tenant over the real engine and the real log, and clients over the real SQL and wire sessions. The disk, the
 * clock and the turns of the event loop are the test's: nothing is synced, and no timer runs, unless it says so.
 */

import { serialize } from "pg-protocol";
import type { Timers } from "../../src/clock.ts";
import { decodeCommands } from "../../src/engine/codec.ts";
import { Engine } from "../../src/engine/engine.ts";
import { type Id, parseId } from "../../src/id.ts";
import { unlimitedMemory } from "../../src/memory-budget.ts";
import type { Listener } from "../../src/sql/database.ts";
import { loadParser } from "../../src/sql/parse/parser.ts";
import { SqlSession } from "../../src/sql/session.ts";
import { openSegmentLog, type SegmentLog, type SegmentLogOptions } from "../../src/storage/segment-log.ts";
import { type Scheduler, Tenant } from "../../src/tenants/tenant.ts";
import { AccessPolicy } from "../../src/wire/access-policy.ts";
import { ClientMemory } from "../../src/wire/client-memory.ts";
import type { Transport } from "../../src/wire/output.ts";
import { ClientSession } from "../../src/wire/session.ts";
import { SliceQueue } from "../../src/wire/slice-queue.ts";
import { MemoryFiles } from "../storage/memory-files.ts";
import { ReplyReader } from "../wire/replies.ts";

await loadParser();

const FOLDER = "/data/tenant";
export const START_MS = 1_700_000_000_000;

/** The id that ends in `n`. */
export function id(n: number): string {
  return `01HZZZZZZZZZZZZZZZZZZZ${String(n).padStart(4, "0")}`;
}

/** The same as the engine has it. */
export function idOf(n: number): Id {
  const parsed = parseId(id(n));
  if (parsed === null) throw new Error(`no id: ${id(n)}`);
  return parsed;
}

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export class ManualScheduler implements Scheduler {
  nowMs = START_MS;
  private turn: (() => void)[] = [];
  private timers: Timer[] = [];

  now(): number {
    return this.nowMs;
  }

  /** Nothing that a test does takes any time. */
  stopwatchMs(): number {
    return this.nowMs;
  }

  soon(callback: () => void): void {
    this.turn.push(callback);
  }

  after(delayMs: number, callback: () => void): () => void {
    if (delayMs > 2 ** 31 - 1) throw new Error("timers count milliseconds in an int32");
    const timer = { at: this.nowMs + delayMs, callback };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  get timerCount(): number {
    return this.timers.length;
  }

  /** Ends the turn of the event loop. */
  endTurn(): void {
    for (const callback of this.turn.splice(0)) callback();
  }

  /** Time passes, and the timers due meanwhile run when they are. */
  advanceTo(ms: number): void {
    for (;;) {
      const due = this.timers.filter(({ at }) => at <= ms).toSorted((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((timer) => timer !== due);
      this.nowMs = Math.max(this.nowMs, due.at);
      due.callback();
    }
    this.nowMs = Math.max(this.nowMs, ms);
  }
}

export async function settlePromises(): Promise<void> {
  for (let turn = 0; turn < 12; turn++) await Promise.resolve();
}

/** `channel payload` of what was told to a listener, in order. */
export class Ear implements Listener {
  readonly heard: string[] = [];

  notify(channel: string, payload: string): void {
    this.heard.push(`${channel.slice(-4)} ${Object.keys(JSON.parse(payload))[0]}`);
  }

  /** Last digits of the channel and the kind of event, since the last call. */
  take(): string[] {
    return this.heard.splice(0);
  }
}

export class TestTenant {
  readonly scheduler = new ManualScheduler();
  readonly log: SegmentLog;
  readonly tenant: Tenant;

  /** Syncs are in the background, and held until `sync`, unless the options say otherwise. */
  constructor(
    readonly files = new MemoryFiles(),
    options: Partial<SegmentLogOptions> = {},
    startMs = START_MS,
    maxFrameBytes?: number,
  ) {
    this.scheduler.nowMs = startMs;
    const engine = new Engine();
    let tenant: Tenant | null = null;
    files.holdSyncs = true;
    this.log = openSegmentLog(
      {
        folder: FOLDER,
        files,
        segmentBytes: 64 * 1024,
        blockingSyncLimitMs: -1,
        nowMs: () => 0,
        onDurable: () => tenant?.onDurable(),
        warn: (cut) => {
          throw cut;
        },
        ...options,
      },
      ({ at, body }) => engine.replay(decodeCommands(body), at),
    );
    tenant = new Tenant("db", engine, this.log, this.scheduler, maxFrameBytes);
    this.tenant = tenant;
  }

  connect(): TestClient {
    return new TestClient(this.tenant);
  }

  listen(...resources: number[]): Ear {
    const ear = new Ear();
    for (const n of resources) this.tenant.listen(ear, `resource_${id(n)}`);
    return ear;
  }

  /** Ends the turn, and lets the sync that is in flight return: one group becomes durable. */
  async sync(): Promise<void> {
    this.scheduler.endTurn();
    this.files.releaseSyncs();
    await settlePromises();
  }

  /** Makes all of it durable. */
  async syncAll(): Promise<void> {
    for (let groups = 0; groups === 0 || this.log.durableLsn < this.log.appendedLsn; groups++) {
      if (groups > 10) throw new Error("the log does not become durable");
      await this.sync();
    }
  }

  async close(): Promise<void> {
    this.files.holdSyncs = false;
    this.files.releaseSyncs();
    await this.tenant.close();
  }
}

/** A client of the real wire session, without a socket: what may leave has left when a call returns. */
const NO_TIMERS: Timers = { after: () => () => undefined, soon: () => undefined };

export class TestClient implements Transport {
  ended = false;
  readonly encrypted = false;
  private readonly reader = new ReplyReader();
  private readonly session: ClientSession;

  constructor(tenant: Tenant) {
    this.session = new ClientSession(
      {
        access: new AccessPolicy({ password: "p", method: "password", tls: null, requiresTls: false }),
        findDatabase: () => ({
          log: tenant,
          connect: (client, listener) => new SqlSession(tenant, client, listener),
        }),
        timers: NO_TIMERS,
        slices: new SliceQueue(NO_TIMERS, () => 0),
        memory: new ClientMemory(unlimitedMemory(), NO_TIMERS),
        expectPlace: () => undefined,
        admit: () => undefined,
        cancel: () => undefined,
        internalError: (error) => {
          throw error;
        },
        ended: () => undefined,
        closed: () => undefined,
      },
      this,
      7,
      7,
    );
    this.session.receive(
      Buffer.concat([serialize.startup({ user: "deltat", database: "db" }), serialize.password("p")]),
    );
    this.reader.take();
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    this.reader.read(bytes.subarray(start, end));
    return end - start;
  }

  startTls(): void {}

  pauseReading(): void {}

  resumeReading(): void {}

  end(): void {
    this.ended = true;
  }

  terminate(): void {}

  /** Runs a simple query; returns what has left of its answer, a line for each message. */
  query(text: string): string[] {
    this.session.receive(serialize.query(text));
    return this.take();
  }

  /** What has left since the last look. */
  take(): string[] {
    return this.reader.take().filter((line) => !line.startsWith("columns"));
  }
}

export const INSERTED = ["done INSERT 0 1", "ready I"];

export function createResource(n: number, parent: number | null = null): string {
  const parentId = parent === null ? "NULL" : `'${id(parent)}'`;
  return `INSERT INTO resources (id, parent_id) VALUES ('${id(n)}', ${parentId})`;
}

export function open(n: number, resource: number, start = 0, end = 1000): string {
  return `INSERT INTO rules VALUES ('${id(n)}', '${id(resource)}', ${start}, ${end}, false)`;
}

export function block(n: number, resource: number, start: number, end: number): string {
  return `INSERT INTO rules VALUES ('${id(n)}', '${id(resource)}', ${start}, ${end}, true)`;
}

export function book(n: number, resource: number, start: number, end: number, label = ""): string {
  return `INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ('${id(n)}', '${id(resource)}', ${start}, ${end}, '${label}')`;
}

export function hold(n: number, resource: number, start: number, end: number, expiresAt: number): string {
  return `INSERT INTO holds VALUES ('${id(n)}', '${id(resource)}', ${start}, ${end}, ${expiresAt})`;
}

/** The starts of the free runs of [0, 1000). */
export function free(...resources: number[]): string {
  const list = resources.map((n) => `'${id(n)}'`).join(", ");
  const filter = resources.length === 1 ? `= ${list}` : `IN (${list})`;
  return `SELECT start FROM availability WHERE resource_id ${filter} AND start >= 0 AND "end" <= 1000`;
}
