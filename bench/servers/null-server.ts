/**
 * The ceiling: a server that does nothing but what no server on this runtime and disk can avoid. A query is
 * answered from a constant buffer that holds deltat's own reply; a change writes a frame as long as deltat's into
 * blocks that were laid out with zeros, in groups of what one turn of the event loop has read, one pwrite and one
 * blocking fdatasync each, then all replies. It tells statements apart by the first words and nothing else.
 *
 * Run by null.ts: `bun bench/servers/null-server.ts <NullServerOptions as JSON>`; prints its port.
 */

import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

/** A statement it knows, with deltat's reply to it. */
export interface KnownStatement {
  readonly prefix: string;
  /** RowDescription or NoData, as hexadecimal digits. */
  readonly description: string;
  /** DataRows and CommandComplete, as hexadecimal digits. */
  readonly body: string;
  /** Bytes that it takes in deltat's log; 0 if it changes nothing. */
  readonly frameBytes: number;
}

export interface NullServerOptions {
  /** Where its file goes. */
  readonly folder: string;
  readonly statements: readonly KnownStatement[];
}

/** The file is written round and round, so that no block is ever new. */
const FILE_BYTES = 64 * 1024 * 1024;
const SSL_REQUEST = 80_877_103;
const NO_DATA = 0x6e;

/** What has come since the last Sync. */
const PARSED = 1;
const BOUND = 2;
const DESCRIBED = 4;
const EXECUTED = 8;

const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
const parseComplete = Buffer.from([0x31, 0, 0, 0, 4]);
const bindComplete = Buffer.from([0x32, 0, 0, 0, 4]);

interface Statement {
  readonly prefix: Buffer;
  readonly frameBytes: number;
  readonly simple: Buffer;
  /** By the flags above. */
  readonly extended: readonly Buffer[];
}

function makeStatement({ prefix, description, body, frameBytes }: KnownStatement): Statement {
  const describe = Buffer.from(description, "hex");
  const rows = Buffer.from(body, "hex");
  const extended = Array.from({ length: 16 }, (_, flags) =>
    Buffer.concat([
      ...(flags & PARSED ? [parseComplete] : []),
      ...(flags & BOUND ? [bindComplete] : []),
      ...(flags & DESCRIBED ? [describe] : []),
      ...(flags & EXECUTED ? [rows] : []),
      ready,
    ]),
  );
  const head = describe[0] === NO_DATA ? [] : [describe];
  return { prefix: Buffer.from(prefix), frameBytes, simple: Buffer.concat([...head, rows, ready]), extended };
}

function parameterStatus(name: string, value: string): Buffer {
  const body = Buffer.from(`${name}\0${value}\0`);
  const head = Buffer.from([0x53, 0, 0, 0, 4 + body.length]);
  return Buffer.concat([head, body]);
}

const welcome = Buffer.concat([
  Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]),
  parameterStatus("server_version", "15.0"),
  parameterStatus("client_encoding", "UTF8"),
  parameterStatus("standard_conforming_strings", "on"),
  Buffer.from([0x4b, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1]),
  ready,
]);

interface ClientState {
  started: boolean;
  flags: number;
  statement: Statement;
  /** By the name that Parse gave. */
  readonly prepared: Map<string, Statement>;
}

type ClientSocket = Bun.Socket<ClientState>;

const options = JSON.parse(process.argv[2] ?? "null") as NullServerOptions;
const statements = options.statements.map(makeStatement);

const fd = layOut(join(options.folder, "null.log"));
let group = new Uint8Array(64 * 1024).fill(0xa5);
let groupBytes = 0;
let waiting: { readonly socket: ClientSocket; readonly reply: Buffer }[] = [];
let offset = 0;

function layOut(path: string): number {
  const made = openSync(path, "w+");
  const zeros = new Uint8Array(1024 * 1024);
  for (let at = 0; at < FILE_BYTES; at += zeros.length) writeSync(made, zeros, 0, zeros.length, at);
  fsyncSync(made);
  return made;
}

function append(socket: ClientSocket, frameBytes: number, reply: Buffer): void {
  groupBytes += frameBytes;
  if (groupBytes > group.length) group = new Uint8Array(group.length * 2).fill(0xa5);
  if (waiting.length === 0) setImmediate(commitGroup);
  waiting.push({ socket, reply });
}

function commitGroup(): void {
  if (offset + groupBytes > FILE_BYTES) offset = 0;
  writeSync(fd, group, 0, groupBytes, offset);
  offset += groupBytes;
  groupBytes = 0;
  fdatasyncSync(fd);
  const acknowledged = waiting;
  waiting = [];
  for (const { socket, reply } of acknowledged) send(socket, reply);
}

/** A client that waits for each reply leaves the socket room for one. */
function send(socket: ClientSocket, bytes: Uint8Array): void {
  if (socket.write(bytes) !== bytes.length) throw new Error("a socket took only part of a reply");
}

function respond(socket: ClientSocket, { frameBytes }: Statement, reply: Buffer, executes: boolean): void {
  if (frameBytes > 0 && executes) append(socket, frameBytes, reply);
  else send(socket, reply);
}

function statementAt(chunk: Buffer, at: number): Statement {
  const found = statements.find(({ prefix }) => prefix.equals(chunk.subarray(at, at + prefix.length)));
  if (found === undefined) throw new Error(`unknown statement: ${chunk.toString("latin1", at, at + 80)}`);
  return found;
}

function start(socket: ClientSocket, chunk: Buffer): void {
  socket.data.started = chunk.readInt32BE(4) !== SSL_REQUEST;
  send(socket, socket.data.started ? welcome : Buffer.from("N"));
}

function bind(state: ClientState, chunk: Buffer, at: number): void {
  const nameAt = chunk.indexOf(0, at + 5) + 1;
  const name = chunk.toString("latin1", nameAt, chunk.indexOf(0, nameAt));
  const statement = state.prepared.get(name);
  if (statement === undefined) throw new Error(`unknown prepared statement: ${name}`);
  state.statement = statement;
  state.flags |= BOUND;
}

function parse(state: ClientState, chunk: Buffer, at: number): void {
  const end = chunk.indexOf(0, at + 5);
  state.statement = statementAt(chunk, end + 1);
  state.prepared.set(chunk.toString("latin1", at + 5, end), state.statement);
  state.flags |= PARSED;
}

function sync(socket: ClientSocket): void {
  const { flags, statement } = socket.data;
  socket.data.flags = 0;
  const reply = statement.extended[flags];
  if (reply !== undefined) respond(socket, statement, reply, (flags & EXECUTED) !== 0);
}

/** Answers every message of a chunk; a query of a client of this suite comes in one piece. */
function answer(socket: ClientSocket, chunk: Buffer): void {
  const state = socket.data;
  for (let at = 0; at < chunk.length; at += 1 + chunk.readInt32BE(at + 1)) {
    switch (chunk[at]) {
      case 0x51: {
        // Query
        const statement = statementAt(chunk, at + 5);
        respond(socket, statement, statement.simple, true);
        break;
      }
      case 0x50: // Parse
        parse(state, chunk, at);
        break;
      case 0x42: // Bind
        bind(state, chunk, at);
        break;
      case 0x44: // Describe
        state.flags |= DESCRIBED;
        break;
      case 0x45: // Execute
        state.flags |= EXECUTED;
        break;
      case 0x53: // Sync
        sync(socket);
        break;
      case 0x58: // Terminate
        socket.end();
        return;
    }
  }
}

const [first] = statements;
if (first === undefined) throw new Error("no statements are known");

const listener = Bun.listen<ClientState>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.setNoDelay(true);
      socket.data = { started: false, flags: 0, statement: first, prepared: new Map() };
    },
    data(socket, chunk) {
      if (socket.data.started) answer(socket, chunk);
      else start(socket, chunk);
    },
  },
});

process.on("SIGTERM", () => {
  closeSync(fd);
  process.exit(0);
});
console.log(listener.port);
