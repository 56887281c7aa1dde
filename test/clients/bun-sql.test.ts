/** Bun.sql, the client that Bun brings along: the story in tagged templates, and what a pool of them does. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { SQL } from "bun";
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
let sql: SQL;

beforeAll(async () => {
  server = await startServer();
  sql = new SQL(urlOf(server, "app"));
});

afterAll(async () => {
  await sql.close();
  await cleanUp();
});

async function furnish({ house, small, large, open, cleaning }: Story): Promise<void> {
  await sql`INSERT INTO resources ${sql(house)}`;
  await sql`INSERT INTO resources ${sql([small, large])}`;
  await sql`INSERT INTO rules ${sql([open, cleaning])}`;
}

async function book({ batch, ada, late, badBatch, hold, interview }: Story) {
  const made: { id: string }[] = await sql`INSERT INTO bookings ${sql(batch)} RETURNING id`;
  const conflict = await refused(sql`INSERT INTO bookings ${sql(late)}`);
  const again = await sql`INSERT INTO bookings ${sql(ada)} ON CONFLICT (id) DO NOTHING`;
  const bad = await refused(sql`INSERT INTO bookings ${sql(badBatch)}`);
  await sql`INSERT INTO holds ${sql(hold)}`;
  const taken: FreeRow[] = await sql`
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
  const free: Run[] = await sql`
    SELECT start, "end" FROM availability
    WHERE resource_id = ${small.id} AND start >= ${window.start} AND "end" <= ${window.end}
      AND min_duration = ${minDuration}`;
  const perRoom: FreeRow[] = await sql`
    SELECT * FROM availability
    WHERE resource_id = ANY(${sql.array(rooms, "TEXT")})
      AND start >= ${window.start} AND "end" <= ${window.end} AND per_resource = ${true}`;
  const together: Run[] = await sql`
    SELECT start, "end" FROM availability
    WHERE resource_id IN ${sql(rooms)} AND start >= ${window.start} AND "end" <= ${window.end}`;
  return {
    free: free.map(numbered),
    freePerRoom: perRoom.map(numbered),
    freeTogether: together.map(numbered),
  };
}

async function rollBack({ never }: Story) {
  let inside = -1;
  const look = (by: SQL) =>
    by`SELECT 1 FROM bookings WHERE resource_id = ${never.resource_id} AND start = ${never.start}`;
  const rolledBack = sql.begin(async (transaction) => {
    await transaction`INSERT INTO bookings ${transaction(never)}`;
    inside = (await look(transaction)).length;
    throw new Error("changed my mind");
  });
  await expect(rolledBack).rejects.toThrow("changed my mind");
  return { inside, afterRollback: (await look(sql)).length };
}

test("Bun.sql: the story", async () => {
  const story = newStory();
  const { ada, grace, moved } = story;
  await furnish(story);
  const bookings = await book(story);
  const free = await findFree(story);
  const hearing = new Hearing();
  const subscription = await sql.listen(story.channel, (payload) => hearing.hear(payload));
  const transaction = await rollBack(story);
  await sql`DELETE FROM bookings WHERE id = ${ada.id}`;
  await sql`UPDATE bookings SET ${sql(moved)} WHERE id = ${grace.id}`;
  const diary: { room: string; label: string | null; start: string; end: string }[] = await sql`
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
  await subscription.unlisten();
});

test("Bun.sql: a pool books every hour once, with savepoints and reserved connections", async () => {
  const room = newId();
  await sql`INSERT INTO resources ${sql({ id: room, name: "Room" })}`;
  const attempts = Array.from({ length: 60 }, (_, n) => {
    const start = DAY + (n % 20) * HOUR;
    return sql`INSERT INTO bookings ${sql({ resource_id: room, start, end: start + HOUR })}`.then(
      () => "booked",
      (error: unknown) => (error instanceof SQL.PostgresError ? error.errno : error),
    );
  });
  const answers = await Promise.all(attempts);
  expect(answers.filter((answer) => answer === "booked")).toHaveLength(20);
  expect(answers.filter((answer) => answer === "23P01")).toHaveLength(40);

  await sql.begin(async (transaction) => {
    await transaction`DELETE FROM bookings WHERE resource_id = ${room} AND start = ${DAY}`;
    const undone = transaction.savepoint(async (savepoint) => {
      await savepoint`DELETE FROM bookings WHERE resource_id = ${room}`;
      throw new Error("not that many");
    });
    await expect(undone).rejects.toThrow("not that many");
  });
  const reserved = await sql.reserve();
  const left = await reserved`SELECT id FROM bookings WHERE resource_id = ${room}`.values();
  reserved.release();
  expect(left).toHaveLength(19);
});
