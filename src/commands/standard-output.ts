/**
 * Standard output written at once: what is dumped is much, and must not pile up in memory when its reader is slow. A
 * reader that has gone away is an error like a full disk, since what it has got is not whole.
 */

import { writeSync } from "node:fs";
import { messageOf, systemCodeOf } from "../errors.ts";

const STDOUT = 1;

/** A pipe that is full and does not wait is tried again so soon. */
const RETRY_MS = 2;

/** Throws an Error for what can be written no further. */
export function writeOut(text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(STDOUT, bytes, done);
    } catch (error) {
      const code = systemCodeOf(error);
      if (code !== "EAGAIN") throw new Error(`could not write to standard output: ${reasonOf(code, error)}`);
      Bun.sleepSync(RETRY_MS);
    }
  }
}

function reasonOf(code: string | undefined, error: unknown): string {
  if (code === "EPIPE") return "whoever was to read it has gone";
  return messageOf(error);
}
