/** Knex, and Objection's models over it. */

import knex from "knex";
import { Model, transaction } from "objection";
import pg from "pg";
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

const open = (database) => knex({ client: "pg", connection: addressOf(database), pool: { min: 0, max: 4 } });
const isServer = (error) => (/^[0-9A-Z]{5}$/.test(error.code ?? "") ? error : undefined);
// Knex puts the statement before the server's words.
const wordOf = (error) =>
  isServer(error) && { code: error.code, message: error.message.slice(error.message.lastIndexOf(" - ") + 3) };

async function tell() {
  const db = open("knex");
  const { house, small, large, window, hold, interview, never, moved } = story;
  await db("resources").insert(house);
  await db("resources").insert([small, large]);
  await db("rules").insert([story.open, story.cleaning]);
  const made = await db("bookings").insert(story.batch).returning("id");
  const conflict = await refused(db("bookings").insert(story.late), wordOf);
  const again = await db("bookings").insert(story.ada).onConflict("id").ignore().returning("id");
  const badBatch = await refused(db.batchInsert("bookings", story.badBatch, 1), wordOf);
  await db("holds").insert(hold);
  const taken = await db("bookings")
    .insert({ id: interview.id, hold_id: hold.id, label: interview.label })
    .returning(["resource_id", "start", "end"]);
  const holds = await db("holds").where({ resource_id: hold.resource_id });
  const within = () => db("availability").where("start", ">=", window.start).where("end", "<=", window.end);
  const free = await within()
    .select("start", "end")
    .where({ resource_id: small.id, min_duration: story.minDuration });
  const perRoom = await within().whereIn("resource_id", [small.id, large.id]).where("per_resource", true);
  const together = await within().select("start", "end").whereIn("resource_id", [small.id, large.id]);

  const listener = await listenTo("knex");
  const look = (at) => at("bookings").where({ resource_id: never.resource_id, start: never.start });
  let inside = 0;
  await db
    .transaction(async (trx) => {
      await trx("bookings").insert(never);
      inside = (await look(trx)).length;
      throw new Error("changed my mind");
    })
    .catch(({ message }) => insist(message === "changed my mind", message));
  const afterRollback = (await look(db)).length;
  await db("bookings").where({ id: story.ada.id }).delete();
  await db("bookings").where({ id: story.grace.id }).update(moved);
  const diary = await db("bookings")
    .join("resources", "resources.id", "bookings.resource_id")
    .select({ room: "resources.name" }, "label", "start", "end")
    .orderBy(["start", "room"]);
  sayStory("knex", {
    batch: made.map(({ id }) => id),
    conflict,
    repeated: again.length,
    badBatch: badBatch.code,
    interview: taken.map(numbered),
    holdsLeft: holds.length,
    free,
    freePerRoom: perRoom,
    freeTogether: together,
    inside,
    afterRollback,
    heard: await listener.heard(),
    diary,
  });
  await db.destroy();
}

class Resource extends Model {
  static tableName = "resources";
  static relationMappings = () => ({
    children: {
      relation: Model.HasManyRelation,
      modelClass: Resource,
      join: { from: "resources.id", to: "resources.parent_id" },
    },
    bookings: {
      relation: Model.HasManyRelation,
      modelClass: Booking,
      join: { from: "resources.id", to: "bookings.resource_id" },
    },
  });
}

class Booking extends Model {
  static tableName = "bookings";
  static relationMappings = () => ({
    resource: {
      relation: Model.BelongsToOneRelation,
      modelClass: Resource,
      join: { from: "bookings.resource_id", to: "resources.id" },
    },
  });
}

/** Knex's schema inspection, streams and savepoints; Objection's graphs. On what the story has left. */
async function more() {
  const db = open("knex");
  const columns = await db("bookings").columnInfo();
  insist(columns.start.type === "bigint" && columns.label.nullable && !columns.id.nullable, columns);
  insist((await db.schema.hasTable("bookings")) && !(await db.schema.hasTable("nothing")), "hasTable");
  insist(await db.schema.hasColumn("holds", "expires_at"), "hasColumn");
  const labels = [];
  for await (const { label } of db("bookings").select("label").orderBy("start").stream()) labels.push(label);
  insist(labels.length === 4 && labels[0] === "Grace", labels);
  const counted = await db("bookings")
    .select("resource_id")
    .count({ count: "*" })
    .groupBy("resource_id")
    .having(db.raw("count(*)"), ">", 1)
    .orderBy("resource_id");
  insist(counted.length === 2 && counted.every(({ count }) => count === 2), counted);

  const house = await Resource.query(db)
    .findById(story.house.id)
    .withGraphFetched("children(byName).bookings(byStart)")
    .modifiers({ byName: (query) => query.orderBy("name"), byStart: (query) => query.orderBy("start") });
  const seen = house.children.map(({ name, bookings }) => [name, bookings.length]);
  insist(JSON.stringify(seen) === '[["Large room",2],["Small room",2]]', seen);
  const joined = await Booking.query(db).withGraphJoined("resource").where("resource.name", "Small room");
  insist(joined.length === 2 && joined[0].resource.id === story.small.id, joined);
  const start = story.window.end;
  const id = story.late.id;
  await transaction(db, async (trx) => {
    const made = await Booking.query(trx)
      .insert({ id, resource_id: story.small.id, start, end: start + 1000 })
      .returning("*");
    insist(made.label === null, made);
    await refused(
      trx.transaction((inner) =>
        Booking.query(inner).insert({ resource_id: story.small.id, start, end: start + 1 }),
      ),
      (error) => isServer(error.nativeError ?? error),
    );
    const patched = await Booking.query(trx).patch({ label: "night" }).where({ id }).forUpdate();
    insist(patched === 1, patched);
  });
  insist((await Booking.query(db).deleteById(id)) === 1, "deleted");
  await db.destroy();
}

export async function tellAll() {
  sayVersion("knex");
  sayVersion("objection");
  await attempt("knex", "tells the story", tell);
  await attempt("knex", "columnInfo, streams, groups; Objection's graphs, savepoints", more);
}
