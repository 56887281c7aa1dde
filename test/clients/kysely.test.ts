/** Kysely over node-postgres: the story in its query builder, typed from end to end, with int8 as numbers. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Generated, Kysely, PostgresDialect, sql } from "kysely";
import { jsonArrayFrom } from "kysely/helpers/postgres";
import pg from "pg";
import Cursor from "pg-cursor";
import { DAY, HOUR, newId } from "../server/clients.ts";
import { cleanUp, type ServerProcess, startServer } from "../server/harness.ts";
import { addressOf, expectedOutcome, Hearing, newStory, type Outcome, refused, type Story } from "./story.ts";

/** The tables as Kysely wants to be told. `Generated`: may be left out of an INSERT. */
interface Database {
  resources: {
    id: Generated<string>;
    parent_id: string | null;
    name: string | null;
    capacity: Generated<number>;
    buffer_after: Generated<number>;
    enforce_rules: Generated<boolean>;
  };
  rules: { id: Generated<string>; resource_id: string; start: number; end: number; blocking: boolean };
  bookings: {
    id: Generated<string>;
    /** With a hold, its resource and span are the booking's. */
    resource_id: Generated<string>;
    start: Generated<number>;
    end: Generated<number>;
    label: string | null;
    hold_id: string | null;
  };
  holds: { id: Generated<string>; resource_id: string; start: number; end: number; expires_at: number };
  availability: {
    resource_id: string;
    start: number;
    end: number;
    min_duration: number;
    min_available: number;
    per_resource: boolean;
  };
}

let server: ServerProcess;
let pool: pg.Pool;
let db: Kysely<Database>;

/** int8 (20) as a number, for this pool only; all else as pg does it. */
const NUMBERS: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: "text" | "binary") =>
    oid === 20 ? Number : pg.types.getTypeParser(oid, format),
};

beforeAll(async () => {
  server = await startServer();
  pool = new pg.Pool({ ...addressOf(server, "app"), types: NUMBERS });
  db = new Kysely<Database>({ dialect: new PostgresDialect({ pool, cursor: Cursor }) });
});

afterAll(async () => {
  await db.destroy();
  await cleanUp();
});

async function furnish({ house, small, large, open, cleaning }: Story): Promise<void> {
  await db.insertInto("resources").values(house).execute();
  await db.insertInto("resources").values([small, large]).execute();
  await db.insertInto("rules").values([open, cleaning]).execute();
}

async function book({ batch, ada, late, badBatch, hold, interview }: Story) {
  const made = await db
    .insertInto("bookings")
    .values([...batch])
    .returning("id")
    .execute();
  const conflict = await refused(db.insertInto("bookings").values(late).execute());
  const again = await db
    .insertInto("bookings")
    .values(ada)
    .onConflict((on) => on.column("id").doNothing())
    .executeTakeFirst();
  await db
    .insertInto("bookings")
    .values(ada)
    .onConflict((on) => on.column("id").doUpdateSet((row) => ({ label: row.ref("excluded.label") })))
    .execute();
  const bad = await refused(db.insertInto("bookings").values(badBatch).execute());
  await db.insertInto("holds").values(hold).execute();
  const taken = await db
    .insertInto("bookings")
    .values({ ...interview, hold_id: hold.id })
    .returning(["resource_id", "start", "end"])
    .execute();
  const holds = await db
    .selectFrom("holds")
    .select("id")
    .where("resource_id", "=", hold.resource_id)
    .execute();
  return {
    batch: made.map(({ id }) => id),
    conflict,
    repeated: Number(again.numInsertedOrUpdatedRows),
    badBatch: bad.code,
    interview: taken,
    holdsLeft: holds.length,
  };
}

async function findFree({ small, large, window, minDuration }: Story) {
  const within = db
    .selectFrom("availability")
    .where("start", ">=", window.start)
    .where("end", "<=", window.end);
  const free = await within
    .select(["start", "end"])
    .where("resource_id", "=", small.id)
    .where("min_duration", "=", minDuration)
    .execute();
  const freePerRoom = await within
    .select(["resource_id", "start", "end"])
    .where("resource_id", "=", sql<string>`ANY(${[small.id, large.id]})`)
    .where("per_resource", "=", true)
    .execute();
  const freeTogether = await within
    .select(["start", "end"])
    .where("resource_id", "in", [small.id, large.id])
    .execute();
  return { free, freePerRoom, freeTogether };
}

async function rollBack({ never }: Story) {
  let inside = -1;
  const look = (by: Kysely<Database>) =>
    by
      .selectFrom("bookings")
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .where("resource_id", "=", never.resource_id)
      .where("start", "=", never.start)
      .executeTakeFirstOrThrow();
  const rolledBack = db
    .transaction()
    .setIsolationLevel("serializable")
    .execute(async (transaction) => {
      await transaction.insertInto("bookings").values(never).execute();
      inside = (await look(transaction)).count;
      throw new Error("changed my mind");
    });
  await expect(rolledBack).rejects.toThrow("changed my mind");
  return { inside, afterRollback: (await look(db)).count };
}

test("Kysely: the story", async () => {
  const story = newStory();
  const { ada, grace, moved } = story;
  await furnish(story);
  const bookings = await book(story);
  const free = await findFree(story);
  // Kysely has no word for LISTEN: its users take a client out of the pool.
  const listener = await pool.connect();
  const hearing = new Hearing();
  listener.on("notification", ({ payload }) => hearing.hear(payload));
  await listener.query(`LISTEN ${story.channel}`);
  const transaction = await rollBack(story);
  await db.deleteFrom("bookings").where("id", "=", ada.id).execute();
  await db.updateTable("bookings").set(moved).where("id", "=", grace.id).execute();
  const diary = await db
    .selectFrom("bookings")
    .innerJoin("resources", "resources.id", "bookings.resource_id")
    .select(({ ref }) => [
      sql<string>`${ref("resources.name")}`.as("room"),
      "bookings.label",
      "bookings.start",
      "bookings.end",
    ])
    .orderBy("bookings.start")
    .orderBy("resources.name")
    .execute();
  const outcome: Outcome = { ...bookings, ...free, ...transaction, heard: await hearing.all(), diary };
  listener.release(true);
  expect(outcome).toEqual(expectedOutcome(story));
});

test("Kysely: streams, groups and controlled transactions with savepoints", async () => {
  const room = newId();
  await db.insertInto("resources").values({ id: room }).execute();
  const hours = Array.from({ length: 500 }, (_, n) => ({
    resource_id: room,
    start: DAY + n * HOUR,
    end: DAY + (n + 1) * HOUR,
    label: n % 2 === 0 ? "even" : "odd",
  }));
  await db.insertInto("bookings").values(hours).execute();
  const booked = db.selectFrom("bookings").where("resource_id", "=", room);
  const starts: number[] = [];
  for await (const row of booked.select("start").orderBy("start").stream(64)) starts.push(row.start);
  expect(starts).toEqual(hours.map(({ start }) => start));
  const groups = await booked
    .select(({ fn }) => ["label", fn.countAll<number>().as("count"), fn.max("end").as("last")])
    .groupBy("label")
    .orderBy("label")
    .execute();
  expect(groups).toEqual([
    { label: "even", count: 250, last: DAY + 499 * HOUR },
    { label: "odd", count: 250, last: DAY + 500 * HOUR },
  ]);

  const transaction = await db.startTransaction().execute();
  await transaction.deleteFrom("bookings").where("label", "=", "even").execute();
  const saved = await transaction.savepoint("half").execute();
  await saved.deleteFrom("bookings").execute();
  const back = await saved.rollbackToSavepoint("half").execute();
  await back.commit().execute();
  expect(await booked.select(({ fn }) => fn.countAll<number>().as("count")).execute()).toEqual([
    { count: 250 },
  ]);
});

test("Kysely: reads the schema, nests rows as JSON, and locks", async () => {
  const tables = await db.introspection.getTables();
  expect(tables.map(({ name }) => name).sort()).toEqual([
    "availability",
    "bookings",
    "events",
    "holds",
    "resources",
    "rules",
  ]);
  const columns = tables.find(({ name }) => name === "resources")?.columns ?? [];
  expect(columns.map(({ name, dataType, isNullable }) => [name, dataType, isNullable])).toContainEqual([
    "capacity",
    "int4",
    false,
  ]);

  const [room, booking] = [newId(), newId()];
  await db.insertInto("resources").values({ id: room, name: "Room" }).execute();
  const place = { id: booking, resource_id: room, start: DAY, end: DAY + HOUR };
  await db.insertInto("bookings").values(place).execute();
  const nested = await db
    .selectFrom("resources")
    .select(({ selectFrom }) => [
      "name",
      jsonArrayFrom(
        selectFrom("bookings").select(["id", "start"]).whereRef("bookings.resource_id", "=", "resources.id"),
      ).as("bookings"),
    ])
    .where("id", "=", room)
    .execute();
  expect(nested).toEqual([{ name: "Room", bookings: [{ id: booking, start: DAY }] }]);
  const locked = await db
    .transaction()
    .execute((transaction) =>
      transaction.selectFrom("resources").select("name").where("id", "=", room).forUpdate().execute(),
    );
  expect(locked).toEqual([{ name: "Room" }]);
});
