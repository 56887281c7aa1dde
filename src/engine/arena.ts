/**
 * Blocks of sorted keys carved from shared chunks, so that 100,000 timelines of ten entries own no ArrayBuffer
 * each. Block sizes are powers of two; a freed block goes to the free list of its size. An address is
 * `chunk * CHUNK_ENTRIES + offset`, and kernels read a block as (chunk array, offset, length). The first chunks are
 * small, so that a database with few bookings costs little.
 */

import { makeFences } from "./page-fences.ts";

const CHUNK_SHIFT = 16;
const CHUNK_ENTRIES = 1 << CHUNK_SHIFT;
const CHUNK_MASK = CHUNK_ENTRIES - 1;

/** The first chunk of a size class; each further one is four times as large, up to CHUNK_ENTRIES. */
const FIRST_CHUNK_ENTRIES = 1 << 10;

const SMALLEST_BLOCK = 4;
/** Size class of the largest block, which is a page of a paged column. */
export const PAGE_CLASS = 7;
/** Entries of a page: 4 KiB of keys, so that a random insert moves some 1.5 KiB of them. */
export const PAGE_ENTRIES = SMALLEST_BLOCK << PAGE_CLASS;

const NO_FENCES = new Float64Array(0);

export function blockEntries(sizeClass: number): number {
  return SMALLEST_BLOCK << sizeClass;
}

export class Arena {
  private readonly keyChunks: Float64Array[] = [];
  private readonly rowChunks: Uint32Array[] = [];
  /** Of chunks of pages; see page-fences.ts. */
  private readonly fenceChunks: Float64Array[] = [];
  private readonly free: number[][] = Array.from({ length: PAGE_CLASS + 1 }, () => []);
  /** Next address to carve for each size class, and where its current chunk ends. */
  private readonly carveNext = new Float64Array(PAGE_CLASS + 1);
  private readonly carveEnd = new Float64Array(PAGE_CLASS + 1);
  private readonly nextChunkEntries = new Float64Array(PAGE_CLASS + 1).fill(FIRST_CHUNK_ENTRIES);

  /** Insertions and removals in all columns of the arena: whoever remembers a place learns that it may have moved. */
  changes = 0;

  /** `withRows`: a Uint32 row travels with each key. */
  constructor(readonly withRows: boolean) {}

  allocate(sizeClass: number): number {
    const reused = (this.free[sizeClass] as number[]).pop();
    if (reused !== undefined) return reused;
    if (this.carveNext[sizeClass] === this.carveEnd[sizeClass]) this.addChunk(sizeClass);
    const address = this.carveNext[sizeClass] as number;
    this.carveNext[sizeClass] = address + blockEntries(sizeClass);
    return address;
  }

  release(address: number, sizeClass: number): void {
    (this.free[sizeClass] as number[]).push(address);
  }

  keys(address: number): Float64Array {
    return this.keyChunks[address >>> CHUNK_SHIFT] as Float64Array;
  }

  rows(address: number): Uint32Array {
    return this.rowChunks[address >>> CHUNK_SHIFT] as Uint32Array;
  }

  fences(address: number): Float64Array {
    return this.fenceChunks[address >>> CHUNK_SHIFT] as Float64Array;
  }

  offset(address: number): number {
    return address & CHUNK_MASK;
  }

  /** Copies `count` entries between blocks, which may be the same chunk but do not overlap. */
  copy(from: number, fromIndex: number, to: number, toIndex: number, count: number): void {
    const source = this.offset(from) + fromIndex;
    const target = this.offset(to) + toIndex;
    this.keys(to).set(this.keys(from).subarray(source, source + count), target);
    if (this.withRows) this.rows(to).set(this.rows(from).subarray(source, source + count), target);
  }

  private addChunk(sizeClass: number): void {
    const base = this.keyChunks.length * CHUNK_ENTRIES;
    const entries = this.nextChunkEntries[sizeClass] as number;
    this.keyChunks.push(new Float64Array(entries));
    this.fenceChunks.push(sizeClass === PAGE_CLASS ? makeFences(entries) : NO_FENCES);
    if (this.withRows) this.rowChunks.push(new Uint32Array(entries));
    this.carveNext[sizeClass] = base;
    this.carveEnd[sizeClass] = base + entries;
    this.nextChunkEntries[sizeClass] = Math.min(entries * 4, CHUNK_ENTRIES);
  }
}
