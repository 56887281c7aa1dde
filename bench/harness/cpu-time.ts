/** CPU time of other processes, where the system tells it (Linux). */

import { readFileSync } from "node:fs";

/** Kernel clock ticks per second (Linux: USER_HZ is 100 on every architecture Bun runs on). */
const TICKS_PER_SECOND = 100;

/** User and system time of a process and of its children that have ended, microseconds, to a tick; NaN without /proc. */
export function cpuTimeUs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return (ticks * 1e6) / TICKS_PER_SECOND;
  } catch {
    return Number.NaN;
  }
}
