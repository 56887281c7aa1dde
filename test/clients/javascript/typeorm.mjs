/** TypeORM: entities as schemas, a repository each, and its query builder. */

import pg from "pg";
import { DataSource, EntitySchema, In, IsNull, MoreThan, Not } from "typeorm";
import {
  addressOf,
  attempt,
  insist,
  listenTo,
  numbered,
  refused,
  sayStory,
  sayVersion,
  story,
} from "./story.mjs";

pg.types.setTypeParser(20, Number); // int8 as numbers

const ME = "typeorm";
const wordOf = (error) => error.driverError;

const id = { type: "text", primary: true };
const instant = { type: "bigint" };
const span = { id, resource_id: { type: "text" }, start: instant, end: instant };
const resource = { type: "many-to-one", target: "resources", joinColumn: { name: "resource_id" } };

const Resource = new EntitySchema({
  name: "resources",
  columns: {
    id,
    parent_id: { type: "text", nullable: true },
    name: { type: "text", nullable: true },
    capacity: { type: "int", default: 1 },
    buffer_after: { type: "bigint", default: 0 },
  },
  relations: {
    parent: { type: "many-to-one", target: "resources", joinColumn: { name: "parent_id" } },
    bookings: { type: "one-to-many", target: "bookings", inverseSide: "resource" },
  },
});
const Rule = new EntitySchema({
  name: "rules",
  columns: { ...span, blocking: { type: "boolean" } },
  relations: { resource },
});
const Booking = new EntitySchema({
  name: "bookings",
  columns: { ...span, label: { type: "text", nullable: true } },
  relations: { resource: { ...resource, inverseSide: "bookings" } },
});
const Hold = new EntitySchema({
  name: "holds",
  columns: { ...span, expires_at: instant },
  relations: { resource },
});

async function connect() {
  const { user: username, ...at } = addressOf(ME);
  const db = new DataSource({ type: "postgres", ...at, username, entities: [Resource, Rule, Booking, Hold] });
  return db.initialize();
}

async function tell(db) {
  const { house, small, large, window, hold, interview, never, moved } = story;
  const [resources, rules, bookings, holds] = [Resource, Rule, Booking, Hold].map((e) => db.getRepository(e));
  await resources.insert(house);
  await resources.insert([small, large]);
  await rules.insert([story.open, story.cleaning]);
  const made = await bookings.insert(story.batch);
  const conflict = await refused(bookings.insert(story.late), wordOf);
  const before = await bookings.count();
  await db.createQueryBuilder().insert().into(Booking).values(story.ada).orIgnore().execute();
  await bookings.upsert(story.ada, ["id"]);
  const repeated = (await bookings.count()) - before;
  const badBatch = await refused(bookings.insert(story.badBatch), wordOf);
  await holds.insert(hold);
  const taken = await db.query(
    'INSERT INTO bookings (id, hold_id, label) VALUES ($1, $2, $3) RETURNING resource_id, start, "end"',
    [interview.id, hold.id, interview.label],
  );
  const holdsLeft = await holds.countBy({ resource_id: hold.resource_id });
  const free = await db.query(
    `SELECT start, "end" FROM availability
     WHERE resource_id = $1 AND start >= $2 AND "end" <= $3 AND min_duration = $4`,
    [small.id, window.start, window.end, story.minDuration],
  );
  const within = [[small.id, large.id], window.start, window.end];
  const several = 'WHERE resource_id = ANY($1) AND start >= $2 AND "end" <= $3';
  const perRoom = await db.query(`SELECT * FROM availability ${several} AND per_resource = true`, within);
  const together = await db.query(`SELECT start, "end" FROM availability ${several}`, within);

  const listener = await listenTo(ME);
  const there = { resource_id: never.resource_id, start: never.start };
  let inside = 0;
  await db
    .transaction(async (manager) => {
      await manager.insert(Booking, never);
      inside = await manager.countBy(Booking, there);
      throw new Error("changed my mind");
    })
    .catch(({ message }) => insist(message === "changed my mind", message));
  const afterRollback = await bookings.countBy(there);
  await bookings.delete(story.ada.id);
  await bookings.update(story.grace.id, moved);
  const diary = await bookings.find({
    relations: { resource: true },
    order: { start: "ASC", resource: { name: "ASC" } },
  });
  sayStory(ME, {
    batch: made.identifiers.map((made) => made.id),
    conflict: { code: conflict.code, message: conflict.message },
    repeated,
    badBatch: badBatch.code,
    interview: taken.map(numbered),
    holdsLeft,
    free,
    freePerRoom: perRoom,
    freeTogether: together,
    inside,
    afterRollback,
    heard: await listener.heard(),
    diary: diary.map(({ resource, label, start, end }) =>
      numbered({ room: resource.name, label, start, end }),
    ),
  });
}

/** What else its users do, on what the story has left; and its view of the schema. */
async function more(db) {
  const runner = db.createQueryRunner();
  const table = await runner.getTable("bookings");
  insist(table.columns.find(({ name }) => name === "start").type === "bigint", table.columns);
  insist(table.primaryColumns.map(({ name }) => name).join() === "id", table.primaryColumns);
  const [foreign] = table.foreignKeys;
  insist(foreign.referencedTableName.endsWith("resources") && foreign.onDelete === "CASCADE", foreign);
  insist(table.indices.length === 1, table.indices);
  await runner.release();

  const [resources, bookings] = [db.getRepository(Resource), db.getRepository(Booking)];
  const rooms = await resources.find({
    where: { parent_id: Not(IsNull()) },
    relations: { bookings: true, parent: true },
    order: { name: "ASC" },
  });
  const seen = rooms.map(({ name, bookings: all, parent }) => [name, all.length, parent.name]);
  insist(JSON.stringify(seen) === '[["Large room",2,"House"],["Small room",2,"House"]]', seen);
  const [page, count] = await bookings.findAndCount({
    where: { start: MoreThan(0), label: In(["Grace", "Interview"]) },
    relations: { resource: true },
    order: { start: "ASC" },
    take: 1,
    skip: 1,
  });
  insist(page.length === 1 && page[0].label === "Interview" && count === 2, count);
  const hours = await db
    .createQueryBuilder(Booking, "b")
    .innerJoin("b.resource", "r")
    .select("r.name", "name")
    .addSelect('sum(b."end" - b.start)::bigint', "length")
    .groupBy("r.name")
    .orderBy("r.name")
    .getRawMany();
  insist(hours.length === 2 && hours[1].length === 2 * 3_600_000, hours);
  await db.transaction("SERIALIZABLE", async (manager) => {
    const lock = { mode: "pessimistic_write" };
    const grace = await manager.findOne(Booking, { where: { id: story.grace.id }, lock });
    await manager.transaction(async (inner) => {
      await inner.save(Booking, { ...grace, label: "Grace H." });
    });
  });
  insist((await bookings.findOneByOrFail({ id: story.grace.id })).label === "Grace H.", "saved");
}

export async function tellAll() {
  sayVersion(ME);
  const db = await connect();
  await attempt(ME, "tells the story", () => tell(db));
  await attempt(ME, "reads the schema; relations, pages, groups, locks, savepoints", () => more(db));
  await db.destroy();
}
