/** What reads the data of COPY … FROM STDIN: bytes, split anywhere, to fields; and what takes the fields. */

import { DeltatError, SqlState } from "../../errors.ts";

/** Takes the fields of one row after the other. */
export interface RowSink {
  readonly columnNames: readonly string[];
  /** A column's text, UTF-8, in `bytes[start, end)`; valid during the call only. Throws what the type does not take. */
  text(column: number, bytes: Uint8Array, start: number, end: number): void;
  /** The same in binary format. */
  binary(column: number, bytes: Uint8Array, start: number, end: number): void;
  /** A NULL. */
  none(column: number): void;
  /** The row has all its columns. @param line where it stands in the data, counted from 1 */
  endRow(line: number): void;
}

export interface CopyReader {
  /** The row that is read or was read last, counted from 1 as PostgreSQL counts lines. */
  readonly line: number;
  /** The text of that row; null where there is none to show. */
  lineText(): string | null;
  /** Reads what is whole of all that has come. `chunk` is not used after the call. Throws 22P04 and what the sink throws. */
  receive(chunk: Uint8Array): void;
  /** Nothing more comes. Throws as `receive`. */
  finish(): void;
}

export function badCopyFormat(message: string, hint?: string): DeltatError {
  return new DeltatError(SqlState.badCopyFileFormat, message, hint === undefined ? {} : { hint });
}
