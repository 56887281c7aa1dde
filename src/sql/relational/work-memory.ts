/** How many bytes of rows one statement may keep at a time. */

import type { SessionControl } from "../execution.ts";

const UNITS: Record<string, number> = { kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };

/** The setting work_mem, but no more than the server lets the session hold (DELTAT_WORK_MEM_MB). */
export function workMemory(session: SessionControl): number {
  const match = /^(\d+)(kB|MB|GB)$/.exec(session.settings.get("work_mem"));
  const asked = match === null ? 0 : Number(match[1]) * (UNITS[match[2] ?? ""] ?? 1024);
  return Math.min(asked, session.memory.leftBytes);
}
