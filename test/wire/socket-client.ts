/** A client on a real socket, with pg-protocol's reading of what comes, for tests of the server as a whole. */

import { serialize } from "pg-protocol";
import { type MemoryBudget, unlimitedMemory } from "../../src/memory-budget.ts";
import type { AccessOptions } from "../../src/wire/access-policy.ts";
import { startWireServer, type WireServer } from "../../src/wire/server.ts";
import { PASSWORD } from "./direct-client.ts";
import { ReplyReader } from "./replies.ts";
import { ManualTimers, ScriptedLog, type ScriptedSql, scriptedDatabase } from "./scripted-sql.ts";

export interface TestServer {
  readonly server: WireServer;
  readonly port: number;
  readonly log: ScriptedLog;
  readonly timers: ManualTimers;
  readonly sessions: ScriptedSql[];
  readonly logged: string[];
}

export interface TestServerOptions {
  readonly instant?: boolean;
  readonly maxConnections?: number;
  readonly keepAliveSeconds?: number;
  /** Default: without limit. */
  readonly memory?: MemoryBudget;
  /** Default: the password as it is, no TLS. */
  readonly access?: Partial<AccessOptions>;
}

export function startTestServer(options: TestServerOptions = {}): TestServer {
  const log = new ScriptedLog(options.instant ?? true);
  const timers = new ManualTimers();
  const logged: string[] = [];
  const { findDatabase, sessions } = scriptedDatabase(log);
  const server = startWireServer({
    hostname: "127.0.0.1",
    port: 0,
    maxConnections: options.maxConnections ?? 10,
    keepAliveSeconds: options.keepAliveSeconds ?? 60,
    access: { password: PASSWORD, method: "password", tls: null, requiresTls: false, ...options.access },
    findDatabase,
    timers,
    nowMs: () => 0,
    memory: options.memory ?? unlimitedMemory(),
    log: (entry) => void logged.push(entry),
  });
  return { server, port: server.port, log, timers, sessions, logged };
}

export class SocketClient {
  readonly reader = new ReplyReader();
  /** Resolves when the server has closed its side. */
  readonly closed: Promise<void>;
  bytesReceived = 0;
  private isClosed = false;
  private wake: (() => void) | null = null;
  private noteClosed: () => void = () => {};
  private socket: Bun.Socket<SocketClient> | null = null;
  private unsent: Uint8Array = new Uint8Array(0);

  private constructor() {
    this.closed = new Promise((resolve) => {
      this.noteClosed = () => {
        this.isClosed = true;
        this.wake?.();
        resolve();
      };
    });
  }

  static async connect(port: number): Promise<SocketClient> {
    const client = new SocketClient();
    client.socket = await Bun.connect<SocketClient>({
      hostname: "127.0.0.1",
      port,
      data: client,
      socket: {
        data(socket, chunk) {
          socket.data.bytesReceived += chunk.length;
          socket.data.reader.read(chunk);
          socket.data.wake?.();
        },
        drain: (socket) => socket.data.push(),
        close: (socket) => socket.data.noteClosed(),
      },
    });
    return client;
  }

  /** Through start-up. */
  static async ready(port: number): Promise<SocketClient> {
    const client = await SocketClient.connect(port);
    client.send(serialize.startup({ user: "deltat", database: "db" }), serialize.password(PASSWORD));
    const replies = await client.until("ready I");
    if (replies.at(-1) !== "ready I") throw new Error(`no session: ${replies.join(", ")}`);
    return client;
  }

  send(...messages: Uint8Array[]): void {
    this.unsent = Buffer.concat([this.unsent, ...messages]);
    this.push();
  }

  /** The replies up to and with the first that begins so, or all when the server closes. */
  async until(start: string): Promise<string[]> {
    for (;;) {
      const at = this.reader.lines.findIndex((line) => line.startsWith(start));
      if (at >= 0) return this.reader.lines.splice(0, at + 1);
      if (this.isClosed) return this.reader.take();
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async query(text: string): Promise<string[]> {
    this.send(serialize.query(text));
    return this.until("ready");
  }

  stopReading(): void {
    this.socket?.pause();
  }

  readAgain(): void {
    this.socket?.resume();
  }

  close(): void {
    this.socket?.end();
  }

  terminate(): void {
    this.socket?.terminate();
  }

  private push(): void {
    const sent = Math.max(0, this.socket?.write(this.unsent) ?? 0);
    this.unsent = this.unsent.subarray(sent);
  }
}
