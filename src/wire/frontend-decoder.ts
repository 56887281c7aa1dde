/**
 * A client's bytes to its messages: a start-up packet (length, fields), later typed messages (type, length,
 * fields; https://www.postgresql.org/docs/current/protocol-message-formats.html). Bytes may come split anywhere.
 * A message that lies whole in one chunk is read where it is; only what is left over is copied. A length is
 * judged as soon as it is there, so what is too long is never buffered. Whoever does not want the next message
 * yet does not call `next`: what has arrived waits here.
 */

import { DeltatError, SqlState } from "../errors.ts";
import {
  MAX_AUTHENTICATION_BYTES,
  MAX_MESSAGE_BYTES,
  MAX_SMALL_MESSAGE_BYTES,
  MAX_STARTUP_BYTES,
} from "../limits.ts";
import { MessageReader, protocolViolation } from "./message-reader.ts";

/** Type bytes of the messages that a client sends. */
export const Frontend = {
  bind: 0x42,
  close: 0x43,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
  describe: 0x44,
  execute: 0x45,
  flush: 0x48,
  functionCall: 0x46,
  parse: 0x50,
  password: 0x70,
  query: 0x51,
  sync: 0x53,
  terminate: 0x58,
} as const;

/** What the bytes mean depends on how far the connection has come. */
export type DecoderMode = "startup" | "authentication" | "ready";

/** By type, the longest message of a session that is ready; 0 where there is no such message. */
const LONGEST = new Uint32Array(256);
for (const type of Object.values(Frontend)) LONGEST[type] = MAX_SMALL_MESSAGE_BYTES;
for (const type of [
  Frontend.query,
  Frontend.parse,
  Frontend.bind,
  Frontend.functionCall,
  Frontend.copyData,
]) {
  LONGEST[type] = MAX_MESSAGE_BYTES;
}
LONGEST[Frontend.password] = 0;

const EMPTY = new Uint8Array(0);
const LENGTH_BYTES = 4;
const SMALLEST_STARTUP_BYTES = 8;

/** A left-over buffer larger than this is given back once it is empty. */
const KEPT_BUFFER_BYTES = 64 * 1024;

export class FrontendDecoder {
  mode: DecoderMode = "startup";
  /** Type of the message that `next` found; 0 for a start-up packet. */
  type = 0;
  /** Fields of that message, valid until the next call of `next` or `push`. */
  readonly message = new MessageReader();

  /** Undecoded input is `bytes[start, end)`; `bytes` is either the last chunk or `own`. */
  private bytes: Uint8Array = EMPTY;
  private own: Uint8Array = EMPTY;
  private start = 0;
  private end = 0;

  /** Whether any undecoded input is left, be it half a message. */
  get hasInput(): boolean {
    return this.start < this.end;
  }

  /** Type of the message whose first byte is there; 0 if none is. */
  get nextType(): number {
    return this.start < this.end ? (this.bytes[this.start] as number) : 0;
  }

  /** How much undecoded input is left. */
  get waitingBytes(): number {
    return this.end - this.start;
  }

  /** Of the buffer for what is left over. */
  get heldBytes(): number {
    return this.own.length;
  }

  /** Adds input. `chunk` itself is used until `keep` is called, and not after. */
  push(chunk: Uint8Array): void {
    if (this.start === this.end) {
      this.bytes = chunk;
      this.start = 0;
      this.end = chunk.length;
      return;
    }
    this.keep();
    this.makeRoom(chunk.length);
    this.own.set(chunk, this.end);
    this.end += chunk.length;
  }

  /** Copies what is left of the last chunk, so that its memory may be used again. */
  keep(): void {
    if (this.start === this.end) {
      this.bytes = EMPTY;
      this.start = 0;
      this.end = 0;
      if (this.own.length > KEPT_BUFFER_BYTES) this.own = EMPTY;
    } else if (this.bytes !== this.own) {
      const left = this.bytes.subarray(this.start, this.end);
      if (this.own.length < left.length) this.own = new Uint8Array(left.length * 2);
      this.own.set(left);
      this.bytes = this.own;
      this.start = 0;
      this.end = left.length;
    }
  }

  /** Forgets everything: the client is gone. */
  discard(): void {
    this.bytes = EMPTY;
    this.own = EMPTY;
    this.start = 0;
    this.end = 0;
  }

  /**
   * Goes to the next message; false if it is not there as a whole. Throws DeltatError 08P01 or 54000 when the
   * bytes cannot be a message: nothing after that can be understood, so the connection has to end.
   */
  next(): boolean {
    return this.mode === "startup" ? this.nextStartupPacket() : this.nextMessage();
  }

  private nextStartupPacket(): boolean {
    const available = this.end - this.start;
    if (available < LENGTH_BYTES) return false;
    const length = this.lengthAt(this.start);
    if (length < SMALLEST_STARTUP_BYTES || length > MAX_STARTUP_BYTES) {
      throw protocolViolation("invalid length of startup packet");
    }
    if (available < length) return false;
    this.type = 0;
    this.message.reset(this.bytes, this.start + LENGTH_BYTES, this.start + length);
    this.start += length;
    return true;
  }

  private nextMessage(): boolean {
    const available = this.end - this.start;
    if (available === 0) return false;
    const type = this.bytes[this.start] as number;
    const longest = this.longestOf(type);
    if (available < 1 + LENGTH_BYTES) return false;
    const length = this.lengthAt(this.start + 1);
    if (length < LENGTH_BYTES || length > longest) throw badLength(length, longest);
    if (available < 1 + length) return false;
    this.type = type;
    this.message.reset(this.bytes, this.start + 1 + LENGTH_BYTES, this.start + 1 + length);
    this.start += 1 + length;
    return true;
  }

  private longestOf(type: number): number {
    if (this.mode === "authentication") {
      if (type === Frontend.password) return MAX_AUTHENTICATION_BYTES;
      if (type === Frontend.terminate) return LENGTH_BYTES;
      throw protocolViolation(`expected password response, got message type ${type}`);
    }
    const longest = LONGEST[type] as number;
    if (longest === 0) throw protocolViolation(`invalid frontend message type ${type}`);
    return longest;
  }

  private lengthAt(at: number): number {
    const { bytes } = this;
    return (
      (bytes[at] as number) * 0x1000000 +
      (((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
    );
  }

  /** Makes `own` hold `count` more bytes behind `end`; it grows by doubling, with what has really arrived. */
  private makeRoom(count: number): void {
    if (this.end + count <= this.own.length) return;
    const used = this.end - this.start;
    if (used + count <= this.own.length) {
      this.own.copyWithin(0, this.start, this.end);
    } else {
      const grown = new Uint8Array(Math.max(used + count, this.own.length * 2));
      grown.set(this.own.subarray(this.start, this.end));
      this.own = grown;
      this.bytes = grown;
    }
    this.start = 0;
    this.end = used;
  }
}

function badLength(length: number, longest: number): DeltatError {
  if (length < LENGTH_BYTES || longest < MAX_MESSAGE_BYTES)
    return protocolViolation("invalid message length");
  return new DeltatError(
    SqlState.programLimitExceeded,
    `limit exceeded: message of ${length} bytes, at most ${MAX_MESSAGE_BYTES} are allowed`,
  );
}
