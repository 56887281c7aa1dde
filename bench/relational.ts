/**
 * Joins, groups, windows and subqueries over 100,000 bookings of 1,000 resources, against a PostgreSQL with the same rows
 * and indexes on this machine: `bun bench/relational.ts [rounds]`. Both are asked over a socket in alternating rounds;
 * the figures are medians. Where no PostgreSQL is installed only deltat is measured, and it says so.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { findPostgres, startPostgresServer } from "../test/postgres-server.ts";
import { describeMachine } from "./machine.ts";
import { startDeltat } from "./servers.ts";

const ROUNDS = Number(process.argv[2] ?? 7);
const RESOURCES = 1000;
const BOOKINGS = 100_000;
const BUDGET = 3;

const QUERIES: readonly (readonly [what: string, text: string])[] = [
  [
    "joined, grouped, counted",
    "SELECT r.name, count(*) FROM bookings b JOIN resources r ON r.id = b.resource_id GROUP BY r.name ORDER BY 2 DESC, 1 LIMIT 10",
  ],
  [
    "joined by id, sum per resource",
    `SELECT r.id, sum(b."end" - b.start) FROM resources r LEFT JOIN bookings b ON b.resource_id = r.id GROUP BY r.id`,
  ],
  ["grouped by label", "SELECT label, count(*), min(start), max(start) FROM bookings GROUP BY label"],
  [
    "grouping sets",
    "SELECT resource_id, label, count(*) FROM bookings GROUP BY ROLLUP (resource_id, label) ORDER BY 3 DESC LIMIT 5",
  ],
  [
    "gaps by a window",
    `SELECT count(*) FROM (SELECT start - lag("end") OVER (PARTITION BY resource_id ORDER BY start) AS gap FROM bookings) s
     WHERE gap > 1800000`,
  ],
  [
    "moving sum by a window",
    "SELECT max(n) FROM (SELECT count(*) OVER (PARTITION BY resource_id ORDER BY start ROWS 20 PRECEDING) n FROM bookings) s",
  ],
  [
    "NOT IN a subquery",
    "SELECT count(*) FROM bookings WHERE label NOT IN (SELECT name FROM resources WHERE name IS NOT NULL)",
  ],
  [
    "EXISTS, correlated",
    "SELECT count(*) FROM resources r WHERE EXISTS (SELECT 1 FROM bookings b WHERE b.resource_id = r.id AND b.label = 'l7')",
  ],
  [
    "WITH, read twice",
    "WITH n AS (SELECT resource_id, count(*) AS c FROM bookings GROUP BY 1) SELECT a.c, count(*) FROM n a JOIN n b USING (resource_id) GROUP BY a.c",
  ],
  ["sorted, a page of it", "SELECT id, start FROM bookings ORDER BY start DESC, id LIMIT 20 OFFSET 5000"],
  ["distinct", "SELECT count(DISTINCT start) FROM bookings"],
];

const TABLES = `
  CREATE TABLE resources (id text PRIMARY KEY, parent_id text, name text, capacity int DEFAULT 1);
  CREATE TABLE bookings (id text PRIMARY KEY, resource_id text REFERENCES resources, start int8, "end" int8, label text);
  CREATE INDEX ON bookings (resource_id, start);`;

const ulid = (kind: string, n: string): string => `'01KE6000000000000${kind}' || lpad((${n})::text, 8, '0')`;

const FILLING = [
  `INSERT INTO resources (id, name) SELECT ${ulid("R", "g")}, 'Room ' || g FROM generate_series(1, ${RESOURCES}) g`,
  `INSERT INTO bookings (id, resource_id, start, "end", label)
   SELECT ${ulid("B", "g")}, ${ulid("R", `1 + g % ${RESOURCES}`)}, 1767600000000 + (g / ${RESOURCES}) * 3600000,
     1767600000000 + (g / ${RESOURCES}) * 3600000 + 1800000, 'l' || g % 97 FROM generate_series(0, ${BOOKINGS - 1}) g`,
];

interface Side {
  readonly sql: postgres.Sql;
  stop(): Promise<void>;
}

async function startPostgres(programs: string): Promise<Side> {
  const server = startPostgresServer(programs, ["--locale=C"], {
    shared_buffers: "256MB",
    work_mem: "256MB",
    jit: "off",
  });
  const sql = postgres({
    host: server.socket,
    path: server.socket,
    user: server.user,
    database: "postgres",
    max: 1,
    onnotice: () => {},
  });
  await sql.unsafe(TABLES);
  for (const text of FILLING) await sql.unsafe(text);
  await sql.unsafe("VACUUM ANALYZE");
  return {
    sql,
    async stop() {
      await sql.end();
      server.stop();
    },
  };
}

async function startOurs(): Promise<Side> {
  const folder = mkdtempSync(join(tmpdir(), "deltat-bench-"));
  const server = await startDeltat(folder, []);
  const { port, password } = server;
  const sql = postgres({
    host: "127.0.0.1",
    port,
    user: "deltat",
    password,
    database: "bench",
    max: 1,
    fetch_types: false,
  });
  for (const text of FILLING) await sql.unsafe(text);
  return {
    sql,
    async stop() {
      await sql.end();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function timed({ sql }: Side, text: string): Promise<number> {
  const began = performance.now();
  await sql.unsafe(text);
  return performance.now() - began;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const bin = findPostgres();
if (bin === null) console.log("No PostgreSQL is installed here: deltat alone is measured.");
const ours = await startOurs();
const theirs = bin === null ? null : await startPostgres(bin);
console.log(describeMachine());
console.log(
  `${BOOKINGS} bookings, ${RESOURCES} resources; medians of ${ROUNDS} alternating rounds, milliseconds\n`,
);
console.log("| query | deltat | PostgreSQL | ratio |\n| --- | --- | --- | --- |");
try {
  for (const [what, text] of QUERIES) {
    const [mine, others]: [number[], number[]] = [[], []];
    for (let round = -1; round < ROUNDS; round++) {
      const [a, b] = [await timed(ours, text), theirs === null ? Number.NaN : await timed(theirs, text)];
      // The first round warms up both.
      if (round >= 0) {
        mine.push(a);
        others.push(b);
      }
    }
    const [a, b] = [median(mine), median(others)];
    const ratio = Number.isNaN(b) ? "–" : `${(a / b).toFixed(2)}${a / b > BUDGET ? " **over**" : ""}`;
    console.log(`| ${what} | ${a.toFixed(1)} | ${Number.isNaN(b) ? "–" : b.toFixed(1)} | ${ratio} |`);
  }
} finally {
  await ours.stop();
  await theirs?.stop();
}
