/** A server under measurement: a process of its own on a free port of this machine. */

import type { Target } from "../clients/wire-client.ts";

export type ServerName = "deltat" | "null server" | "PostgreSQL";

export interface Server extends Target {
  readonly name: ServerName;
  readonly pid: number;
  stop(): Promise<void>;
}

export const PASSWORD = "bench";

/** Starts a process of this runtime and takes its port from the first line it prints. */
export async function startProcess(
  name: ServerName,
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Server> {
  const child = Bun.spawn([process.execPath, ...command], {
    env: { ...process.env, ...environment },
    stdout: "pipe",
    stderr: "inherit",
  });
  let line = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    line += decoder.decode(chunk, { stream: true });
    if (line.includes("\n")) break;
  }
  const port = Number(/(\d+)(,|\n)/.exec(line)?.[1]);
  if (!(port > 0)) throw new Error(`${name} did not start: ${JSON.stringify(line)}`);
  return {
    name,
    port,
    password: PASSWORD,
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** Stops what was started, the last first, whatever happens meanwhile. */
export class Servers {
  private readonly started: Server[] = [];

  async add(starting: Promise<Server>): Promise<Server> {
    const server = await starting;
    this.started.push(server);
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.started.reverse()) await server.stop();
  }
}
