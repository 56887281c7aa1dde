/**
 * The one byte writer: a growing buffer that is reused, for wire messages (big-endian, as the protocol asks)
 * and log frames (the same order, so that there is one way). Nothing here allocates but growth.
 */

const encoder = new TextEncoder();

/** Up to so many characters a loop is quicker than the call of the encoder and the view it writes to. */
const SHORT_TEXT = 32;

const { latin1Slice } = Buffer.prototype;

/** The text of bytes that are known to be ASCII: a fourth of the time that a TextDecoder takes for as much. */
export function asciiText(bytes: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(bytes, start, end);
}

/** Longer texts are left to the decoder, which looks at many bytes at a time. */
const PLAIN_TEXT_BYTES = 128;

/** The text of a few bytes of ASCII without a zero; null for any other, which may be a text or not. */
export function plainText(bytes: Uint8Array, start: number, end: number): string | null {
  if (end - start > PLAIN_TEXT_BYTES) return null;
  for (let at = start; at < end; at++) {
    const code = bytes[at] as number;
    if (code === 0 || code > 127) return null;
  }
  return asciiText(bytes, start, end);
}

export class ByteWriter {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;
  /** The same bytes, for who writes numbers into them; replaced along with `bytes`. */
  view: DataView;

  constructor(initialCapacity = 4096) {
    this.bytes = new Uint8Array(initialCapacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Forgets what was written; keeps the buffer unless it has grown past `keepBytes`. */
  clear(keepBytes = 1024 * 1024): void {
    this.length = 0;
    if (this.bytes.length > keepBytes) {
      this.bytes = new Uint8Array(keepBytes);
      this.view = new DataView(this.bytes.buffer);
    }
  }

  /** Makes room for `count` more bytes; afterwards `bytes` may be written at `length` directly. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  u8(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  u16(value: number): void {
    this.reserve(2);
    this.view.setUint16(this.length, value);
    this.length += 2;
  }

  u32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.length, value);
    this.length += 4;
  }

  i32(value: number): void {
    this.reserve(4);
    this.view.setInt32(this.length, value);
    this.length += 4;
  }

  /** A safe integer as 64-bit two's complement. */
  i64(value: number): void {
    this.reserve(8);
    const high = Math.floor(value / 4294967296);
    this.view.setInt32(this.length, high);
    this.view.setUint32(this.length + 4, value - high * 4294967296);
    this.length += 8;
  }

  bigInt64(value: bigint): void {
    this.reserve(8);
    this.view.setBigInt64(this.length, value);
    this.length += 8;
  }

  f64(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.length, value);
    this.length += 8;
  }

  /** UTF-8 without terminator or length; returns the bytes written. */
  utf8(text: string): number {
    this.reserve(text.length * 3);
    if (text.length <= SHORT_TEXT) {
      const written = this.shortAscii(text);
      if (written === text.length) return written;
    }
    const { written } = encoder.encodeInto(text, this.bytes.subarray(this.length));
    this.length += written;
    return written;
  }

  /** UTF-8 with a terminating zero. */
  cstring(text: string): void {
    this.utf8(text);
    this.u8(0);
  }

  raw(source: Uint8Array): void {
    this.reserve(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** Overwrites four bytes written earlier, such as a length that was not known then. */
  patchI32(offset: number, value: number): void {
    this.view.setInt32(offset, value);
  }

  /** Writes a text of ASCII only; writes nothing, and returns less than its length, for any other. */
  private shortAscii(text: string): number {
    const { bytes, length } = this;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return i;
      bytes[length + i] = code;
    }
    this.length += text.length;
    return text.length;
  }

  /** What was written, without copying: valid until the next write or clear. */
  written(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length);
  }
}
