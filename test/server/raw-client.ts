/**
 * A client that speaks the protocol message by message, so that a test decides what goes into one packet, what
 * is pipelined and where Sync stands. Messages are made and read by pg-protocol.
 */

import { connect as connectSocket, type Socket } from "node:net";
import { parse, serialize } from "pg-protocol";
import { ScramClient } from "../wire/scram-client.ts";
import { USER } from "./clients.ts";
import { PASSWORD, type ServerProcess } from "./harness.ts";

export { serialize };

/** A message from the server; the fields depend on its kind. */
export interface Reply {
  readonly name: string;
  /** Bytes, without the type. */
  readonly length?: number;
  readonly code?: string;
  readonly message?: string;
  readonly text?: string;
  readonly fields?: readonly unknown[];
  readonly status?: string;
  readonly channel?: string;
  readonly payload?: string;
  /** Of a SASL challenge. */
  readonly data?: string;
  readonly processID?: number;
  readonly secretKey?: number;
}

export class RawClient {
  private readonly received: Reply[] = [];
  /** What names this session in a cancel request. */
  private key: Reply | null = null;
  private wake = Promise.withResolvers<void>();
  private isClosed = false;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true);
    parse(socket, (message) => this.arrived(message as Reply)).catch(() => undefined);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.isClosed = true;
      this.wakeUp();
    });
  }

  /** A connection on which nothing has been said yet. */
  static async dial(server: ServerProcess): Promise<RawClient> {
    const socket = connectSocket(server.port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new RawClient(socket);
  }

  /** A connection that is ready for queries. */
  static async connect(server: ServerProcess, database = "main"): Promise<RawClient> {
    const client = await RawClient.dial(server);
    client.send(serialize.startup({ user: USER, database }));
    const replies = await client.authenticate(PASSWORD);
    if (replies.at(-1)?.name !== "readyForQuery") {
      throw new Error(`no session: ${replies.map(({ name, message }) => message ?? name).join(", ")}`);
    }
    client.key = replies.find(({ name }) => name === "backendKeyData") ?? null;
    return client;
  }

  /** Proves the password by SCRAM; returns what follows, up to ReadyForQuery or the end. */
  async authenticate(password: string): Promise<Reply[]> {
    const exchange = new ScramClient(password);
    while (true) {
      const reply = await this.next();
      if (reply?.name === "authenticationSASL") {
        this.send(serialize.sendSASLInitialResponseMessage("SCRAM-SHA-256", exchange.first()));
      } else if (reply?.name === "authenticationSASLContinue") {
        this.send(serialize.sendSCRAMClientFinalMessage(exchange.final(reply.data ?? "")));
      } else if (reply?.name === "authenticationSASLFinal") {
        exchange.verify(reply.data ?? "");
      } else {
        return reply === null || reply.name === "error" ? [reply ?? []].flat() : await this.cycle();
      }
    }
  }

  /** From now on nothing is read, as by a client that is busy with something else. */
  stopReading(): void {
    this.socket.pause();
  }

  readAgain(): void {
    this.socket.resume();
  }

  /** Goes without a word. */
  destroy(): void {
    this.socket.destroy();
  }

  /** Asks, on a connection of its own, that what this session runs is ended; waits until that was heard. */
  async cancel(server: ServerProcess): Promise<void> {
    const asking = await RawClient.dial(server);
    asking.send(serialize.cancel(this.key?.processID ?? 0, this.key?.secretKey ?? 0));
    while ((await asking.next()) !== null);
  }

  /** Sends messages as one write. */
  send(...messages: readonly Uint8Array[]): void {
    if (!this.isClosed) this.socket.write(Buffer.concat(messages));
  }

  /** The next message, or null once the server has closed the connection. */
  async next(): Promise<Reply | null> {
    while (true) {
      const first = this.received.shift();
      if (first !== undefined) return first;
      if (this.isClosed) return null;
      await this.wake.promise;
    }
  }

  /** Messages up to and including ReadyForQuery, or up to the end of the connection. */
  async cycle(): Promise<Reply[]> {
    const replies: Reply[] = [];
    while (true) {
      const reply = await this.next();
      if (reply === null) return replies;
      replies.push(reply);
      if (reply.name === "readyForQuery") return replies;
    }
  }

  /** Sends a simple query and returns its replies. */
  query(text: string): Promise<Reply[]> {
    this.send(serialize.query(text));
    return this.cycle();
  }

  /** Says goodbye and waits for the end. */
  async end(): Promise<void> {
    this.send(serialize.end());
    while ((await this.next()) !== null);
  }

  private arrived(reply: Reply): void {
    // pg-protocol reuses nothing that a test looks at, so the message is kept as it came.
    this.received.push(reply);
    this.wakeUp();
  }

  private wakeUp(): void {
    this.wake.resolve();
    this.wake = Promise.withResolvers<void>();
  }
}

/** Parse, Bind and Execute of one statement with text parameters, without Sync. */
export function statement(text: string, values: readonly (string | null)[] = []): Buffer {
  return Buffer.concat([
    serialize.parse({ text }),
    serialize.bind({ values: [...values] }),
    serialize.execute(),
  ]);
}

/** What a cycle came to: command tags and the errors' codes, in order. */
export function outcome(replies: readonly Reply[]): string[] {
  const words: string[] = [];
  for (const { name, text, code } of replies) {
    if (name === "commandComplete") words.push(text ?? "");
    else if (name === "error") words.push(code ?? "");
  }
  return words;
}

/** The code of the first error in a cycle, or null if there is none. */
export function errorCode(replies: readonly Reply[]): string | null {
  return replies.find(({ name }) => name === "error")?.code ?? null;
}
