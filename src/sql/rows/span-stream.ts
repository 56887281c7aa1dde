/**
 * The rows of `SELECT … FROM availability` with nothing but plain columns, straight from the engine's spans into
 * the reply. Instants of our time all have 13 digits, so rows of one resource all have one length and differ only
 * in digits: the first row is written, copied as often as there are rows, and the digits are put in.
 */

import type { ByteWriter } from "../../bytes.ts";
import { ID_TEXT_LENGTH } from "../../id.ts";
import type { Execution } from "../execution.ts";
import type { RowOutput } from "../statements/targets.ts";
import { ColumnExpression } from "../tables/relation.ts";
import { BINARY_FORMAT, TEXT_FORMAT } from "../values/codec.ts";
import type { RowSource } from "./row-source.ts";
import type { RunResult } from "./row-stream.ts";
import { checkResultBytes } from "./row-writer.ts";
import { SelectStream } from "./select-stream.ts";

const LEAST_13_DIGITS = 1e12;
const LEAST_14_DIGITS = 1e13;
const DIGITS = 13;

/** Bytes before the first column: type, length, column count; and before each value: its length. */
const ROW_HEAD = 7;
const VALUE_HEAD = 4;

/** More spans than these are sent in slices, each row by itself; fewer take some milliseconds in all. */
const LONG_SPANS = 20_000;

/**
 * "0000" to "9999" as big-endian words of four ASCII digits: four digits per division and per store. Signed, which
 * they fit, since a word that might not would be made a double on its way.
 */
const QUADS = new Int32Array(10_000);
for (let n = 0; n < 10_000; n++) {
  const [a, b, c, d] = String(n).padStart(4, "0");
  QUADS[n] = [a, b, c, d].reduce((word, digit) => word * 256 + 48 + Number(digit), 0);
}

/** A run over a source of spans; null if the statement asks for more than plain columns of them. */
export function planSpanStream(
  source: RowSource,
  output: RowOutput,
): ((execution: Execution) => RunResult) | null {
  const { spans, filter } = source;
  const columns = output.targets.map(({ expression }) =>
    expression instanceof ColumnExpression ? expression.column.name : "",
  );
  if (spans === null || filter !== null || columns.includes("")) return null;
  const isWholeRow = columns.join() === "resource_id,start,end";
  return (execution) => {
    const count = spans(execution);
    if (count > LONG_SPANS) {
      const selection = { source, order: null, range: null, output };
      return new SelectStream(
        selection,
        Int32Array.from({ length: count }, (_, row) => row),
        execution,
      );
    }
    if (isWholeRow && areAlike(execution, count)) writeAlike(output, execution, count);
    else writeEach(output, execution, 0, count);
    return selectTag(count);
  };
}

/** Tags of short results, which are most: made once. */
const TAGS = Array.from({ length: 1024 }, (_, count) => `SELECT ${count}`);

function selectTag(count: number): string {
  return TAGS[count] ?? `SELECT ${count}`;
}

/** Whether all rows have one length: one owner, and numbers that are binary or of 13 digits (spans come in order). */
function areAlike(execution: Execution, count: number): boolean {
  const { spans, spanOwners, formats } = execution;
  if (count < 2 || spanOwners !== null) return false;
  if (formatOf(formats, 1) === BINARY_FORMAT && formatOf(formats, 2) === BINARY_FORMAT) return true;
  return (spans[0] as number) >= LEAST_13_DIGITS && (spans[count * 2 - 1] as number) < LEAST_14_DIGITS;
}

/** Format code of a column, as Bind gives them: none means text, one is for all. */
function formatOf(formats: readonly number[], column: number): number {
  return (formats.length === 1 ? formats[0] : formats[column]) ?? TEXT_FORMAT;
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
  checkResultBytes(first + rowBytes * count);
  repeat(out, first, rowBytes, count);
  const { view } = out;
  const idBytes = execution.spanOwner < 0 ? 0 : ID_TEXT_LENGTH;
  const startAt = first + ROW_HEAD + VALUE_HEAD + idBytes + VALUE_HEAD;
  const endAt = first + rowBytes - sizeOf(execution.formats, 2);
  for (const [offset, at] of [startAt, endAt].entries()) {
    const put = formatOf(execution.formats, offset + 1) === BINARY_FORMAT ? putBinary : putDigits;
    put(view, at, rowBytes, spans, offset, count);
  }
}

function sizeOf(formats: readonly number[], column: number): number {
  return formatOf(formats, column) === BINARY_FORMAT ? 8 : DIGITS;
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
 * Writes the 13 digits of spans[1 * 2 + offset], spans[2 * 2 + offset], …, each in its row. They ascend, so the first
 * five stay the same for a day or so: they are worked out once for all numbers that begin like that.
 */
function putDigits(
  view: DataView,
  firstAt: number,
  rowBytes: number,
  spans: Float64Array,
  offset: number,
  count: number,
): void {
  const end = (count * 2) | 0;
  let at = firstAt | 0;
  let next = (offset + 2) | 0;
  while (next < end) {
    const upper = Math.floor((spans[next] as number) / 1e8);
    const base = upper * 1e8;
    const first = (48 + Math.floor(upper / 10_000)) | 0;
    const second = QUADS[upper % 10_000] as number;
    for (; next < end; next = (next + 2) | 0) {
      const lower = (spans[next] as number) - base;
      if (lower >= 1e8) break;
      at = (at + rowBytes) | 0;
      // A product is quicker than a quotient. It is exact: 0.0001 as a double is a little more than that, and by far
      // too little to lift the last value of a quad into the next.
      const high = (lower * 0.0001) | 0;
      view.setUint8(at, first);
      view.setInt32(at + 1, second);
      view.setInt32(at + 5, QUADS[high] as number);
      view.setInt32(at + 9, QUADS[((lower | 0) - Math.imul(high, 10_000)) | 0] as number);
    }
  }
}

/** As `putDigits`, but each number as eight bytes, the most significant first. */
function putBinary(
  view: DataView,
  firstAt: number,
  rowBytes: number,
  spans: Float64Array,
  offset: number,
  count: number,
): void {
  let at = firstAt;
  for (let row = 1; row < count; row++) {
    at += rowBytes;
    const value = spans[row * 2 + offset] as number;
    const high = Math.floor(value / 4_294_967_296);
    view.setUint32(at, high);
    view.setUint32(at + 4, value - high * 4_294_967_296);
  }
}
