/** postgres.js as its users write it: tagged templates with values, lists and rows, begin, listen. */

import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type postgres from "postgres";
import { connectPostgresJs, DAY, FAR_FUTURE, HOUR, newId } from "./clients.ts";
import { cleanUp, type ServerProcess, startServer } from "./harness.ts";

let server: ServerProcess;
let sql: postgres.Sql;
let room: string;

beforeAll(async () => {
  server = await startServer();
  sql = connectPostgresJs(server, "app");
});

beforeEach(async () => {
  room = newId();
  await sql`INSERT INTO resources ${sql({ id: room, name: "Room" })}`;
});

afterAll(async () => {
  await sql.end();
  await cleanUp();
});

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "accepted",
    (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
  );
}

test("values, rows and lists in tagged templates", async () => {
  const other = newId();
  const label: string | null = null;
  await sql`INSERT INTO resources (id, name, capacity) VALUES (${other}, ${"Größe ✓"}, ${2})`;
  await sql`INSERT INTO rules (id, resource_id, start, "end", blocking)
            VALUES (${newId()}, ${room}, ${DAY}, ${DAY + 8 * HOUR}, ${false}),
                   (${newId()}, ${other}, ${DAY}, ${DAY + 8 * HOUR}, ${false})`;
  await sql`INSERT INTO bookings (id, resource_id, start, "end", label)
            VALUES (${newId()}, ${room}, ${DAY}, ${DAY + HOUR}, ${label})`;
  const rows = [1, 2].map((n) => ({
    id: newId(),
    resource_id: other,
    start: DAY + 2 * HOUR,
    end: DAY + 3 * HOUR,
    label: `row ${n}`,
  }));
  const inserted = await sql`INSERT INTO bookings ${sql(rows)} RETURNING id, label`;
  expect([...inserted]).toEqual(rows.map(({ id, label }) => ({ id, label })));

  const window = sql`start >= ${DAY} AND "end" <= ${DAY + 24 * HOUR}`;
  const both = [room, other];
  const merged = [
    { resource_id: null, start: String(DAY + HOUR), end: String(DAY + 2 * HOUR) },
    { resource_id: null, start: String(DAY + 3 * HOUR), end: String(DAY + 8 * HOUR) },
  ];
  expect([
    ...(await sql`SELECT * FROM availability WHERE resource_id IN ${sql(both)} AND ${window}`),
  ]).toEqual(merged);
  expect([...(await sql`SELECT * FROM availability WHERE resource_id = ANY(${both}) AND ${window}`)]).toEqual(
    merged,
  );
  const [named] = await sql`SELECT name, capacity, enforce_rules FROM resources WHERE id = ${other}`;
  expect(named).toEqual({ name: "Größe ✓", capacity: 2, enforce_rules: false });
});

test("begin commits when its function resolves, and rolls back when it throws", async () => {
  const [kept, lost] = [newId(), newId()];
  await sql.begin(async (transaction) => {
    await transaction`INSERT INTO bookings (id, resource_id, start, "end")
                      VALUES (${kept}, ${room}, ${DAY}, ${DAY + HOUR})`;
    const seen = await transaction`SELECT id FROM bookings WHERE resource_id = ${room}`;
    expect([...seen]).toEqual([{ id: kept }]);
  });
  const failed = sql.begin(async (transaction) => {
    await transaction`INSERT INTO bookings (id, resource_id, start, "end")
                      VALUES (${lost}, ${room}, ${DAY + HOUR}, ${DAY + 2 * HOUR})`;
    await transaction`INSERT INTO bookings (id, resource_id, start, "end")
                      VALUES (${newId()}, ${room}, ${DAY}, ${DAY + HOUR})`;
  });
  expect(await codeOf(failed)).toBe("23P01");
  expect([...(await sql`SELECT id FROM bookings WHERE resource_id = ${room}`)]).toEqual([{ id: kept }]);
});

test("listen hears events, under the channel's one spelling", async () => {
  const heard = Promise.withResolvers<string>();
  const { unlisten } = await sql.listen(`resource_${room}`, (payload) => heard.resolve(payload));
  const id = newId();
  await sql`INSERT INTO holds ${sql({ id, resource_id: room, start: DAY, end: DAY + 1, expires_at: FAR_FUTURE })}`;
  expect(JSON.parse(await heard.promise)).toEqual({
    HoldPlaced: { id, resource_id: room, span: { start: DAY, end: DAY + 1 }, expires_at: FAR_FUTURE },
  });
  await unlisten();
});

test("many queries at once share the pool, and each gets its own answer", async () => {
  const numbers = Array.from({ length: 200 }, (_, n) => n);
  const answers = await Promise.all(numbers.map((n) => sql<{ n: number }[]>`SELECT ${n}::int AS n`));
  expect(answers.map(([row]) => row?.n)).toEqual(numbers);
});

test("a refusal tells code, detail and constraint, and the next query works", async () => {
  const query = sql`INSERT INTO bookings (id, resource_id, start, "end") VALUES (${newId()}, ${newId()}, 1, 2)`;
  expect(await codeOf(query)).toBe("23503");
  expect(await codeOf(sql`SELECT * FROM nowhere`)).toBe("42P01");
  expect([...(await sql`SELECT 1 AS one`)]).toEqual([{ one: 1 }]);
});
