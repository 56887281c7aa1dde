/**
 * What every table of the engine shares: rows numbered from 0, reused when freed, with the id's four words as
 * columns. A table adds its own columns and grows them in `growColumns`. Columns are typed arrays replaced on
 * growth; the untouched part of a fresh array costs no memory, since the system commits its pages on first use.
 */

import type { Id } from "../id.ts";
import type { IdColumns } from "./id-table.ts";

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

export abstract class RowTable implements IdColumns {
  w0 = new Uint32Array(FIRST_CAPACITY);
  w1 = new Uint32Array(FIRST_CAPACITY);
  w2 = new Uint32Array(FIRST_CAPACITY);
  w3 = new Uint32Array(FIRST_CAPACITY);
  /** Rows are 0 … limit - 1; some of them may be free. */
  limit = 0;
  private readonly freeRows: number[] = [];

  idAt(row: number): Id {
    return {
      w0: this.w0[row] as number,
      w1: this.w1[row] as number,
      w2: this.w2[row] as number,
      w3: this.w3[row] as number,
    };
  }

  abstract isLive(row: number): boolean;

  protected abstract growColumns(capacity: number): void;

  /** A row for `id`, its words written; the table fills the rest. */
  protected takeRow(id: Id): number {
    let row = this.freeRows.pop();
    if (row === undefined) {
      row = this.limit;
      if (row === this.w0.length) this.grow();
      this.limit++;
    }
    this.w0[row] = id.w0;
    this.w1[row] = id.w1;
    this.w2[row] = id.w2;
    this.w3[row] = id.w3;
    return row;
  }

  /** Rows 0 to n - 1 of a table that is empty get their ids: four words each. Columns have room for them then. */
  protected takeRows(words: Uint32Array): number {
    const count = words.length / 4;
    while (this.w0.length < count) this.grow();
    for (let row = 0; row < count; row++) {
      this.w0[row] = words[row * 4] as number;
      this.w1[row] = words[row * 4 + 1] as number;
      this.w2[row] = words[row * 4 + 2] as number;
      this.w3[row] = words[row * 4 + 3] as number;
    }
    this.limit = count;
    return count;
  }

  protected freeRow(row: number): void {
    this.freeRows.push(row);
  }

  private grow(): void {
    const capacity = this.w0.length * 2;
    this.w0 = grownU32(this.w0, capacity);
    this.w1 = grownU32(this.w1, capacity);
    this.w2 = grownU32(this.w2, capacity);
    this.w3 = grownU32(this.w3, capacity);
    this.growColumns(capacity);
  }
}
