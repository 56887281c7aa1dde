/** postgres.js as it comes, `fetch_types` included: the story, cursors, arrays and many queries at once. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import postgres from "postgres";
import { DAY, HOUR, newId } from "../server/clients.ts";
import { cleanUp, type ServerProcess, startServer } from "../server/harness.ts";
import {
  expectedOutcome,
  Hearing,
  newStory,
  numbered,
  type Outcome,
  type Run,
  refused,
  type Story,
  urlOf,
} from "./story.ts";

type FreeRow = Run & { resource_id: string };

let server: ServerProcess;
let sql: postgres.Sql;

beforeAll(async () => {
  server = await startServer();
  sql = postgres(urlOf(server, "app"));
});

afterAll(async () => {
  await sql.end();
  await cleanUp();
});

async function furnish({ house, small, large, open, cleaning }: Story): Promise<void> {
  await sql`INSERT INTO resources ${sql(house)}`;
  await sql`INSERT INTO resources ${sql([small, large])}`;
  await sql`INSERT INTO rules ${sql([open, cleaning])}`;
}

async function book({ batch, ada, late, badBatch, hold, interview }: Story) {
  const made = await sql<{ id: string }[]>`INSERT INTO bookings ${sql(batch)} RETURNING id`;
  const conflict = await refused(sql`INSERT INTO bookings ${sql(late)}`);
  const again = await sql`INSERT INTO bookings ${sql(ada)} ON CONFLICT (id) DO NOTHING`;
  const bad = await refused(sql`INSERT INTO bookings ${sql(badBatch)}`);
  await sql`INSERT INTO holds ${sql(hold)}`;
  const taken = await sql<FreeRow[]>`
    INSERT INTO bookings (id, hold_id, label) VALUES (${interview.id}, ${hold.id}, ${interview.label})
    RETURNING resource_id, start, "end"`;
  const holds = await sql`SELECT id FROM holds WHERE resource_id = ${hold.resource_id}`;
  return {
    batch: made.map(({ id }) => id),
    conflict,
    repeated: again.count,
    badBatch: bad.code,
    interview: taken.map(numbered),
    holdsLeft: holds.length,
  };
}

async function findFree({ small, large, window, minDuration }: Story) {
  const rooms = [small.id, large.id];
  const within = sql`start >= ${window.start} AND "end" <= ${window.end}`;
  const free = await sql<Run[]>`
    SELECT start, "end" FROM availability
    WHERE resource_id = ${small.id} AND ${within} AND min_duration = ${minDuration}`;
  const perRoom = await sql<FreeRow[]>`
    SELECT * FROM availability WHERE resource_id = ANY(${rooms}) AND ${within} AND per_resource = true`;
  const together = await sql<Run[]>`
    SELECT start, "end" FROM availability WHERE resource_id IN ${sql(rooms)} AND ${within}`;
  return {
    free: free.map(numbered),
    freePerRoom: perRoom.map(numbered),
    freeTogether: together.map(numbered),
  };
}

async function rollBack({ never }: Story) {
  let inside = -1;
  const look = (by: postgres.ISql) =>
    by`SELECT 1 FROM bookings WHERE resource_id = ${never.resource_id} AND start = ${never.start}`;
  const rolledBack = sql.begin(async (transaction) => {
    await transaction`INSERT INTO bookings ${transaction(never)}`;
    inside = (await look(transaction)).length;
    throw new Error("changed my mind");
  });
  await expect(rolledBack).rejects.toThrow("changed my mind");
  return { inside, afterRollback: (await look(sql)).length };
}

test("postgres.js: the story", async () => {
  const story = newStory();
  const { ada, grace, moved } = story;
  await furnish(story);
  const bookings = await book(story);
  const free = await findFree(story);
  const hearing = new Hearing();
  const { unlisten } = await sql.listen(story.channel, (payload) => hearing.hear(payload));
  const transaction = await rollBack(story);
  await sql`DELETE FROM bookings WHERE id = ${ada.id}`;
  await sql`UPDATE bookings SET ${sql(moved)} WHERE id = ${grace.id}`;
  const diary = await sql<{ room: string; label: string | null; start: string; end: string }[]>`
    SELECT r.name AS room, b.label, b.start, b."end"
    FROM bookings b JOIN resources r ON r.id = b.resource_id ORDER BY b.start, r.name`;
  const outcome: Outcome = {
    ...bookings,
    ...free,
    ...transaction,
    heard: await hearing.all(),
    diary: diary.map(numbered),
  };
  expect(outcome).toEqual(expectedOutcome(story));
  await unlisten();
});

/** A room with `count` bookings, one each hour, loaded with the bulk insert of postgres.js. */
async function fillRoom(count: number): Promise<string> {
  const room = newId();
  await sql`INSERT INTO resources ${sql({ id: room })}`;
  const hours = Array.from({ length: count }, (_, n) => ({
    resource_id: room,
    start: DAY + n * HOUR,
    end: DAY + (n + 1) * HOUR,
  }));
  await sql`INSERT INTO bookings ${sql(hours, "resource_id", "start", "end")}`;
  return room;
}

test("postgres.js: cursors, to the end, broken off, and with a function", async () => {
  const room = await fillRoom(1000);
  const bookings = () => sql<{ start: string }[]>`
    SELECT start FROM bookings WHERE resource_id = ${room} ORDER BY start`;
  const starts: number[] = [];
  for await (const rows of bookings().cursor(300)) starts.push(...rows.map(({ start }) => Number(start)));
  expect(starts).toEqual(Array.from({ length: 1000 }, (_, n) => DAY + n * HOUR));
  for await (const rows of bookings().cursor(10)) {
    expect(rows).toHaveLength(10);
    break;
  }
  let seen = 0;
  await bookings().cursor(100, (rows) => {
    seen += rows.length;
    return seen === 500 ? sql.CLOSE : undefined;
  });
  expect(seen).toBe(500);
  let each = 0;
  await bookings().forEach(() => {
    each++;
  });
  expect(each).toBe(1000);
});

test("postgres.js: arrays, savepoints, dynamic columns and many queries at once", async () => {
  const room = await fillRoom(20);
  const rows = await sql<{ id: string }[]>`SELECT id FROM bookings WHERE resource_id = ${room}`;
  const ids = rows.map(({ id }) => id);
  const few = ids.slice(0, 3);
  const found = await sql`SELECT ${sql(["id", "start"])} FROM bookings WHERE id = ANY(${few})`;
  expect(found.map(({ id }) => id).sort()).toEqual([...few].sort());
  await sql.begin(async (transaction) => {
    await transaction`DELETE FROM bookings WHERE id = ${ids[0] ?? ""}`;
    const undone = transaction.savepoint(async (savepoint) => {
      await savepoint`DELETE FROM bookings WHERE id = ANY(${ids})`;
      throw new Error("not that many");
    });
    await expect(undone).rejects.toThrow("not that many");
  });
  const lookUps = await Promise.all(
    ids.map((id) => sql<{ n: string }[]>`SELECT count(*) AS n FROM bookings WHERE id = ${id}`),
  );
  expect(lookUps.map(([row]) => Number(row?.n))).toEqual(ids.map((_, n) => (n === 0 ? 0 : 1)));
});

test("postgres.js: an update from a list of values", async () => {
  const room = await fillRoom(20);
  const rows = await sql<{ id: string }[]>`SELECT id FROM bookings WHERE resource_id = ${room}`;
  const labels = rows.slice(5).map(({ id }, n) => [id, `label ${n}`]);
  const labelled = await sql`
    UPDATE bookings SET label = given.label FROM (VALUES ${sql(labels)}) AS given (id, label)
    WHERE bookings.id = given.id`;
  expect(labelled.count).toBe(15);
  const [first] = await sql`SELECT label FROM bookings WHERE id = ${labels[0]?.[0] ?? ""}`;
  expect(first).toEqual({ label: "label 0" });
});
