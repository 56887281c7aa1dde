/** A bug that is put into the server on purpose, to see that the simulator finds it. */

import type { FileSystem } from "../../src/storage/files.ts";
import type { SnapshotMaker } from "../../src/tenants/checkpoint.ts";

/** What stands between the server and the machine. */
export interface Plumbing {
  readonly files: FileSystem;
  /** How snapshots are made of these files; null: as they are. */
  readonly snapshotMaker: ((files: FileSystem, after: After) => SnapshotMaker) | null;
}

/** Runs `callback` after so much simulated time. */
export type After = (delayMs: number, callback: () => void) => void;

export interface DeliberateBug {
  readonly name: string;
  /** With this one it was found: tests begin there. */
  readonly seed: number;
  /** Puts something else between the server and the machine. */
  readonly plumb?: (files: FileSystem) => Plumbing;
  /** Puts other functions in the place of the server's; what it returns puts them back. */
  readonly patch?: () => () => void;
}
