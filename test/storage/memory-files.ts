/**
 * A file system in memory that can lose power: what was not synced survives a crash sector by sector, at
 * random. Faults are injected by `fault`, and background syncs can be held back until the test lets them go.
 */

import type { FileSystem, OpenMode } from "../../src/storage/files.ts";

const SECTOR_BYTES = 512;

interface MemoryFile {
  /** The name it has now, which is what faults are told. */
  path: string;
  bytes: Uint8Array<ArrayBuffer>;
  /** What a crash cannot take away. */
  durable: Uint8Array<ArrayBuffer>;
}

export type Operation = "open" | "read" | "write" | "sync" | "syncFolder" | "rename" | "list" | "remove";

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

export class MemoryFiles implements FileSystem {
  /** Returns what the operation is to fail with. */
  fault: (operation: Operation, path: string) => Error | null = () => null;
  /** While true, background syncs wait for `releaseSyncs`. */
  holdSyncs = false;
  syncCount = 0;

  private names = new Map<string, MemoryFile>();
  private durableNames = new Map<string, MemoryFile>();
  private readonly descriptors = new Map<number, MemoryFile>();
  private nextDescriptor = 3;
  private held: (() => void)[] = [];

  private check(operation: Operation, path: string): void {
    const error = this.fault(operation, path);
    if (error !== null) throw error;
  }

  private described(fd: number): MemoryFile {
    const file = this.descriptors.get(fd);
    if (file === undefined) throw systemError("EBADF");
    return file;
  }

  open(path: string, mode: OpenMode): number {
    this.check("open", path);
    let file = this.names.get(path);
    if (mode === "create") {
      file = { path, bytes: new Uint8Array(0), durable: new Uint8Array(0) };
      this.names.set(path, file);
    }
    if (file === undefined) throw systemError("ENOENT");
    this.descriptors.set(this.nextDescriptor, file);
    return this.nextDescriptor++;
  }

  close(fd: number): void {
    this.described(fd);
    this.descriptors.delete(fd);
  }

  size(fd: number): number {
    return this.described(fd).bytes.length;
  }

  isAt(fd: number, path: string): boolean {
    return this.names.get(path) === this.described(fd);
  }

  read(fd: number, into: Uint8Array, position: number): number {
    const file = this.described(fd);
    this.check("read", file.path);
    const source = file.bytes.subarray(position, position + into.length);
    into.set(source);
    return source.length;
  }

  write(fd: number, bytes: Uint8Array, position: number): void {
    const file = this.described(fd);
    this.check("write", file.path);
    file.bytes = grown(file.bytes, position + bytes.length);
    file.bytes.set(bytes, position);
  }

  async writeLater(fd: number, bytes: Uint8Array, position: number): Promise<void> {
    this.write(fd, bytes, position);
  }

  sync(fd: number): void {
    const file = this.described(fd);
    this.syncCount++;
    this.check("sync", file.path);
    file.durable = file.bytes.slice();
  }

  async syncLater(fd: number): Promise<void> {
    const file = this.described(fd);
    this.syncCount++;
    const written = file.bytes.slice();
    if (this.holdSyncs) await new Promise<void>((release) => this.held.push(release));
    this.check("sync", file.path);
    file.durable = written;
  }

  releaseSyncs(): void {
    const released = this.held;
    this.held = [];
    for (const release of released) release();
  }

  syncFolder(path: string): void {
    this.check("syncFolder", path);
    this.durableNames = new Map(this.names);
  }

  async syncFolderLater(path: string): Promise<void> {
    this.syncFolder(path);
  }

  makeFolder(): void {}

  list(path: string): string[] {
    this.check("list", path);
    const prefix = `${path}/`;
    return [...this.names.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length));
  }

  rename(from: string, to: string): void {
    this.check("rename", from);
    const moved = [...this.names].filter(([path]) => path === from || path.startsWith(`${from}/`));
    if (moved.length === 0) throw systemError("ENOENT");
    for (const [path, file] of moved) {
      this.names.delete(path);
      file.path = to + path.slice(from.length);
      this.names.set(file.path, file);
    }
  }

  remove(path: string): void {
    this.check("remove", path);
    if (!this.names.delete(path)) throw systemError("ENOENT");
  }

  async removeFolderLater(path: string): Promise<void> {
    for (const name of [...this.names.keys()]) if (name.startsWith(`${path}/`)) this.remove(name);
  }

  /** The bytes of a file, to look at and to damage; both memory and disk see the change. */
  edit(path: string, change: (bytes: Uint8Array<ArrayBuffer>) => void): void {
    const file = this.names.get(path);
    if (file === undefined) throw systemError("ENOENT");
    change(file.bytes);
    file.durable = file.bytes.slice();
  }

  contents(path: string): Uint8Array<ArrayBuffer> {
    const file = this.names.get(path);
    if (file === undefined) throw systemError("ENOENT");
    return file.bytes;
  }

  /** The same files, as if they lay in `folder`. */
  under(folder: string): FileSystem {
    const inside = (path: string): string => (path.startsWith(folder) ? path.slice(folder.length + 1) : path);
    return {
      open: (path, mode) => this.open(inside(path), mode),
      close: (fd) => this.close(fd),
      size: (fd) => this.size(fd),
      isAt: (fd, path) => this.isAt(fd, inside(path)),
      read: (fd, into, position) => this.read(fd, into, position),
      write: (fd, bytes, position) => this.write(fd, bytes, position),
      writeLater: (fd, bytes, position) => this.writeLater(fd, bytes, position),
      sync: (fd) => this.sync(fd),
      syncLater: (fd) => this.syncLater(fd),
      syncFolder: (path) => this.syncFolder(inside(path)),
      syncFolderLater: (path) => this.syncFolderLater(inside(path)),
      makeFolder: () => {},
      list: (path) => this.list(inside(path)),
      rename: (from, to) => this.rename(inside(from), inside(to)),
      remove: (path) => this.remove(inside(path)),
      removeFolderLater: (path) => this.removeFolderLater(inside(path)),
    };
  }

  allNames(): string[] {
    return [...this.names.keys()];
  }

  /** A copy of everything, as if the machine had been copied. */
  clone(): MemoryFiles {
    const copy = new MemoryFiles();
    for (const [path, file] of this.names) {
      copy.names.set(path, { path, bytes: file.bytes.slice(), durable: file.durable.slice() });
    }
    copy.durableNames = new Map(copy.names);
    return copy;
  }

  /** What is found after a power cut; `random` in [0, 1) decides which unsynced sectors were written. */
  afterCrash(random: () => number): MemoryFiles {
    const found = new MemoryFiles();
    const names = random() < 0.5 ? this.durableNames : this.names;
    for (const [path, file] of names) {
      const bytes = torn(file, random);
      found.names.set(path, { path, bytes, durable: bytes.slice() });
    }
    found.durableNames = new Map(found.names);
    return found;
  }
}

function grown(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  if (length <= bytes.length) return bytes;
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}

function torn(file: MemoryFile, random: () => number): Uint8Array<ArrayBuffer> {
  const bytes = grown(file.durable.slice(), file.bytes.length);
  for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
    if (random() < 0.5) bytes.set(file.bytes.subarray(at, at + SECTOR_BYTES), at);
  }
  return bytes;
}
