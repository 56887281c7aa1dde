/**
 * node-postgres behind PgBouncer in transaction mode, with a single connection to the server: the story, and what must
 * hold when clients take turns on one connection. LISTEN goes straight to the server, as PgBouncer's users do it.
 */

import pg from "pg";
import { DAY, HOUR, newId } from "../../server/clients.ts";
import { tellThroughPg } from "../pg-story.ts";
import { type Address, refused, type Story } from "../story.ts";
import { carriesStatements, versionOf } from "./version.ts";

const ME = "pgbouncer";
const {
  PGHOST = "",
  PGPORT,
  PGUSER = "",
  PGPASSWORD = "",
  PGDATABASE = "",
  SERVER_PORT,
  STORY = "",
} = process.env;
const VERSION = versionOf("pgbouncer");

const bouncer: Address = {
  host: PGHOST,
  port: Number(PGPORT),
  user: PGUSER,
  password: PGPASSWORD,
  database: PGDATABASE,
};

const insist = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what);
};

async function attempt(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
    console.log("ok", ME, what);
  } catch (error) {
    console.error(`-- ${what}:`, error);
    process.exitCode = 1;
  }
}

async function connect(): Promise<pg.Client> {
  const client = new pg.Client(bouncer);
  await client.connect();
  return client;
}

async function tell(): Promise<void> {
  const story: Story = await Bun.file(STORY).json();
  const outcome = await tellThroughPg(bouncer, { ...bouncer, port: Number(SERVER_PORT) }, story);
  console.log("story", ME, JSON.stringify(outcome));
}

/** Many clients, one connection: their transactions go one after the other, and none sees a part of another. */
async function takeTurns(): Promise<void> {
  const room = newId();
  const clients = await Promise.all(Array.from({ length: 10 }, connect));
  const [first] = clients;
  await first?.query("INSERT INTO resources (id) VALUES ($1)", [room]);
  const book = async (client: pg.Client, n: number): Promise<void> => {
    await client.query("BEGIN");
    for (const half of [0, 1]) {
      const start = DAY + (2 * n + half) * HOUR;
      const values = [room, start, start + HOUR];
      await client.query('INSERT INTO bookings (resource_id, start, "end") VALUES ($1, $2, $3)', values);
    }
    await client.query(n % 2 === 0 ? "COMMIT" : "ROLLBACK");
  };
  await Promise.all(clients.map(book));
  const left = await first?.query("SELECT count(*)::int AS count FROM bookings WHERE resource_id = $1", [
    room,
  ]);
  insist(left?.rows[0].count === 10, `${left?.rows[0].count} bookings instead of 10`);
  const again = await refused(
    Promise.resolve(
      first?.query('INSERT INTO bookings (resource_id, start, "end") VALUES ($1, $2, $3)', [
        room,
        DAY,
        DAY + 1,
      ]),
    ),
  );
  insist(again.code === "23P01", `a collision was ${again.code}`);
  await Promise.all(clients.map((client) => client.end()));
}

/** What one leaves behind is gone for the next: DISCARD ALL between them, ROLLBACK where one has hung up. */
async function leaveNothing(): Promise<void> {
  const [one, other] = [await connect(), await connect()];
  await one.query("SET statement_timeout = 4321");
  const { rows } = await other.query("SHOW statement_timeout");
  insist(rows[0].statement_timeout === "0", `statement_timeout is ${rows[0].statement_timeout}`);
  const room = newId();
  await one.query("BEGIN");
  await one.query("INSERT INTO resources (id) VALUES ($1)", [room]);
  await one.end();
  const seen = await other.query("SELECT 1 FROM resources WHERE id = $1", [room]);
  insist(seen.rows.length === 0, "an unfinished transaction was committed");
  await other.end();
}

/** Settings of the start-up packet are carried over to whichever connection serves the client. */
async function carrySettings(): Promise<void> {
  const named = new pg.Client({ ...bouncer, application_name: "front desk" });
  const [, plain] = [await named.connect(), await connect()];
  for (const [client, name] of [
    [named, "front desk"],
    [plain, ""],
    [named, "front desk"],
  ] as const) {
    const { rows } = await client.query("SHOW application_name");
    insist(rows[0].application_name === name, `application_name is ${rows[0].application_name}`);
  }
  await Promise.all([named.end(), plain.end()]);
}

/** PgBouncer prepares anew what a client has prepared on another connection: since 1.21. */
async function prepare(): Promise<void> {
  const clients = [await connect(), await connect()];
  for (let n = 0; n < 6; n++) {
    for (const client of clients) {
      const { rows } = await client.query({ name: "add", text: "SELECT $1::int + 1 AS sum", values: [n] });
      insist(rows[0].sum === n + 1, `the sum is ${rows[0].sum}`);
    }
  }
  await Promise.all(clients.map((client) => client.end()));
}

async function logIn(): Promise<void> {
  const wrong = new pg.Client({ ...bouncer, password: "wrong" });
  const { message } = await wrong.connect().then(
    () => new Error("was let in with a wrong password"),
    (error: Error) => error,
  );
  insist(/password authentication failed|SASL/.test(message), message);
}

console.log("version", ME, VERSION);
await attempt("tells the story", tell);
await attempt("ten clients take turns on one connection", takeTurns);
await attempt("nothing is left for the next client", leaveNothing);
await attempt("settings of the start-up packet are carried over", carrySettings);
await attempt("SCRAM-SHA-256 on both sides", logIn);
if (carriesStatements(VERSION)) await attempt("prepared statements by name", prepare);
else console.log(`PgBouncer ${VERSION} knows no statements prepared by name (1.21 and newer do): not tried`);
