/** psql and pgbench, the programs of PostgreSQL itself: the story as a script, and load in every protocol mode. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, DAY, disconnectAll, HOUR, newId } from "../server/clients.ts";
import { cleanUp, type ServerProcess, startServer, temporaryFolder } from "../server/harness.ts";
import {
  addressOf,
  type Booking,
  expectedOutcome,
  newStory,
  type Outcome,
  type Run,
  type Story,
} from "./story.ts";

const { PATH } = process.env;
const psql = Bun.which("psql");
if (psql === null) console.warn("psql is not on the PATH: its story is skipped");
const pgbench = Bun.which("pgbench");
if (pgbench === null) console.warn("pgbench is not on the PATH: its load is skipped");

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await disconnectAll();
  await cleanUp();
});

/** The environment by which libpq finds the server. */
function libpq(database: string): Record<string, string | undefined> {
  const { host, port, user, password } = addressOf(server, database);
  return {
    PATH,
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE: database,
    PGCLIENTENCODING: "UTF8",
  };
}

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(command: readonly string[], database: string, input: string): Promise<Said> {
  const child = Bun.spawn([...command], {
    env: libpq(database),
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, out, err };
}

/** Runs a script in psql, values between bars, nothing else printed but what the script says. */
function runPsql(script: string, database = "psql", ...options: string[]): Promise<Said> {
  return run([psql ?? "", "-XqAt", "-F", "|", "-v", "VERBOSITY=verbose", ...options], database, script);
}

const list = (rows: readonly (readonly (string | number | boolean | null)[])[]) =>
  rows
    .map((row) => `(${row.map((v) => (typeof v === "string" ? `'${v}'` : String(v))).join(", ")})`)
    .join(",\n  ");

const places = (rows: readonly Booking[]) =>
  list(rows.map((b) => [b.id, b.resource_id, b.start, b.end, b.label]));

/** The script. Every answer stands after a line `== <name>`. */
function scriptOf(story: Story): string {
  const { house, small, large, open, cleaning, hold, interview, window, never, ada, grace, moved } = story;
  const INSERT = 'INSERT INTO bookings (id, resource_id, start, "end", label) VALUES';
  const within = `start >= ${window.start} AND "end" <= ${window.end}`;
  const look = `SELECT count(*) FROM bookings WHERE resource_id = '${never.resource_id}' AND start = ${never.start};`;
  return `
INSERT INTO resources (id, name) VALUES ('${house.id}', '${house.name}');
INSERT INTO resources (id, parent_id, name, capacity, buffer_after) VALUES
  ${list([small, large].map((r) => [r.id, r.parent_id, r.name, r.capacity, r.buffer_after]))};
INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES
  ${list([open, cleaning].map((r) => [r.id, r.resource_id, r.start, r.end, r.blocking]))};
\\echo == batch
${INSERT} ${places(story.batch)} RETURNING id;
\\echo == conflict
${INSERT} ${places([story.late])};
\\echo :SQLSTATE :LAST_ERROR_MESSAGE
\\echo == repeated
${INSERT} ${places([ada])} ON CONFLICT (id) DO NOTHING;
\\echo :ROW_COUNT
\\echo == badBatch
${INSERT} ${places(story.badBatch)};
\\echo :SQLSTATE
INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES
  ${list([[hold.id, hold.resource_id, hold.start, hold.end, hold.expires_at]])};
\\echo == interview
INSERT INTO bookings (id, hold_id, label) VALUES ${list([[interview.id, hold.id, interview.label]])}
  RETURNING resource_id, start, "end";
\\echo == holdsLeft
SELECT count(*) FROM holds WHERE resource_id = '${hold.resource_id}';
\\echo == free
SELECT start, "end" FROM availability
WHERE resource_id = '${small.id}' AND ${within} AND min_duration = ${story.minDuration};
\\echo == freePerRoom
SELECT * FROM availability
WHERE resource_id IN ('${small.id}', '${large.id}') AND ${within} AND per_resource = true;
\\echo == freeTogether
SELECT start, "end" FROM availability
WHERE resource_id = ANY('{${small.id},${large.id}}') AND ${within};
LISTEN ${story.channel};
BEGIN;
${INSERT} ${places([never])};
\\echo == inside
${look}
ROLLBACK;
\\echo == afterRollback
${look}
\\echo == heard
DELETE FROM bookings WHERE id = '${ada.id}';
UPDATE bookings SET start = ${moved.start}, "end" = ${moved.end} WHERE id = '${grace.id}';
UNLISTEN *;
\\echo == diary
SELECT r.name AS room, b.label, b.start, b."end"
FROM bookings b JOIN resources r ON r.id = b.resource_id ORDER BY b.start, r.name;
`;
}

/** What psql printed, by the names that the script gave. */
function sectionsOf(out: string): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  for (const part of out.split(/^== /m).slice(1)) {
    const [name = "", ...lines] = part.trimEnd().split("\n");
    sections.set(name, lines);
  }
  return sections;
}

function outcomeOf(out: string): Outcome {
  const sections = sectionsOf(out);
  const lines = (name: string) => sections.get(name) ?? [];
  const one = (name: string) => lines(name).join("\n");
  const runs = (name: string): Run[] =>
    lines(name).map((line) => {
      const [start, end] = line.split("|");
      return { start: Number(start), end: Number(end) };
    });
  const roomRuns = (name: string) =>
    lines(name).map((line) => {
      const [resource_id = "", start, end] = line.split("|");
      return { resource_id, start: Number(start), end: Number(end) };
    });
  const [code, ...message] = one("conflict").split(" ");
  return {
    batch: lines("batch"),
    conflict: { code, message: message.join(" ") },
    repeated: Number(one("repeated")),
    badBatch: one("badBatch"),
    interview: roomRuns("interview"),
    holdsLeft: Number(one("holdsLeft")),
    free: runs("free"),
    freePerRoom: roomRuns("freePerRoom"),
    freeTogether: runs("freeTogether"),
    inside: Number(one("inside")),
    afterRollback: Number(one("afterRollback")),
    heard: lines("heard").map((line) => JSON.parse(/with payload "(.*)" received/.exec(line)?.[1] ?? "null")),
    diary: lines("diary").map((line) => {
      const [room = "", label = "", start, end] = line.split("|");
      return { room, label: label === "" ? null : label, start: Number(start), end: Number(end) };
    }),
  };
}

describe.skipIf(psql === null)("psql", () => {
  test("the story, as a script", async () => {
    const story = newStory();
    const said = await runPsql(scriptOf(story));
    expect(outcomeOf(said.out)).toEqual(expectedOutcome(story));
    expect(said.code).toBe(0);
    // The two refusals of the story, and not one more.
    expect(said.err.match(/^ERROR: .*$/gm)).toEqual([
      `ERROR:  23P01: conflict with allocation: ${story.ada.id}`,
      `ERROR:  23P01: conflict with allocation: ${story.grace.id}`,
    ]);
  }, 20_000);

  test("a script in one transaction stops at its first error and leaves nothing", async () => {
    const [room, id] = [newId(), newId()];
    const script = `
INSERT INTO resources (id) VALUES ('${room}');
\\set day ${DAY}
INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${id}', '${room}', :day, :day + 1000);
INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${id}', '${room}', :day, :day + 1000);
`;
    const said = await runPsql(script, "script", "-1", "-v", "ON_ERROR_STOP=1");
    expect(said.code).toBe(3);
    expect(said.err).toContain(`ERROR:  23505: already exists: ${id}`);
    const look = await runPsql(`SELECT id FROM resources WHERE id = '${room}' \\g\n`, "script");
    expect(look).toEqual({ code: 0, out: "", err: "" });
  }, 20_000);
});

const [CLIENTS, TRANSACTIONS] = [4, 50];

describe.skipIf(pgbench === null)("pgbench", () => {
  // Each client counts its own hours in a room that all share, so that nothing collides and all can be counted.
  const script = (room: string) => `
\\set n :n + 1
\\set start ${DAY} + (:client_id * ${TRANSACTIONS} + :n) * ${HOUR}
\\set end :start + ${HOUR}
SELECT start, "end" FROM availability WHERE resource_id = '${room}' AND start >= :start AND "end" <= :end;
INSERT INTO bookings (resource_id, start, "end") VALUES ('${room}', :start, :end);
BEGIN;
SELECT "end" AS booked FROM bookings WHERE resource_id = '${room}' AND start = :start \\gset
UPDATE bookings SET label = 'seen' WHERE resource_id = '${room}' AND "end" = :booked;
END;
`;

  for (const mode of ["simple", "extended", "prepared"]) {
    test(`${CLIENTS} clients by the ${mode} protocol`, async () => {
      const database = `pgbench_${mode}`;
      const client = await connect(server, database);
      const room = newId();
      await client.query(`INSERT INTO resources (id) VALUES ('${room}')`);
      const file = join(temporaryFolder(), "book.sql");
      writeFileSync(file, script(room));
      const size = ["-t", String(TRANSACTIONS), "-c", String(CLIENTS)];
      const said = await run(
        [pgbench ?? "", "-n", "-f", file, "-M", mode, "-D", "n=0", ...size],
        database,
        "",
      );
      const wanted = CLIENTS * TRANSACTIONS;
      expect(said).toMatchObject({ code: 0 });
      expect(said.out).toContain(`number of transactions actually processed: ${wanted}/${wanted}`);
      const { rows } = await client.query(
        "SELECT label, count(*) FROM bookings WHERE resource_id = $1 GROUP BY label",
        [room],
      );
      expect(rows).toEqual([{ label: "seen", count: String(wanted) }]);
    }, 20_000);
  }
});
