/**
 * Wire sessions without sockets, on a database whose log is durable with each flush: what a client sends goes through the
 * real decoder, protocol, SQL and engine, and what it is sent is kept as bytes.
 */

import type { Timers } from "../../src/clock.ts";
import { Engine } from "../../src/engine/engine.ts";
import { type MemoryBudget, unlimitedMemory } from "../../src/memory-budget.ts";
import { loadParser } from "../../src/sql/parse/parser.ts";
import { SqlSession } from "../../src/sql/session.ts";
import { Tenant } from "../../src/tenants/tenant.ts";
import { type AccessOptions, AccessPolicy } from "../../src/wire/access-policy.ts";
import { ClientMemory } from "../../src/wire/client-memory.ts";
import type { Transport } from "../../src/wire/output.ts";
import { ClientSession } from "../../src/wire/session.ts";
import { SliceQueue } from "../../src/wire/slice-queue.ts";
import { CountingLog } from "../counting-log.ts";

await loadParser();

/** A statement that goes on for longer is left where it is: its client goes. */
const MAX_TURNS = 2000;

interface FuzzServerOptions {
  readonly access?: Partial<AccessOptions>;
  /** What all clients may hold, and what the unfinished results of each. */
  readonly memory?: MemoryBudget;
  readonly workMemBytes?: number;
  /** Another one shows that a target finds faults, or answers in another way. */
  readonly Session?: typeof SqlSession;
}

export class FuzzServer {
  /** What only a bug can cause. */
  readonly bugs: unknown[] = [];
  open = 0;
  readonly memory: MemoryBudget;
  private readonly options: FuzzServerOptions;
  private readonly clients: ClientMemory;
  private readonly turns: (() => void)[] = [];
  private readonly timers: Timers = {
    after: () => () => undefined,
    soon: (callback) => void this.turns.push(callback),
  };
  private readonly tenant: Tenant;
  private readonly access: AccessPolicy;

  constructor(options: FuzzServerOptions = {}) {
    this.options = options;
    this.memory = options.memory ?? unlimitedMemory();
    this.clients = new ClientMemory(this.memory, this.timers);
    this.access = new AccessPolicy({
      password: "p",
      method: "password",
      tls: null,
      requiresTls: false,
      ...options.access,
    });
    const log = new CountingLog();
    this.tenant = new Tenant("db", new Engine(), log, {
      now: () => 1_700_000_000_000,
      soon: (callback) => void this.turns.push(callback),
      after: () => () => undefined,
    });
    log.onDurable = () => this.tenant.onDurable();
  }

  connect(): FuzzClient {
    this.open++;
    const { timers } = this;
    const { Session = SqlSession, workMemBytes } = this.options;
    return new FuzzClient(
      (transport) =>
        new ClientSession(
          {
            access: this.access,
            findDatabase: () => ({
              log: this.tenant,
              connect: (client, listener) =>
                new Session(this.tenant, client, listener, workMemBytes, this.memory),
            }),
            timers,
            memory: this.clients,
            slices: new SliceQueue(timers, () => 0),
            expectPlace: () => undefined,
            admit: () => undefined,
            cancel: () => undefined,
            internalError: (error) => void this.bugs.push(error),
            ended: () => undefined,
            closed: () => void this.open--,
          },
          transport,
          7,
          7,
        ),
    );
  }

  /** Turns of the event loop until nothing is left to do, or so many. False: there still is something. */
  settle(maxTurns: number = MAX_TURNS): boolean {
    for (let turns = 0; turns < maxTurns; turns++) {
      const due = this.turns.splice(0);
      if (due.length === 0) return true;
      for (const callback of due) callback();
    }
    return false;
  }
}

export class FuzzClient implements Transport {
  readonly encrypted = false;
  ended = false;
  cut = false;
  isClosed = false;
  private readonly received: Uint8Array[] = [];
  private readonly session: ClientSession;
  /** What it takes before it reads no more. */
  private roomBytes = Number.POSITIVE_INFINITY;

  constructor(open: (transport: Transport) => ClientSession) {
    this.session = open(this);
  }

  /** `bytes` may be used again afterwards. */
  send(bytes: Uint8Array): void {
    this.session.receive(bytes);
  }

  /** From now on it takes so many bytes and no more, until it is told again. */
  reads(bytes: number): void {
    const hadRoom = this.roomBytes > 0;
    this.roomBytes = bytes;
    if (!hadRoom && bytes > 0) this.session.drained();
  }

  /** A cancel request names its session. */
  cancel(): void {
    this.session.cancelStatement();
  }

  /** What has come since the last call. */
  take(): Buffer {
    return Buffer.concat(this.received.splice(0));
  }

  close(): void {
    this.isClosed = true;
    this.session.connectionClosed();
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    const count = Math.min(end - start, this.roomBytes);
    this.roomBytes -= count;
    this.received.push(bytes.slice(start, start + count));
    return count;
  }

  startTls(): void {}

  pauseReading(): void {}

  resumeReading(): void {}

  end(): void {
    this.ended = true;
  }

  terminate(): void {
    this.cut = true;
  }
}
