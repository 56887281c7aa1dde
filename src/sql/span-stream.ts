/**
 * The rows of `SELECT … FROM availability` with nothing but plain columns, straight from the engine's spans into
 * the reply. Instants of our time all have 13 digits, so rows of one resource all have one length and differ only
 * in digits: the first row is written, copied as often as there are rows, and the digits are put in.
 */

import type { ByteWriter } from "../bytes.ts";
import { ID_TEXT_LENGTH } from "../id.ts";
import type { Execution } from "./execution.ts";
import { ColumnExpression } from "./relation.ts";
import type { RowSource } from "./row-source.ts";
import type { RowOutput } from "./targets.ts";

const LEAST_13_DIGITS = 1e12;
const LEAST_14_DIGITS = 1e13;
const DIGITS = 13;

/** Bytes before the first column: type, length, column count; and before each value: its length. */
const ROW_HEAD = 7;
const VALUE_HEAD = 4;

/** "0000" to "9999": four digits per division. */
const QUADS = new Uint8Array(40_000);
for (let n = 0; n < 10_000; n++) {
  QUADS[n * 4] = 48 + Math.floor(n / 1000);
  QUADS[n * 4 + 1] = 48 + (Math.floor(n / 100) % 10);
  QUADS[n * 4 + 2] = 48 + (Math.floor(n / 10) % 10);
  QUADS[n * 4 + 3] = 48 + (n % 10);
}

/** A run over a source of spans; null if the statement asks for more than plain columns of them. */
export function planSpanStream(
  source: RowSource,
  output: RowOutput,
): ((execution: Execution) => string) | null {
  const { spans, filter } = source;
  const columns = output.targets.map(({ expression }) =>
    expression instanceof ColumnExpression ? expression.column.name : "",
  );
  if (spans === null || filter !== null || columns.includes("")) return null;
  const isWholeRow = columns.join() === "resource_id,start,end";
  return (execution) => {
    const count = spans(execution);
    if (isWholeRow && areAlike(execution, count)) writeAlike(output, execution, count);
    else writeEach(output, execution, 0, count);
    return `SELECT ${count}`;
  };
}

/** Whether all rows have one length: one owner, all in text, all numbers of 13 digits (spans come in order). */
function areAlike(execution: Execution, count: number): boolean {
  const { spans, spanOwners, formats } = execution;
  if (count < 2 || spanOwners !== null) return false;
  for (let i = 0; i < formats.length; i++) if (formats[i] !== 0) return false;
  return (spans[0] as number) >= LEAST_13_DIGITS && (spans[count * 2 - 1] as number) < LEAST_14_DIGITS;
}

function writeEach(output: RowOutput, execution: Execution, first: number, count: number): void {
  const out = output.open(execution);
  for (let row = first; row < count; row++) {
    execution.row = row;
    output.write(out, execution);
  }
}

function writeAlike(output: RowOutput, execution: Execution, count: number): void {
  const { out, spans } = execution;
  const first = out.length;
  writeEach(output, execution, 0, 1);
  const rowBytes = out.length - first;
  repeat(out, first, rowBytes, count);
  const idBytes = execution.spanOwner < 0 ? 0 : ID_TEXT_LENGTH;
  const startDigits = first + ROW_HEAD + VALUE_HEAD + idBytes + VALUE_HEAD;
  const endDigits = startDigits + DIGITS + VALUE_HEAD;
  putDigits(out.bytes, startDigits, rowBytes, spans, 0, count);
  putDigits(out.bytes, endDigits, rowBytes, spans, 1, count);
}

/** Copies the `size` bytes at `first` until they stand there `count` times, doubling what is copied. */
function repeat(out: ByteWriter, first: number, size: number, count: number): void {
  out.reserve(size * (count - 1));
  const { bytes } = out;
  const end = first + size * count;
  for (let filled = first + size; filled < end; ) {
    const length = Math.min(filled - first, end - filled);
    bytes.copyWithin(filled, first, first + length);
    filled += length;
  }
  out.length = end;
}

/**
 * Writes the last eight digits of spans[1 * 2 + offset], spans[2 * 2 + offset], …, each in its row, and the first
 * five where they differ from the first row's, which stand there already.
 */
function putDigits(
  bytes: Uint8Array,
  firstAt: number,
  rowBytes: number,
  spans: Float64Array,
  offset: 0 | 1,
  count: number,
): void {
  const commonUpper = Math.floor((spans[offset] as number) / 1e8);
  let at = firstAt;
  for (let row = 1; row < count; row++) {
    at += rowBytes;
    const value = spans[row * 2 + offset] as number;
    const upper = Math.floor(value / 1e8);
    const lower = (value - upper * 1e8) | 0;
    if (upper !== commonUpper) putUpper(bytes, at, upper | 0);
    const high = (lower / 10_000) | 0;
    putFour(bytes, at + 5, high);
    putFour(bytes, at + 9, lower - high * 10_000);
  }
}

/** Five digits. */
function putUpper(bytes: Uint8Array, at: number, upper: number): void {
  const first = (upper / 10_000) | 0;
  bytes[at] = 48 + first;
  putFour(bytes, at + 1, upper - first * 10_000);
}

function putFour(bytes: Uint8Array, at: number, value: number): void {
  const quad = value << 2;
  bytes[at] = QUADS[quad] as number;
  bytes[at + 1] = QUADS[quad + 1] as number;
  bytes[at + 2] = QUADS[quad + 2] as number;
  bytes[at + 3] = QUADS[quad + 3] as number;
}
