/**
 * The pages of a large sorted column, in key order: first key, block address and length of each, and a Fenwick
 * tree over the lengths, so that the rank of a page costs O(log pages) and an insert updates O(log pages).
 */

import { lowerBound, upperBound } from "../../kernels/bounds.ts";
import { fenwickAdd, fenwickBuild, fenwickPrefix } from "../../kernels/fenwick.ts";

export class PageDirectory {
  count = 0;
  firstKeys = new Float64Array(8);
  addresses = new Int32Array(8);
  lengths = new Int32Array(8);
  private tree = new Int32Array(9);

  /** The last page whose first key is below `key` (0 when there is none). */
  pageBelow(key: number): number {
    return Math.max(0, lowerBound(this.firstKeys, 0, this.count, key) - 1);
  }

  /** The last page whose first key is at most `key` (0 when there is none). */
  pageAtMost(key: number): number {
    return Math.max(0, upperBound(this.firstKeys, 0, this.count, key) - 1);
  }

  /** Entries in all pages before `page`. */
  rank(page: number): number {
    return fenwickPrefix(this.tree, page);
  }

  /** Adds to the length of a page. */
  resize(page: number, delta: number): void {
    this.lengths[page] = (this.lengths[page] as number) + delta;
    fenwickAdd(this.tree, this.count, page, delta);
  }

  insertPage(page: number, firstKey: number, address: number, length: number): void {
    if (this.count === this.firstKeys.length) this.grow();
    this.firstKeys.copyWithin(page + 1, page, this.count);
    this.addresses.copyWithin(page + 1, page, this.count);
    this.lengths.copyWithin(page + 1, page, this.count);
    this.firstKeys[page] = firstKey;
    this.addresses[page] = address;
    this.lengths[page] = length;
    this.count++;
    this.rebuild();
  }

  /** Adds a page behind all others; `rebuild` follows once all are there. */
  appendPage(firstKey: number, address: number, length: number): void {
    if (this.count === this.firstKeys.length) this.grow();
    this.firstKeys[this.count] = firstKey;
    this.addresses[this.count] = address;
    this.lengths[this.count] = length;
    this.count++;
  }

  removePage(page: number): void {
    this.firstKeys.copyWithin(page, page + 1, this.count);
    this.addresses.copyWithin(page, page + 1, this.count);
    this.lengths.copyWithin(page, page + 1, this.count);
    this.count--;
    this.rebuild();
  }

  /** Recounts after lengths were set directly. */
  rebuild(): void {
    fenwickBuild(this.tree, this.lengths, this.count);
  }

  private grow(): void {
    const capacity = this.firstKeys.length * 2;
    const firstKeys = new Float64Array(capacity);
    const addresses = new Int32Array(capacity);
    const lengths = new Int32Array(capacity);
    firstKeys.set(this.firstKeys);
    addresses.set(this.addresses);
    lengths.set(this.lengths);
    this.firstKeys = firstKeys;
    this.addresses = addresses;
    this.lengths = lengths;
    this.tree = new Int32Array(capacity + 1);
  }
}
