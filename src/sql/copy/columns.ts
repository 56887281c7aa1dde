/**
 * The rows of a COPY FROM until they are placed: a typed array per column, filled straight from the bytes that came, for
 * a million rows of strings and objects would be the larger part of the work.
 */

import { formatId, ID_TEXT_LENGTH, type Id, idAt, parseId, readIdText } from "../../id.ts";
import { decodeUtf8 } from "../../utf8.ts";
import { idOf } from "../tables/field-values.ts";
import type { Column } from "../tables/schema.ts";
import { decodeBinary, decodeText } from "../values/codec.ts";
import type { Value } from "../values/value.ts";

/** One column of the rows: each call adds the value of the next row. */
export interface CopyColumn {
  text(bytes: Uint8Array, start: number, end: number): void;
  binary(bytes: Uint8Array, start: number, end: number): void;
  none(): void;
  value(row: number): Value;
}

/** Typed arrays double from here. */
const FIRST_ROWS = 256;

/** The longest text of digits that is always exact as a number. */
const EXACT_DIGITS = 15;

export class IdColumn implements CopyColumn {
  private words = new Uint32Array(FIRST_ROWS * 4);
  private absent = new Uint8Array(FIRST_ROWS);
  private count = 0;

  text(bytes: Uint8Array, start: number, end: number): void {
    this.grow();
    if (end - start !== ID_TEXT_LENGTH || !readIdText(bytes, start, this.words, this.count * 4)) {
      this.set(idOf(decodeUtf8(bytes.subarray(start, end))));
    }
    this.count++;
  }

  binary(bytes: Uint8Array, start: number, end: number): void {
    this.text(bytes, start, end);
  }

  none(): void {
    this.grow();
    this.absent[this.count++] = 1;
  }

  /** Adds the id that `text`, which is one, names. */
  add(text: string): void {
    this.grow();
    const id = parseId(text);
    if (id !== null) this.set(id);
    this.count++;
  }

  id(row: number): Id {
    return idAt(this.words, row);
  }

  idOrNull(row: number): Id | null {
    return this.absent[row] === 1 ? null : this.id(row);
  }

  value(row: number): Value {
    const id = this.idOrNull(row);
    return id === null ? null : formatId(id);
  }

  private set({ w0, w1, w2, w3 }: Id): void {
    this.words.set([w0, w1, w2, w3], this.count * 4);
  }

  private grow(): void {
    if (this.count < this.absent.length) return;
    this.words = doubled(this.words, Uint32Array);
    this.absent = doubled(this.absent, Uint8Array);
  }
}

/** int4 and int8. NULL is NaN. */
export class NumberColumn implements CopyColumn {
  private numbers = new Float64Array(FIRST_ROWS);
  private count = 0;

  /** @param check what a value must be beyond its type; returns it as a number */
  constructor(
    private readonly column: Column,
    private readonly check: (value: Value) => number,
  ) {}

  text(bytes: Uint8Array, start: number, end: number): void {
    let number = 0;
    let at = start;
    if (end - start <= EXACT_DIGITS) {
      for (; at < end; at++) {
        const digit = (bytes[at] as number) - 48;
        if (digit < 0 || digit > 9) break;
        number = number * 10 + digit;
      }
    }
    const isPlain = at === end && at > start;
    this.add(isPlain && number <= 2_147_483_647 ? number : this.decode(isPlain, number, bytes, start, end));
  }

  binary(bytes: Uint8Array, start: number, end: number): void {
    const { type } = this.column;
    // An int8 that is safe as a number is most of them, and needs no bigint.
    const high = end - start === 8 && type.length === 8 ? word(bytes, start) : -1;
    const isSafe = high >= 0 && high < 0x200000;
    this.add(
      this.check(
        isSafe ? high * 0x100000000 + word(bytes, start + 4) : decodeBinary(type, bytes.subarray(start, end)),
      ),
    );
  }

  none(): void {
    this.add(Number.NaN);
  }

  add(number: number): void {
    if (this.count === this.numbers.length) this.numbers = doubled(this.numbers, Float64Array);
    this.numbers[this.count++] = number;
  }

  number(row: number): number {
    return this.numbers[row] as number;
  }

  value(row: number): Value {
    const number = this.number(row);
    return Number.isNaN(number) ? null : number;
  }

  private decode(isPlain: boolean, number: number, bytes: Uint8Array, start: number, end: number): number {
    // The digits of an int8: its check is the only one.
    if (isPlain && this.column.type.length === 8) return this.check(number);
    return this.check(decodeText(this.column.type, decodeUtf8(bytes.subarray(start, end))));
  }
}

/** Texts and booleans. */
export class ValueColumn implements CopyColumn {
  /** Bytes of all that came, an estimate of what the values take. */
  bytes = 0;
  private readonly values: Value[] = [];

  constructor(private readonly column: Column) {}

  text(bytes: Uint8Array, start: number, end: number): void {
    this.bytes += end - start;
    this.values.push(decodeText(this.column.type, decodeUtf8(bytes.subarray(start, end))));
  }

  binary(bytes: Uint8Array, start: number, end: number): void {
    this.bytes += end - start;
    this.values.push(decodeBinary(this.column.type, bytes.subarray(start, end)));
  }

  none(): void {
    this.values.push(null);
  }

  value(row: number): Value {
    return this.values[row] as Value;
  }
}

/** Four bytes, unsigned, most significant first. */
function word(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

function doubled<T extends Uint8Array | Uint32Array | Float64Array>(
  from: T,
  make: new (length: number) => T,
): T {
  const to = new make(from.length * 2);
  to.set(from);
  return to;
}
