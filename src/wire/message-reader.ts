/**
 * Reads the fields of one message. A field that does not fit its message is an error of that message alone
 * (08P01, in PostgreSQL's words): where the next message begins is known, so the connection lives on.
 */

import { asciiText } from "../bytes.ts";
import { DeltatError, SqlState } from "../errors.ts";
import { decodeUtf8 } from "../utf8.ts";

const EMPTY = new Uint8Array(0);

/** Texts up to this length are looked through by a loop, which costs less than two calls of the runtime. */
const SHORT_TEXT = 64;

export class MessageReader {
  /** What the message lies in. */
  bytes: Uint8Array = EMPTY;
  private offset = 0;
  private end = 0;

  /** Points at a message's fields, `bytes[start, end)`, without copying. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.offset = start;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  u8(): number {
    return this.bytes[this.take(1)] as number;
  }

  /** A 16-bit count or code, unsigned: the protocol calls it signed, drivers go up to 65,535. */
  u16(): number {
    const at = this.take(2);
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number);
  }

  i32(): number {
    const at = this.take(4);
    const { bytes } = this;
    return (
      ((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)
    );
  }

  /** Passes `count` bytes; returns where in `bytes` they begin. */
  skip(count: number): number {
    return this.take(count);
  }

  /** `count` bytes, not copied: valid until the next message is read. */
  raw(count: number): Uint8Array {
    const at = this.take(count);
    return this.bytes.subarray(at, at + count);
  }

  /** Text up to a terminating zero. Throws 08P01 if there is none, 22021 if it is not UTF-8. */
  cstring(): string {
    const { bytes, offset: start } = this;
    const limit = Math.min(this.end, start + SHORT_TEXT);
    let highest = 0;
    let at = start;
    while (at < limit && bytes[at] !== 0) highest |= bytes[at++] as number;
    if (at < limit) {
      this.offset = at + 1;
      if (at === start) return "";
      return highest > 127 ? decodeUtf8(bytes.subarray(start, at)) : asciiText(bytes, start, at);
    }
    const zero = bytes.indexOf(0, at);
    if (zero < 0 || zero >= this.end) throw protocolViolation("invalid string in message");
    this.offset = zero + 1;
    return decodeUtf8(bytes.subarray(start, zero));
  }

  /**
   * What `read` makes of the text that is the rest of the message, from its bytes without the zero behind them: not
   * copied, and not looked at. null where the message does not end with a zero, and where `read` makes nothing of it;
   * then nothing is read.
   */
  restOfText<T>(read: (bytes: Uint8Array, start: number, end: number) => T | null): T | null {
    if (this.remaining === 0 || this.bytes[this.end - 1] !== 0) return null;
    const found = read(this.bytes, this.offset, this.end - 1);
    if (found !== null) this.offset = this.end;
    return found;
  }

  /** Throws 08P01 if anything is left. */
  expectEnd(): void {
    if (this.offset !== this.end) throw protocolViolation("invalid message format");
  }

  private take(count: number): number {
    const at = this.offset;
    if (count > this.end - at) throw protocolViolation("insufficient data left in message");
    this.offset = at + count;
    return at;
  }
}

export function protocolViolation(message: string): DeltatError {
  return new DeltatError(SqlState.protocolViolation, message);
}
