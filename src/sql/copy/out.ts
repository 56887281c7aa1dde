/**
 * COPY … TO STDOUT: the rows of a query as CopyData messages. The query writes DataRow messages, at once or in
 * slices, and each becomes a line, or in binary format stays what it is, for a tuple of binary COPY is laid out as a
 * DataRow is (https://www.postgresql.org/docs/current/sql-copy.html, File Formats). What PostgreSQL escapes and
 * quotes is escaped and quoted, byte for byte (copyto.c).
 */

import type { ByteWriter } from "../../bytes.ts";
import type { OutputColumn } from "../execution.ts";
import { type RowStream, Slice } from "../rows/row-stream.ts";
import { COPY_SIGNATURE } from "./binary.ts";
import type { CopyOptions } from "./options.ts";

const COPY_OUT_RESPONSE = 72;
const COPY_DATA = 100;
const COPY_DONE = 99;

/** Of a DataRow: its type, its length and the number of columns. */
const FIELDS_AT = 7;

const NEWLINE = 10;
const RETURN = 13;
const BACKSLASH = 92;
const DOT = 46;

/** Letters for the control characters that have one, by code. */
const CONTROL_LETTERS = new Uint8Array(32);
for (const [code, letter] of [
  [8, "b"],
  [9, "t"],
  [10, "n"],
  [11, "v"],
  [12, "f"],
  [13, "r"],
] as const) {
  CONTROL_LETTERS[code] = letter.charCodeAt(0);
}

const encoder = new TextEncoder();

export class CopyOut implements RowStream {
  private readonly inner = new Slice();
  private readonly quoted: readonly boolean[];
  private hasBegun = false;
  private hasBinaryHeader = false;

  /**
   * @param written where the query writes; it may have written rows already
   * @param rest the rows to come; null: all are there
   */
  constructor(
    private readonly written: ByteWriter,
    private readonly rest: RowStream | null,
    private out: ByteWriter,
    private readonly columns: readonly OutputColumn[],
    private readonly options: CopyOptions,
  ) {
    const { forceQuote } = options;
    this.quoted = columns.map(({ name }) => forceQuote === "*" || forceQuote.includes(name));
  }

  sendTo(out: ByteWriter): void {
    this.out = out;
  }

  /** One slice of the query is one of COPY. */
  next(slice: Slice): boolean {
    if (!this.hasBegun) {
      this.hasBegun = true;
      this.begin();
    }
    let isEnd = true;
    if (this.rest !== null) {
      this.inner.begin(this.written, Number.POSITIVE_INFINITY);
      isEnd = this.rest.next(this.inner);
    }
    slice.rows += this.convert();
    if (isEnd) this.end();
    return isEnd;
  }

  detach(): void {
    this.rest?.detach();
  }

  tag(rows: number): string {
    return `COPY ${rows}`;
  }

  close(): void {
    this.rest?.close();
  }

  private begin(): void {
    const { out, columns, options } = this;
    this.respond();
    if (options.format !== "binary" && options.header !== false) {
      const lengthAt = this.beginData();
      columns.forEach(({ name }, at) => {
        if (at > 0) out.u8(options.delimiter);
        const bytes = encoder.encode(name);
        this.field(bytes, 0, bytes.length, false);
      });
      out.u8(NEWLINE);
      this.endData(lengthAt);
    }
  }

  /** The header of binary COPY, unless it is there. As in PostgreSQL it is in one message with what comes first. */
  private binaryHeader(): void {
    const { out } = this;
    if (this.hasBinaryHeader) return;
    this.hasBinaryHeader = true;
    out.raw(COPY_SIGNATURE);
    out.i32(0);
    out.i32(0);
  }

  /** CopyOutResponse: all columns have one format. */
  private respond(): void {
    const { out, columns } = this;
    const format = this.options.format === "binary" ? 1 : 0;
    out.u8(COPY_OUT_RESPONSE);
    out.i32(4 + 1 + 2 + 2 * columns.length);
    out.u8(format);
    out.u16(columns.length);
    for (let i = 0; i < columns.length; i++) out.u16(format);
  }

  private end(): void {
    const { out } = this;
    if (this.options.format === "binary") {
      const lengthAt = this.beginData();
      this.binaryHeader();
      out.u16(0xffff);
      this.endData(lengthAt);
    }
    out.u8(COPY_DONE);
    out.i32(4);
  }

  /** Turns what the query has written into CopyData; returns the number of rows. */
  private convert(): number {
    const { written, out } = this;
    const rows = written.written();
    const view = new DataView(rows.buffer, rows.byteOffset, rows.length);
    const isBinary = this.options.format === "binary";
    let count = 0;
    for (let at = 0; at < rows.length; count++) {
      const end = at + 1 + view.getInt32(at + 1);
      if (isBinary) {
        const lengthAt = this.beginData();
        this.binaryHeader();
        out.raw(rows.subarray(at + 1 + 4, end));
        this.endData(lengthAt);
      } else {
        this.line(rows, view, at + FIELDS_AT, end);
      }
      at = end;
    }
    written.clear();
    return count;
  }

  private line(rows: Uint8Array, view: DataView, from: number, end: number): void {
    const { out, options, quoted } = this;
    const lengthAt = this.beginData();
    for (let at = from, column = 0; at < end; column++) {
      if (column > 0) out.u8(options.delimiter);
      const length = view.getInt32(at);
      at += 4;
      if (length < 0) {
        out.raw(options.nullText);
        continue;
      }
      this.field(rows, at, at + length, quoted[column] === true);
      at += length;
    }
    out.u8(NEWLINE);
    this.endData(lengthAt);
  }

  private field(bytes: Uint8Array, start: number, end: number, forceQuote: boolean): void {
    const { out } = this;
    // Every byte may need another before it, and the field two quotes.
    out.reserve(2 * (end - start) + 2);
    if (this.options.format === "csv") this.csvField(bytes, start, end, forceQuote);
    else this.textField(bytes, start, end);
  }

  private textField(bytes: Uint8Array, start: number, end: number): void {
    const { out } = this;
    const { delimiter } = this.options;
    const to = out.bytes;
    let length = out.length;
    for (let at = start; at < end; at++) {
      const code = bytes[at] as number;
      const letter = code < 32 ? (CONTROL_LETTERS[code] as number) : 0;
      if (letter !== 0 || code === BACKSLASH || code === delimiter) to[length++] = BACKSLASH;
      to[length++] = letter !== 0 ? letter : code;
    }
    out.length = length;
  }

  private csvField(bytes: Uint8Array, start: number, end: number, forceQuote: boolean): void {
    const { out } = this;
    const { quote, escape: escapeCode } = this.options;
    const to = out.bytes;
    let length = out.length;
    const isQuoted = forceQuote || this.needsQuotes(bytes, start, end);
    if (isQuoted) to[length++] = quote;
    for (let at = start; at < end; at++) {
      const code = bytes[at] as number;
      if (isQuoted && (code === quote || code === escapeCode)) to[length++] = escapeCode;
      to[length++] = code;
    }
    if (isQuoted) to[length++] = quote;
    out.length = length;
  }

  private needsQuotes(bytes: Uint8Array, start: number, end: number): boolean {
    const { quote, delimiter, nullText } = this.options;
    if (isSameText(nullText, bytes, start, end)) return true;
    // Alone on its line it would be the end marker.
    const isMarker = end - start === 2 && bytes[start] === BACKSLASH && bytes[start + 1] === DOT;
    if (isMarker && this.columns.length === 1) return true;
    for (let at = start; at < end; at++) {
      const code = bytes[at] as number;
      if (code === delimiter || code === quote || code === NEWLINE || code === RETURN) return true;
    }
    return false;
  }

  private beginData(): number {
    this.out.u8(COPY_DATA);
    this.out.i32(0);
    return this.out.length - 4;
  }

  private endData(lengthAt: number): void {
    this.out.patchI32(lengthAt, this.out.length - lengthAt);
  }
}

/** Whether `bytes[start, end)` is `text`. */
export function isSameText(text: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  return true;
}
