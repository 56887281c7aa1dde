/**
 * A sorted multiset of instants. Up to one page it is a single block of the arena, grown by doubling; beyond
 * that, a directory of pages. So ten entries cost some 200 bytes and a random insert among a million moves one
 * page at most. With a row-carrying arena each key brings the row of its interval along, and equal keys lie in
 * order of their rows, so that one of a million bookings that start together is found as fast as any other.
 */

import { lowerBound, upperBound } from "../../kernels/bounds.ts";
import { insertAt, insertRowAt, removeAt, removeRowAt } from "../../kernels/sorted.ts";
import { touchLines } from "../../kernels/touch.ts";
import { assert } from "../errors.ts";
import { type Arena, blockEntries, PAGE_CLASS, PAGE_ENTRIES } from "./arena.ts";
import type { ColumnSlice } from "./column-slice.ts";
import { PageDirectory } from "./page-directory.ts";
import { fenceAt, lowerBoundInPage, refencePage, upperBoundInPage } from "./page-fences.ts";

/** What a page gets when a column is filled: most bookings come at the end, some in between. */
const FILLED_ENTRIES = PAGE_ENTRIES - (PAGE_ENTRIES >>> 4);

export class SortedColumn {
  length = 0;
  private address: number;
  private sizeClass = 0;
  private directory: PageDirectory | null = null;

  constructor(private readonly arena: Arena) {
    this.address = arena.allocate(0);
  }

  /**
   * Finds the page that `low` lies in, and lets its fences come nearer: who asks several columns about one instant
   * waits for the memory of all of them at once. To be called before `between`.
   */
  seek(low: number, slice: ColumnSlice): void {
    const directory = this.directory;
    slice.page = 0;
    if (directory === null) return;
    const page = directory.pageAtMost(low);
    const address = directory.addresses[page] as number;
    slice.page = page;
    slice.touched = fenceAt(this.arena.fences(address), this.arena.offset(address) + PAGE_ENTRIES / 2);
  }

  /**
   * After `seek`, asks for the memory that keys from `low` to `high` lie in, as far as that can be guessed: in one page,
   * its keys taken for evenly spread. Worth it for a window of many lines.
   */
  askFor(low: number, high: number, slice: ColumnSlice): void {
    const { arena, directory } = this;
    const { page } = slice;
    if (directory === null || page + 1 >= directory.count) return;
    const address = directory.addresses[page] as number;
    const offset = arena.offset(address);
    const first = directory.firstKeys[page] as number;
    const last = (directory.lengths[page] as number) - 1;
    const perMs = last / ((directory.firstKeys[page + 1] as number) - first);
    // Pages that begin alike make this Infinity or NaN: `| 0` and the bounds make an index of that too.
    const from = Math.max(0, Math.min(last, (low - first) * perMs)) | 0;
    const to = Math.max(0, Math.min(last, (high - first) * perMs)) | 0;
    slice.touched = touchLines(arena.keys(address), offset + from, offset + to);
  }

  /** Sets `slice` to the keys strictly between `low` and `high`, without copying when one page holds them all. */
  between(low: number, high: number, slice: ColumnSlice): void {
    const { arena, directory } = this;
    const { page } = slice;
    const address = directory === null ? this.address : (directory.addresses[page] as number);
    const length = directory === null ? this.length : (directory.lengths[page] as number);
    const keys = arena.keys(address);
    const offset = arena.offset(address);
    const first = this.upperIn(keys, address, length, low);
    slice.describe(this, arena.changes);
    slice.low = low;
    slice.lowIndex = first;
    slice.rank = directory === null ? first : directory.rank(page) + first;
    if (
      directory !== null &&
      page + 1 < directory.count &&
      (directory.firstKeys[page + 1] as number) < high
    ) {
      this.gather(directory, page, first, high, slice);
      return;
    }
    slice.keys = keys;
    slice.offset = offset + first;
    // Often there is nothing between.
    const isEmpty = first === length || (keys[offset + first] as number) >= high;
    slice.count = isEmpty ? 0 : this.lowerIn(keys, address, length, high) - first;
    slice.high = high;
    slice.highIndex = first + slice.count;
  }

  /** The smallest key; Infinity where there is none. */
  get firstKey(): number {
    if (this.length === 0) return Number.POSITIVE_INFINITY;
    if (this.directory !== null) return this.directory.firstKeys[0] as number;
    return this.arena.keys(this.address)[this.arena.offset(this.address)] as number;
  }

  /** Calls `visit` with the row of every key in [low, high), in key order. Only with a row-carrying arena. */
  visitRows(low: number, high: number, visit: (row: number) => void): void {
    this.visitRowsWhile(low, high, (row) => {
      visit(row);
      return true;
    });
  }

  /** As `visitRows`, until `visit` says false. */
  visitRowsWhile(low: number, high: number, visit: (row: number) => boolean): void {
    const directory = this.directory;
    const pageCount = directory === null ? 1 : directory.count;
    for (let page = directory === null ? 0 : directory.pageBelow(low); page < pageCount; page++) {
      const address = directory === null ? this.address : (directory.addresses[page] as number);
      const length = directory === null ? this.length : (directory.lengths[page] as number);
      const keys = this.arena.keys(address);
      const rows = this.arena.rows(address);
      const offset = this.arena.offset(address);
      const first = this.lowerIn(keys, address, length, low);
      for (let i = first; i < length; i++) {
        if ((keys[offset + i] as number) >= high) return;
        if (!visit(rows[offset + i] as number)) return;
      }
    }
  }

  /** The row of the last key at or before `key`, or -1. */
  rowAtMost(key: number): number {
    const directory = this.directory;
    const page = directory === null ? 0 : directory.pageAtMost(key);
    const address = directory === null ? this.address : (directory.addresses[page] as number);
    const length = directory === null ? this.length : (directory.lengths[page] as number);
    const rank = this.upperIn(this.arena.keys(address), address, length, key);
    return rank === 0 ? -1 : (this.arena.rows(address)[this.arena.offset(address) + rank - 1] as number);
  }

  /** Fills a column that is empty with `keys[from … from + count - 1]`, which ascend; their rows are their indexes. */
  fill(keys: Float64Array, from: number, count: number): void {
    assert(this.length === 0, "only an empty column is filled");
    this.arena.changes++;
    this.length = count;
    this.arena.release(this.address, this.sizeClass);
    this.sizeClass = 0;
    if (count <= PAGE_ENTRIES) {
      while (blockEntries(this.sizeClass) < count) this.sizeClass++;
      this.address = this.arena.allocate(this.sizeClass);
      this.fillBlock(this.address, keys, from, count);
      return;
    }
    const directory = new PageDirectory();
    this.sizeClass = PAGE_CLASS;
    for (let done = 0; done < count; done += FILLED_ENTRIES) {
      const length = Math.min(FILLED_ENTRIES, count - done);
      const address = this.arena.allocate(PAGE_CLASS);
      this.fillBlock(address, keys, from + done, length);
      directory.appendPage(keys[from + done] as number, address, length);
      this.refence(address, length, 0);
    }
    directory.rebuild();
    this.directory = directory;
  }

  /** Writes all keys, in order, from `at` on. */
  copyKeys(into: Float64Array, at: number): void {
    const { directory } = this;
    if (directory === null) {
      const offset = this.arena.offset(this.address);
      into.set(this.arena.keys(this.address).subarray(offset, offset + this.length), at);
      return;
    }
    let to = at;
    for (let page = 0; page < directory.count; page++) {
      const address = directory.addresses[page] as number;
      const offset = this.arena.offset(address);
      const length = directory.lengths[page] as number;
      into.set(this.arena.keys(address).subarray(offset, offset + length), to);
      to += length;
    }
  }

  private fillBlock(address: number, keys: Float64Array, from: number, count: number): void {
    const offset = this.arena.offset(address);
    this.arena.keys(address).set(keys.subarray(from, from + count), offset);
    if (!this.arena.withRows) return;
    const rows = this.arena.rows(address);
    for (let i = 0; i < count; i++) rows[offset + i] = from + i;
  }

  /** @param near what `between` has just found around the key; it saves the search where it knows the place */
  insert(key: number, row: number, near: ColumnSlice): void {
    if (this.directory === null && this.length === blockEntries(this.sizeClass)) this.outgrow();
    const { arena, directory } = this;
    const known = near.describes(this, arena.changes) ? this.knownIndex(key, near) : -1;
    arena.changes++;
    this.length++;
    if (directory === null) {
      this.insertInBlock(this.address, this.length - 1, key, row, known);
      return;
    }
    let page = known < 0 ? this.pageOf(directory, key, row) : near.page;
    let index = known;
    if (directory.lengths[page] === PAGE_ENTRIES) {
      this.split(directory, page);
      if (!this.comesBefore(key, row, directory.addresses[page + 1] as number)) page++;
      index = -1;
    }
    const address = directory.addresses[page] as number;
    index = this.insertInBlock(address, directory.lengths[page] as number, key, row, index);
    directory.resize(page, 1);
    this.refence(address, directory.lengths[page] as number, index);
    if (key < (directory.firstKeys[page] as number)) directory.firstKeys[page] = key;
  }

  /** Where `near` says that the key belongs, in `near.page`; -1 where it does not say. */
  private knownIndex(key: number, near: ColumnSlice): number {
    if (key === near.low) {
      // Among equal keys the row decides.
      const index = near.lowIndex;
      if (index === 0 || !this.arena.withRows) return index;
      const { page } = near;
      const address = this.directory === null ? this.address : (this.directory.addresses[page] as number);
      return this.arena.keys(address)[this.arena.offset(address) + index - 1] === key ? -1 : index;
    }
    // Without rows the order of equal keys does not matter.
    if (key !== near.high || this.arena.withRows) return -1;
    return near.highIndex;
  }

  /** Removes one entry with this key, and with this row where the arena carries rows. It must be there. */
  remove(key: number, row: number): void {
    const directory = this.directory;
    this.arena.changes++;
    if (directory === null) {
      const removed = this.removeFromBlock(this.address, this.length, key, row);
      assert(removed >= 0, "a removed key is in its column");
      this.length--;
      this.shrink();
      return;
    }
    const page = this.pageOf(directory, key, row);
    const address = directory.addresses[page] as number;
    const removed = this.removeFromBlock(address, directory.lengths[page] as number, key, row);
    assert(removed >= 0, "a removed key is in its column");
    this.length--;
    directory.resize(page, -1);
    this.refence(address, directory.lengths[page] as number, removed);
    this.tidy(directory, page);
  }

  /** Gives every block back; the column is not used afterwards. */
  dispose(): void {
    if (this.directory === null) {
      this.arena.release(this.address, this.sizeClass);
      return;
    }
    for (let page = 0; page < this.directory.count; page++) {
      this.arena.release(this.directory.addresses[page] as number, PAGE_CLASS);
    }
  }

  /** Count of entries of one of the column's blocks that are at most `key`; `keys` is the chunk it lies in. */
  private upperIn(keys: Float64Array, address: number, length: number, key: number): number {
    const offset = this.arena.offset(address);
    if (this.directory === null) return upperBound(keys, offset, length, key);
    return upperBoundInPage(this.arena.fences(address), keys, offset, PAGE_ENTRIES, length, key);
  }

  /** Count of entries of one of the column's blocks that are below `key`. */
  private lowerIn(keys: Float64Array, address: number, length: number, key: number): number {
    const offset = this.arena.offset(address);
    if (this.directory === null) return lowerBound(keys, offset, length, key);
    return lowerBoundInPage(this.arena.fences(address), keys, offset, PAGE_ENTRIES, length, key);
  }

  /** Entries of a page from `fromIndex` on have changed. */
  private refence(address: number, length: number, fromIndex: number): void {
    const { arena } = this;
    const offset = arena.offset(address);
    refencePage(arena.fences(address), arena.keys(address), offset, PAGE_ENTRIES, length, fromIndex);
  }

  /** Copies the keys from (page, first) up to `high` one behind the other into the slice's own buffer. */
  private gather(
    directory: PageDirectory,
    page: number,
    first: number,
    high: number,
    slice: ColumnSlice,
  ): void {
    const lastPage = directory.pageBelow(high);
    const out = slice.gatherInto(directory.rank(lastPage) - directory.rank(page) + PAGE_ENTRIES);
    let count = 0;
    for (let p = page; p <= lastPage; p++) {
      const address = directory.addresses[p] as number;
      const keys = this.arena.keys(address);
      const offset = this.arena.offset(address);
      const length = directory.lengths[p] as number;
      const from = p === page ? first : 0;
      const to = p === lastPage ? this.lowerIn(keys, address, length, high) : length;
      for (let i = from; i < to; i++) out[count++] = keys[offset + i] as number;
    }
    slice.keys = out;
    slice.offset = 0;
    slice.count = count;
    slice.high = Number.NaN;
  }

  /** Returns where the entry came to stand. `known`: where that is; -1: to be found. */
  private insertInBlock(address: number, length: number, key: number, row: number, known: number): number {
    const keys = this.arena.keys(address);
    const offset = this.arena.offset(address);
    const index = known < 0 ? this.indexIn(address, length, key, row) : known;
    insertAt(keys, offset, length, index, key);
    if (this.arena.withRows) insertRowAt(this.arena.rows(address), offset, length, index, row);
    return index;
  }

  /** Returns where the entry stood; -1 if it is not there. */
  private removeFromBlock(address: number, length: number, key: number, row: number): number {
    const keys = this.arena.keys(address);
    const offset = this.arena.offset(address);
    const index = this.indexIn(address, length, key, row) - 1;
    if (index < 0 || keys[offset + index] !== key) return -1;
    if (this.arena.withRows) {
      const rows = this.arena.rows(address);
      if (rows[offset + index] !== row) return -1;
      removeRowAt(rows, offset, length, index);
    }
    removeAt(keys, offset, length, index);
    return index;
  }

  /** Entries of a block that are at or before (key, row): equal keys lie in order of their rows, where there are rows. */
  private indexIn(address: number, length: number, key: number, row: number): number {
    const keys = this.arena.keys(address);
    const offset = this.arena.offset(address);
    const high = this.upperIn(keys, address, length, key);
    if (!this.arena.withRows || high === 0 || keys[offset + high - 1] !== key) return high;
    const rows = this.arena.rows(address);
    let low = lowerBound(keys, offset, length, key);
    let limit = high;
    while (low < limit) {
      const middle = (low + limit) >>> 1;
      if ((rows[offset + middle] as number) <= row) low = middle + 1;
      else limit = middle;
    }
    return low;
  }

  /** The page that (key, row) belongs to: the last that does not begin after it (0 when there is none). */
  private pageOf(directory: PageDirectory, key: number, row: number): number {
    let limit = directory.pageAtMost(key) + 1;
    if (!this.arena.withRows || directory.firstKeys[limit - 1] !== key) return limit - 1;
    let low = directory.pageBelow(key);
    while (low + 1 < limit) {
      const middle = (low + limit) >>> 1;
      if (this.comesBefore(key, row, directory.addresses[middle] as number)) limit = middle;
      else low = middle;
    }
    return low;
  }

  /** Whether (key, row) sorts before the first entry of a block. */
  private comesBefore(key: number, row: number, address: number): boolean {
    const offset = this.arena.offset(address);
    const first = this.arena.keys(address)[offset] as number;
    if (key !== first || !this.arena.withRows) return key < first;
    return row < (this.arena.rows(address)[offset] as number);
  }

  /** The single block is full: a larger one, or, past a page, a directory. */
  private outgrow(): void {
    if (this.sizeClass === PAGE_CLASS) {
      const directory = new PageDirectory();
      const firstKey = this.arena.keys(this.address)[this.arena.offset(this.address)] as number;
      directory.insertPage(0, firstKey, this.address, this.length);
      this.refence(this.address, this.length, 0);
      this.directory = directory;
      return;
    }
    this.moveToClass(this.sizeClass + 1);
  }

  /** A block three quarters empty moves to one of half the size. */
  private shrink(): void {
    if (this.sizeClass > 0 && this.length <= blockEntries(this.sizeClass) >>> 2) {
      this.moveToClass(this.sizeClass - 1);
    }
  }

  private moveToClass(sizeClass: number): void {
    const address = this.arena.allocate(sizeClass);
    this.arena.copy(this.address, 0, address, 0, this.length);
    this.arena.release(this.address, this.sizeClass);
    this.address = address;
    this.sizeClass = sizeClass;
  }

  /**
   * Makes room in a full page. The last page splits near its end, since bookings mostly arrive in order and
   * would otherwise leave every page half empty; any other splits in the middle.
   */
  private split(directory: PageDirectory, page: number): void {
    const keep = page + 1 === directory.count ? PAGE_ENTRIES - (PAGE_ENTRIES >>> 4) : PAGE_ENTRIES >>> 1;
    const from = directory.addresses[page] as number;
    const to = this.arena.allocate(PAGE_CLASS);
    this.arena.copy(from, keep, to, 0, PAGE_ENTRIES - keep);
    directory.lengths[page] = keep;
    const firstKey = this.arena.keys(to)[this.arena.offset(to)] as number;
    directory.insertPage(page + 1, firstKey, to, PAGE_ENTRIES - keep);
    this.refence(from, keep, keep);
    this.refence(to, PAGE_ENTRIES - keep, 0);
  }

  /** After a removal from `page`: its first key, an empty page dropped, two sparse neighbours merged. */
  private tidy(directory: PageDirectory, page: number): void {
    const length = directory.lengths[page] as number;
    if (length === 0) {
      this.arena.release(directory.addresses[page] as number, PAGE_CLASS);
      directory.removePage(page);
    } else {
      const address = directory.addresses[page] as number;
      directory.firstKeys[page] = this.arena.keys(address)[this.arena.offset(address)] as number;
      const next = page + 1;
      if (next < directory.count && length + (directory.lengths[next] as number) <= PAGE_ENTRIES >>> 1) {
        this.arena.copy(
          directory.addresses[next] as number,
          0,
          address,
          length,
          directory.lengths[next] as number,
        );
        directory.lengths[page] = length + (directory.lengths[next] as number);
        this.arena.release(directory.addresses[next] as number, PAGE_CLASS);
        directory.removePage(next);
        this.refence(address, directory.lengths[page] as number, length);
      }
    }
    if (directory.count === 1 && this.length <= PAGE_ENTRIES >>> 1) {
      this.address = directory.addresses[0] as number;
      this.sizeClass = PAGE_CLASS;
      this.directory = null;
    }
  }
}
