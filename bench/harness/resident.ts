/** Resident memory of a process. */

import { readFileSync } from "node:fs";

/** Time for the allocator to hand back to the system what the collector has freed. */
export const SETTLE_MS = 1_000;

/** Bytes, exact where the kernel says so (Linux); of this process elsewhere. */
export function residentBytes(pid: number | "self" = "self"): number {
  if (process.platform !== "linux") return process.memoryUsage.rss();
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  return Number(/^Rss:\s+(\d+) kB$/m.exec(rollup)?.[1]) * 1024;
}
