/**
 * The pages of a large sorted column, in key order: first key, block address and length of each, and a Fenwick
 * tree over the lengths, so that the rank of a page costs O(log pages) and an insert updates O(log pages).
 */

import { lowerBound, upperBound } from "../../kernels/bounds.ts";
import { fenwickAdd, fenwickBuild, fenwickPrefix } from "../../kernels/fenwick.ts";
import { PAGE_ENTRIES } from "./arena.ts";

/** Entries between two fences: two cache lines of keys. */
const FENCE_ENTRIES = 16;
const FENCES_PER_PAGE = PAGE_ENTRIES / FENCE_ENTRIES;

export class PageDirectory {
  count = 0;
  firstKeys = new Float64Array(8);
  addresses = new Int32Array(8);
  lengths = new Int32Array(8);
  /**
   * Every sixteenth key of each page, FENCES_PER_PAGE a page, Infinity past its end: a search touches two lines of these
   * and then the two lines of keys it ends in, where halving the page itself would wait for memory at every step.
   */
  private fences = new Float64Array(8 * FENCES_PER_PAGE).fill(Number.POSITIVE_INFINITY);
  private tree = new Int32Array(9);

  /** The last page whose first key is below `key` (0 when there is none). */
  pageBelow(key: number): number {
    return Math.max(0, lowerBound(this.firstKeys, 0, this.count, key) - 1);
  }

  /** The last page whose first key is at most `key` (0 when there is none). */
  pageAtMost(key: number): number {
    return Math.max(0, upperBound(this.firstKeys, 0, this.count, key) - 1);
  }

  /** Count of entries of a page that are at most `key`; `keys` and `offset` are where the page lies. */
  upperBoundIn(page: number, keys: Float64Array, offset: number, key: number): number {
    const fence = upperBound(this.fences, page * FENCES_PER_PAGE, FENCES_PER_PAGE, key);
    if (fence === 0) return 0;
    const from = (fence - 1) * FENCE_ENTRIES;
    const length = Math.min(FENCE_ENTRIES, (this.lengths[page] as number) - from);
    return from + upperBound(keys, offset + from, length, key);
  }

  /** Count of entries of a page that are below `key`. */
  lowerBoundIn(page: number, keys: Float64Array, offset: number, key: number): number {
    const fence = lowerBound(this.fences, page * FENCES_PER_PAGE, FENCES_PER_PAGE, key);
    if (fence === 0) return 0;
    const from = (fence - 1) * FENCE_ENTRIES;
    const length = Math.min(FENCE_ENTRIES, (this.lengths[page] as number) - from);
    return from + lowerBound(keys, offset + from, length, key);
  }

  /** Reads the fences of a page anew from entry `fromIndex` on; its length must be right. */
  refence(page: number, keys: Float64Array, offset: number, fromIndex: number): void {
    const length = this.lengths[page] as number;
    const first = page * FENCES_PER_PAGE;
    for (let fence = Math.ceil(fromIndex / FENCE_ENTRIES); fence < FENCES_PER_PAGE; fence++) {
      const at = fence * FENCE_ENTRIES;
      if (at >= length) {
        if (this.fences[first + fence] === Number.POSITIVE_INFINITY) break;
        this.fences[first + fence] = Number.POSITIVE_INFINITY;
      } else this.fences[first + fence] = keys[offset + at] as number;
    }
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
    this.fences.copyWithin(
      (page + 1) * FENCES_PER_PAGE,
      page * FENCES_PER_PAGE,
      this.count * FENCES_PER_PAGE,
    );
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
    this.fences.copyWithin(
      page * FENCES_PER_PAGE,
      (page + 1) * FENCES_PER_PAGE,
      this.count * FENCES_PER_PAGE,
    );
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
    const fences = new Float64Array(capacity * FENCES_PER_PAGE).fill(Number.POSITIVE_INFINITY);
    fences.set(this.fences);
    this.fences = fences;
    firstKeys.set(this.firstKeys);
    addresses.set(this.addresses);
    lengths.set(this.lengths);
    this.firstKeys = firstKeys;
    this.addresses = addresses;
    this.lengths = lengths;
    this.tree = new Int32Array(capacity + 1);
  }
}
