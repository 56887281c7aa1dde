/**
 * A client's side of the PostgreSQL protocol, as little as a measurement needs: start-up, password, and one
 * exchange at a time, checked message by message. For the time that is measured `onData` takes its place.
 */

export interface Target {
  readonly port: number;
  readonly password: string;
  /** The suite's own if it is not given. */
  readonly database?: string;
}

const PROTOCOL_3_0 = 196_608;
const AUTHENTICATION = 0x52;
const READY_FOR_QUERY = 0x5a;
const ERROR_RESPONSE = 0x45;
const AUTHENTICATION_CLEARTEXT_PASSWORD = 3;

/** A message: its type letter ("" for the start-up packet, which has none), its length, its fields. */
function message(type: string, fields: Uint8Array | string): Buffer {
  const body = typeof fields === "string" ? Buffer.from(`${fields}\0`) : fields;
  const bytes = Buffer.alloc(type.length + 4 + body.length);
  bytes.write(type, 0, "latin1");
  bytes.writeInt32BE(4 + body.length, type.length);
  bytes.set(body, type.length + 4);
  return bytes;
}

export function simpleQuery(sql: string): Buffer {
  return message("Q", sql);
}

/** Parse and Sync. */
export function prepareStatement(name: string, sql: string): Buffer {
  return Buffer.concat([message("P", Buffer.from(`${name}\0${sql}\0\0\0`)), message("S", Buffer.alloc(0))]);
}

/** Bind, Execute and Sync of a prepared statement, parameters and results as text. */
export function executePrepared(name: string, parameters: readonly string[]): Buffer {
  const values = parameters.map((text) => {
    const value = Buffer.alloc(4 + text.length);
    value.writeInt32BE(text.length);
    value.write(text, 4, "latin1");
    return value;
  });
  const count = Buffer.from([0, 0, 0, parameters.length]);
  const bind = Buffer.concat([Buffer.from(`\0${name}\0`), count, ...values, Buffer.from([0, 0])]);
  const execute = Buffer.from([0, 0, 0, 0, 0]);
  return Buffer.concat([message("B", bind), message("E", execute), message("S", Buffer.alloc(0))]);
}

/** Whether the bytes end with ReadyForQuery outside a transaction block. */
export function endsReady(bytes: Uint8Array): boolean {
  const at = bytes.length - 6;
  return at >= 0 && bytes[at] === READY_FOR_QUERY && bytes[at + 4] === 5 && bytes[at + 5] === 0x49;
}

export interface Message {
  /** Its letter. */
  readonly type: string;
  /** The whole of it. */
  readonly bytes: Uint8Array;
}

/** The messages of a whole reply. Throws what an ErrorResponse says. */
export function messages(reply: Uint8Array): Message[] {
  const view = new DataView(reply.buffer, reply.byteOffset, reply.length);
  const found: Message[] = [];
  for (let at = 0; at < reply.length; ) {
    if (reply[at] === ERROR_RESPONSE) throw new Error(`the server answered ${describeError(reply, at)}`);
    const end = at + 1 + view.getInt32(at + 1);
    found.push({ type: String.fromCharCode(reply[at] as number), bytes: reply.subarray(at, end) });
    at = end;
  }
  return found;
}

/** The types of the messages in a whole reply, one letter each. Throws what an ErrorResponse says. */
export function messageTypes(reply: Uint8Array): string {
  return messages(reply)
    .map(({ type }) => type)
    .join("");
}

function describeError(reply: Uint8Array, at: number): string {
  return Buffer.from(reply.subarray(at + 5))
    .toString("utf8")
    .replaceAll("\0", " ");
}

/** The rows of a reply, each column as text; NULL as "". */
export function rows(reply: Uint8Array): string[][] {
  return messages(reply).flatMap(({ type, bytes }) => (type === "D" ? [columns(bytes)] : []));
}

function columns(dataRow: Uint8Array): string[] {
  const bytes = Buffer.from(dataRow.buffer, dataRow.byteOffset, dataRow.length);
  let at = 7;
  return Array.from({ length: bytes.readInt16BE(5) }, () => {
    const length = Math.max(0, bytes.readInt32BE(at));
    at += 4 + length;
    return bytes.toString("utf8", at - length, at);
  });
}

/** The first column of the first row of a reply, as text. */
export const firstValue = (reply: Uint8Array): string => rows(reply)[0]?.[0] ?? "";

export class WireClient {
  /** Takes each chunk as it arrives. */
  onData: (chunk: Buffer) => void = () => {};
  private closing = false;
  private reject: (error: Error) => void = () => {};

  private constructor(private readonly socket: Bun.Socket<WireClient>) {}

  static async connect({ port, password, database = "bench" }: Target): Promise<WireClient> {
    const socket = await Bun.connect<WireClient>({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (from, chunk) => from.data.onData(chunk),
        close: (from) => from.data.closed(),
      },
    });
    const client = new WireClient(socket);
    socket.data = client;
    socket.setNoDelay(true);
    const startup = Buffer.concat([Buffer.alloc(4), Buffer.from(`user\0deltat\0database\0${database}\0\0`)]);
    startup.writeInt32BE(PROTOCOL_3_0);
    const reply = await client.exchange(message("", startup), isPasswordRequest);
    if (isPasswordRequest(reply)) await client.exchange(message("p", password));
    return client;
  }

  /** Sends and waits for the reply up to ReadyForQuery (or what `isEnough` accepts). Throws what an error says. */
  exchange(bytes: Uint8Array, isEnough: (reply: Uint8Array) => boolean = () => false): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    this.reject = reject;
    let reply = Buffer.alloc(0);
    this.onData = (chunk) => {
      reply = Buffer.concat([reply, chunk]);
      if (reply[0] === ERROR_RESPONSE) return reject(new Error(describeError(reply, 0)));
      if (!endsReady(reply) && !isEnough(reply)) return;
      try {
        messageTypes(reply);
        resolve(reply);
      } catch (error) {
        reject(error);
      }
    };
    this.send(bytes);
    return promise;
  }

  query(sql: string): Promise<Uint8Array> {
    return this.exchange(simpleQuery(sql));
  }

  /** Sends bytes that fit into the socket's buffer, since nothing else waits in it. */
  send(bytes: Uint8Array): void {
    let sent = this.socket.write(bytes);
    if (sent === bytes.length) return;
    // Only the filling sends more than a socket takes at once.
    const push = () => {
      sent += Math.max(0, this.socket.write(bytes.subarray(sent)));
      if (sent < bytes.length) setTimeout(push, 1);
    };
    push();
  }

  close(): void {
    this.closing = true;
    this.socket.end(message("X", Buffer.alloc(0)));
  }

  private closed(): void {
    if (this.closing) return;
    const error = new Error("the server closed a connection");
    this.reject(error);
    this.onClosed(error);
  }

  /** What to do when the server closes a connection in the time that is measured. */
  onClosed: (error: Error) => void = () => {};
}

function isPasswordRequest(reply: Uint8Array): boolean {
  return reply.length === 9 && reply[0] === AUTHENTICATION && reply[8] === AUTHENTICATION_CLEARTEXT_PASSWORD;
}
