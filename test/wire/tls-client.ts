/** A client on a TLS socket, made by SSLRequest or from the first byte. */

import { connect as connectSocket, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { serialize } from "pg-protocol";
import { ReplyReader } from "./replies.ts";
import { ScramClient } from "./scram-client.ts";

export interface TlsClientOptions {
  readonly ALPNProtocols?: string[];
  readonly minVersion?: "TLSv1";
  readonly maxVersion?: "TLSv1.1" | "TLSv1.2" | "TLSv1.3";
}

async function dial(port: number): Promise<Socket> {
  const socket = connectSocket(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await new Promise((resolve) => void socket.once("connect", resolve));
  return socket;
}

/** What a server answers to an SSLRequest, with the socket to go on with. */
export async function requestTls(port: number, behind = ""): Promise<{ socket: Socket; answer: Buffer }> {
  const socket = await dial(port);
  socket.write(Buffer.concat([serialize.requestSsl(), Buffer.from(behind)]));
  const answer = await new Promise<Uint8Array>((resolve) => {
    socket.once("data", resolve);
    socket.once("close", () => resolve(new Uint8Array(0)));
  });
  return { socket, answer: Buffer.from(answer) };
}

export class TlsClient {
  readonly reader = new ReplyReader();
  readonly closed: Promise<void>;
  private isClosed = false;
  private wake: () => void = () => {};

  private constructor(readonly socket: TLSSocket) {
    socket.on("data", (chunk: Buffer) => {
      this.reader.read(chunk);
      this.wake();
    });
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.isClosed = true;
        this.wake();
        resolve();
      });
    });
  }

  /** Through an SSLRequest, or with the first byte. Rejects when the handshake fails. */
  static async connect(
    port: number,
    how: "request" | "direct",
    options: TlsClientOptions = {},
  ): Promise<TlsClient> {
    const socket = how === "request" ? (await requestTls(port)).socket : await dial(port);
    const encrypted = connectTls({ socket, rejectUnauthorized: false, ...options });
    const client = new TlsClient(encrypted);
    await new Promise<void>((resolve, reject) => {
      encrypted.once("secureConnect", resolve);
      encrypted.once("error", reject);
      encrypted.once("close", () => reject(new Error("the server closed the connection")));
    });
    return client;
  }

  /** Through start-up. */
  static async ready(port: number, how: "request" | "direct", password: string): Promise<TlsClient> {
    const client = await TlsClient.connect(port, how, { ALPNProtocols: ["postgresql"] });
    client.send(serialize.startup({ user: "deltat", database: "db" }));
    const [asked] = await client.until("authentication");
    if (asked === "authenticationCleartextPassword") client.send(serialize.password(password));
    else await client.prove(new ScramClient(password), "SCRAM-SHA-256");
    const replies = await client.until("ready I");
    if (replies.at(-1) !== "ready I") throw new Error(`no session: ${replies.join(", ")}`);
    return client;
  }

  /** A SCRAM exchange from its first message on; what the server says to the last one is left to read. */
  async prove(exchange: ScramClient, mechanism: string): Promise<void> {
    this.send(serialize.sendSASLInitialResponseMessage(mechanism, exchange.first()));
    const answers = await this.until("authenticationSASLContinue");
    if (answers.at(-1) !== "authenticationSASLContinue") {
      this.reader.lines.unshift(...answers);
      return;
    }
    const challenge = this.reader.replies.find((reply) => reply.name === "authenticationSASLContinue");
    this.send(serialize.sendSCRAMClientFinalMessage(exchange.final(challenge?.data ?? "")));
  }

  send(...messages: Uint8Array[]): void {
    this.socket.write(Buffer.concat(messages));
  }

  /** The replies up to and with the first that begins so, or all when the server closes. */
  async until(start: string): Promise<string[]> {
    for (;;) {
      const { lines } = this.reader;
      const at = lines.findIndex((line) => line.startsWith(start));
      if (at >= 0) return lines.splice(0, at + 1);
      if (this.isClosed || lines.some((line) => line.startsWith("FATAL"))) return this.reader.take();
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  query(text: string): Promise<string[]> {
    this.send(serialize.query(text));
    return this.until("ready");
  }

  close(): void {
    this.socket.destroy();
  }
}
