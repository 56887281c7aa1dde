/**
 * When holds expire: a binary min-heap of allocation rows on a typed array, ordered by (expires_at, id), so that
 * the order of expiry does not depend on the heap's own history. Each hold knows its place, so releasing one
 * removes it exactly and nothing stale piles up.
 */

import type { AllocationTable } from "./allocation-table.ts";
import { grownI32 } from "./row-table.ts";

export class ExpiryHeap {
  private rows = new Int32Array(16);
  private count = 0;

  constructor(private readonly table: AllocationTable) {}

  /** Instant of the next expiry; Infinity when no hold is live. */
  nextAt(): number {
    return this.count === 0
      ? Number.POSITIVE_INFINITY
      : (this.table.expiresAt[this.rows[0] as number] as number);
  }

  /** Row of the hold that expires next; only when one is live. */
  first(): number {
    return this.rows[0] as number;
  }

  add(row: number): void {
    if (this.count === this.rows.length) this.rows = grownI32(this.rows, this.count * 2);
    this.settleUp(this.count++, row);
  }

  remove(row: number): void {
    const index = this.table.heapIndex[row] as number;
    const last = this.rows[--this.count] as number;
    if (index === this.count) return;
    const parent = (index - 1) >> 1;
    if (index > 0 && this.before(last, this.rows[parent] as number)) this.settleUp(index, last);
    else this.settleDown(index, last);
  }

  private before(a: number, b: number): boolean {
    const { expiresAt, idWords } = this.table;
    const order =
      (expiresAt[a] as number) - (expiresAt[b] as number) ||
      (idWords[a * 4] as number) - (idWords[b * 4] as number) ||
      (idWords[a * 4 + 1] as number) - (idWords[b * 4 + 1] as number) ||
      (idWords[a * 4 + 2] as number) - (idWords[b * 4 + 2] as number) ||
      (idWords[a * 4 + 3] as number) - (idWords[b * 4 + 3] as number);
    return order < 0;
  }

  private put(index: number, row: number): void {
    this.rows[index] = row;
    this.table.heapIndex[row] = index;
  }

  private settleUp(index: number, row: number): void {
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const parentRow = this.rows[parent] as number;
      if (!this.before(row, parentRow)) break;
      this.put(index, parentRow);
      index = parent;
    }
    this.put(index, row);
  }

  private settleDown(index: number, row: number): void {
    for (;;) {
      let child = index * 2 + 1;
      if (child >= this.count) break;
      if (child + 1 < this.count && this.before(this.rows[child + 1] as number, this.rows[child] as number))
        child++;
      const childRow = this.rows[child] as number;
      if (!this.before(childRow, row)) break;
      this.put(index, childRow);
      index = child;
    }
    this.put(index, row);
  }
}
