/**
 * A client without manners: as little as it takes to be a nuisance. It counts what the server answers, keeps nothing,
 * and reads only while it is told to.
 */

import { serialize } from "pg-protocol";
import { USER } from "../server/clients.ts";
import { PASSWORD } from "../server/harness.ts";

const ERROR_RESPONSE = 0x45;
const AUTHENTICATION = 0x52;
const READY_FOR_QUERY = 0x5a;
const AUTHENTICATION_OK = 0;
const SASL_CONTINUE = 11;
const COPY_IN_RESPONSE = 0x47;
const HEADER_BYTES = 5;

/** Of all others, and of longer ones, the rest is skipped. */
const LOOKED_INTO: ReadonlySet<number> = new Set([
  ERROR_RESPONSE,
  AUTHENTICATION,
  READY_FOR_QUERY,
  COPY_IN_RESPONSE,
]);
const LONGEST_LOOKED_INTO = 4096;

/** What the server told all clients of this process, by what it was. */
const answers = new Map<string, number>();

export function count(answer: string, times = 1): void {
  answers.set(answer, (answers.get(answer) ?? 0) + times);
}

/** What was counted, the most frequent first. */
export function counted(): string {
  const entries = [...answers].sort(([, a], [, b]) => b - a);
  return entries.map(([answer, times]) => `${times} × ${answer}`).join(", ");
}

export class AbusiveClient {
  isClosed = false;
  /** What SCRAM's server has said first; "": nothing yet. */
  challenge = "";
  /** The server waits for data of COPY. */
  isCopying = false;
  /** ReadyForQuery messages so far. */
  cycles = 0;
  private socket: Bun.Socket<AbusiveClient> | null = null;
  private unsent: Uint8Array = new Uint8Array(0);
  private pending = Buffer.alloc(0);
  /** Bytes of a message not looked into that have yet to come. */
  private toSkip = 0;
  private wake = Promise.withResolvers<void>();
  private wasTold = false;

  /** A socket that has said nothing. */
  static async dial(port: number): Promise<AbusiveClient> {
    const client = new AbusiveClient();
    client.socket = await Bun.connect<AbusiveClient>({
      hostname: "127.0.0.1",
      port,
      data: client,
      socket: {
        data: (socket, chunk) => socket.data.received(chunk),
        drain: (socket) => socket.data.push(),
        close: (socket) => socket.data.closed(),
        error: () => undefined,
      },
    });
    return client;
  }

  /** A session, by a password that is sent as it is. */
  static async connect(port: number, database = "main"): Promise<AbusiveClient> {
    const client = await AbusiveClient.dial(port);
    client.send(serialize.startup({ user: USER, database }), serialize.password(PASSWORD));
    await client.ready(1);
    return client;
  }

  send(...messages: readonly Uint8Array[]): void {
    this.unsent =
      this.unsent.length === 0 ? Buffer.concat(messages) : Buffer.concat([this.unsent, ...messages]);
    this.push();
  }

  /** Until as many ReadyForQuery have come in all, or the connection is closed. */
  async ready(cycles: number): Promise<void> {
    while (this.cycles < cycles && !this.isClosed) await this.wake.promise;
  }

  /** Until the server has closed the connection. */
  async end(): Promise<void> {
    while (!this.isClosed) await this.wake.promise;
  }

  /** Until the server has said something that `isSaid` waits for. */
  async hears(isSaid: () => boolean): Promise<void> {
    while (!isSaid() && !this.isClosed) await this.wake.promise;
  }

  /** What the socket has not taken yet. */
  get unsentBytes(): number {
    return this.unsent.length;
  }

  query(text: string): Promise<void> {
    this.send(serialize.query(text));
    return this.ready(this.cycles + 1);
  }

  stopReading(): void {
    this.socket?.pause();
  }

  /** That it is closed is the answer. */
  expectsNoWord(): void {
    this.wasTold = true;
  }

  terminate(): void {
    this.wasTold = true;
    this.socket?.terminate();
  }

  private push(): void {
    if (this.unsent.length === 0) return;
    const sent = Math.max(0, this.socket?.write(this.unsent) ?? 0);
    this.unsent = this.unsent.subarray(sent);
  }

  private closed(): void {
    this.isClosed = true;
    if (!this.wasTold) count("closed without a word");
    this.notice();
  }

  private notice(): void {
    this.wake.resolve();
    this.wake = Promise.withResolvers<void>();
  }

  private received(chunk: Buffer): void {
    const skipped = Math.min(this.toSkip, chunk.length);
    this.toSkip -= skipped;
    let bytes = this.pending.length === 0 ? chunk.subarray(skipped) : Buffer.concat([this.pending, chunk]);
    const { cycles } = this;
    while (bytes.length >= HEADER_BYTES) {
      const type = bytes[0] as number;
      const length = 1 + bytes.readInt32BE(1);
      if (length > LONGEST_LOOKED_INTO || !LOOKED_INTO.has(type)) {
        this.toSkip = Math.max(0, length - bytes.length);
      } else if (length > bytes.length) break;
      else this.message(type, bytes.subarray(HEADER_BYTES, length));
      bytes = bytes.subarray(Math.min(length, bytes.length));
    }
    this.pending = Buffer.from(bytes);
    if (this.cycles > cycles) this.notice();
  }

  private message(type: number, fields: Buffer): void {
    if (type === READY_FOR_QUERY) this.cycles++;
    else if (type === COPY_IN_RESPONSE) {
      this.isCopying = true;
      this.notice();
    } else if (type === AUTHENTICATION && fields.readInt32BE(0) !== AUTHENTICATION_OK) {
      if (fields.readInt32BE(0) === SASL_CONTINUE) this.challenge = fields.toString("latin1", 4);
      this.notice();
    } else if (type === ERROR_RESPONSE) {
      const texts = fields.toString("utf8").split("\0");
      const field = (letter: string) => texts.find((text) => text.startsWith(letter))?.slice(1) ?? "";
      const isFatal = field("S") === "FATAL";
      this.wasTold ||= isFatal;
      count(`${isFatal ? "FATAL " : ""}${field("C")} ${field("M").slice(0, 70)}`);
    }
  }
}
