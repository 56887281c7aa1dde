/**
 * Reads the fields of one message. A field that does not fit its message is an error of that message alone
 * (08P01, in PostgreSQL's words): where the next message begins is known, so the connection lives on.
 */

import { DeltatError, SqlState } from "../errors.ts";

const EMPTY = new Uint8Array(0);

/** `ignoreBOM` keeps a leading U+FEFF, which is a character of the text like any other. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of `bytes`. Throws DeltatError 22021 if they are not UTF-8. */
function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new DeltatError(SqlState.characterNotInRepertoire, 'invalid byte sequence for encoding "UTF8"');
  }
}

export class MessageReader {
  private bytes: Uint8Array = EMPTY;
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

  /** `count` bytes, not copied: valid until the next message is read. */
  raw(count: number): Uint8Array {
    const at = this.take(count);
    return this.bytes.subarray(at, at + count);
  }

  /** Text up to a terminating zero. Throws 08P01 if there is none, 22021 if it is not UTF-8. */
  cstring(): string {
    const zero = this.bytes.indexOf(0, this.offset);
    if (zero < 0 || zero >= this.end) throw protocolViolation("invalid string in message");
    const start = this.offset;
    this.offset = zero + 1;
    return zero === start ? "" : decodeUtf8(this.bytes.subarray(start, zero));
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
