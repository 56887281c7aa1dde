/**
 * COPY's binary format: a signature, flags and an extension; tuples, each a column count, and a length and bytes for
 * each column; a count of -1 at the end (https://www.postgresql.org/docs/current/sql-copy.html, Binary Format).
 */

import { ByteWriter } from "../../bytes.ts";
import { limitExceeded } from "../../engine/violations.ts";
import { MAX_COPY_ROW_BYTES } from "../../limits.ts";
import { badCopyFormat, type CopyReader, type RowSink } from "./reader.ts";

/** `PGCOPY\n\377\r\n\0`: a file that was sent as text would not keep it. */
export const COPY_SIGNATURE: Uint8Array = Uint8Array.of(80, 71, 67, 79, 80, 89, 10, 255, 13, 10, 0);

const HEADER_BYTES = COPY_SIGNATURE.length + 8;
const HAS_OIDS = 1 << 16;

export class BinaryReader implements CopyReader {
  line = 0;
  private readonly pending = new ByteWriter(0);
  private hasHeader = false;
  /** Bytes of the header's extension still to be passed over. */
  private extensionBytes = 0;
  private hasEnded = false;

  constructor(private readonly sink: RowSink) {}

  lineText(): null {
    return null;
  }

  receive(chunk: Uint8Array): void {
    const { pending } = this;
    if (pending.length === 0) {
      const rest = this.read(chunk);
      if (rest < chunk.length) pending.raw(chunk.subarray(rest));
    } else {
      pending.raw(chunk);
      const rest = this.read(pending.written());
      pending.bytes.copyWithin(0, rest, pending.length);
      pending.length -= rest;
    }
    if (pending.length > MAX_COPY_ROW_BYTES)
      throw limitExceeded("bytes of a row of COPY", MAX_COPY_ROW_BYTES);
  }

  finish(): void {
    if (!this.hasHeader) throw badCopyFormat("COPY file signature not recognized");
    if (this.pending.length > 0 || this.extensionBytes > 0)
      throw badCopyFormat("unexpected EOF in COPY data");
  }

  /** Returns where what is not whole begins. */
  private read(bytes: Uint8Array): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    if (!this.hasHeader) {
      if (bytes.length < HEADER_BYTES) return 0;
      this.readHeader(bytes, view);
      at = HEADER_BYTES;
    }
    const skipped = Math.min(this.extensionBytes, bytes.length - at);
    this.extensionBytes -= skipped;
    at += skipped;
    while (bytes.length - at >= 2) {
      if (this.hasEnded) throw badCopyFormat("received copy data after EOF marker");
      const end = this.tuple(bytes, view, at);
      if (end < 0) return at;
      at = end;
    }
    return at;
  }

  private readHeader(bytes: Uint8Array, view: DataView): void {
    for (let i = 0; i < COPY_SIGNATURE.length; i++) {
      if (bytes[i] !== COPY_SIGNATURE[i]) throw badCopyFormat("COPY file signature not recognized");
    }
    const flags = view.getInt32(COPY_SIGNATURE.length);
    if ((flags & HAS_OIDS) !== 0) throw badCopyFormat("invalid COPY file header (WITH OIDS)");
    if (flags >>> 16 !== 0) throw badCopyFormat("unrecognized critical flags in COPY file header");
    const length = view.getInt32(COPY_SIGNATURE.length + 4);
    if (length < 0) throw badCopyFormat("invalid COPY file header (missing length)");
    this.extensionBytes = length;
    this.hasHeader = true;
  }

  /** Reads the tuple at `at` and returns its end; -1: it is not there as a whole. */
  private tuple(bytes: Uint8Array, view: DataView, at: number): number {
    const { sink } = this;
    const expected = sink.columnNames.length;
    const count = view.getInt16(at);
    at += 2;
    if (count === -1) {
      this.hasEnded = true;
      return at;
    }
    const line = this.line;
    this.line = line + 1;
    if (count !== expected) throw badCopyFormat(`row field count is ${count}, expected ${expected}`);
    let end = at;
    for (let column = 0; column < count; column++) {
      if (end + 4 > bytes.length) return this.unread(line);
      const length = view.getInt32(end);
      if (length < -1) throw badCopyFormat("invalid field size");
      end += 4 + Math.max(length, 0);
      if (end - at > MAX_COPY_ROW_BYTES) throw limitExceeded("bytes of a row of COPY", MAX_COPY_ROW_BYTES);
    }
    if (end > bytes.length) return this.unread(line);
    for (let column = 0; column < count; column++) {
      const length = view.getInt32(at);
      at += 4;
      if (length < 0) sink.none(column);
      else sink.binary(column, bytes, at, at + length);
      at += Math.max(length, 0);
    }
    sink.endRow(this.line);
    return at;
  }

  private unread(line: number): -1 {
    this.line = line;
    return -1;
  }
}
