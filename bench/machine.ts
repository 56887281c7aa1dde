/** The machine that figures come from, in one line: without it they mean nothing. */

import { cpus, release } from "node:os";

export function describeMachine(): string {
  const processors = cpus();
  const cores = `${processors[0]?.model}, ${processors.length} cores`;
  return `${cores}, Bun ${Bun.version}, ${process.platform} ${release()}`;
}
