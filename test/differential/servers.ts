/** The two servers, each a process of its own in a temporary folder, on a port of its own. */

import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Address, Connection } from "./connection.ts";

export interface RunningServer {
  readonly address: Address;
  stop(): Promise<void>;
}

const START_ATTEMPTS = 200;
const ATTEMPT_MS = 50;

/** Where Debian puts the programs of each version. */
const DEBIAN_FOLDER = "/usr/lib/postgresql";

/** The folder with `initdb` and `postgres`, the newest there is; null if there is none of version 15 or above. */
export function findPostgres(): string | null {
  const versions = existsSync(DEBIAN_FOLDER) ? readdirSync(DEBIAN_FOLDER).map(Number) : [];
  const usable = versions.filter((version) => version >= 15).toSorted((a, b) => b - a);
  const folders = usable.map((version) => join(DEBIAN_FOLDER, String(version), "bin"));
  return folders.find((folder) => existsSync(join(folder, "initdb"))) ?? null;
}

/** A port that was free a moment ago. */
function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

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

function numericId(flag: "-u" | "-g", user: string): number {
  return Number(Bun.spawnSync(["id", flag, user]).stdout.toString());
}

/** Settings under which answers do not depend on the machine. */
const SETTINGS = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  fsync: "off",
  jit: "off",
  max_parallel_workers_per_gather: "0",
  TimeZone: "UTC",
  log_min_messages: "panic",
};

/** Starts a PostgreSQL from the programs in `programs`. It refuses to run as root: then it runs as `postgres`. */
export async function startPostgres(programs: string): Promise<RunningServer> {
  const isRoot = process.getuid?.() === 0;
  const user = "postgres";
  const folder = mkdtempSync(join(tmpdir(), "differential-postgres-"));
  if (isRoot) chownSync(folder, numericId("-u", user), numericId("-g", user));
  const prefix = isRoot ? ["runuser", "-u", user, "--"] : [];
  const data = join(folder, "data");
  const options = ["--locale=C.UTF-8", "--lc-collate=C", "--encoding=UTF8", "--auth=trust", "-U", user];
  const made = Bun.spawnSync([...prefix, join(programs, "initdb"), "-D", data, ...options], { cwd: folder });
  if (made.exitCode !== 0) throw new Error(`initdb: ${made.stderr}`);
  const address: Address = { port: freePort(), user, password: "", database: "postgres" };
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = Bun.spawn(
    [...prefix, join(programs, "postgres"), "-D", data, "-p", String(address.port), ...settings],
    { cwd: folder, stdout: "ignore", stderr: "inherit" },
  );
  await waitFor(address, child);
  return {
    address,
    async stop() {
      Bun.spawnSync([...prefix, join(programs, "pg_ctl"), "stop", "-D", data, "-m", "immediate"], {
        cwd: folder,
      });
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
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
