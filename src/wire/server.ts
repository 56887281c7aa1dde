/** The listening socket and the sessions behind it: admission, cancel requests, and the graceful stop. */

import { randomInt } from "node:crypto";
import type { Timers } from "../clock.ts";
import { DeltatError, SqlState } from "../errors.ts";
import { EXTRA_SOCKETS, SHUTDOWN_GRACE_SECONDS } from "../limits.ts";
import type { Transport } from "./output.ts";
import { ClientSession, type SessionHost } from "./session.ts";
import type { FindDatabase } from "./sql-connection.ts";

export interface WireServerOptions {
  /** Address to listen on. */
  readonly hostname: string;
  /** 0: any free port. */
  readonly port: number;
  readonly maxConnections: number;
  readonly password: string;
  readonly findDatabase: FindDatabase;
  readonly timers: Timers;
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

type ClientSocket = Bun.Socket<ClientSession>;

/** Throws what the system throws when it cannot listen, such as EADDRINUSE. */
export function startWireServer(options: WireServerOptions): WireServer {
  const sessions = new SessionRegister(options);
  const listener = Bun.listen<ClientSession>({
    hostname: options.hostname,
    port: options.port,
    socket: {
      open(socket) {
        if (sessions.size >= options.maxConnections + EXTRA_SOCKETS) {
          socket.terminate();
          return;
        }
        socket.setNoDelay(true);
        socket.setKeepAlive(true);
        socket.data = sessions.open(socketTransport(socket));
      },
      data(socket, chunk) {
        socket.data?.receive(chunk);
      },
      drain(socket) {
        socket.data?.drained();
      },
      close(socket) {
        socket.data?.connectionClosed();
      },
      error(socket, error) {
        // A broken connection has a code, and its close follows; what has none was thrown by a handler here.
        if ("code" in error) return;
        sessions.internalError(error);
        socket.terminate();
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

function socketTransport(socket: ClientSocket): Transport {
  return {
    // -1 says that the socket is closed; its close handler follows.
    write: (bytes, start, end) => Math.max(0, socket.write(bytes, start, end - start)),
    pauseReading: () => socket.pause(),
    resumeReading: () => socket.resume(),
    end: () => socket.shutdown(),
    terminate: () => socket.terminate(),
  };
}

class SessionRegister implements SessionHost {
  readonly password: string;
  readonly findDatabase: FindDatabase;
  readonly timers: Timers;

  private readonly sessions = new Map<number, ClientSession>();
  private readonly admitted = new Set<ClientSession>();
  /** Sessions that are owed something; a stop waits for these only. */
  private readonly unfinished = new Set<ClientSession>();
  private lastProcessId = 0;
  private stopped: (() => void) | null = null;

  constructor(private readonly options: WireServerOptions) {
    this.password = options.password;
    this.findDatabase = options.findDatabase;
    this.timers = options.timers;
  }

  get size(): number {
    return this.sessions.size;
  }

  open(transport: Transport): ClientSession {
    const session = new ClientSession(this, transport, this.freeProcessId(), randomInt(2 ** 31));
    this.sessions.set(session.processId, session);
    this.unfinished.add(session);
    return session;
  }

  admit(session: ClientSession): void {
    if (this.admitted.size >= this.options.maxConnections) {
      throw new DeltatError(SqlState.tooManyConnections, "sorry, too many clients already");
    }
    this.admitted.add(session);
  }

  cancel(processId: number, secret: number): void {
    const session = this.sessions.get(processId);
    if (session?.secret === secret) session.cancelStatement();
  }

  internalError(error: unknown): void {
    this.options.log(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }

  ended(session: ClientSession): void {
    this.unfinished.delete(session);
    if (this.unfinished.size === 0) this.stopped?.();
  }

  closed(session: ClientSession): void {
    this.sessions.delete(session.processId);
    this.admitted.delete(session);
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
