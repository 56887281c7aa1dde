/** Savepoints, row locks, PREPARE and NOTIFY as drivers and the raw protocol use them, over real sockets. */

import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type pg from "pg";
import postgres from "postgres";
import { connect, DAY, disconnectAll, HOUR, newId, refusalOf, rowsOf, USER } from "./clients.ts";
import { cleanUp, PASSWORD, type ServerProcess, startServer } from "./harness.ts";
import { outcome, RawClient, serialize, statement } from "./raw-client.ts";

let server: ServerProcess;
let client: pg.Client;
let other: pg.Client;
let room: string;

beforeAll(async () => {
  server = await startServer();
  client = await connect(server);
  other = await connect(server);
});

beforeEach(async () => {
  room = newId();
  await client.query("INSERT INTO resources (id) VALUES ($1)", [room]);
});

afterAll(async () => {
  await disconnectAll();
  await cleanUp();
});

const INSERT = 'INSERT INTO bookings (id, resource_id, start, "end") VALUES ($1, $2, $3, $4)';
const values = (id: string, hour: number) => [id, room, DAY + hour * HOUR, DAY + (hour + 1) * HOUR];
const bookings = (by: pg.Client) =>
  rowsOf(by, `SELECT id FROM bookings WHERE resource_id = '${room}' ORDER BY id`);

test("a savepoint around each attempt finds the first free hour", async () => {
  const [taken, mine] = [newId(), newId()];
  await other.query(INSERT, values(taken, 0));
  await client.query("BEGIN");
  for (let hour = 0; hour < 3; hour++) {
    await client.query("SAVEPOINT attempt");
    try {
      await client.query(INSERT, values(mine, hour));
      break;
    } catch {
      await client.query("ROLLBACK TO SAVEPOINT attempt");
    }
  }
  await client.query("COMMIT");
  expect(await bookings(other)).toEqual([[taken], [mine]].sort());
});

test("postgres.js nests transactions", async () => {
  const sql = postgres({
    host: "127.0.0.1",
    port: server.port,
    user: USER,
    pass: PASSWORD,
    database: "main",
    fetch_types: false,
  });
  const kept = newId();
  await sql.begin("ISOLATION LEVEL SERIALIZABLE", async (tx) => {
    await tx`INSERT INTO bookings (id, resource_id, start, "end") VALUES (${kept}, ${room}, ${DAY}, ${DAY + HOUR})`;
    const lost = tx.savepoint(
      (inner) =>
        inner`INSERT INTO bookings (resource_id, start, "end") VALUES (${room}, ${DAY}, ${DAY + HOUR})`,
    );
    expect(
      await lost.then(
        () => "",
        (error: postgres.PostgresError) => error.code,
      ),
    ).toBe("23P01");
  });
  expect(await bookings(client)).toEqual([[kept]]);
  await sql.end();
});

test("a resource locked FOR UPDATE serialises check-then-book", async () => {
  const book = async (by: pg.Client) => {
    await by.query("BEGIN");
    await by.query("SELECT * FROM resources WHERE id = $1 FOR UPDATE", [room]);
    const { rows } = await by.query("SELECT count(*) FROM bookings WHERE resource_id = $1", [room]);
    return Number(rows[0].count);
  };
  expect(await book(client)).toBe(0);
  expect(await book(other)).toBe(0);
  await client.query(INSERT, values(newId(), 0));
  await other.query(INSERT, values(newId(), 5));
  await client.query("COMMIT");
  expect((await refusalOf(other.query("COMMIT"))).code).toBe("40001");
  expect(await book(other)).toBe(1);
  await other.query("ROLLBACK");
});

test("statements named by Parse and by PREPARE are one list, and EXECUTE is described as what it runs", async () => {
  const raw = await RawClient.connect(server);
  raw.send(
    serialize.parse({ name: "s", text: "SELECT $1::bigint AS n" }),
    serialize.sync(),
    serialize.query("EXECUTE s(41 + 1)"),
    serialize.query("PREPARE p AS SELECT id, capacity FROM resources WHERE id = $1"),
    serialize.parse({ text: "EXECUTE p($1)" }),
    serialize.describe({ type: "S" }),
    serialize.bind({ values: [room] }),
    serialize.execute(),
    serialize.bind({ portal: "q", statement: "p", values: [room] }),
    serialize.execute({ portal: "q" }),
    serialize.sync(),
    serialize.query("DEALLOCATE s"),
    serialize.bind({ statement: "s", values: ["1"] }),
    serialize.sync(),
  );
  const cycles = [];
  for (let i = 0; i < 6; i++) cycles.push(await raw.cycle());
  expect(cycles.map(outcome)).toEqual([
    [],
    ["SELECT 1"],
    ["PREPARE"],
    ["SELECT 1", "SELECT 1"],
    ["DEALLOCATE"],
    ["26000"],
  ]);
  const rows = cycles.flat().filter(({ name }) => name === "dataRow");
  expect(rows.map(({ fields }) => fields)).toEqual([["42"], [room, "1"], [room, "1"]]);
  const described = cycles[3]?.find(({ name }) => name === "rowDescription")?.fields as { name: string }[];
  expect(described.map(({ name }) => name)).toEqual(["id", "capacity"]);
  await raw.end();
});

test("ROLLBACK TO by the extended protocol revives a failed block", async () => {
  const raw = await RawClient.connect(server);
  const id = newId();
  const parameters = values(id, 0).map(String);
  raw.send(
    serialize.query("BEGIN; SAVEPOINT s"),
    statement("SELECT 1 / 0"),
    serialize.sync(),
    statement("SELECT 1"),
    serialize.sync(),
    statement("ROLLBACK TO s"),
    serialize.sync(),
    statement(INSERT, parameters),
    serialize.sync(),
    statement("COMMIT AND CHAIN"),
    serialize.sync(),
    serialize.query("ROLLBACK"),
  );
  const cycles = [];
  for (let i = 0; i < 7; i++) cycles.push(await raw.cycle());
  expect(cycles.map((replies) => [...outcome(replies), replies.at(-1)?.status])).toEqual([
    ["BEGIN", "SAVEPOINT", "T"],
    ["22012", "E"],
    ["25P02", "E"],
    ["ROLLBACK", "T"],
    ["INSERT 0 1", "T"],
    ["COMMIT", "T"],
    ["ROLLBACK", "I"],
  ]);
  expect(await bookings(other)).toEqual([[id]]);
  await raw.end();
});

test("NOTIFY reaches other sessions with the speaker's process id, after what was committed before it", async () => {
  const heard: [string, string, number | undefined][] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  other.on("notification", ({ channel, payload = "", processId }) => {
    heard.push([channel, payload.replace(/:.*/, ""), processId]);
    if (payload === "last") resolve();
  });
  await other.query(`LISTEN news; LISTEN resource_${room}`);
  const { rows } = await client.query("SELECT pg_backend_pid() AS pid");
  await client.query("BEGIN");
  await client.query("NOTIFY news, 'first'");
  await client.query(INSERT, values(newId(), 0));
  await client.query("SELECT pg_notify($1, $2)", ["news", "second"]);
  await client.query("COMMIT");
  await client.query("NOTIFY news, 'last'");
  await promise;
  const pid = rows[0].pid;
  expect(heard.slice(1)).toEqual([
    ["news", "first", pid],
    ["news", "second", pid],
    ["news", "last", pid],
  ]);
  expect(heard[0]?.slice(0, 2)).toEqual([`resource_${room}`, '{"BookingConfirmed"']);
});
