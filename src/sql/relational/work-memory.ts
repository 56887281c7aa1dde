/** The setting work_mem: bytes of rows that one statement may keep at a time. */

import type { SessionContext } from "../session-context.ts";

const UNITS: Record<string, number> = { kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };

export function workMemory(session: SessionContext): number {
  const match = /^(\d+)(kB|MB|GB)$/.exec(session.getSetting("work_mem") ?? "");
  return match === null ? 64 * 1024 ** 2 : Number(match[1]) * (UNITS[match[2] ?? ""] ?? 1024);
}
