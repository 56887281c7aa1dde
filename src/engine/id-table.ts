/**
 * From 128-bit id to row: an open-addressing table with linear probing over the ids of a row table, so that an id costs
 * four words and some slots, not a string in a Map. Beside each slot lies a byte of its id's hash, by which nearly every
 * other id is told apart: looking for an id that is not there waits for memory once, for one that is there three times.
 * Deletion shifts followers back, hence no tombstones.
 */

import type { Id } from "../id.ts";

/** The ids of a row table, four words a row; replaced when the table grows, so always read through it. */
export interface IdSource {
  readonly idWords: Uint32Array;
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

/** The byte beside a slot: from the top bits, since the place comes from the low ones; never 0, which is a free slot. */
function tagOf(hash: number): number {
  return (hash >>> 24) | 1;
}

const FIRST_SLOTS = 16;

export class IdTable {
  count = 0;
  /** 0 where the slot is free. */
  private tags = new Uint8Array(FIRST_SLOTS);
  private rows = new Int32Array(FIRST_SLOTS);
  private mask = FIRST_SLOTS - 1;

  constructor(private readonly source: IdSource) {}

  find({ w0, w1, w2, w3 }: Id): number {
    const { idWords } = this.source;
    const { tags, rows, mask } = this;
    const hash = hashWords(w0, w1, w2, w3);
    const wanted = tagOf(hash);
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const tag = tags[slot] as number;
      if (tag === 0) return -1;
      if (tag !== wanted) continue;
      const row = rows[slot] as number;
      const at = row * 4;
      if (idWords[at + 3] !== w3 || idWords[at + 2] !== w2) continue;
      if (idWords[at + 1] === w1 && idWords[at] === w0) return row;
    }
  }

  /** Adds a row whose id is already in the source and not yet in the table. */
  add(row: number): void {
    // Two thirds full: a miss probes some four or five slots, a hit two.
    if ((this.count + 1) * 3 > this.rows.length * 2) this.growTo(this.rows.length * 2);
    this.place(row);
    this.count++;
  }

  /** Room for `count` more at once. */
  reserve(count: number): void {
    let size = this.rows.length;
    while ((this.count + count) * 3 > size * 2) size *= 2;
    if (size > this.rows.length) this.growTo(size);
  }

  /** Removes a row that is in the table, while its id is still in the source. */
  remove(row: number): void {
    const { tags, rows, mask } = this;
    let hole = this.hashOf(row) & mask;
    while (rows[hole] !== row || tags[hole] === 0) hole = (hole + 1) & mask;
    this.count--;
    let next = hole;
    for (;;) {
      next = (next + 1) & mask;
      if (tags[next] === 0) break;
      const follower = rows[next] as number;
      // A follower may fill the hole unless its home lies behind the hole.
      const distanceFromHome = (next - (this.hashOf(follower) & mask)) & mask;
      if (distanceFromHome >= ((next - hole) & mask)) {
        rows[hole] = follower;
        tags[hole] = tags[next] as number;
        hole = next;
      }
    }
    tags[hole] = 0;
  }

  private hashOf(row: number): number {
    const { idWords } = this.source;
    const at = row * 4;
    return hashWords(
      idWords[at] as number,
      idWords[at + 1] as number,
      idWords[at + 2] as number,
      idWords[at + 3] as number,
    );
  }

  private place(row: number): void {
    const { tags, mask } = this;
    const hash = this.hashOf(row);
    let slot = hash & mask;
    while (tags[slot] !== 0) slot = (slot + 1) & mask;
    tags[slot] = tagOf(hash);
    this.rows[slot] = row;
  }

  private growTo(size: number): void {
    const { tags, rows } = this;
    this.tags = new Uint8Array(size);
    this.rows = new Int32Array(size);
    this.mask = size - 1;
    for (let slot = 0; slot < tags.length; slot++) {
      if (tags[slot] !== 0) this.place(rows[slot] as number);
    }
  }
}
