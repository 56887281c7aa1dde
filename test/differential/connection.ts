/**
 * A client's side of the protocol that keeps every message as it came: what is compared is what a driver would see,
 * down to the bytes of binary values. One exchange at a time.
 */

/** A message of the server. */
export interface Message {
  /** Its type letter. */
  readonly type: string;
  readonly body: Buffer;
}

export interface Address {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

const PROTOCOL_3_0 = 196_608;
const AUTHENTICATION_CLEARTEXT_PASSWORD = 3;
/** What one statement may take before the run is given up. */
const PATIENCE_MS = 60_000;

function message(type: string, ...fields: readonly (string | Buffer)[]): Buffer {
  const body = Buffer.concat(fields.map((field) => (typeof field === "string" ? cString(field) : field)));
  const head = Buffer.alloc(type.length + 4);
  head.write(type, 0, "latin1");
  head.writeInt32BE(4 + body.length, type.length);
  return Buffer.concat([head, body]);
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

function int16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [i, value] of values.entries()) bytes.writeInt16BE(value, 2 * i);
  return bytes;
}

function int32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeInt32BE(value, 4 * i);
  return bytes;
}

export class Connection {
  private pending = Buffer.alloc(0);
  private messages: Message[] = [];
  private done: PromiseWithResolvers<Message[]> | null = null;
  private isReady: (message: Message) => boolean = isReadyForQuery;

  private constructor(private readonly socket: Bun.Socket<null>) {}

  static async open(address: Address): Promise<Connection> {
    let connection: Connection | null = null;
    const socket = await Bun.connect<null>({
      hostname: "127.0.0.1",
      port: address.port,
      data: null,
      socket: {
        data: (_, chunk) => connection?.take(chunk),
        close: () => connection?.done?.reject(new Error("the server closed the connection")),
      },
    });
    connection = new Connection(socket);
    await connection.start(address);
    return connection;
  }

  private async start({ user, password, database }: Address): Promise<void> {
    const names = cString(`user\0${user}\0database\0${database}\0`);
    const isAsked = ({ type, body }: Message) =>
      type === "R" && body.readInt32BE(0) === AUTHENTICATION_CLEARTEXT_PASSWORD;
    let replies = await this.exchange(message("", int32(PROTOCOL_3_0), names), (reply) => {
      return isReadyForQuery(reply) || isAsked(reply) || reply.type === "E";
    });
    if (replies.some(isAsked)) {
      replies = await this.exchange(
        message("p", password),
        (reply) => isReadyForQuery(reply) || reply.type === "E",
      );
    }
    const refusal = replies.find(({ type }) => type === "E");
    if (refusal !== undefined) throw new Error(`no session: ${refusal.body.toString()}`);
  }

  /** A simple query: all messages up to and with ReadyForQuery. */
  query(text: string): Promise<Message[]> {
    return this.exchange(message("Q", text));
  }

  /**
   * Parse, Describe, Bind, Describe, Execute and Sync with parameters in text format.
   * @param resultFormat of all columns: 0 text, 1 binary
   */
  extended(text: string, parameters: readonly (string | null)[], resultFormat: 0 | 1): Promise<Message[]> {
    const values = parameters.map((value) => {
      if (value === null) return int32(-1);
      const bytes = Buffer.from(value);
      return Buffer.concat([int32(bytes.length), bytes]);
    });
    return this.exchange(
      Buffer.concat([
        message("P", "", text, int16(0)),
        message("D", Buffer.from("S"), ""),
        message("B", "", "", int16(0, values.length), ...values, int16(1, resultFormat)),
        message("E", "", int32(0)),
        message("S"),
      ]),
    );
  }

  close(): void {
    this.done = null;
    this.socket.end(message("X"));
  }

  private exchange(bytes: Buffer, isReady = isReadyForQuery): Promise<Message[]> {
    this.done = Promise.withResolvers<Message[]>();
    const { promise, reject } = this.done;
    const timer = setTimeout(() => reject(new Error("no answer in time")), PATIENCE_MS);
    this.messages = [];
    this.isReady = isReady;
    this.socket.write(bytes);
    return promise.finally(() => clearTimeout(timer));
  }

  private take(chunk: Buffer): void {
    this.pending = this.pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.pending, chunk]);
    let at = 0;
    while (at + 5 <= this.pending.length) {
      const end = at + 1 + this.pending.readInt32BE(at + 1);
      if (end > this.pending.length) break;
      const reply = {
        type: String.fromCharCode(this.pending[at] ?? 0),
        body: Buffer.from(this.pending.subarray(at + 5, end)),
      };
      at = end;
      this.messages.push(reply);
      if (this.isReady(reply)) this.done?.resolve(this.messages);
    }
    this.pending = this.pending.subarray(at);
  }
}

function isReadyForQuery({ type }: Message): boolean {
  return type === "Z";
}
