/** Deliberate bugs of storage: what stands between the server and the disk leaves something out. */

import type { FileSystem } from "../../src/storage/files.ts";
import { makeSnapshot } from "../../src/tenants/stored-state.ts";
import type { DeliberateBug, Plumbing } from "./deliberate-bug.ts";

/** Changes some of a file system's functions; `pathOf` tells what a descriptor stands for. */
type Change = (files: FileSystem, pathOf: (fd: number) => string) => Partial<FileSystem>;

function changed(files: FileSystem, change: Change): FileSystem {
  const paths = new Map<number, string>();
  const pathOf = (fd: number): string => paths.get(fd) ?? "";
  const whole: FileSystem = {
    open(path, mode) {
      const fd = files.open(path, mode);
      paths.set(fd, path);
      return fd;
    },
    close: (fd) => files.close(fd),
    size: (fd) => files.size(fd),
    isAt: (fd, path) => files.isAt(fd, path),
    read: (fd, into, position) => files.read(fd, into, position),
    write: (fd, bytes, position) => files.write(fd, bytes, position),
    writeLater: (fd, bytes, position) => files.writeLater(fd, bytes, position),
    sync: (fd) => files.sync(fd),
    syncLater: (fd) => files.syncLater(fd),
    syncFolder: (path) => files.syncFolder(path),
    syncFolderLater: (path) => files.syncFolderLater(path),
    makeFolder: (path) => files.makeFolder(path),
    list: (path) => files.list(path),
    rename: (from, to) => files.rename(from, to),
    remove: (path) => files.remove(path),
    removeFolderLater: (path) => files.removeFolderLater(path),
  };
  return { ...whole, ...change(files, pathOf) };
}

function withFiles(change: Change): (files: FileSystem) => Plumbing {
  return (files) => ({ files: changed(files, change), snapshotMaker: null });
}

const isSegment = (path: string): boolean => path.endsWith(".log");
const isSnapshot = (path: string): boolean => path.includes(".snapshot");

/** Leaves the sync of some files out. */
function unsynced(which: (path: string) => boolean): (files: FileSystem) => Plumbing {
  return withFiles((files, pathOf) => ({
    sync(fd) {
      if (!which(pathOf(fd))) files.sync(fd);
    },
    async syncLater(fd) {
      if (!which(pathOf(fd))) await files.syncLater(fd);
    },
  }));
}

const SYNC_FAILURE_IGNORED = withFiles((files) => ({
  sync(fd) {
    try {
      files.sync(fd);
    } catch {
      // Taken for done.
    }
  },
  syncLater: (fd) => files.syncLater(fd).catch(() => undefined),
}));

const FULL_DISK_IGNORED = withFiles((files, pathOf) => ({
  write(fd, bytes, position) {
    try {
      files.write(fd, bytes, position);
    } catch (error) {
      if (!isSegment(pathOf(fd))) throw error;
    }
  },
}));

const TORN_TAIL_KEPT = withFiles((files, pathOf) => ({
  write(fd, bytes, position) {
    const isCut = isSegment(pathOf(fd)) && bytes.every((byte) => byte === 0);
    if (!isCut) files.write(fd, bytes, position);
  },
}));

/** Old segments go while the name of the snapshot that stands for them may still be lost. */
function checkpointFolderNotSynced(files: FileSystem): Plumbing {
  let hasRemoved = false;
  const unsyncedAfterRemoval = changed(files, () => ({
    remove(path) {
      files.remove(path);
      hasRemoved = true;
    },
    async syncFolderLater(path) {
      if (!hasRemoved) await files.syncFolderLater(path);
      hasRemoved = false;
    },
  }));
  return {
    files: unsyncedAfterRemoval,
    snapshotMaker: (used, after) => async (folder, lastSegment) => {
      await new Promise<void>((resolve) => after(5, resolve));
      const unsynced = changed(used, () => ({ syncFolder: () => undefined }));
      return makeSnapshot(unsynced, folder, lastSegment);
    },
  };
}

/** The snapshot is in place, and the server is told so, before a byte of it has been written. */
function snapshotsWrittenTooLate(files: FileSystem): Plumbing {
  return {
    files,
    snapshotMaker: (used, after) => async (folder, lastSegment) => {
      const late: (() => void)[] = [];
      let fd = -1;
      const postponed = changed(used, () => ({
        open(path, mode) {
          if (mode !== "create") return used.open(path, mode);
          late.push(() => {
            fd = used.open(path, mode);
          });
          return -1;
        },
        write: (_, bytes, position) => void late.push(() => used.write(fd, bytes, position)),
        sync: () => void late.push(() => used.sync(fd)),
        close(other) {
          if (other === -1) late.push(() => used.close(fd));
          else used.close(other);
        },
        rename: (from, to) => void late.push(() => used.rename(from, to)),
        syncFolder: (path) => void late.push(() => used.syncFolder(path)),
      }));
      const made = makeSnapshot(postponed, folder, lastSegment);
      after(25, () => {
        try {
          for (const step of late) step();
        } catch {
          // It died on the way.
        }
      });
      return made;
    },
  };
}

export const FAULTY_FILES: readonly DeliberateBug[] = [
  { name: "log-not-synced", seed: 1, plumb: unsynced(isSegment) },
  { name: "snapshot-not-synced-before-its-rename", seed: 9, plumb: unsynced(isSnapshot) },
  { name: "failed-sync-taken-for-done", seed: 28, plumb: SYNC_FAILURE_IGNORED },
  { name: "full-disk-taken-for-room", seed: 8, plumb: FULL_DISK_IGNORED },
  {
    name: "folder-not-synced",
    seed: 1,
    plumb: withFiles(() => ({ syncFolder: () => undefined, syncFolderLater: async () => undefined })),
  },
  { name: "torn-tail-kept", seed: 404, plumb: TORN_TAIL_KEPT },
  { name: "snapshot-name-not-durable-before-segments-go", seed: 11, plumb: checkpointFolderNotSynced },
  { name: "segments-removed-before-the-snapshot-is-there", seed: 8, plumb: snapshotsWrittenTooLate },
];
