/**
 * A client joined to a ClientSession without a socket: whatever is sent is answered before `send` returns, so a
 * test can say what was not sent, too.
 */

import { serialize } from "pg-protocol";
import type { DeltatError } from "../../src/errors.ts";
import { unlimitedMemory } from "../../src/memory-budget.ts";
import { type AccessOptions, AccessPolicy } from "../../src/wire/access-policy.ts";
import { ClientMemory } from "../../src/wire/client-memory.ts";
import type { Transport } from "../../src/wire/output.ts";
import { ClientSession } from "../../src/wire/session.ts";
import type { SessionHost } from "../../src/wire/session-host.ts";
import { SliceQueue } from "../../src/wire/slice-queue.ts";
import { ReplyReader } from "./replies.ts";
import { ManualTimers, ScriptedLog, type ScriptedSql, scriptedDatabase } from "./scripted-sql.ts";

export const PASSWORD = "open sesame";

class DirectTransport implements Transport {
  readonly reader = new ReplyReader();
  readonly raw: number[] = [];
  /** Bytes that the "socket" still takes. */
  room = Number.POSITIVE_INFINITY;
  paused = false;
  ended = false;
  cut = false;
  writes = 0;
  parse = true;
  encrypted = false;

  startTls(): void {
    this.encrypted = true;
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    const taken = Math.min(end - start, this.room);
    this.room -= taken;
    if (taken === 0) return 0;
    this.writes++;
    if (this.parse) this.reader.read(bytes.subarray(start, start + taken));
    else for (const byte of bytes.subarray(start, start + taken)) this.raw.push(byte);
    return taken;
  }

  pauseReading(): void {
    this.paused = true;
  }

  resumeReading(): void {
    this.paused = false;
  }

  end(): void {
    this.ended = true;
  }

  terminate(): void {
    this.cut = true;
  }
}

export interface DirectClientOptions {
  /** Default: its own, without limit. */
  readonly memory?: ClientMemory;
  /** Default: its own. */
  readonly timers?: ManualTimers;
  /** Default: its own, for which nothing takes any time. */
  readonly slices?: SliceQueue;
  /** Every commit is durable at once; default true. */
  readonly instant?: boolean;
  readonly refusal?: DeltatError;
  /** Default: the password as it is, no TLS. */
  readonly access?: Partial<AccessOptions>;
}

export class DirectClient {
  readonly transport = new DirectTransport();
  readonly timers: ManualTimers;
  readonly log: ScriptedLog;
  readonly sessions: ScriptedSql[];
  readonly session: ClientSession;
  readonly internalErrors: unknown[] = [];
  readonly cancels: [number, number][] = [];
  endedCount = 0;
  closedCount = 0;

  constructor(options: DirectClientOptions = {}) {
    this.timers = options.timers ?? new ManualTimers();
    this.log = new ScriptedLog(options.instant ?? true);
    const { findDatabase, sessions } = scriptedDatabase(this.log);
    this.sessions = sessions;
    const host: SessionHost = {
      access: new AccessPolicy({
        password: PASSWORD,
        method: "password",
        tls: null,
        requiresTls: false,
        ...options.access,
      }),
      findDatabase,
      timers: this.timers,
      slices: options.slices ?? new SliceQueue(this.timers, () => 0),
      memory: options.memory ?? new ClientMemory(unlimitedMemory(), this.timers),
      admit: () => {},
      expectPlace: () => {
        if (options.refusal !== undefined) throw options.refusal;
      },
      cancel: (processId, secret) => void this.cancels.push([processId, secret]),
      internalError: (error) => void this.internalErrors.push(error),
      ended: () => void this.endedCount++,
      closed: () => void this.closedCount++,
    };
    this.session = new ClientSession(host, this.transport, 77, 4242);
  }

  /** A client that is through start-up. */
  static ready(options: DirectClientOptions = {}): DirectClient {
    const client = new DirectClient(options);
    client.send(serialize.startup({ user: "deltat", database: "db" }));
    client.send(serialize.password(PASSWORD));
    client.take();
    return client;
  }

  get sql(): ScriptedSql {
    const sql = this.sessions[0];
    if (sql === undefined) throw new Error("no SQL session was opened");
    return sql;
  }

  /** Sends all of it in one piece; returns what was answered since the last look. */
  send(...messages: Uint8Array[]): string[] {
    this.session.receive(Buffer.concat(messages));
    return this.take();
  }

  query(text: string): string[] {
    return this.send(serialize.query(text));
  }

  take(): string[] {
    return this.transport.reader.take();
  }

  /** The socket takes `bytes` more. */
  drain(bytes = Number.POSITIVE_INFINITY): string[] {
    this.transport.room = bytes;
    this.session.drained();
    return this.take();
  }
}

/** A message with any type and fields. */
export function message(type: string, ...fields: (string | number[])[]): Buffer {
  const body = Buffer.concat(fields.map((field) => Buffer.from(field as string)));
  const header = Buffer.alloc(5);
  header.write(type, 0, "latin1");
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

/** A start-up packet with any code and fields. */
export function startupPacket(code: number, fields = ""): Buffer {
  const packet = Buffer.alloc(8 + fields.length);
  packet.writeInt32BE(packet.length, 0);
  packet.writeUInt32BE(code, 4);
  packet.write(fields, 8, "latin1");
  return packet;
}
