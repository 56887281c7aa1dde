/**
 * The socket of one client, and the session on it. A connection starts plain; it becomes TLS when the session has
 * agreed to an SSLRequest, or at once when its first byte is that of a TLS handshake. From then on the session reads
 * and writes through the TLS socket and never sees what the plain one receives.
 */

import { DirectTls } from "./direct-tls.ts";
import type { Transport } from "./output.ts";
import type { ClientSession } from "./session.ts";
import { ALPN_PROTOCOL, OLDEST_TLS_VERSION, type TlsIdentity } from "./tls-identity.ts";

/** What a connection needs of a socket, plain or TLS: `Bun.Socket` is one. */
export interface ByteSocket {
  /** Takes bytes; returns how many. A negative count says that the socket is closed. */
  write(bytes: Uint8Array<ArrayBuffer>, start: number, length: number): number;
  pause(): void;
  resume(): void;
  /** Sends no more, but goes on reading. */
  shutdown(): void;
  terminate(): void;
}

/** What a connection needs of the server around it. */
export interface ConnectionHost {
  readonly tls: TlsIdentity | null;
  open(transport: Transport, address: string): ClientSession;
  internalError(error: unknown): void;
}

export type PlainSocket = Bun.Socket<ClientConnection>;

/** Content type of a TLS handshake record (RFC 8446, section 5.1); a start-up packet of that length word is too long. */
const TLS_HANDSHAKE = 0x16;

/** RFC 7301: each name behind its length. */
const ALPN_PROTOCOL_LIST = Buffer.from([ALPN_PROTOCOL.length, ...Buffer.from(ALPN_PROTOCOL)]);

export class ClientConnection implements Transport {
  encrypted = false;
  private readonly session: ClientSession;
  /** The first byte decides; then either the session reads the plain bytes, or TLS does. */
  private stage: "unread" | "plain" | "tls" = "unread";
  private socket: ByteSocket;
  private direct: DirectTls | null = null;

  constructor(
    private readonly plain: PlainSocket,
    private readonly host: ConnectionHost,
  ) {
    this.socket = plain;
    // Of a socket that was reset already there is none, whatever its type says.
    const address: string | undefined = plain.remoteAddress;
    this.session = host.open(this, address ?? "");
  }

  /** The plain socket has received bytes. */
  received(chunk: Uint8Array): void {
    if (this.stage === "plain") {
      this.session.receive(chunk);
    } else if (this.stage === "tls") {
      // Beside a socket upgraded in place the plain one goes on telling of ciphertext, which is not ours to read.
      this.direct?.receive(chunk);
    } else if (chunk[0] === TLS_HANDSHAKE && this.host.tls !== null) {
      this.stage = "tls";
      this.encrypted = true;
      this.direct = this.startDirectTls(this.host.tls);
      this.direct.receive(chunk);
    } else {
      this.stage = "plain";
      this.session.receive(chunk);
    }
  }

  /** The plain socket takes bytes again. */
  drained(): void {
    if (this.stage !== "tls") this.session.drained();
    else this.direct?.rawDrained();
  }

  closed(): void {
    this.direct?.rawClosed();
    this.session.connectionClosed();
  }

  /** A socket's handler threw, or the connection broke. */
  failed(error: Error): void {
    // A broken connection has a code, and its close follows; what has none was thrown by a handler here.
    if ("code" in error) return;
    this.host.internalError(error);
    this.plain.terminate();
  }

  startTls(): void {
    const { tls } = this.host;
    if (tls === null) return;
    const options = {
      isServer: true,
      data: this as ClientConnection,
      tls: {
        cert: tls.certificate,
        key: tls.key,
        minVersion: OLDEST_TLS_VERSION,
        ALPNProtocols: ALPN_PROTOCOL_LIST,
        requestCert: false,
        rejectUnauthorized: false,
      },
      socket: UPGRADED_HANDLERS,
    };
    const [, encrypted] = this.plain.upgradeTLS(options);
    this.stage = "tls";
    this.encrypted = true;
    this.socket = encrypted;
  }

  /** Bytes that TLS has deciphered. */
  deciphered(chunk: Uint8Array): void {
    this.session.receive(chunk);
  }

  /** The TLS socket takes bytes again. */
  encryptedDrained(): void {
    this.session.drained();
  }

  write(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): number {
    // -1 says that the socket is closed; its close handler follows.
    return Math.max(0, this.socket.write(bytes, start, end - start));
  }

  pauseReading(): void {
    this.socket.pause();
  }

  resumeReading(): void {
    this.socket.resume();
  }

  end(): void {
    this.socket.shutdown();
  }

  terminate(): void {
    this.socket.terminate();
  }

  private startDirectTls(tls: TlsIdentity): DirectTls {
    const direct = new DirectTls(this.plain, tls.context, {
      received: (chunk) => this.session.receive(chunk),
      drained: () => this.session.drained(),
      closed: () => this.session.connectionClosed(),
    });
    this.socket = direct;
    return direct;
  }
}

/** Of a socket upgraded in place. */
const UPGRADED_HANDLERS: Bun.SocketHandler<ClientConnection> = {
  handshake(socket, success) {
    if (!success) socket.terminate();
  },
  data: (socket, chunk) => socket.data.deciphered(chunk),
  drain: (socket) => socket.data.encryptedDrained(),
  close: (socket) => socket.data.closed(),
  error: (socket, error) => socket.data.failed(error),
};
