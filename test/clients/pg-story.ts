/** The story through node-postgres: straight to the server, or with something in between. */

import pg from "pg";
import { type Address, Hearing, numbered, type Outcome, type Run, refused, type Story } from "./story.ts";

type FreeRow = Run & { resource_id: string };

const INSERT_BOOKING =
  'INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ($1, $2, $3, $4, $5)';

/** A list of rows of parameters, `($1, $2), ($3, $4)`, and their values. */
export function rowsOf(rows: readonly (readonly unknown[])[]): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const text = rows.map((row) => `(${row.map((value) => `$${values.push(value)}`).join(", ")})`).join(", ");
  return { text, values };
}

async function furnish(client: pg.Client, story: Story): Promise<void> {
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

async function book(client: pg.Client, story: Story) {
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

async function findFree(client: pg.Client, story: Story) {
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

async function rollBack(client: pg.Client, story: Story) {
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

/** @param listenAt where the listener connects: what pools connections by transaction cannot pass notifications on */
export async function tellThroughPg(at: Address, listenAt: Address, story: Story): Promise<Outcome> {
  const client = new pg.Client(at);
  await client.connect();
  await furnish(client, story);
  const bookings = await book(client, story);
  const free = await findFree(client, story);

  const listener = new pg.Client(listenAt);
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
  return outcome;
}
