/** Sequelize: models as its users would write them. */

import pg from "pg";
import { DataTypes, Op, QueryTypes, Sequelize, Transaction } from "sequelize";
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

const ME = "sequelize";
const wordOf = (error) => (error.original?.code ? error.original : undefined);

function connect() {
  const { database, user, password, ...at } = addressOf(ME);
  const db = new Sequelize(database, user, password, { ...at, dialect: "postgres", logging: false });
  const options = { timestamps: false, underscored: true };
  // Each attribute an object of its own: Sequelize writes into them.
  const id = () => ({ type: DataTypes.TEXT, primaryKey: true });
  const instant = () => ({ type: DataTypes.BIGINT, allowNull: false });
  const span = () => ({ id: id(), resource_id: DataTypes.TEXT, start: instant(), end: instant() });
  const Resource = db.define(
    "resource",
    {
      id: id(),
      parent_id: DataTypes.TEXT,
      name: DataTypes.TEXT,
      capacity: { type: DataTypes.INTEGER, defaultValue: 1 },
      buffer_after: { type: DataTypes.BIGINT, defaultValue: 0 },
    },
    options,
  );
  const Rule = db.define("rule", { ...span(), blocking: DataTypes.BOOLEAN }, options);
  const Booking = db.define("booking", { ...span(), label: DataTypes.TEXT }, options);
  const Hold = db.define("hold", { ...span(), expires_at: instant() }, options);
  Resource.hasMany(Booking, { foreignKey: "resource_id" });
  Booking.belongsTo(Resource, { foreignKey: "resource_id" });
  Resource.belongsTo(Resource, { foreignKey: "parent_id", as: "parent" });
  return { db, Resource, Rule, Booking, Hold };
}

async function tell({ db, Resource, Rule, Booking, Hold }) {
  const { house, small, large, window, hold, interview, never, moved } = story;
  await Resource.create(house);
  await Resource.bulkCreate([small, large]);
  await Rule.bulkCreate([story.open, story.cleaning]);
  const made = await Booking.bulkCreate(story.batch);
  const conflict = await refused(Booking.create(story.late), wordOf);
  const before = await Booking.count();
  await Booking.bulkCreate([story.ada], { ignoreDuplicates: true });
  await Booking.upsert(story.ada);
  const repeated = (await Booking.count()) - before;
  const badBatch = await refused(Booking.bulkCreate(story.badBatch), wordOf);
  await Hold.create(hold);
  const ask = (text, replacements) => db.query(text, { replacements, type: QueryTypes.SELECT });
  const taken = await ask(
    'INSERT INTO bookings (id, hold_id, label) VALUES (?, ?, ?) RETURNING resource_id, start, "end"',
    [interview.id, hold.id, interview.label],
  );
  const holdsLeft = await Hold.count({ where: { resource_id: hold.resource_id } });
  const bounds = [window.start, window.end];
  const within = 'start >= ? AND "end" <= ?';
  const free = await ask(
    `SELECT start, "end" FROM availability WHERE resource_id = ? AND ${within} AND min_duration = ?`,
    [small.id, ...bounds, story.minDuration],
  );
  const perRoom = await ask(
    `SELECT * FROM availability WHERE resource_id IN (?) AND ${within} AND per_resource = true`,
    [[small.id, large.id], ...bounds],
  );
  const together = await ask(`SELECT start, "end" FROM availability WHERE resource_id IN (?) AND ${within}`, [
    [small.id, large.id],
    ...bounds,
  ]);

  const listener = await listenTo(ME);
  const where = { resource_id: never.resource_id, start: never.start };
  let inside = 0;
  await db
    .transaction(async (transaction) => {
      await Booking.create(never, { transaction });
      inside = await Booking.count({ where, transaction });
      throw new Error("changed my mind");
    })
    .catch(({ message }) => insist(message === "changed my mind", message));
  const afterRollback = await Booking.count({ where });
  await Booking.destroy({ where: { id: story.ada.id } });
  const grace = await Booking.findByPk(story.grace.id);
  await grace.update(moved);
  const order = ["start", [Resource, "name"]];
  const diary = await Booking.findAll({ include: Resource, order });
  sayStory(ME, {
    batch: made.map(({ id }) => id),
    conflict,
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

/** What else its users do, on what the story has left. */
async function more({ db, Resource, Booking }) {
  const inspector = db.getQueryInterface();
  const tables = await inspector.showAllTables();
  insist(
    ["bookings", "holds", "resources", "rules"].every((name) => tables.includes(name)),
    tables,
  );
  const columns = await inspector.describeTable("bookings");
  insist(columns.id.primaryKey && columns.start.type === "BIGINT" && columns.label.allowNull, columns);
  const indexes = await inspector.showIndex("bookings");
  insist(indexes.some(({ primary }) => primary) && indexes.length === 2, indexes);
  const [foreign] = await inspector.getForeignKeyReferencesForTable("bookings");
  insist(foreign.referencedTableName === "resources" && foreign.columnName === "resource_id", foreign);

  const rooms = await Resource.findAll({
    where: { name: { [Op.iLike]: "%room" }, parent_id: { [Op.ne]: null } },
    include: [Booking, "parent"],
    order: ["name"],
  });
  const seen = rooms.map(({ name, bookings, parent }) => [name, bookings.length, parent.name]);
  insist(JSON.stringify(seen) === '[["Large room",2,"House"],["Small room",2,"House"]]', seen);
  const { rows, count } = await Booking.findAndCountAll({ limit: 2, offset: 1, order: ["start", "id"] });
  insist(rows.length === 2 && count === 4, count);
  const longest = await Booking.max("end", { where: { label: { [Op.in]: ["Grace", "Interview"] } } });
  insist(Number(longest) === story.hold.end, longest);
  const serializable = { isolationLevel: Transaction.ISOLATION_LEVELS.SERIALIZABLE };
  await db.transaction(serializable, async (transaction) => {
    const lock = transaction.LOCK.UPDATE;
    const grace = await Booking.findByPk(story.grace.id, { transaction, lock });
    await db.transaction({ transaction }, (inner) =>
      grace.update({ label: "Grace H." }, { transaction: inner }),
    );
  });
  const [found, isNew] = await Booking.findOrCreate({ where: { label: "Grace H." } });
  insist(found.id === story.grace.id && !isNew, "findOrCreate");
}

export async function tellAll() {
  sayVersion(ME);
  const connection = connect();
  await attempt(ME, "tells the story", () => tell(connection));
  await attempt(ME, "describes tables; joins, locks, savepoints, findOrCreate", () => more(connection));
  await connection.db.close();
}
