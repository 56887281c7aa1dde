/**
 * DataRow messages (`D`, https://www.postgresql.org/docs/current/protocol-message-formats.html), written straight
 * into the reply's buffer. Lengths are patched in afterwards, so nothing is measured or copied first.
 */

import type { ByteWriter } from "../../bytes.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import { ID_TEXT_LENGTH, writeIdText } from "../../id.ts";
import { MAX_RESULT_BYTES } from "../../limits.ts";
import { BINARY_FORMAT, encodeBinary, encodeText } from "../values/codec.ts";
import { writeInteger } from "../values/integer-text.ts";
import { type PgType, TEXT } from "../values/types.ts";
import type { Value } from "../values/value.ts";

const DATA_ROW = 68;

/**
 * The format code of each of `columnCount` columns: none given means text, one is for all
 * (https://www.postgresql.org/docs/current/protocol-message-formats.html, Bind).
 */
export function expandFormats(formats: readonly number[], columnCount: number): number[] {
  const only = formats.length === 1 ? (formats[0] as number) : 0;
  return Array.from({ length: columnCount }, (_, column) =>
    formats.length > 1 ? (formats[column] as number) : only,
  );
}

/** Throws 54000 when `bytes` are more than one reply may have. */
export function checkResultBytes(bytes: number): void {
  if (bytes <= MAX_RESULT_BYTES) return;
  throw new DeltatError(
    SqlState.programLimitExceeded,
    `limit exceeded: bytes of results (at most ${MAX_RESULT_BYTES})`,
    { hint: "Ask for fewer rows or columns at a time." },
  );
}

export class RowWriter {
  private rowAt = 0;

  /** `types` and `formats` are by column; formats as `expandFormats` gives them. */
  constructor(
    private readonly out: ByteWriter,
    private readonly types: readonly PgType[],
    readonly formats: readonly number[],
  ) {}

  beginRow(columnCount: number): void {
    const out = this.out;
    out.reserve(7);
    const bytes = out.bytes;
    const at = out.length;
    this.rowAt = at;
    bytes[at] = DATA_ROW;
    bytes[at + 5] = columnCount >>> 8;
    bytes[at + 6] = columnCount;
    out.length = at + 7;
  }

  /** Throws 54000 when the result has become too large; who runs the statement takes its rows back. */
  endRow(): void {
    checkResultBytes(this.out.length);
    this.out.patchI32(this.rowAt + 1, this.out.length - this.rowAt - 1);
  }

  nullValue(): void {
    this.out.i32(-1);
  }

  /** Any value, in the column's type and format. */
  value(value: Value, column: number): void {
    if (value === null) {
      this.out.i32(-1);
      return;
    }
    const out = this.out;
    const type = this.types[column] ?? TEXT;
    const lengthAt = out.length;
    out.i32(0);
    if (this.formats[column] === BINARY_FORMAT) encodeBinary(out, type, value);
    else encodeText(out, type, value);
    out.patchI32(lengthAt, out.length - lengthAt - 4);
  }

  /** A safe integer as a bigint column; `format` is the column's. */
  int8(value: number, format: number): void {
    const out = this.out;
    if (format === BINARY_FORMAT) {
      out.i32(8);
      out.i64(value);
      return;
    }
    out.reserve(24);
    const lengthAt = out.length;
    out.length = lengthAt + 4;
    const digits = writeInteger(out, value);
    const bytes = out.bytes;
    bytes[lengthAt] = 0;
    bytes[lengthAt + 1] = 0;
    bytes[lengthAt + 2] = 0;
    bytes[lengthAt + 3] = digits;
  }

  /** The id of a row, of which `words` holds four each, as text: 26 characters, in either format. */
  idAt(words: Uint32Array, row: number): void {
    const out = this.out;
    const at = row * 4;
    out.reserve(4 + ID_TEXT_LENGTH);
    out.i32(ID_TEXT_LENGTH);
    writeIdText(
      out.bytes,
      out.length,
      words[at] as number,
      words[at + 1] as number,
      words[at + 2] as number,
      words[at + 3] as number,
    );
    out.length += ID_TEXT_LENGTH;
  }

  /** A text column, in either format. */
  text(text: string): void {
    const out = this.out;
    const lengthAt = out.length;
    out.i32(0);
    out.patchI32(lengthAt, out.utf8(text));
  }
}
