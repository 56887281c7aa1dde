/** The listening socket and the sessions behind it: admission, cancel requests, and the graceful stop. */

import { randomInt } from "node:crypto";
import type { Timers } from "../clock.ts";
import { EXTRA_SOCKETS, SHUTDOWN_GRACE_SECONDS } from "../limits.ts";
import type { MemoryBudget } from "../memory-budget.ts";
import { type AccessOptions, AccessPolicy } from "./access-policy.ts";
import { ClientConnection, type ConnectionHost } from "./client-connection.ts";
import { ClientMemory } from "./client-memory.ts";
import type { Transport } from "./output.ts";
import { ClientSession } from "./session.ts";
import { tooManyClients } from "./session-errors.ts";
import type { HostedSession, SessionHost } from "./session-host.ts";
import { SliceQueue } from "./slice-queue.ts";
import type { FindDatabase } from "./sql-connection.ts";
import type { TlsIdentity } from "./tls-identity.ts";
import { WaitingRoom } from "./waiting-room.ts";

export interface WireServerOptions {
  /** Address to listen on. */
  readonly hostname: string;
  /** 0: any free port. */
  readonly port: number;
  readonly maxConnections: number;
  /** After so many seconds of silence a client is asked by TCP whether it is still there. */
  readonly keepAliveSeconds: number;
  readonly access: AccessOptions;
  readonly findDatabase: FindDatabase;
  readonly timers: Timers;
  /** Tells how long messages take, milliseconds; default: the stopwatch. */
  readonly nowMs?: () => number;
  /** What all clients may hold together. */
  readonly memory: MemoryBudget;
  /** Takes one entry for the server's log; it holds no secret. */
  readonly log: (entry: string) => void;
}

export interface WireServer {
  /** The port that is listened on. */
  readonly port: number;
  /**
   * Accepts nobody any more, lets what is in flight finish, and tells everyone to go. Resolves when every client
   * was sent all it was owed, after SHUTDOWN_GRACE_SECONDS at the latest.
   */
  stop(): Promise<void>;
}

const MAX_PROCESS_ID = 0x7fffffff;

/** Throws what the system throws when it cannot listen, such as EADDRINUSE. */
export function startWireServer(options: WireServerOptions): WireServer {
  const sessions = new SessionRegister(options);
  const listener = Bun.listen<ClientConnection>({
    hostname: options.hostname,
    port: options.port,
    socket: {
      open(socket) {
        if (!sessions.makeRoom()) {
          socket.terminate();
          return;
        }
        socket.setNoDelay(true);
        socket.setKeepAlive(true, options.keepAliveSeconds * 1000);
        socket.data = new ClientConnection(socket, sessions);
      },
      data(socket, chunk) {
        socket.data?.received(chunk);
      },
      drain(socket) {
        socket.data?.drained();
      },
      close(socket) {
        socket.data?.closed();
      },
      error(socket, error) {
        socket.data?.failed(error);
      },
    },
  });
  return {
    port: listener.port,
    stop() {
      listener.stop();
      return sessions.stop();
    },
  };
}

class SessionRegister implements SessionHost, ConnectionHost {
  readonly access: AccessPolicy;
  readonly findDatabase: FindDatabase;
  readonly timers: Timers;
  readonly memory: ClientMemory;
  readonly slices: SliceQueue;

  private readonly sessions = new Map<number, HostedSession>();
  private readonly waiting = new WaitingRoom<HostedSession>();
  /** Those that have proved who they are. */
  private readonly admitted = new Set<HostedSession>();
  /** Sessions that are owed something; a stop waits for these only. */
  private readonly unfinished = new Set<HostedSession>();
  private lastProcessId = 0;
  private stopped: (() => void) | null = null;

  constructor(private readonly options: WireServerOptions) {
    this.access = new AccessPolicy(options.access);
    this.findDatabase = options.findDatabase;
    this.timers = options.timers;
    this.slices = new SliceQueue(options.timers, options.nowMs);
    this.memory = new ClientMemory(options.memory, options.timers);
  }

  get tls(): TlsIdentity | null {
    return this.access.tls;
  }

  /** Whether there is a socket left for a newcomer, if need be that of a client that has not proved who it is. */
  makeRoom(): boolean {
    if (this.sessions.size < this.options.maxConnections + EXTRA_SOCKETS) return true;
    const { next } = this.waiting;
    if (next === null) return false;
    next.giveWay();
    // The socket's own close comes later.
    this.closed(next);
    return true;
  }

  open(transport: Transport, address: string): ClientSession {
    const session = new ClientSession(this, transport, this.freeProcessId(), randomInt(2 ** 31));
    this.sessions.set(session.processId, session);
    this.waiting.add(session, address);
    this.unfinished.add(session);
    return session;
  }

  expectPlace(): void {
    if (this.admitted.size >= this.options.maxConnections) throw tooManyClients();
  }

  admit(session: HostedSession): void {
    this.expectPlace();
    this.waiting.remove(session);
    this.admitted.add(session);
  }

  cancel(processId: number, secret: number): void {
    const session = this.sessions.get(processId);
    if (session?.secret === secret) session.cancelStatement();
  }

  internalError(error: unknown): void {
    this.options.log(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }

  ended(session: HostedSession): void {
    this.unfinished.delete(session);
    if (this.unfinished.size === 0) this.stopped?.();
  }

  closed(session: HostedSession): void {
    this.sessions.delete(session.processId);
    this.admitted.delete(session);
    this.waiting.remove(session);
    this.ended(session);
  }

  async stop(): Promise<void> {
    const finished = new Promise<void>((resolve) => {
      this.stopped = resolve;
    });
    for (const session of [...this.sessions.values()]) session.requestStop();
    if (this.unfinished.size === 0) return;
    const cancelGrace = this.timers.after(SHUTDOWN_GRACE_SECONDS * 1000, () => {
      for (const session of [...this.unfinished]) session.cut();
    });
    await finished;
    cancelGrace();
  }

  private freeProcessId(): number {
    do {
      this.lastProcessId = this.lastProcessId >= MAX_PROCESS_ID ? 1 : this.lastProcessId + 1;
    } while (this.sessions.has(this.lastProcessId));
    return this.lastProcessId;
  }
}
