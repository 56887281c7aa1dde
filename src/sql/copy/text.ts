/**
 * A line of COPY's text format: fields between delimiters, in which a backslash gives the next character another
 * meaning (https://www.postgresql.org/docs/current/sql-copy.html, Text Format; copyfromparse.c).
 */

import { BACKSLASH, DOT, extraData, type LineSyntax, missingData, NEWLINE, RETURN } from "./lines.ts";
import type { CopyOptions } from "./options.ts";
import { isSameText } from "./out.ts";
import { badCopyFormat, type RowSink } from "./reader.ts";

/** What a letter behind a backslash stands for, by code; 0: itself. */
const LETTERS = new Uint8Array(256);
for (const [letter, code] of [
  ["b", 8],
  ["t", 9],
  ["n", 10],
  ["v", 11],
  ["f", 12],
  ["r", 13],
] as const) {
  LETTERS[letter.charCodeAt(0)] = code;
}

const ZERO = 48;
const LOWER_X = 120;

export class TextSyntax implements LineSyntax {
  readonly innerLines = 0;
  private readonly delimiter: number;
  private readonly nullText: Uint8Array;
  private scratch = new Uint8Array(256);

  constructor({ delimiter, nullText }: CopyOptions) {
    this.delimiter = delimiter;
    this.nullText = nullText;
  }

  lineEnd(bytes: Uint8Array, start: number, from: number): number {
    let end = bytes.indexOf(NEWLINE, from);
    while (end >= 0) {
      let first = end;
      while (first > start && bytes[first - 1] === BACKSLASH) first--;
      if (((end - first) & 1) === 0) return end;
      // A backslash before it makes it data.
      end = bytes.indexOf(NEWLINE, end + 1);
    }
    return -1;
  }

  readFields(bytes: Uint8Array, start: number, end: number, sink: RowSink): void {
    const { delimiter } = this;
    const columnCount = sink.columnNames.length;
    let column = 0;
    for (let from = start; ; column++) {
      let at = from;
      let isPlain = true;
      for (; at < end; at++) {
        const code = bytes[at] as number;
        if (code === delimiter) break;
        if (code === BACKSLASH) {
          isPlain = false;
          at++;
        } else if (code === RETURN) throw this.strayBreak("carriage return");
      }
      if (at > end) at = end;
      if (column === columnCount) throw extraData();
      if (isSameText(this.nullText, bytes, from, at)) sink.none(column);
      else if (isPlain) sink.text(column, bytes, from, at);
      else {
        const length = this.unescape(bytes, from, at);
        sink.text(column, this.scratch, 0, length);
      }
      if (at === end) break;
      from = at + 1;
    }
    if (column + 1 < columnCount) throw missingData(sink, column + 1);
  }

  strayBreak(kind: "newline" | "carriage return"): Error {
    const letter = kind === "newline" ? "n" : "r";
    return badCopyFormat(`literal ${kind} found in data`, `Use "\\${letter}" to represent ${kind}.`);
  }

  /** Into `scratch`; returns the length. */
  private unescape(bytes: Uint8Array, start: number, end: number): number {
    if (this.scratch.length < end - start) this.scratch = new Uint8Array((end - start) * 2);
    const { scratch } = this;
    let length = 0;
    for (let at = start; at < end; at++) {
      let code = bytes[at] as number;
      if (code === BACKSLASH && at + 1 < end) {
        code = bytes[++at] as number;
        if (code >= ZERO && code < ZERO + 8) {
          code -= ZERO;
          for (let i = 0; i < 2 && isOctal(bytes[at + 1], at + 1 < end); i++) {
            code = code * 8 + (bytes[++at] as number) - ZERO;
          }
          code &= 255;
        } else if (code === LOWER_X && at + 1 < end && hexValue(bytes[at + 1] as number) >= 0) {
          code = hexValue(bytes[++at] as number);
          const next = at + 1 < end ? hexValue(bytes[at + 1] as number) : -1;
          if (next >= 0) {
            code = code * 16 + next;
            at++;
          }
        } else if (code === DOT) {
          throw badCopyFormat("end-of-copy marker is not alone on its line");
        } else {
          code = LETTERS[code] || code;
        }
      }
      scratch[length++] = code;
    }
    return length;
  }
}

function isOctal(code: number | undefined, isThere: boolean): boolean {
  return isThere && code !== undefined && code >= ZERO && code < ZERO + 8;
}

function hexValue(code: number): number {
  if (code >= ZERO && code < ZERO + 10) return code - ZERO;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
