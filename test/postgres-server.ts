/**
 * A PostgreSQL of this machine in a temporary folder, for who compares deltat with it. It refuses to run as root: then it
 * runs as the user `postgres`.
 */

import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface PostgresServer {
  readonly port: number;
  /** Its Unix socket. */
  readonly socket: string;
  readonly user: string;
  stop(): void;
}

/** Where Debian puts the programs of each version. */
const DEBIAN_FOLDER = "/usr/lib/postgresql";
const USER = "postgres";

/** The folder with `initdb` and `pg_ctl`, the newest there is; null if there is none of version 15 or above. */
export function findPostgres(): string | null {
  const versions = existsSync(DEBIAN_FOLDER) ? readdirSync(DEBIAN_FOLDER).map(Number) : [];
  const usable = versions.filter((version) => version >= 15).toSorted((a, b) => b - a);
  const folders = usable.map((version) => join(DEBIAN_FOLDER, String(version), "bin"));
  return folders.find((folder) => existsSync(join(folder, "initdb"))) ?? null;
}

/** A port that was free a moment ago. */
export function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

const isRoot = process.getuid?.() === 0;

function run(command: readonly string[], folder: string): void {
  const asUser = isRoot ? ["runuser", "-u", USER, "--"] : [];
  const { exitCode, stderr } = Bun.spawnSync([...asUser, ...command], {
    cwd: folder,
    stdout: "ignore",
    stderr: "pipe",
  });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
}

function numericId(flag: "-u" | "-g"): number {
  return Number(Bun.spawnSync(["id", flag, USER]).stdout.toString());
}

/**
 * @param programs from `findPostgres`
 * @param locale options of initdb
 * @param settings of the server
 */
export function startPostgresServer(
  programs: string,
  locale: readonly string[],
  settings: Readonly<Record<string, string>>,
): PostgresServer {
  const folder = mkdtempSync(join(tmpdir(), "deltat-postgres-"));
  if (isRoot) chownSync(folder, numericId("-u"), numericId("-g"));
  const data = join(folder, "data");
  run([join(programs, "initdb"), "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", ...locale], folder);
  const port = freePort();
  const given = { listen_addresses: "127.0.0.1", unix_socket_directories: folder, ...settings };
  const options = Object.entries(given).map(([name, value]) => `-c ${name}=${value}`);
  const start = [join(programs, "pg_ctl"), "start", "-D", data, "-w", "-l", join(folder, "log")];
  run([...start, "-o", `-p ${port} ${options.join(" ")}`], folder);
  return {
    port,
    socket: join(folder, `.s.PGSQL.${port}`),
    user: USER,
    stop() {
      run([join(programs, "pg_ctl"), "stop", "-D", data, "-m", "immediate"], folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
