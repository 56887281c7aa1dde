/** The table `events` of a real server: a consumer that comes and goes misses nothing, and tools find the table. */

import { afterAll, afterEach, expect, test } from "bun:test";
import pg from "pg";
import {
  connect,
  connectPostgresJs,
  DAY,
  disconnectAll,
  HOUR,
  Inbox,
  newId,
  refusalOf,
  rowsOf,
} from "./clients.ts";
import { cleanUp, type ServerProcess, startServer } from "./harness.ts";

afterEach(disconnectAll);
afterAll(cleanUp);

const NEXT = "SELECT seq, kind, id FROM events WHERE seq > $1 ORDER BY seq LIMIT 40";

/** Polls as the documentation says, from where it left off. */
class Consumer {
  readonly seen: string[] = [];
  private last = 0;

  /** Reads on until there is nothing more. */
  async catchUp(client: pg.Client): Promise<void> {
    for (;;) {
      const rows = await rowsOf(client, NEXT, [this.last]);
      for (const [seq, kind, id] of rows) {
        // Without a gap, and nothing twice.
        expect(Number(seq)).toBe(this.last + 1);
        this.last = Number(seq);
        this.seen.push(`${kind} ${id}`);
      }
      if (rows.length === 0) return;
    }
  }
}

/** Books, moves and cancels until `isOver`, or the server goes; notes what was acknowledged. */
async function write(server: ServerProcess, done: string[], isOver: () => boolean): Promise<void> {
  const client = await connect(server);
  const room = newId();
  try {
    await client.query("INSERT INTO resources (id) VALUES ($1)", [room]);
    done.push(`ResourceCreated ${room}`);
    for (let n = 0; !isOver(); n++) {
      const id = newId();
      const start = DAY + n * HOUR;
      await client.query(
        'INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ($1, $2, $3, $4, $5)',
        [id, room, start, start + HOUR, "x".repeat(200)],
      );
      done.push(`BookingConfirmed ${id}`);
      if (n % 3 === 0) {
        await client.query("DELETE FROM bookings WHERE id = $1", [id]);
        done.push(`BookingCancelled ${id}`);
      }
    }
  } catch (error) {
    // The server was killed: whether the last one was committed is not known.
    if (error instanceof pg.DatabaseError) throw error;
  }
}

test("a consumer that polls while others write, and while the server is killed, misses nothing", async () => {
  const settings = { DELTAT_SNAPSHOT_BYTES: "200000", DELTAT_HISTORY_BYTES: "67108864" };
  let server = await startServer({ settings });
  const consumer = new Consumer();
  const done: string[] = [];
  for (let round = 0; round < 3; round++) {
    let isOver = false;
    const writers = [1, 2, 3].map(() => write(server, done, () => isOver));
    const client = await connect(server);
    const target = consumer.seen.length + 600;
    while (consumer.seen.length < target) await consumer.catchUp(client);
    if (round < 2) await server.kill();
    isOver = true;
    await Promise.all(writers);
    if (round < 2) server = await startServer({ settings, dataDir: server.dataDir });
  }
  await consumer.catchUp(await connect(server));
  const seen = new Set(consumer.seen);
  expect(seen.size).toBe(consumer.seen.length);
  expect(done.filter((each) => !seen.has(each))).toEqual([]);
  // At most the one statement of each writer that was under way when the server died was committed unheard.
  expect(seen.size - done.length).toBeLessThanOrEqual(6);
  expect((await server.stop()).stderr).toBe("");
}, 60_000);

test("what is gone is an error that names the oldest, and the tables tell the rest", async () => {
  const server = await startServer({ settings: { DELTAT_HISTORY_BYTES: "0" } });
  const client = await connect(server);
  await client.query("INSERT INTO resources (id) VALUES ($1), ($2)", [newId(), newId()]);
  await client.query("CHECKPOINT");
  const refusal = await refusalOf(client.query("SELECT * FROM events WHERE seq > 1 ORDER BY seq"));
  expect([refusal.code, refusal.message, refusal.detail, refusal.hint]).toEqual([
    "55000",
    "events before seq 3 are no longer kept",
    "Asked for from seq 2 on; the oldest event kept has seq 3, the last one seq 2.",
    "Read the tables again, then go on with WHERE seq > 2.",
  ]);
  expect(await rowsOf(client, "SELECT * FROM events WHERE seq > 2 ORDER BY seq")).toEqual([]);
  expect(await rowsOf(client, "SELECT * FROM events")).toEqual([]);
  await client.query("DELETE FROM resources");
  expect(await rowsOf(client, "SELECT seq FROM events WHERE seq > 2 ORDER BY seq")).toEqual([["3"], ["4"]]);
  expect((await refusalOf(client.query("SELECT FROM events WHERE seq = 2"))).code).toBe("55000");
  expect((await refusalOf(client.query("SELECT FROM events WHERE seq BETWEEN 1 AND 3"))).code).toBe("55000");
  expect(await rowsOf(client, "SELECT seq FROM events WHERE seq < 4")).toEqual([["3"]]);
  expect(await rowsOf(client, "SELECT seq FROM events WHERE seq > NULL")).toEqual([]);
}, 20_000);

test("what is heard on deltat_events is what is read, and the channels of resources are as they were", async () => {
  const server = await startServer();
  const client = await connect(server);
  const ear = await connect(server);
  const inbox = new Inbox(ear);
  const room = newId();
  await ear.query(`LISTEN deltat_events; LISTEN resource_${room}`);
  await client.query("INSERT INTO resources (id) VALUES ($1)", [room]);
  const expiresAt = Date.now() + 300;
  await client.query(
    `BEGIN; INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${newId()}', '${room}', 1, 2);
     INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ('${newId()}', '${room}', 5, 6, ${expiresAt});
     UPDATE bookings SET start = 2, "end" = 3; COMMIT`,
  );
  // The expiry is the sixth.
  const first = await inbox.take(12);
  await client.query(`DELETE FROM resources WHERE id = '${room}'`);
  const heard = [...first, ...(await inbox.take(4))];
  const numbered = heard.filter(({ channel }) => channel === "deltat_events").map(({ payload }) => payload);
  const plain = heard.filter(({ channel }) => channel === `resource_${room}`).map(({ payload }) => payload);
  const read = await client.query(
    "SELECT seq::int, at, payload, kind FROM events WHERE seq >= 1 ORDER BY seq",
  );
  expect(numbered).toEqual(
    read.rows.map(({ seq, at, payload }) => ({ seq, at: Number(at), event: payload })),
  );
  expect(plain).toEqual(read.rows.map(({ payload }) => payload));
  expect(read.rows.map(({ kind }) => kind)).toEqual([
    "ResourceCreated",
    "BookingConfirmed",
    "HoldPlaced",
    "BookingCancelled",
    "BookingConfirmed",
    "HoldReleased",
    "BookingCancelled",
    "ResourceDeleted",
  ]);
}, 20_000);

test("events join, group and copy like any table, and the bound on seq reaches the log", async () => {
  const server = await startServer();
  const client = await connect(server);
  const room = newId();
  await client.query("INSERT INTO resources (id, name) VALUES ($1, 'blue')", [room]);
  await client.query(`INSERT INTO bookings (id, resource_id, start, "end") VALUES ($1, $2, 1, 2)`, [
    newId(),
    room,
  ]);
  expect(
    await rowsOf(
      client,
      `SELECT e.seq, r.name, e.payload -> e.kind -> 'span' ->> 'end' FROM events e JOIN resources r ON r.id = e.resource_id
       WHERE e.seq > $1 AND kind LIKE 'Booking%'`,
      ["0"],
    ),
  ).toEqual([["2", "blue", "2"]]);
  expect(
    await rowsOf(client, "SELECT kind, count(*)::int, max(seq)::int FROM events GROUP BY 1 ORDER BY 3"),
  ).toEqual([
    ["ResourceCreated", 1, 1],
    ["BookingConfirmed", 1, 2],
  ]);
  expect(await rowsOf(client, "SELECT seq FROM events ORDER BY seq DESC LIMIT 1")).toEqual([["2"]]);
  expect(await rowsOf(client, "SELECT last_event_seq()")).toEqual([["2"]]);
  expect(
    await rowsOf(client, "EXPLAIN SELECT * FROM events WHERE $1 < seq ORDER BY seq, id LIMIT 5", [1]),
  ).toEqual([["Limit"], ["  ->  Index Scan using events_seq on events"], ["        Filter"]]);
  expect(await rowsOf(client, "EXPLAIN SELECT seq FROM events ORDER BY at")).toEqual([
    ["Sort"],
    ["  ->  Seq Scan on events"],
  ]);
  const sql = connectPostgresJs(server, "main");
  const stream =
    await sql`COPY (SELECT seq, kind FROM events WHERE seq > 0 ORDER BY seq) TO STDOUT`.readable();
  let copied = "";
  for await (const chunk of stream) copied += String(chunk);
  await sql.end();
  expect(copied).toBe("1\tResourceCreated\n2\tBookingConfirmed\n");
  for (const text of [
    "INSERT INTO events VALUES (1)",
    "DELETE FROM events",
    "SELECT FROM events FOR UPDATE",
  ]) {
    expect((await refusalOf(client.query(text))).code).toBe("0A000");
  }
  expect(
    await rowsOf(
      client,
      "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'events' ORDER BY ordinal_position",
    ),
  ).toEqual([
    ["seq", "bigint"],
    ["at", "bigint"],
    ["kind", "text"],
    ["resource_id", "text"],
    ["id", "text"],
    ["payload", "json"],
  ]);
}, 20_000);
