/**
 * From 128-bit id to row: an open-addressing table with linear probing over the id columns of a row table, so
 * that an id costs four words and some slots, not a string in a Map. Deletion shifts followers back, hence no
 * tombstones.
 */

import type { Id } from "../id.ts";

/** Id columns of a row table; replaced when the table grows, so always read through it. */
export interface IdColumns {
  readonly w0: Uint32Array;
  readonly w1: Uint32Array;
  readonly w2: Uint32Array;
  readonly w3: Uint32Array;
}

/** Drawn per process, so that no client can choose ids that all meet in one place. */
const SEED = crypto.getRandomValues(new Uint32Array(1))[0] as number;

/** Takes the words in one after the other, as MurmurHash3 (public domain) does with the words of its input. */
function hashWords(w0: number, w1: number, w2: number, w3: number): number {
  let h = SEED;
  h = Math.imul(h ^ Math.imul(w0, 0xcc9e2d51), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ Math.imul(w1, 0x1b873593), 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15) ^ Math.imul(w2, 0xcc9e2d51), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ Math.imul(w3, 0x1b873593), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export class IdTable {
  count = 0;
  /** Row + 1, or 0 where free. */
  private slots = new Int32Array(16);
  private mask = 15;

  constructor(private readonly columns: IdColumns) {}

  find(id: Id): number {
    const { w0, w1, w2, w3 } = this.columns;
    let slot = hashWords(id.w0, id.w1, id.w2, id.w3) & this.mask;
    for (;;) {
      const row = (this.slots[slot] as number) - 1;
      if (row < 0) return -1;
      if (w3[row] === id.w3 && w2[row] === id.w2 && w1[row] === id.w1 && w0[row] === id.w0) return row;
      slot = (slot + 1) & this.mask;
    }
  }

  /** Adds a row whose id is already in the columns and not yet in the table. */
  add(row: number): void {
    // Two thirds full: a miss probes some four or five slots, a hit two.
    if ((this.count + 1) * 3 > this.slots.length * 2) this.grow();
    this.place(row);
    this.count++;
  }

  /** Room for `count` more at once. */
  reserve(count: number): void {
    let size = this.slots.length;
    while ((this.count + count) * 3 > size * 2) size *= 2;
    if (size > this.slots.length) this.growTo(size);
  }

  /** Removes a row that is in the table, while its id is still in the columns. */
  remove(row: number): void {
    let hole = this.home(row);
    while (this.slots[hole] !== row + 1) hole = (hole + 1) & this.mask;
    this.count--;
    let next = hole;
    for (;;) {
      next = (next + 1) & this.mask;
      const follower = (this.slots[next] as number) - 1;
      if (follower < 0) break;
      // A follower may fill the hole unless its home lies behind the hole.
      const distanceFromHome = (next - this.home(follower)) & this.mask;
      if (distanceFromHome >= ((next - hole) & this.mask)) {
        this.slots[hole] = follower + 1;
        hole = next;
      }
    }
    this.slots[hole] = 0;
  }

  private home(row: number): number {
    const { w0, w1, w2, w3 } = this.columns;
    return hashWords(w0[row] as number, w1[row] as number, w2[row] as number, w3[row] as number) & this.mask;
  }

  private place(row: number): void {
    let slot = this.home(row);
    while (this.slots[slot] !== 0) slot = (slot + 1) & this.mask;
    this.slots[slot] = row + 1;
  }

  private grow(): void {
    this.growTo(this.slots.length * 2);
  }

  private growTo(size: number): void {
    const old = this.slots;
    this.slots = new Int32Array(size);
    this.mask = this.slots.length - 1;
    for (let i = 0; i < old.length; i++) {
      const entry = old[i] as number;
      if (entry !== 0) this.place(entry - 1);
    }
  }
}
