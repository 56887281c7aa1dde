/**
 * A line of COPY's csv format: fields between delimiters, of which any part may stand in quotes, line breaks too
 * (https://www.postgresql.org/docs/current/sql-copy.html, CSV Format; copyfromparse.c).
 */

import { extraData, type LineSyntax, missingData, NEWLINE, RETURN } from "./lines.ts";
import type { CopyOptions } from "./options.ts";
import { isSameText } from "./out.ts";
import { badCopyFormat, type RowSink } from "./reader.ts";

export class CsvSyntax implements LineSyntax {
  innerLines = 0;
  private readonly delimiter: number;
  private readonly quote: number;
  private readonly escape: number;
  private readonly nullText: Uint8Array;
  private scratch = new Uint8Array(256);
  /** Of the line whose end is looked for. */
  private isInQuotes = false;
  private isEscaped = false;
  private breaksSeen = 0;

  constructor({ delimiter, quote, escape: escapeCode, nullText }: CopyOptions) {
    this.delimiter = delimiter;
    this.quote = quote;
    this.escape = escapeCode;
    this.nullText = nullText;
  }

  lineEnd(bytes: Uint8Array, _: number, from: number): number {
    const { quote, escape: escapeCode } = this;
    const hasEscape = escapeCode !== quote;
    let { isInQuotes, isEscaped } = this;
    for (let at = from; at < bytes.length; at++) {
      const code = bytes[at] as number;
      if (code === NEWLINE) {
        if (!isInQuotes) {
          this.isInQuotes = false;
          this.isEscaped = false;
          this.innerLines = this.breaksSeen;
          this.breaksSeen = 0;
          return at;
        }
        this.breaksSeen++;
      }
      if (hasEscape && isInQuotes && code === escapeCode) isEscaped = !isEscaped;
      if (code === quote && !isEscaped) isInQuotes = !isInQuotes;
      if (code !== escapeCode) isEscaped = false;
    }
    this.isInQuotes = isInQuotes;
    this.isEscaped = isEscaped;
    return -1;
  }

  readFields(bytes: Uint8Array, start: number, end: number, sink: RowSink): void {
    const { delimiter, quote } = this;
    const columnCount = sink.columnNames.length;
    let column = 0;
    for (let from = start; ; column++) {
      let at = from;
      let code = 0;
      for (; at < end; at++) {
        code = bytes[at] as number;
        if (code === delimiter || code === quote) break;
        if (code === RETURN) throw this.strayBreak("carriage return");
      }
      if (column === columnCount) throw extraData();
      if (at < end && code === quote) at = this.quotedField(bytes, from, at, end, column, sink);
      else if (isSameText(this.nullText, bytes, from, at)) sink.none(column);
      else sink.text(column, bytes, from, at);
      if (at === end) break;
      from = at + 1;
    }
    if (column + 1 < columnCount) throw missingData(sink, column + 1);
  }

  strayBreak(kind: "newline" | "carriage return"): Error {
    return badCopyFormat(`unquoted ${kind} found in data`, `Use quoted CSV field to represent ${kind}.`);
  }

  /** A field with a quote at `at`; returns where it ends. Once quoted, it is never NULL. */
  private quotedField(
    bytes: Uint8Array,
    from: number,
    at: number,
    end: number,
    column: number,
    sink: RowSink,
  ): number {
    if (this.scratch.length < end - from) this.scratch = new Uint8Array((end - from) * 2);
    const { scratch, quote, escape: escapeCode, delimiter } = this;
    scratch.set(bytes.subarray(from, at));
    let length = at - from;
    let isInQuotes = false;
    for (; at < end; at++) {
      const code = bytes[at] as number;
      if (isInQuotes && code === escapeCode && at + 1 < end) {
        const next = bytes[at + 1] as number;
        if (next === escapeCode || next === quote) {
          scratch[length++] = next;
          at++;
          continue;
        }
      }
      if (code === quote) {
        isInQuotes = !isInQuotes;
        continue;
      }
      if (!isInQuotes) {
        if (code === delimiter) break;
        if (code === RETURN) throw this.strayBreak("carriage return");
      }
      scratch[length++] = code;
    }
    if (isInQuotes) throw badCopyFormat("unterminated CSV quoted field");
    sink.text(column, scratch, 0, length);
    return at;
  }
}
