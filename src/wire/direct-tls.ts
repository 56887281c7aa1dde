/**
 * TLS from the first byte (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL): whether a
 * connection begins so is known only once its first bytes have been read, and a socket upgraded in place would not see
 * them again. So these connections run over TLS on a stream, which is handed the bytes as they come.
 *
 * A client must offer the application protocol `postgresql`, lest another protocol's client be talked into
 * sending it something (ALPACA, https://alpaca-attack.com).
 */

import { Duplex } from "node:stream";
import { type SecureContext, TLSSocket } from "node:tls";
import type { ByteSocket } from "./client-connection.ts";
import { ALPN_PROTOCOL } from "./tls-identity.ts";

export interface DirectTlsOwner {
  received(chunk: Uint8Array): void;
  drained(): void;
  closed(): void;
}

/** One write to the TLS stream at a time, of at most so many bytes. */
const WRITE_BYTES = 64 * 1024;

export class DirectTls implements ByteSocket {
  /** The encrypted side: what is pushed comes from the client, what is written goes to it. */
  private readonly ciphertext: Duplex;
  private readonly stream: TLSSocket;
  private secure = false;
  private writing = false;
  private closed = false;
  /** What the raw socket has not taken yet, and whom to tell. */
  private unsent: Uint8Array<ArrayBuffer> | null = null;
  private whenSent: () => void = () => {};

  constructor(
    private readonly raw: ByteSocket,
    context: SecureContext,
    private readonly owner: DirectTlsOwner,
  ) {
    this.ciphertext = new Duplex({
      read: () => {},
      write: (chunk: Uint8Array<ArrayBuffer>, _encoding, done) => this.send(chunk, done),
      final: (done) => {
        raw.shutdown();
        done();
      },
    });
    this.stream = new TLSSocket(this.ciphertext, {
      isServer: true,
      secureContext: context,
      ALPNProtocols: [ALPN_PROTOCOL],
    });
    this.ciphertext.on("error", () => this.terminate());
    this.ciphertext.on("drain", () => this.progressed());
    this.stream.on("error", () => this.terminate());
    this.stream.on("secure", () => this.opened());
    this.stream.on("close", () => this.terminate());
  }

  /** Ciphertext from the client; copied, since the chunk's memory is used again. */
  receive(chunk: Uint8Array): void {
    if (!this.closed) this.ciphertext.push(Buffer.from(chunk));
  }

  rawDrained(): void {
    const { unsent } = this;
    if (unsent !== null) this.send(unsent, this.whenSent);
  }

  rawClosed(): void {
    if (this.closed) return;
    this.closed = true;
    this.stream.destroy();
  }

  write(bytes: Uint8Array<ArrayBuffer>, start: number, length: number): number {
    if (this.closed) return -1;
    // `drained` follows.
    if (this.isBlocked || length === 0) return 0;
    const taken = Math.min(length, WRITE_BYTES);
    this.writing = true;
    this.stream.write(bytes.slice(start, start + taken), () => {
      this.writing = false;
      this.progressed();
    });
    return taken;
  }

  pause(): void {
    this.raw.pause();
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
    this.raw.resume();
  }

  shutdown(): void {
    this.stream.end();
  }

  terminate(): void {
    if (this.closed) return;
    this.closed = true;
    this.stream.destroy();
    this.raw.terminate();
    this.owner.closed();
  }

  /**
   * The handshake is not over, a write is under way, or the raw socket is behind: the stream says that it has written when it
   * has encrypted, so its word alone would let a client that does not read fill the memory.
   */
  private get isBlocked(): boolean {
    return !this.secure || this.writing || this.ciphertext.writableNeedDrain;
  }

  private progressed(): void {
    if (!this.closed && !this.isBlocked) this.owner.drained();
  }

  private opened(): void {
    if (this.stream.alpnProtocol !== ALPN_PROTOCOL) {
      this.terminate();
      return;
    }
    this.secure = true;
    this.stream.on("data", (chunk: Uint8Array) => this.owner.received(chunk));
    this.progressed();
  }

  private send(chunk: Uint8Array<ArrayBuffer>, done: () => void): void {
    const taken = Math.max(0, this.raw.write(chunk, 0, chunk.length));
    if (taken === chunk.length) {
      this.unsent = null;
      done();
    } else {
      this.unsent = chunk.subarray(taken);
      this.whenSent = done;
    }
  }
}
