/**
 * The ceiling: a server that does nothing but what no server on this runtime and disk can avoid. A query is
 * answered from a constant buffer that holds deltat's own reply; a change writes a frame as long as deltat's into
 * blocks that were laid out with zeros, in groups of what one turn of the event loop has read, one pwrite and one
 * blocking fdatasync each, then all replies.
 *
 * Run by bench/end-to-end.ts: `bun bench/null-server.ts <NullServerOptions as JSON>`; prints its port.
 */

import { closeSync, fdatasyncSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

export interface NullServerOptions {
  /** Where its file goes. */
  readonly folder: string;
  /** Files that hold the replies: to a SELECT as a simple query, to Bind, Execute and Sync of it, to an INSERT. */
  readonly simpleReply: string;
  readonly preparedReply: string;
  readonly insertReply: string;
  /** Bytes that one inserted booking takes in deltat's log. */
  readonly frameBytes: number;
}

/** The file is written round and round, so that no block is ever new. */
const FILE_BYTES = 64 * 1024 * 1024;
const SSL_REQUEST = 80_877_103;

const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
const parsed = Buffer.concat([Buffer.from([0x31, 0, 0, 0, 4]), ready]);

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
  /** Parse has come since the last Sync. */
  parsing: boolean;
}

type ClientSocket = Bun.Socket<ClientState>;

const options = JSON.parse(process.argv[2] ?? "null") as NullServerOptions;
const simpleReply = readFileSync(options.simpleReply);
const preparedReply = readFileSync(options.preparedReply);
const insertReply = readFileSync(options.insertReply);
const { frameBytes } = options;

const fd = layOut(join(options.folder, "null.log"));
const frame = new Uint8Array(frameBytes).fill(0xa5);
let group = new Uint8Array(64 * frameBytes);
let waiting: ClientSocket[] = [];
let offset = 0;

function layOut(path: string): number {
  const made = openSync(path, "w+");
  const zeros = new Uint8Array(1024 * 1024);
  for (let at = 0; at < FILE_BYTES; at += zeros.length) writeSync(made, zeros, 0, zeros.length, at);
  fsyncSync(made);
  return made;
}

function append(socket: ClientSocket): void {
  const at = waiting.length * frameBytes;
  if (at === group.length) {
    const grown = new Uint8Array(group.length * 2);
    grown.set(group);
    group = grown;
  }
  group.set(frame, at);
  if (waiting.length === 0) setImmediate(commitGroup);
  waiting.push(socket);
}

function commitGroup(): void {
  const bytes = waiting.length * frameBytes;
  if (offset + bytes > FILE_BYTES) offset = 0;
  writeSync(fd, group, 0, bytes, offset);
  offset += bytes;
  fdatasyncSync(fd);
  const acknowledged = waiting;
  waiting = [];
  for (const socket of acknowledged) send(socket, insertReply);
}

/** A client that waits for each reply leaves the socket room for one. */
function send(socket: ClientSocket, bytes: Uint8Array): void {
  if (socket.write(bytes) !== bytes.length) throw new Error("a socket took only part of a reply");
}

function start(socket: ClientSocket, chunk: Buffer): void {
  socket.data.started = chunk.readInt32BE(4) !== SSL_REQUEST;
  send(socket, socket.data.started ? welcome : Buffer.from("N"));
}

/** Answers every message of a chunk; a query of a client of this folder comes in one piece. */
function answer(socket: ClientSocket, chunk: Buffer): void {
  for (let at = 0; at < chunk.length; at += 1 + chunk.readInt32BE(at + 1)) {
    switch (chunk[at]) {
      case 0x51: // Query
        if (chunk[at + 5] === 0x49) append(socket);
        else send(socket, simpleReply);
        break;
      case 0x50: // Parse
        socket.data.parsing = true;
        break;
      case 0x53: // Sync
        send(socket, socket.data.parsing ? parsed : preparedReply);
        socket.data.parsing = false;
        break;
      case 0x58: // Terminate
        socket.end();
        return;
    }
  }
}

const listener = Bun.listen<ClientState>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.setNoDelay(true);
      socket.data = { started: false, parsing: false };
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
