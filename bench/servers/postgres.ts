/**
 * PostgreSQL under measurement, on the same disk, and the same calendar in it. Tuned as one would for this load: memory
 * for all of it, no checkpoint in the middle, no JIT, statistics gathered; one index serves both the exclusion
 * constraint and the reading of a window.
 */

import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { findPostgres, type PostgresServer, startPostgresServer } from "../../test/postgres-server.ts";
import { fileSystem } from "../harness/machine.ts";
import { skip } from "../harness/part.ts";
import { PASSWORD, type Server } from "./server.ts";

const SETTINGS = {
  shared_buffers: "1GB",
  work_mem: "64MB",
  max_wal_size: "16GB",
  checkpoint_timeout: "60min",
  wal_buffers: "16MB",
  random_page_cost: "1.1",
  jit: "off",
  max_connections: "1200",
};

export interface PostgresUnderTest extends Server {
  /** A session of the owner. */
  readonly sql: postgres.Sql;
}

/** The postmaster's process, which takes over the CPU time of its children when they end. */
function postmasterPid({ socket }: PostgresServer): number {
  return Number(readFileSync(join(socket, "..", "data", "postmaster.pid"), "latin1").split("\n")[0]);
}

/** An empty PostgreSQL with the role and database that the clients of this suite ask for; null, said aloud, if there is none. */
export async function startEmptyPostgres(): Promise<PostgresUnderTest | null> {
  const programs = findPostgres();
  if (programs === null) {
    skip("PostgreSQL", "no version from 15 is installed in /usr/lib/postgresql (Debian: postgresql)");
    return null;
  }
  if (fileSystem(tmpdir()) !== fileSystem(import.meta.dir)) {
    console.log(
      `PostgreSQL's folder is on ${fileSystem(tmpdir())}, deltat's on ${fileSystem(import.meta.dir)}`,
    );
  }
  const server = startPostgresServer(programs, ["--locale=C"], SETTINGS);
  const at = { host: server.socket, path: server.socket, user: server.user, max: 1, onnotice: () => {} };
  const owner = postgres({ ...at, database: "postgres" });
  await owner.unsafe("CREATE ROLE deltat SUPERUSER LOGIN");
  await owner.unsafe("CREATE DATABASE bench");
  await owner.end();
  const sql = postgres({ ...at, database: "bench" });
  return {
    name: "PostgreSQL",
    port: server.port,
    password: PASSWORD,
    pid: postmasterPid(server),
    sql,
    async stop() {
      await sql.end();
      server.stop();
    },
  };
}
