/**
 * The one place where operating systems differ: the lock of a file, and what makes bytes survive a power cut.
 *
 * Linux: fdatasync returns when the drive has flushed its cache. macOS: fsync only hands the bytes to the
 * drive; fcntl(F_FULLFSYNC) is what waits for the platter (Apple's fsync(2) manual page says so).
 */

import { dlopen, FFIType, type Pointer, read } from "bun:ffi";
import { fdatasync, fdatasyncSync, fsync, fsyncSync } from "node:fs";

const IS_MACOS = process.platform === "darwin";

/** sys/file.h; the same on both systems. */
const LOCK_EXCLUSIVE = 2;
const LOCK_WITHOUT_WAITING = 4;
/** sys/fcntl.h of macOS. */
const F_FULLFSYNC = 51;
/** errno of a lock that somebody else holds. */
const EWOULDBLOCK = IS_MACOS ? 35 : 11;

const ERRNO_SYMBOL = IS_MACOS ? "__error" : "__errno_location";

/** glibc first, then musl under the names its distributions install it by. */
const LIBRARY_NAMES = IS_MACOS
  ? ["libSystem.B.dylib"]
  : ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`, "libc.so"];

interface SystemCalls {
  flock(fd: number, operation: number): number;
  fcntl(fd: number, command: number): number;
  errno(): number;
}

let loaded: SystemCalls | null = null;

function systemCalls(): SystemCalls {
  loaded ??= loadSystemCalls();
  return loaded;
}

function loadSystemCalls(): SystemCalls {
  let lastError: unknown;
  for (const name of LIBRARY_NAMES) {
    try {
      const { symbols } = dlopen(name, {
        flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
        // fcntl is variadic, but F_FULLFSYNC takes no third argument: the plain calling convention holds.
        fcntl: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
        [ERRNO_SYMBOL]: { args: [], returns: FFIType.ptr },
      });
      const errnoLocation = symbols[ERRNO_SYMBOL] as unknown as () => Pointer;
      return {
        flock: symbols.flock,
        fcntl: symbols.fcntl,
        errno: () => read.i32(errnoLocation(), 0),
      };
    } catch (error) {
      lastError = error;
    }
  }
  throw new Error(`no C library found (tried ${LIBRARY_NAMES.join(", ")})`, { cause: lastError });
}

/**
 * Takes the exclusive lock of an open file without waiting; the system releases it when the descriptor is
 * closed or the process dies. False if another descriptor holds it; throws if the system cannot lock.
 */
export function tryLockFile(fd: number): boolean {
  const calls = systemCalls();
  if (calls.flock(fd, LOCK_EXCLUSIVE | LOCK_WITHOUT_WAITING) === 0) return true;
  const errno = calls.errno();
  if (errno === EWOULDBLOCK) return false;
  throw new Error(`flock failed with errno ${errno}`);
}

function flushDriveCache(fd: number): void {
  const calls = systemCalls();
  if (calls.fcntl(fd, F_FULLFSYNC) === -1) throw new Error(`F_FULLFSYNC failed with errno ${calls.errno()}`);
}

/** Returns when everything written to the file is durable. */
export function syncFile(fd: number): void {
  if (IS_MACOS) flushDriveCache(fd);
  else fdatasyncSync(fd);
}

/**
 * The same without blocking the event loop. On macOS the transfer to the drive happens in the background and
 * only the flush of the drive's cache blocks, since no asynchronous call for it exists.
 */
export function syncFileLater(fd: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const finish = (error: Error | null) => {
    if (error !== null) return reject(error);
    try {
      if (IS_MACOS) flushDriveCache(fd);
      resolve();
    } catch (flushError) {
      reject(flushError);
    }
  };
  if (IS_MACOS) fsync(fd, finish);
  else fdatasync(fd, finish);
  return promise;
}

/** Makes the names in an open folder durable: files created, renamed and removed. */
export function syncFolderDescriptor(fd: number): void {
  fsyncSync(fd);
  if (IS_MACOS) flushDriveCache(fd);
}

/** The same without blocking the event loop. */
export function syncFolderDescriptorLater(fd: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  fsync(fd, (error) => (error === null ? resolve() : reject(error)));
  return promise;
}
