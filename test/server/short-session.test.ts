/** The statements of the product's introduction, each through the clients that people use. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import type pg from "pg";
import type postgres from "postgres";
import { connect, connectPostgresJs, disconnectAll, refusalOf } from "./clients.ts";
import { cleanUp, PASSWORD, type ServerProcess, startServer } from "./harness.ts";
import { cellOf, newSessionIds, type Step, shortSession, sortedRows } from "./short-session.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await disconnectAll();
  await cleanUp();
});

/** What one step should print, in the form in which a client's answer is compared. */
function expected(step: Step): unknown {
  if (step.refused !== undefined) return [step.refused.code, step.refused.message];
  return step.rows === undefined ? step.affected : sortedRows(step.rows);
}

async function playWithPg(client: pg.Client, step: Step, parameterized: boolean): Promise<unknown> {
  const { text, values } = parameterized ? liftLiterals(step.sql) : { text: step.sql, values: [] };
  const work = client.query<unknown[]>({ text, values, rowMode: "array" });
  if (step.refused !== undefined) {
    const { code, message } = await refusalOf(work);
    return [code, message];
  }
  const result = await work;
  return step.rows === undefined ? result.rowCount : sortedRows(result.rows.map((row) => row.map(cellOf)));
}

/** The statement with its literals as parameters: strings and instants as a program would pass them. */
function liftLiterals(sql: string): { text: string; values: (string | number)[] } {
  const values: (string | number)[] = [];
  const text = sql.replaceAll(/'([^']*)'|\b(\d{5,})\b/g, (_, string, number) => {
    values.push(number === undefined ? string : Number(number));
    return `$${values.length}`;
  });
  return { text, values };
}

test("node-postgres, simple queries", async () => {
  const client = await connect(server, "pg simple");
  for (const step of shortSession(newSessionIds())) {
    expect(await playWithPg(client, step, false), step.sql).toEqual(expected(step));
  }
});

test("node-postgres, parameterized queries", async () => {
  const client = await connect(server, "pg parameterized");
  for (const step of shortSession(newSessionIds())) {
    expect(await playWithPg(client, step, true), step.sql).toEqual(expected(step));
  }
});

test("ids in lower case name the same rows, and come back in upper case", async () => {
  const client = await connect(server, "lower case");
  for (const step of shortSession(newSessionIds())) {
    const lower = { ...step, sql: step.sql.replaceAll(/'0[0-9A-Z]{25}'/g, (id) => id.toLowerCase()) };
    expect(await playWithPg(client, lower, true), step.sql).toEqual(expected(step));
  }
});

async function playWithPostgresJs(sql: postgres.Sql, step: Step): Promise<unknown> {
  try {
    const rows = await sql.unsafe(step.sql).values();
    return step.rows === undefined ? rows.count : sortedRows(rows.map((row) => row.map(cellOf)));
  } catch (error) {
    if (error instanceof Error && "code" in error) return [error.code, error.message];
    throw error;
  }
}

test("postgres.js", async () => {
  const sql = connectPostgresJs(server, "postgres.js");
  try {
    for (const step of shortSession(newSessionIds())) {
      expect(await playWithPostgresJs(sql, step), step.sql).toEqual(expected(step));
    }
  } finally {
    await sql.end();
  }
});

const psql = Bun.which("psql");
if (psql === null) console.warn("psql is not on the PATH: its test is skipped");

const MARK = "--- step ---";

/** Plays statements in one psql, unaligned and without headings; returns what each printed. */
async function playWithPsql(database: string, statements: readonly string[]): Promise<string[]> {
  const { PATH } = process.env;
  const script = statements.map((sql) => `${sql};\n\\echo '${MARK}'\n`).join("");
  const child = Bun.spawn(
    ["sh", "-c", `exec '${psql}' -X -A -t -q -v VERBOSITY=verbose -v SHOW_CONTEXT=never 2>&1`],
    {
      env: {
        PATH,
        PGHOST: "127.0.0.1",
        PGPORT: String(server.port),
        PGUSER: "deltat",
        PGPASSWORD: PASSWORD,
        PGDATABASE: database,
      },
      stdin: new Blob([script]),
      stdout: "pipe",
      stderr: "ignore",
    },
  );
  const output = await new Response(child.stdout).text();
  expect(await child.exited, output).toBe(0);
  const parts = output.split(`${MARK}\n`);
  expect(parts.length, output).toBe(statements.length + 1);
  return parts.slice(0, -1);
}

function psqlAnswer(step: Step, printed: string): unknown {
  if (step.refused !== undefined) {
    const match = /ERROR: {2}(\w{5}): (.*)/.exec(printed);
    return match === null ? printed : [match[1], match[2]];
  }
  const lines = printed.split("\n").filter((line) => line !== "");
  return step.rows === undefined && lines.length === 0 ? step.affected : lines.sort();
}

test.skipIf(psql === null)("psql", async () => {
  const steps = shortSession(newSessionIds());
  const printed = await playWithPsql(
    "psql",
    steps.map((step) => step.sql),
  );
  for (const [i, step] of steps.entries()) {
    expect(psqlAnswer(step, printed[i] as string), step.sql).toEqual(expected(step));
  }
});

test.skipIf(psql === null)("psql shows what it listens to", async () => {
  const { flight, seats } = newSessionIds();
  const printed = await playWithPsql("psql listens", [
    `INSERT INTO resources (id) VALUES ('${flight}')`,
    `LISTEN resource_${flight}`,
    `INSERT INTO resources (id, parent_id, name) VALUES ('${seats[0]}', '${flight}', 'Seat 1A')`,
    "SELECT 1",
    `UNLISTEN resource_${flight}`,
    `DELETE FROM resources WHERE id = '${seats[0]}'`,
    "SELECT 2",
  ]);
  const event = { id: seats[0], parent_id: flight, name: "Seat 1A", capacity: 1, buffer_after: 0 };
  expect(printed.join("")).toContain(
    `Asynchronous notification "resource_${flight}" with payload "${JSON.stringify({ ResourceCreated: event })}"`,
  );
  expect(printed.join("").match(/Asynchronous/g)).toHaveLength(1);
});
