/**
 * What every table of the engine shares: rows numbered from 0, reused when freed, with the id's four words as
 * columns. A table adds its own columns and grows them in `growColumns`. Columns are typed arrays replaced on
 * growth; the untouched part of a fresh array costs no memory, since the system commits its pages on first use.
 */

import { type Id, idAt } from "../id.ts";
import type { IdSource } from "./id-table.ts";

export function grownF64(column: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(capacity);
  grown.set(column);
  return grown;
}

function grownU32(column: Uint32Array, capacity: number): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(capacity);
  grown.set(column);
  return grown;
}

export function grownI32(column: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(capacity);
  grown.set(column);
  return grown;
}

export function grownU8(column: Uint8Array, capacity: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(capacity);
  grown.set(column);
  return grown;
}

export const FIRST_CAPACITY = 64;

export abstract class RowTable implements IdSource {
  /** Four words a row: an id lies in one cache line. */
  idWords = new Uint32Array(FIRST_CAPACITY * 4);
  /** Rows are 0 … limit - 1; some of them may be free. */
  limit = 0;
  /**
   * The row that was freed last, or -1. The first word of its id is the row freed before it, plus one: a list beside the
   * columns would have to be copied whenever it grows, which takes milliseconds when a million rows are free.
   */
  private firstFree = -1;

  idAt(row: number): Id {
    return idAt(this.idWords, row);
  }

  abstract isLive(row: number): boolean;

  protected abstract growColumns(capacity: number): void;

  /** A row for `id`, its words written; the table fills the rest. */
  protected takeRow(id: Id): number {
    let row = this.firstFree;
    if (row >= 0) {
      this.firstFree = (this.idWords[row * 4] as number) - 1;
    } else {
      row = this.limit;
      if (row * 4 === this.idWords.length) this.grow();
      this.limit++;
    }
    const { idWords } = this;
    idWords[row * 4] = id.w0;
    idWords[row * 4 + 1] = id.w1;
    idWords[row * 4 + 2] = id.w2;
    idWords[row * 4 + 3] = id.w3;
    return row;
  }

  /** Rows 0 to n - 1 of a table that is empty get their ids: four words each. Columns have room for them then. */
  protected takeRows(words: Uint32Array): number {
    const count = words.length / 4;
    while (this.idWords.length < words.length) this.grow();
    this.idWords.set(words);
    this.limit = count;
    return count;
  }

  /** The row's id is not to be read any more. */
  protected freeRow(row: number): void {
    this.idWords[row * 4] = this.firstFree + 1;
    this.firstFree = row;
  }

  private grow(): void {
    const capacity = this.idWords.length / 2;
    this.idWords = grownU32(this.idWords, capacity * 4);
    this.growColumns(capacity);
  }
}
