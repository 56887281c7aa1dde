/** The two servers, each a process of its own in a temporary folder, on a port of its own. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, startPostgresServer } from "../postgres-server.ts";
import { type Address, Connection } from "./connection.ts";

export interface RunningServer {
  readonly address: Address;
  stop(): Promise<void>;
}

const START_ATTEMPTS = 200;
const ATTEMPT_MS = 50;

async function isReachable(address: Address): Promise<boolean> {
  try {
    (await Connection.open(address)).close();
    return true;
  } catch {
    return false;
  }
}

async function waitFor(address: Address, child: Bun.Subprocess): Promise<void> {
  for (let attempt = 0; attempt < START_ATTEMPTS && child.exitCode === null; attempt++) {
    if (await isReachable(address)) return;
    await Bun.sleep(ATTEMPT_MS);
  }
  throw new Error(`no server on port ${address.port}`);
}

/** Settings under which answers do not depend on the machine. */
const SETTINGS = {
  fsync: "off",
  jit: "off",
  max_parallel_workers_per_gather: "0",
  TimeZone: "UTC",
};

export function startPostgres(programs: string): RunningServer {
  const server = startPostgresServer(programs, ["--locale=C.UTF-8", "--lc-collate=C"], SETTINGS);
  const { port, user } = server;
  return {
    address: { port, user, password: "", database: "postgres" },
    stop: async () => server.stop(),
  };
}

export async function startDeltat(): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), "differential-deltat-"));
  const address: Address = {
    port: freePort(),
    user: "deltat",
    password: "differential",
    database: "differential",
  };
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "..", "..", "src", "main.ts")], {
    env: {
      ...process.env,
      DELTAT_PORT: String(address.port),
      DELTAT_BIND: "127.0.0.1",
      DELTAT_DATA_DIR: join(folder, "data"),
      DELTAT_PASSWORD: address.password,
      DELTAT_AUTH: "password",
    },
    stdout: "ignore",
    stderr: "inherit",
  });
  await waitFor(address, child);
  return {
    address,
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
