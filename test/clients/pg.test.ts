/** node-postgres: the story through one client, and what its users do with pools, pg-cursor and pg-query-stream. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import pg from "pg";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";
import { DAY, HOUR, newId } from "../server/clients.ts";
import { cleanUp, type ServerProcess, startServer } from "../server/harness.ts";
import {
  addressOf,
  expectedOutcome,
  Hearing,
  newStory,
  numbered,
  type Outcome,
  type Run,
  refused,
  urlOf,
} from "./story.ts";

type FreeRow = Run & { resource_id: string };

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
});

afterAll(cleanUp);

const INSERT_BOOKING =
  'INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ($1, $2, $3, $4, $5)';

/** A list of rows of parameters, `($1, $2), ($3, $4)`, and their values. */
function rowsOf(rows: readonly (readonly unknown[])[]): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const text = rows.map((row) => `(${row.map((value) => `$${values.push(value)}`).join(", ")})`).join(", ");
  return { text, values };
}

async function furnish(client: pg.Client, story: ReturnType<typeof newStory>): Promise<void> {
  const { house, small, large, open, cleaning } = story;
  await client.query("INSERT INTO resources (id, name) VALUES ($1, $2)", [house.id, house.name]);
  for (const room of [small, large]) {
    await client.query(
      "INSERT INTO resources (id, parent_id, name, capacity, buffer_after) VALUES ($1, $2, $3, $4, $5)",
      [room.id, room.parent_id, room.name, room.capacity, room.buffer_after],
    );
  }
  const hours = rowsOf([open, cleaning].map((r) => [r.id, r.resource_id, r.start, r.end, r.blocking]));
  await client.query(
    `INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ${hours.text}`,
    hours.values,
  );
}

async function book(client: pg.Client, story: ReturnType<typeof newStory>) {
  const { ada, late, hold, interview } = story;
  const batch = rowsOf(story.batch.map((b) => [b.id, b.resource_id, b.start, b.end, b.label]));
  const made = await client.query<{ id: string }>(
    `INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ${batch.text} RETURNING id`,
    batch.values,
  );
  const conflict = await refused(
    client.query(INSERT_BOOKING, [late.id, late.resource_id, late.start, late.end, late.label]),
  );
  const again = await client.query(`${INSERT_BOOKING} ON CONFLICT (id) DO NOTHING`, [
    ada.id,
    ada.resource_id,
    ada.start,
    ada.end,
    ada.label,
  ]);
  const bad = rowsOf(story.badBatch.map((b) => [b.id, b.resource_id, b.start, b.end, b.label]));
  const badBatch = await refused(
    client.query(
      `INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ${bad.text}`,
      bad.values,
    ),
  );
  await client.query(
    'INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ($1, $2, $3, $4, $5)',
    [hold.id, hold.resource_id, hold.start, hold.end, hold.expires_at],
  );
  const taken = await client.query<FreeRow>(
    'INSERT INTO bookings (id, hold_id, label) VALUES ($1, $2, $3) RETURNING resource_id, start, "end"',
    [interview.id, hold.id, interview.label],
  );
  const holds = await client.query("SELECT id FROM holds WHERE resource_id = $1", [hold.resource_id]);
  return {
    batch: made.rows.map(({ id }) => id),
    conflict: { code: conflict.code, message: conflict.message },
    repeated: again.rowCount ?? -1,
    badBatch: badBatch.code,
    interview: taken.rows.map(numbered),
    holdsLeft: holds.rows.length,
  };
}

async function findFree(client: pg.Client, story: ReturnType<typeof newStory>) {
  const { small, large, window } = story;
  const free = await client.query<Run>(
    `SELECT start, "end" FROM availability
     WHERE resource_id = $1 AND start >= $2 AND "end" <= $3 AND min_duration = $4`,
    [small.id, window.start, window.end, story.minDuration],
  );
  const perRoom = await client.query<FreeRow>(
    `SELECT * FROM availability
     WHERE resource_id = ANY($1) AND start >= $2 AND "end" <= $3 AND per_resource = true`,
    [[small.id, large.id], window.start, window.end],
  );
  const together = await client.query<Run>(
    `SELECT start, "end" FROM availability WHERE resource_id IN ($1, $2) AND start >= $3 AND "end" <= $4`,
    [small.id, large.id, window.start, window.end],
  );
  return {
    free: free.rows.map(numbered),
    freePerRoom: perRoom.rows.map(numbered),
    freeTogether: together.rows.map(numbered),
  };
}

async function rollBack(client: pg.Client, story: ReturnType<typeof newStory>) {
  const { never } = story;
  const look = () =>
    client.query("SELECT 1 FROM bookings WHERE resource_id = $1 AND start = $2", [
      never.resource_id,
      never.start,
    ]);
  await client.query("BEGIN");
  await client.query(INSERT_BOOKING, [never.id, never.resource_id, never.start, never.end, never.label]);
  const inside = (await look()).rows.length;
  await client.query("ROLLBACK");
  return { inside, afterRollback: (await look()).rows.length };
}

test("pg: the story, through one client", async () => {
  const story = newStory();
  const client = new pg.Client(addressOf(server, "plain"));
  await client.connect();
  await furnish(client, story);
  const bookings = await book(client, story);
  const free = await findFree(client, story);

  const listener = new pg.Client(addressOf(server, "plain"));
  await listener.connect();
  const hearing = new Hearing();
  listener.on("notification", ({ payload }) => hearing.hear(payload));
  await listener.query(`LISTEN ${story.channel}`);
  const transaction = await rollBack(client, story);
  const { ada, grace, moved } = story;
  await client.query("DELETE FROM bookings WHERE id = $1", [ada.id]);
  await client.query('UPDATE bookings SET start = $2, "end" = $3 WHERE id = $1', [
    grace.id,
    moved.start,
    moved.end,
  ]);

  const diary = await client.query<{ room: string; label: string | null; start: string; end: string }>(
    `SELECT r.name AS room, b.label, b.start, b."end"
     FROM bookings b JOIN resources r ON r.id = b.resource_id ORDER BY b.start, r.name`,
  );
  const outcome: Outcome = {
    ...bookings,
    ...free,
    ...transaction,
    heard: await hearing.all(),
    diary: diary.rows.map(numbered),
  };
  await Promise.all([client.end(), listener.end()]);
  expect(outcome).toEqual(expectedOutcome(story));
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
