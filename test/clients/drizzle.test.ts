/** Drizzle ORM over node-postgres and over postgres.js: the same tables and queries, told to each driver. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { and, asc, count, eq, gte, inArray, lte, relations, sql } from "drizzle-orm";
import { drizzle as drizzlePg } from "drizzle-orm/node-postgres";
import {
  bigint,
  boolean,
  integer,
  type PgDatabase,
  type PgQueryResultHKT,
  pgTable,
  text,
} from "drizzle-orm/pg-core";
import { drizzle as drizzlePostgresJs } from "drizzle-orm/postgres-js";
import pg from "pg";
import postgres from "postgres";
import { ulid } from "ulid";
import { newId } from "../server/clients.ts";
import { cleanUp, type ServerProcess, startServer } from "../server/harness.ts";
import {
  at,
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

const id = () => text().primaryKey().$defaultFn(ulid);
const instant = () => bigint({ mode: "number" });
const resourceId = () => text().references(() => resources.id);

const resources = pgTable("resources", {
  id: id(),
  parent_id: text(),
  name: text(),
  capacity: integer().notNull().default(1),
  buffer_after: instant().notNull().default(0),
  enforce_rules: boolean(),
});

const rules = pgTable("rules", {
  id: id(),
  resource_id: resourceId().notNull(),
  start: instant().notNull(),
  end: instant().notNull(),
  blocking: boolean().notNull(),
});

const bookings = pgTable("bookings", {
  id: id(),
  resource_id: resourceId().notNull(),
  start: instant().notNull(),
  end: instant().notNull(),
  label: text(),
});

/**
 * The bookings table once more, as it is written to make a booking of a hold. With names, since Drizzle keeps the
 * names that it takes from keys by table name, and knows but the first of two tables called the same.
 */
const bookingsOfHolds = pgTable("bookings", {
  id: text("id").primaryKey().$defaultFn(ulid),
  hold_id: text("hold_id").notNull(),
  label: text("label"),
});

const holds = pgTable("holds", {
  id: id(),
  resource_id: resourceId().notNull(),
  start: instant().notNull(),
  end: instant().notNull(),
  expires_at: instant().notNull(),
});

const availability = pgTable("availability", {
  resource_id: text(),
  start: instant().notNull(),
  end: instant().notNull(),
});

/** What Drizzle's relational queries need to know. */
const schema = {
  resources,
  bookings,
  bookingsOfResource: relations(resources, ({ many }) => ({ bookings: many(bookings) })),
  resourceOfBooking: relations(bookings, ({ one }) => ({
    resource: one(resources, { fields: [bookings.resource_id], references: [resources.id] }),
  })),
};

type Database<Result extends PgQueryResultHKT> = PgDatabase<Result>;

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
});

afterAll(cleanUp);

async function furnish<Result extends PgQueryResultHKT>(db: Database<Result>, story: Story): Promise<void> {
  await db.insert(resources).values(story.house);
  await db.insert(resources).values([story.small, story.large]);
  await db.insert(rules).values([story.open, story.cleaning]);
}

async function book<Result extends PgQueryResultHKT>(db: Database<Result>, story: Story) {
  const { ada, late, hold, interview } = story;
  const made = await db
    .insert(bookings)
    .values([...story.batch])
    .returning({ id: bookings.id });
  const conflict = await refused(db.insert(bookings).values(late));
  const again = await db
    .insert(bookings)
    .values(ada)
    .onConflictDoNothing({ target: bookings.id })
    .returning({ id: bookings.id });
  await db
    .insert(bookings)
    .values(ada)
    .onConflictDoUpdate({ target: bookings.id, set: { label: sql`excluded.label` } });
  const badBatch = await refused(db.insert(bookings).values(story.badBatch));
  await db.insert(holds).values(hold);
  await db.insert(bookingsOfHolds).values({ ...interview, hold_id: hold.id });
  const taken = await db
    .select({ resource_id: bookings.resource_id, start: bookings.start, end: bookings.end })
    .from(bookings)
    .where(eq(bookings.id, interview.id));
  const holdsLeft = await db.select().from(holds).where(eq(holds.resource_id, hold.resource_id));
  return {
    batch: made.map((row) => row.id),
    conflict,
    repeated: again.length,
    badBatch: badBatch.code,
    interview: taken,
    holdsLeft: holdsLeft.length,
  };
}

async function findFree<Result extends PgQueryResultHKT>(db: Database<Result>, story: Story) {
  const { small, large, window } = story;
  const within = and(gte(availability.start, window.start), lte(availability.end, window.end));
  const run = { start: availability.start, end: availability.end };
  const free = await db
    .select(run)
    .from(availability)
    .where(and(eq(availability.resource_id, small.id), within, sql`min_duration = ${story.minDuration}`));
  const perRoom = await db
    .select()
    .from(availability)
    .where(and(inArray(availability.resource_id, [small.id, large.id]), within, sql`per_resource = true`));
  const freeTogether = await db
    .select(run)
    .from(availability)
    .where(and(inArray(availability.resource_id, [small.id, large.id]), within));
  const freePerRoom = perRoom.map((row) => ({ ...row, resource_id: row.resource_id ?? "" }));
  return { free, freePerRoom, freeTogether };
}

async function rollBack<Result extends PgQueryResultHKT>(db: Database<Result>, { never }: Story) {
  let inside = -1;
  const look = async (by: Database<Result>) => {
    const at17 = and(eq(bookings.resource_id, never.resource_id), eq(bookings.start, never.start));
    const [row] = await by.select({ count: count() }).from(bookings).where(at17);
    return row?.count ?? -1;
  };
  const rolledBack = db.transaction(async (transaction) => {
    await transaction.insert(bookings).values(never);
    inside = await look(transaction);
    transaction.rollback();
  });
  await expect(rolledBack).rejects.toThrow("Rollback");
  return { inside, afterRollback: await look(db) };
}

/** All of the story; `listen` starts hearing. */
async function tell<Result extends PgQueryResultHKT>(
  db: Database<Result>,
  story: Story,
  listen: (hearing: Hearing) => Promise<unknown>,
): Promise<Outcome> {
  await furnish(db, story);
  const booked = await book(db, story);
  const free = await findFree(db, story);
  const hearing = new Hearing();
  await listen(hearing);
  const transaction = await rollBack(db, story);
  await db.delete(bookings).where(eq(bookings.id, story.ada.id));
  await db.update(bookings).set(story.moved).where(eq(bookings.id, story.grace.id));
  const diary = await db
    .select({ room: resources.name, label: bookings.label, start: bookings.start, end: bookings.end })
    .from(bookings)
    .innerJoin(resources, eq(resources.id, bookings.resource_id))
    .orderBy(asc(bookings.start), asc(resources.name));
  return {
    ...booked,
    ...free,
    ...transaction,
    heard: await hearing.all(),
    diary: diary.map((row) => ({ ...row, room: row.room ?? "" })),
  };
}

test("Drizzle over node-postgres: the story", async () => {
  const pool = new pg.Pool({ connectionString: urlOf(server, "pg") });
  const db = drizzlePg(pool);
  const story = newStory();
  // Drizzle has no word for LISTEN: its users take a client out of the pool.
  const listener = await pool.connect();
  const outcome = await tell(db, story, (hearing) => {
    listener.on("notification", ({ payload }) => hearing.hear(payload));
    return listener.query(`LISTEN ${story.channel}`);
  });
  listener.release(true);

  const rooms = sql.param([story.small.id, story.large.id]);
  const both = await db.execute<{ start: string; end: string }>(
    sql`SELECT start, "end" FROM availability WHERE resource_id = ANY(${rooms})
        AND start >= ${story.window.start} AND "end" <= ${story.window.end} AND min_duration = ${story.minDuration}`,
  );
  await pool.end();
  expect(outcome).toEqual(expectedOutcome(story));
  expect(both.rows.map(numbered)).toEqual([
    { start: at(11), end: at(12) },
    { start: at(13), end: at(16) },
  ]);
});

test("Drizzle over postgres.js: the story", async () => {
  const client = postgres(urlOf(server, "postgresjs"));
  const db = drizzlePostgresJs(client);
  const story = newStory();
  const outcome = await tell(db, story, (hearing) =>
    client.listen(story.channel, (payload) => hearing.hear(payload)),
  );
  const runs = await db.execute<{ [name: string]: unknown } & Run>(
    sql`SELECT start, "end" FROM availability WHERE resource_id IN (${story.small.id}, ${story.large.id})
        AND start >= ${story.window.start} AND "end" <= ${story.window.end} AND min_available = 1`,
  );
  await client.end();
  expect(outcome).toEqual(expectedOutcome(story));
  expect(runs.map(numbered)).toEqual([{ start: at(8), end: at(18) }]);
});

test("Drizzle: relational queries, prepared statements, locks and nested transactions", async () => {
  const pool = new pg.Pool({ connectionString: urlOf(server, "relational") });
  const db = drizzlePg(pool, { schema });
  const room = newId();
  await db.insert(resources).values({ id: room, name: "Room" });
  const hours = [8, 9, 10].map((hour) => ({ resource_id: room, start: at(hour), end: at(hour + 1) }));
  await db.insert(bookings).values(hours);

  const found = await db.query.resources.findMany({
    columns: { name: true },
    with: { bookings: { columns: { start: true }, orderBy: asc(bookings.start), limit: 2 } },
  });
  expect(found).toEqual([{ name: "Room", bookings: [{ start: at(8) }, { start: at(9) }] }]);
  const first = await db.query.bookings.findFirst({
    columns: { start: true },
    with: { resource: { columns: { name: true } } },
    orderBy: asc(bookings.start),
  });
  expect(first).toEqual({ start: at(8), resource: { name: "Room" } });

  const prepared = db
    .select({ start: bookings.start })
    .from(bookings)
    .where(
      and(eq(bookings.resource_id, sql.placeholder("room")), gte(bookings.start, sql.placeholder("from"))),
    )
    .orderBy(asc(bookings.start))
    .prepare("bookings_from");
  expect(await prepared.execute({ room, from: at(10) })).toEqual([{ start: at(10) }]);
  expect(await prepared.execute({ room, from: at(9) })).toHaveLength(2);

  await db.transaction(
    async (transaction) => {
      const locked = await transaction.select().from(resources).where(eq(resources.id, room)).for("update");
      expect(locked).toMatchObject([{ id: room, capacity: 1 }]);
      const undone = transaction.transaction(async (nested) => {
        await nested.delete(bookings);
        nested.rollback();
      });
      await expect(undone).rejects.toThrow("Rollback");
      expect(await transaction.$count(bookings)).toBe(3);
    },
    { isolationLevel: "serializable" },
  );
  await pool.end();
});
