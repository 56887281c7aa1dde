/**
 * A disk, and the cache and the names in front of it, all in memory. Each operation is a step at which the machine may
 * stop: the operation is done in part, and everything after it fails. What the disk then has is decided by the seed:
 * writes lost, torn and out of order, and changes of names lost, the youngest or any.
 */

import { dirname } from "node:path";
import type { FileSystem, OpenMode } from "../../src/storage/files.ts";
import type { Random } from "../seeded-random.ts";
import { SimulatedFile } from "./simulated-file.ts";

type Operation = "open" | "read" | "write" | "sync" | "syncFolder" | "rename" | "list" | "remove";

type Names = Map<string, SimulatedFile>;

/** A change of names that no sync of its folder has made durable. */
interface NameChange {
  readonly folder: string;
  apply(names: Names): void;
}

export interface DiskEvents {
  /** Runs `callback` after so much simulated time, unless the machine stops before. */
  after(delayMs: number, callback: () => void): void;
  /** A blocking operation has taken so long. */
  spend(ms: number): void;
  /** The machine stops at this very operation. */
  stopped(): void;
  /** What was made to fail. */
  failed(what: string): void;
  /** What became of something that was not synced when the power went. */
  cut(what: string): void;
}

export class SimulatedDisk implements FileSystem {
  /** Operations so far. */
  operations = 0;
  /** The machine stops at this operation; Infinity: not by itself. */
  stopAt = Number.POSITIVE_INFINITY;
  isStopped = false;
  /** Bytes that may still be added; Infinity: there is room. */
  room = Number.POSITIVE_INFINITY;
  /** As on a file system that copies on write: what is full refuses to overwrite, too. */
  refusesOverwriting = false;
  /** How many of the next syncs, and of the next writes, fail. */
  failingSyncs = 0;
  failingFolderSyncs = 0;
  failingWrites = 0;
  syncMs = 0.1;

  private names: Names = new Map();
  private durableNames: Names = new Map();
  private nameChanges: NameChange[] = [];
  private folders = new Set<string>();
  private readonly descriptors = new Map<number, { file: SimulatedFile; path: string }>();
  private nextDescriptor = 3;

  /** @param random of the step that is played */
  constructor(
    public random: Random,
    private readonly events: DiskEvents,
  ) {}

  open(path: string, mode: OpenMode): number {
    this.step("open", path);
    let file = this.names.get(path);
    if (mode === "create") {
      file = new SimulatedFile();
      this.addName(path, file);
    }
    if (file === undefined) throw systemError("ENOENT", path);
    this.descriptors.set(this.nextDescriptor, { file, path });
    return this.nextDescriptor++;
  }

  close(fd: number): void {
    if (!this.descriptors.delete(fd) && !this.isStopped) throw systemError("EBADF", String(fd));
  }

  size(fd: number): number {
    return this.opened(fd).file.size;
  }

  isAt(fd: number, path: string): boolean {
    return this.names.get(path) === this.opened(fd).file;
  }

  read(fd: number, into: Uint8Array, position: number): number {
    const { file, path } = this.opened(fd);
    this.step("read", path);
    return file.read(into, position);
  }

  write(fd: number, bytes: Uint8Array, position: number): void {
    const { file, path } = this.opened(fd);
    const part = bytes.subarray(0, this.random.below(bytes.length + 1));
    this.step("write", path, () => file.write(part, position));
    if (this.failingWrites > 0) {
      this.failingWrites--;
      this.events.failed("a write failed");
      file.write(part, position);
      throw systemError("EIO", path);
    }
    const growth = Math.max(0, position + bytes.length - file.size);
    if (growth > this.room || (this.room < 1024 && this.refusesOverwriting)) {
      const fitting = Math.min(part.length, Math.max(0, file.size - position) + Math.max(0, this.room));
      file.write(bytes.subarray(0, fitting), position);
      this.events.failed("no room for a write");
      throw systemError("ENOSPC", path);
    }
    this.room -= growth;
    file.write(bytes, position);
  }

  async writeLater(fd: number, bytes: Uint8Array, position: number): Promise<void> {
    this.write(fd, bytes, position);
    await this.delay(this.random.below(3));
  }

  sync(fd: number): void {
    const { file, path } = this.opened(fd);
    // A stop in the middle of a sync: all of it may have got to the disk, and nobody was told.
    this.step("sync", path, () => this.random.chance(0.5) && file.synced());
    this.events.spend(this.syncMs);
    this.failIfAsked(file, path);
    file.synced();
  }

  async syncLater(fd: number): Promise<void> {
    const { file, path } = this.opened(fd);
    this.step("sync", path);
    const { mark } = file;
    await this.delay(this.syncMs);
    this.failIfAsked(file, path);
    file.synced(mark);
  }

  syncFolder(path: string): void {
    this.step("syncFolder", path);
    this.failFolderIfAsked(path);
    this.namesSynced(this.changesIn(path));
  }

  async syncFolderLater(path: string): Promise<void> {
    this.step("syncFolder", path);
    const changes = this.changesIn(path);
    await this.delay(this.random.below(8));
    this.failFolderIfAsked(path);
    this.namesSynced(changes);
  }

  makeFolder(path: string): void {
    this.folders.add(path);
  }

  list(path: string): string[] {
    this.step("list", path);
    const prefix = `${path}/`;
    const found = [...this.names.keys()].filter((name) => name.startsWith(prefix));
    return found.map((name) => name.slice(prefix.length));
  }

  /** Names of the folders in `path`, sorted. */
  foldersIn(path: string): string[] {
    const inside = [...this.folders].filter((folder) => dirname(folder) === path);
    return inside.map((folder) => folder.slice(path.length + 1)).sort();
  }

  rename(from: string, to: string): void {
    this.step("rename", from);
    if (!this.names.has(from)) throw systemError("ENOENT", from);
    this.changeNames(to, (names) => {
      const file = names.get(from);
      if (file === undefined) return;
      names.delete(from);
      names.set(to, file);
    });
  }

  remove(path: string): void {
    this.step("remove", path);
    if (!this.names.has(path)) throw systemError("ENOENT", path);
    this.changeNames(path, (names) => names.delete(path));
  }

  async removeFolderLater(path: string): Promise<void> {
    for (const name of this.list(path)) this.remove(`${path}/${name}`);
    this.folders.delete(path);
  }

  /** Whatever was wrong with the disk is put right; what it has lost stays lost. */
  mend(): void {
    this.room = Number.POSITIVE_INFINITY;
    this.failingSyncs = 0;
    this.failingFolderSyncs = 0;
    this.failingWrites = 0;
  }

  /** The process is gone: its descriptors are closed, and what it wrote is in the cache. */
  processEnded(): void {
    this.descriptors.clear();
    this.isStopped = false;
    this.stopAt = Number.POSITIVE_INFINITY;
  }

  /** The machine was without power. */
  powerCut(): void {
    this.processEnded();
    const { random } = this;
    // All, none, or some of what was not synced.
    const keepChance = random.pick([0, 0.5, 0.5, 1]);
    // A journal loses the youngest changes; without one any of them may be lost.
    const isJournal = random.chance(0.5);
    const kept = random.below(this.nameChanges.length + 1);
    for (const [at, change] of this.nameChanges.entries()) {
      const isKept = isJournal ? at < kept : random.chance(keepChance);
      if (isKept) change.apply(this.durableNames);
      this.events.cut(`unsynced changes of names ${isKept ? "kept" : "lost"}`);
    }
    this.nameChanges = [];
    this.names = new Map(this.durableNames);
    for (const file of new Set(this.names.values())) {
      file.powerCut(random, keepChance, (fate) => this.events.cut(`unsynced sectors ${fate}`));
    }
  }

  /** Everything gets to the disk, as it does when the machine is left alone. */
  settle(): void {
    for (const change of this.nameChanges) change.apply(this.durableNames);
    this.nameChanges = [];
    for (const file of this.names.values()) file.synced();
  }

  /** The files below a folder, by path. */
  filesIn(folder: string): Map<string, SimulatedFile> {
    return new Map([...this.names].filter(([path]) => path.startsWith(`${folder}/`)));
  }

  /** The same files on a disk of its own that never fails. */
  copy(): SimulatedDisk {
    const copy = new SimulatedDisk(this.random, {
      after: (_, callback) => callback(),
      spend: () => undefined,
      stopped: () => undefined,
      failed: () => undefined,
      cut: () => undefined,
    });
    for (const [path, file] of this.names) copy.names.set(path, file.clone());
    copy.durableNames = new Map(copy.names);
    copy.folders = new Set(this.folders);
    return copy;
  }

  private addName(path: string, file: SimulatedFile): void {
    this.changeNames(path, (names) => names.set(path, file));
  }

  private changeNames(path: string, apply: (names: Names) => void): void {
    apply(this.names);
    this.nameChanges.push({ folder: dirname(path), apply });
  }

  private opened(fd: number): { readonly file: SimulatedFile; readonly path: string } {
    const opened = this.descriptors.get(fd);
    if (opened === undefined) throw systemError("EBADF", String(fd));
    return opened;
  }

  private failFolderIfAsked(path: string): void {
    if (this.failingFolderSyncs === 0) return;
    this.failingFolderSyncs--;
    this.events.failed("a sync of a folder failed");
    throw systemError("EIO", path);
  }

  private changesIn(folder: string): ReadonlySet<NameChange> {
    return new Set(this.nameChanges.filter((change) => change.folder === folder));
  }

  private namesSynced(changes: ReadonlySet<NameChange>): void {
    this.nameChanges = this.nameChanges.filter((change) => {
      if (changes.has(change)) change.apply(this.durableNames);
      return !changes.has(change);
    });
  }

  private failIfAsked(file: SimulatedFile, path: string): void {
    if (this.failingSyncs === 0) return;
    this.failingSyncs--;
    this.events.failed("a sync failed");
    file.syncFailed(this.random);
    throw systemError("EIO", path);
  }

  private delay(ms: number): Promise<void> {
    return new Promise((resolve) => this.events.after(ms, resolve));
  }

  /** One operation; `inPart` is what of it is done where the machine stops at it. */
  private step(operation: Operation, path: string, inPart?: () => void): void {
    if (this.isStopped) throw systemError("EIO", `${operation} ${path}`);
    if (++this.operations < this.stopAt) return;
    inPart?.();
    this.isStopped = true;
    this.events.stopped();
    throw systemError("EIO", `${operation} ${path}`);
  }
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
