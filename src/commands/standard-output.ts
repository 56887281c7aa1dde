/**
 * Standard output of a command whose output is large: written at the pace of whoever reads it, so that what they have not
 * taken yet is not kept in memory, and so that what cannot be written is an error of the command.
 */

import { writeSync } from "node:fs";

const STDOUT = 1;

/** How long to wait for a reader of a pipe that takes nothing and does not let a write wait. */
const PAUSE_MS = 5;

const sleeping = new Int32Array(new SharedArrayBuffer(4));
const encoder = new TextEncoder();

/** Returns when everything was taken. Throws an Error where it cannot be: no room, or nobody reads any more. */
export function writeOut(text: string): void {
  const bytes = encoder.encode(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(STDOUT, bytes, done);
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (code !== "EAGAIN") throw new Error(`cannot write to standard output: ${code ?? error}`);
      Atomics.wait(sleeping, 0, 0, PAUSE_MS);
    }
  }
}
