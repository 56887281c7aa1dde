/**
 * One file as a disk with a cache in front of it has it: what reads see, and, sector by sector, what a power cut may
 * find instead. Every write leaves a version of each sector it touches until a sync makes the newest one durable; after
 * a cut each sector is in one of its versions, whichever the disk had got to, or torn between two of them.
 */

import type { Random } from "../seeded-random.ts";

const SECTOR_BYTES = 512;

/** What became of a sector that was not synced when the power went. */
export type SectorFate = "written" | "torn" | "lost";

/** A sector's content after one write. */
interface Version {
  /** Number of the write, counted by file. */
  readonly write: number;
  /** The sectors that one write touched, of which this is one. */
  readonly bytes: Uint8Array;
  readonly offset: number;
}

export class SimulatedFile {
  size = 0;
  private bytes = new Uint8Array(0);
  private durable = new Uint8Array(0);
  private durableSize = 0;
  private writes = 0;
  /** By sector: the contents since the last sync, oldest first. */
  private readonly unsynced = new Map<number, Version[]>();

  read(into: Uint8Array, position: number): number {
    const end = Math.min(this.size, position + into.length);
    if (end <= position) return 0;
    into.set(this.bytes.subarray(position, end));
    return end - position;
  }

  write(source: Uint8Array, position: number): void {
    if (source.length === 0) return;
    const end = position + source.length;
    this.bytes = grown(this.bytes, end);
    this.bytes.set(source, position);
    this.size = Math.max(this.size, end);
    const first = Math.floor(position / SECTOR_BYTES);
    const past = Math.ceil(end / SECTOR_BYTES);
    const copy = this.bytes.slice(first * SECTOR_BYTES, past * SECTOR_BYTES);
    const write = ++this.writes;
    for (let sector = first; sector < past; sector++) {
      const version = { write, bytes: copy, offset: (sector - first) * SECTOR_BYTES };
      const versions = this.unsynced.get(sector);
      if (versions === undefined) this.unsynced.set(sector, [version]);
      else versions.push(version);
    }
  }

  /** What a sync that begins now is to make durable. */
  get mark(): number {
    return this.writes;
  }

  /** Everything written up to `mark` is durable. */
  synced(mark = this.writes): void {
    for (const [sector, versions] of this.unsynced) {
      let past = 0;
      while (past < versions.length && (versions[past] as Version).write <= mark) past++;
      if (past === 0) continue;
      this.settle(sector, versions[past - 1] as Version);
      if (past === versions.length) this.unsynced.delete(sector);
      else versions.splice(0, past);
    }
  }

  /**
   * A sync has failed: some of what was written got to the disk, and the cache calls all of it clean, so that no later
   * sync writes it again (as Linux does). Reads go on seeing it until the power goes.
   */
  syncFailed(random: Random): void {
    for (const [sector, versions] of this.unsynced) {
      if (random.chance(0.5)) this.settle(sector, random.pick(versions));
    }
    this.unsynced.clear();
  }

  /** The power has gone and come back: what the disk has is what there is. */
  powerCut(random: Random, keepChance: number, fate: (of: SectorFate) => void): void {
    for (const [sector, versions] of this.unsynced) {
      fate(random.chance(keepChance) ? this.keep(sector, versions, random) : "lost");
    }
    this.unsynced.clear();
    this.bytes = this.durable.slice();
    this.size = this.durableSize;
  }

  /** A bit turns over, in the cache and on the disk. */
  flip(offset: number, bit: number): void {
    for (const image of [this.bytes, this.durable]) {
      if (offset < image.length) image[offset] = (image[offset] as number) ^ (1 << bit);
    }
  }

  /** All there is as one string of bytes. */
  contents(): Uint8Array {
    return this.bytes.slice(0, this.size);
  }

  clone(): SimulatedFile {
    const copy = new SimulatedFile();
    copy.size = this.size;
    copy.durableSize = this.size;
    copy.bytes = this.bytes.slice();
    copy.durable = this.bytes.slice();
    return copy;
  }

  private settle(sector: number, { bytes, offset }: Version): void {
    const at = sector * SECTOR_BYTES;
    const content = bytes.subarray(offset, offset + SECTOR_BYTES);
    this.durable = grown(this.durable, at + content.length);
    this.durable.set(content, at);
    this.durableSize = Math.max(this.durableSize, Math.min(this.size, at + content.length));
  }

  /** One of the versions has reached the disk, now and then only the front of it. */
  private keep(sector: number, versions: readonly Version[], random: Random): SectorFate {
    const version = random.pick(versions);
    if (!random.chance(0.25)) {
      this.settle(sector, version);
      return "written";
    }
    const { bytes, offset } = version;
    const cut = random.below(SECTOR_BYTES);
    const mixed = this.durable.slice(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
    const torn = grown(mixed, Math.min(SECTOR_BYTES, bytes.length - offset));
    torn.set(bytes.subarray(offset, offset + Math.min(cut, bytes.length - offset)));
    this.settle(sector, { write: version.write, bytes: torn, offset: 0 });
    return "torn";
  }
}

function grown(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  if (length <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.max(length, Math.min(bytes.length * 2, bytes.length + 65_536)));
  larger.set(bytes);
  return larger;
}
