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
import { EPOCH_MS, resourceId, SLOTS_PER_WEEK, slotBooking } from "../calendar.ts";
import { POSTGRES } from "../clients/statements.ts";
import { BATCH_EPOCH_MS, BATCH_ROWS, INSERT_SLOT_MS, MAX_BATCHES, WEEKS } from "../clients/workload.ts";
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

const { readResource, writeResource } = POSTGRES;

const TABLES = `
  CREATE EXTENSION btree_gist;
  CREATE TABLE resources (id uuid PRIMARY KEY);
  CREATE TABLE rules (id int PRIMARY KEY, resource_id uuid NOT NULL REFERENCES resources,
    during int8range NOT NULL, blocking bool NOT NULL);
  CREATE INDEX ON rules USING gist (resource_id, during);
  CREATE TABLE bookings (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), resource_id uuid NOT NULL REFERENCES resources,
    during int8range NOT NULL, expires_at int8, label text,
    EXCLUDE USING gist (resource_id WITH =, during WITH &&));
  INSERT INTO resources VALUES ('${readResource}'), ('${writeResource}');
  INSERT INTO rules SELECT n, r, int8range(${EPOCH_MS}, ${BATCH_EPOCH_MS + MAX_BATCHES * BATCH_ROWS * INSERT_SLOT_MS}), false
    FROM (VALUES (1, '${readResource}'::uuid), (2, '${writeResource}')) v (n, r)`;

/** Makes PostgreSQL tell of bookings what deltat tells by itself. */
export const NOTIFYING = `
  CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_notify('resource_' || NEW.resource_id, json_build_object('BookingConfirmed', json_build_object(
      'id', NEW.id, 'resource_id', NEW.resource_id,
      'span', json_build_object('start', lower(NEW.during), 'end', upper(NEW.during)), 'label', NEW.label))::text);
    RETURN NULL;
  END $$;
  CREATE TRIGGER tell AFTER INSERT ON bookings FOR EACH ROW EXECUTE FUNCTION tell()`;

async function fill(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(TABLES);
  const rows = Array.from({ length: WEEKS * SLOTS_PER_WEEK }, (_, slot) => {
    const { start, end } = slotBooking(resourceId(0), slot, slot);
    return `('${readResource}', int8range(${start}, ${end}))`;
  });
  await sql.unsafe(`INSERT INTO bookings (resource_id, during) VALUES ${rows.join(", ")}`);
  await sql.unsafe("VACUUM ANALYZE");
}

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

/** PostgreSQL with the calendar in it. */
export async function startPostgres(): Promise<PostgresUnderTest | null> {
  const server = await startEmptyPostgres();
  if (server !== null) await fill(server.sql);
  return server;
}
