/** node-postgres: the story through one client, and what its users do with pools, pg-cursor and pg-query-stream. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import pg from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { DAY, HOUR, newId } from "../server/clients.ts";
import { cleanUp, type ServerProcess, startServer } from "../server/harness.ts";
import { rowsOf, tellThroughPg } from "./pg-story.ts";
import { addressOf, expectedOutcome, newStory, refused, urlOf } from "./story.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
});

afterAll(cleanUp);

test("pg: the story, through one client", async () => {
  const story = newStory();
  const address = addressOf(server, "plain");
  expect(await tellThroughPg(address, address, story)).toEqual(expectedOutcome(story));
});

test("pg: a pool of ten books every hour once, whoever comes first", async () => {
  const pool = new pg.Pool({ connectionString: urlOf(server, "pool"), max: 10 });
  const room = newId();
  await pool.query("INSERT INTO resources (id, name) VALUES ($1, $2)", [room, "Room"]);
  const attempts = Array.from({ length: 60 }, (_, n) => {
    const start = DAY + (n % 20) * HOUR;
    return pool
      .query({
        name: "book",
        text: 'INSERT INTO bookings (resource_id, start, "end") VALUES ($1, $2, $3) RETURNING id',
        values: [room, start, start + HOUR],
      })
      .then(
        () => "booked",
        (error: unknown) => (error instanceof pg.DatabaseError ? error.constraint : error),
      );
  });
  const answers = await Promise.all(attempts);
  expect(answers.filter((answer) => answer === "booked")).toHaveLength(20);
  expect(answers.filter((answer) => answer === "no_collision")).toHaveLength(40);

  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("DELETE FROM bookings WHERE resource_id = $1", [room]);
    throw new Error("changed my mind");
  } catch {
    await client.query("ROLLBACK");
  } finally {
    client.release();
  }
  const { rows } = await pool.query<{ count: string }>("SELECT count(*) FROM bookings");
  expect(rows).toEqual([{ count: "20" }]);
  await pool.end();
});

/** A room with `count` bookings, one each hour. */
async function fillRoom(client: pg.Client, count: number): Promise<string> {
  const room = newId();
  await client.query("INSERT INTO resources (id) VALUES ($1)", [room]);
  const hours = rowsOf(Array.from({ length: count }, (_, n) => [room, DAY + n * HOUR, DAY + (n + 1) * HOUR]));
  await client.query(`INSERT INTO bookings (resource_id, start, "end") VALUES ${hours.text}`, hours.values);
  return room;
}

test("pg: bulk insert by unnest, all or nothing", async () => {
  const client = new pg.Client(addressOf(server, "unnest"));
  await client.connect();
  const room = await fillRoom(client, 2);
  const bulk = (hours: readonly number[]) =>
    client.query(
      `INSERT INTO bookings (resource_id, start, "end")
       SELECT $1, start, start + $3 FROM unnest($2::bigint[]) AS hours (start)`,
      [room, hours.map((hour) => DAY + hour * HOUR), HOUR],
    );
  expect((await refused(bulk([3, 4, 1]))).code).toBe("23P01");
  expect((await bulk([3, 4, 5])).rowCount).toBe(3);
  const { rows } = await client.query("SELECT count(*)::int AS count FROM bookings WHERE resource_id = $1", [
    room,
  ]);
  expect(rows).toEqual([{ count: 5 }]);
  await client.end();
});

const BY_START = "SELECT start FROM bookings WHERE resource_id = $1 ORDER BY start";

test("pg-cursor: reads page by page, and may be left in the middle", async () => {
  const client = new pg.Client(addressOf(server, "cursor"));
  await client.connect();
  const room = await fillRoom(client, 1000);
  const cursor = client.query(new Cursor<{ start: string }>(BY_START, [room]));
  const sizes: number[] = [];
  const starts: number[] = [];
  while (true) {
    const page = await cursor.read(300);
    sizes.push(page.length);
    if (page.length === 0) break;
    starts.push(...page.map(({ start }) => Number(start)));
  }
  expect(sizes).toEqual([300, 300, 300, 100, 0]);
  expect(starts).toEqual(Array.from({ length: 1000 }, (_, n) => DAY + n * HOUR));
  await cursor.close();

  const left = client.query(new Cursor(BY_START, [room]));
  expect(await left.read(10)).toHaveLength(10);
  await left.close();
  expect((await client.query("SELECT count(*) FROM bookings")).rows).toEqual([{ count: "1000" }]);
  await client.end();
});

test("pg-query-stream: a stream of rows, to its end and broken off", async () => {
  const client = new pg.Client(addressOf(server, "stream"));
  await client.connect();
  const room = await fillRoom(client, 1000);
  let count = 0;
  for await (const row of client.query(new QueryStream(BY_START, [room], { batchSize: 64 }))) {
    expect(Number(row.start)).toBe(DAY + count++ * HOUR);
  }
  expect(count).toBe(1000);
  for await (const _ of client.query(new QueryStream(BY_START, [room], { batchSize: 10 }))) break;
  expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  await client.end();
});
