/**
 * The file system as the log uses it. It comes in by parameter, so that a simulator can lose unsynced writes,
 * tear them, fill the disk or fail a sync. Descriptors are numbers; positions and sizes are bytes. Every
 * function throws (or rejects with) what the system said, an Error whose `code` is the errno's name.
 */

import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  write,
  writeSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFile, syncFileLater, syncFolderDescriptor, syncFolderDescriptorLater } from "./platform.ts";

/** `create` empties what is there; the other two fail if the file is missing. */
export type OpenMode = "create" | "write" | "read";

export interface FileSystem {
  open(path: string, mode: OpenMode): number;
  close(fd: number): void;
  size(fd: number): number;
  /** Whether the open file is the one that this path leads to: it was neither removed nor moved. */
  isAt(fd: number, path: string): boolean;
  /** Fills `into` from `position`; returns the bytes read, fewer than asked only at the end of the file. */
  read(fd: number, into: Uint8Array, position: number): number;
  /** Writes all of `bytes`. */
  write(fd: number, bytes: Uint8Array, position: number): void;
  writeLater(fd: number, bytes: Uint8Array, position: number): Promise<void>;
  /** Returns when everything written to `fd` so far is durable. */
  sync(fd: number): void;
  syncLater(fd: number): Promise<void>;
  /** Returns when the names in the folder are durable. */
  syncFolder(path: string): void;
  syncFolderLater(path: string): Promise<void>;
  /** Creates the folder and its parents, durably; nothing happens if it is there. */
  makeFolder(path: string): void;
  /** Names in the folder, in no order. */
  list(path: string): string[];
  rename(from: string, to: string): void;
  remove(path: string): void;
  /** With all that is in it. */
  removeFolderLater(path: string): Promise<void>;
}

const FLAGS: Readonly<Record<OpenMode, string>> = { create: "w+", write: "r+", read: "r" };

/** The operating system's files. */
export const localFiles: FileSystem = {
  open: (path, mode) => openSync(path, FLAGS[mode], 0o600),
  close: closeSync,
  size: (fd) => fstatSync(fd).size,
  isAt(fd, path) {
    const named = statSync(path, { throwIfNoEntry: false });
    const opened = fstatSync(fd);
    return named !== undefined && named.ino === opened.ino && named.dev === opened.dev;
  },
  read(fd, into, position) {
    let done = 0;
    while (done < into.length) {
      const count = readSync(fd, into, done, into.length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  },
  write(fd, bytes, position) {
    let done = 0;
    while (done < bytes.length) {
      done += writeSync(fd, bytes, done, bytes.length - done, position + done);
    }
  },
  async writeLater(fd, bytes, position) {
    let done = 0;
    while (done < bytes.length) done += await writeOnce(fd, bytes.subarray(done), position + done);
  },
  sync: syncFile,
  syncLater: syncFileLater,
  syncFolder(path) {
    const fd = openSync(path, "r");
    try {
      syncFolderDescriptor(fd);
    } finally {
      closeSync(fd);
    }
  },
  async syncFolderLater(path) {
    const fd = openSync(path, "r");
    try {
      await syncFolderDescriptorLater(fd);
    } finally {
      closeSync(fd);
    }
  },
  makeFolder(path) {
    if (existsSync(path)) return;
    const parent = dirname(path);
    if (parent !== path) localFiles.makeFolder(parent);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    localFiles.syncFolder(parent);
  },
  list: (path) => readdirSync(path),
  rename: renameSync,
  remove: unlinkSync,
  removeFolderLater: (path) => rm(path, { recursive: true, force: true }),
};

function writeOnce(fd: number, bytes: Uint8Array, position: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  write(fd, bytes, 0, bytes.length, position, (error, count) =>
    error === null ? resolve(count) : reject(error),
  );
  return promise;
}
