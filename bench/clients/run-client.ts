/** Clients are processes of their own, so that what they do is not what they measure. */

import { join } from "node:path";

/** No client takes as long; one that does waits for a server that does not answer, and is ended. */
export const CLIENT_DEADLINE_MS = 120_000;

/** Runs a program of this folder with its options as JSON; returns the JSON that it prints. */
export async function runClient<Result>(program: string, options: object): Promise<Result> {
  const command = [process.execPath, join(import.meta.dir, program), JSON.stringify(options)];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit", timeout: CLIENT_DEADLINE_MS });
  const output = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(`${program} failed: ${JSON.stringify(options)}`);
  return JSON.parse(output) as Result;
}
