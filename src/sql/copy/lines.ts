/**
 * Data in lines, text and csv: finds where each ends, whatever pieces it comes in, and deals with what both have:
 * line ends, which the first line decides on, the end marker `\.`, and the header. What a line holds is for its syntax.
 */

import { ByteWriter } from "../../bytes.ts";
import { limitExceeded } from "../../engine/violations.ts";
import { MAX_COPY_ROW_BYTES } from "../../limits.ts";
import type { CopyOptions } from "./options.ts";
import { badCopyFormat, type CopyReader, type RowSink } from "./reader.ts";

export const NEWLINE = 10;
export const RETURN = 13;
export const BACKSLASH = 92;
export const DOT = 46;

/** A byte order mark is a character like any other, as for PostgreSQL; what is no UTF-8 is shown as well as it can be. */
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** What differs between text and csv. */
export interface LineSyntax {
  /**
   * Where the newline is that ends the line which begins at `start`, looking from `from` on; -1: not in `bytes`. What
   * it has seen of the line is remembered until the line's end is found.
   */
  lineEnd(bytes: Uint8Array, start: number, from: number): number;
  /** Line breaks within the line whose end was found last that count as lines. */
  readonly innerLines: number;
  /** Gives the fields of one line to the sink. */
  readFields(bytes: Uint8Array, start: number, end: number, sink: RowSink): void;
  /** 22P04 for a line break of another kind than the first one was. */
  strayBreak(kind: "newline" | "carriage return"): Error;
}

/** The names of a header line: a sink of its own, with as many columns as there may be names. */
class HeaderNames {
  readonly found: (string | null)[] = [];
  constructor(readonly columnNames: readonly string[]) {}
  text(_: number, bytes: Uint8Array, start: number, end: number): void {
    this.found.push(utf8.decode(bytes.subarray(start, end)));
  }
  binary(): void {}
  none(): void {
    this.found.push(null);
  }
  endRow(): void {}
}

export class LineReader implements CopyReader {
  line = 0;
  /** The beginning of a line whose end has not come. */
  private readonly pending = new ByteWriter(0);
  /** The line being read: `bytes[lineStart, lineEnd)`. */
  private bytes = new Uint8Array(0);
  private lineStart = 0;
  private lineEnd = 0;
  private lineBreak: "unknown" | "newline" | "return and newline" = "unknown";
  private awaitsHeader: boolean;
  private hasEnded = false;

  constructor(
    private readonly syntax: LineSyntax,
    private readonly options: CopyOptions,
    private readonly sink: RowSink,
  ) {
    this.awaitsHeader = options.header !== false;
  }

  lineText(): string | null {
    return utf8.decode(this.bytes.subarray(this.lineStart, this.lineEnd));
  }

  receive(chunk: Uint8Array): void {
    if (this.hasEnded) return;
    const { pending } = this;
    if (pending.length === 0) {
      const rest = this.readLines(chunk, 0);
      if (rest < chunk.length) pending.raw(chunk.subarray(rest));
    } else {
      const known = pending.length;
      pending.raw(chunk);
      const rest = this.readLines(pending.written(), known);
      pending.bytes.copyWithin(0, rest, pending.length);
      pending.length -= rest;
    }
    if (!this.hasEnded && pending.length > MAX_COPY_ROW_BYTES)
      throw limitExceeded("bytes of a row of COPY", MAX_COPY_ROW_BYTES);
  }

  finish(): void {
    const { pending } = this;
    if (this.hasEnded || pending.length === 0) return;
    // The last line may do without a line break.
    this.readLine(pending.written(), 0, pending.length, false);
  }

  /** @param from where to look for the first line's end; returns where the unfinished line begins */
  private readLines(bytes: Uint8Array, from: number): number {
    const { syntax } = this;
    let start = 0;
    while (!this.hasEnded) {
      const end = syntax.lineEnd(bytes, start, from);
      if (end < 0) return start;
      this.readLine(bytes, start, end, true);
      start = end + 1;
      from = start;
    }
    return bytes.length;
  }

  private readLine(bytes: Uint8Array, start: number, end: number, hasBreak: boolean): void {
    const { syntax, sink } = this;
    this.line += 1 + syntax.innerLines;
    this.bytes = bytes as Uint8Array<ArrayBuffer>;
    this.lineStart = start;
    this.lineEnd = end;
    if (end - start > MAX_COPY_ROW_BYTES) throw limitExceeded("bytes of a row of COPY", MAX_COPY_ROW_BYTES);
    const hasReturn = end > start && bytes[end - 1] === RETURN;
    if (hasBreak && this.lineBreak === "unknown")
      this.lineBreak = hasReturn ? "return and newline" : "newline";
    if (this.lineBreak === "return and newline") {
      if (hasReturn) this.lineEnd = --end;
      else if (hasBreak) throw syntax.strayBreak("newline");
    }
    if (end - start === 2 && bytes[start] === BACKSLASH && bytes[start + 1] === DOT) {
      this.hasEnded = true;
    } else if (this.awaitsHeader) {
      this.awaitsHeader = false;
      if (this.options.header === "match") this.matchHeader(bytes, start, end);
    } else {
      syntax.readFields(bytes, start, end, sink);
      sink.endRow(this.line);
    }
  }

  private matchHeader(bytes: Uint8Array, start: number, end: number): void {
    const expected = this.sink.columnNames;
    // One more than is right is enough to see that there are too many.
    const names = new HeaderNames([...expected, ""]);
    try {
      this.syntax.readFields(bytes, start, end, names);
    } catch {
      // Too few or too many: the count below tells.
    }
    const { found } = names;
    if (found.length !== expected.length) {
      throw badCopyFormat(
        `wrong number of fields in header line: got ${found.length}, expected ${expected.length}`,
      );
    }
    const nullText = utf8.decode(this.options.nullText);
    expected.forEach((name, at) => {
      if (found[at] === name) return;
      const got = found[at] === null ? `null value ("${nullText}")` : `"${found[at]}"`;
      throw badCopyFormat(
        `column name mismatch in header line field ${at + 1}: got ${got}, expected "${name}"`,
      );
    });
  }
}

export function extraData(): Error {
  return badCopyFormat("extra data after last expected column");
}

/** @param column the first that is missing */
export function missingData({ columnNames }: RowSink, column: number): Error {
  return badCopyFormat(`missing data for column "${columnNames[column] ?? ""}"`);
}
