/**
 * Joins, groups, windows and subqueries over 100,000 bookings of 1,000 resources, in deltat and in a PostgreSQL with
 * the same rows and indexes; both are asked over a socket in turns, and must give the same rows.
 */

import { join } from "node:path";
import postgres from "postgres";
import type { Figure, Figures, Metrics } from "../harness/figures.ts";
import { type Course, type Part, type Rendering, withFolder } from "../harness/part.ts";
import { inTurns } from "../harness/rounds.ts";
import { number, table } from "../report/table.ts";
import { startDeltat } from "../servers/deltat.ts";
import { startEmptyPostgres } from "../servers/postgres.ts";
import { type Server, Servers } from "../servers/server.ts";

const ROUNDS = 7;
const RESOURCES = 1000;
export const BOOKINGS = 100_000;

export const JOINED = "joined, grouped, counted";

const QUERIES: readonly (readonly [what: string, text: string])[] = [
  [
    JOINED,
    "SELECT r.name, count(*) FROM bookings b JOIN resources r ON r.id = b.resource_id GROUP BY r.name ORDER BY 2 DESC, 1 LIMIT 10",
  ],
  [
    "joined by id, sum per resource",
    `SELECT r.id, sum(b."end" - b.start) FROM resources r LEFT JOIN bookings b ON b.resource_id = r.id GROUP BY r.id`,
  ],
  ["grouped by label", "SELECT label, count(*), min(start), max(start) FROM bookings GROUP BY label"],
  [
    "grouping sets",
    "SELECT resource_id, label, count(*) FROM bookings GROUP BY ROLLUP (resource_id, label) ORDER BY 3 DESC, 1, 2 LIMIT 5",
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

function connect({ port, password }: Server): postgres.Sql {
  return postgres({
    host: "127.0.0.1",
    port,
    user: "deltat",
    password,
    database: "bench",
    max: 1,
    fetch_types: false,
    onnotice: () => {},
  });
}

/** Asks one server, and checks that all servers give the same rows to each query. */
class Asker {
  private readonly rowsOf = new Map<string, string>();

  async ask(sql: postgres.Sql, text: string): Promise<Metrics> {
    const began = performance.now();
    const found = await sql.unsafe(text).values();
    const ms = performance.now() - began;
    const rows = found
      .map((row) => row.join())
      .sort()
      .join("\n");
    const expected = this.rowsOf.get(text) ?? rows;
    if (rows !== expected) throw new Error(`answered in two ways: ${text}`);
    this.rowsOf.set(text, rows);
    return { ms };
  }
}

async function measure(course: Course, folder: string): Promise<Figure[]> {
  await using servers = new Servers();
  const deltat = await servers.add(startDeltat(join(folder, "data")));
  const postgres = await startEmptyPostgres();
  const all: Server[] = [deltat];
  if (postgres !== null) {
    all.push(await servers.add(Promise.resolve(postgres)));
    await postgres.sql.unsafe(TABLES);
  }
  const sessions = all.map((server) => ({ server, sql: connect(server) }));
  for (const { sql } of sessions) for (const text of FILLING) await sql.unsafe(text);
  await postgres?.sql.unsafe("VACUUM ANALYZE");
  const asker = new Asker();
  const contestants = QUERIES.flatMap(([work, text]) =>
    sessions.map(({ server, sql }) => ({
      work,
      subject: server.name,
      at: BOOKINGS,
      run: () => asker.ask(sql, text),
    })),
  );
  const figures = await inTurns(contestants, course.rounds ?? (course.quick ? 1 : ROUNDS), true);
  for (const { sql } of sessions) await sql.end();
  return figures;
}

const RIVALS = ["deltat", "PostgreSQL"] as const;

function render(figures: Figures): Rendering {
  const rows = figures.works().map((work) => {
    const ours = figures.middle(work, "deltat", BOOKINGS, "ms");
    const theirs = figures.middle(work, "PostgreSQL", BOOKINGS, "ms");
    return [work, number(ours), number(theirs), number(figures.ratio(work, RIVALS, BOOKINGS, "ms"))];
  });
  return { markdown: table(["query", "deltat, ms", "PostgreSQL, ms", "ratio"], rows), plots: [] };
}

export const relational: Part = {
  name: "relational",
  about: "joins, groups, windows and subqueries, beside PostgreSQL",
  run: (course) => withFolder((folder) => measure(course, folder)),
  render,
};
