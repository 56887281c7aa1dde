/** Holds that expire by themselves, by the real clock: when they stop counting, and who is told. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect, DAY, disconnectAll, HOUR, Inbox, newId, refusalOf, rowsOf } from "./clients.ts";
import { cleanUp, type ServerProcess, startServer } from "./harness.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await disconnectAll();
  await cleanUp();
});

function place(hold: string, room: string, expiresAt: number): string {
  return `INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ('${hold}', '${room}', ${DAY}, ${DAY + HOUR}, ${expiresAt})`;
}

function book(room: string): string {
  return `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${newId()}', '${room}', ${DAY}, ${DAY + HOUR})`;
}

test("HoldReleased arrives by itself, not before the hold expires and soon after, on the ancestors' channels too", async () => {
  const [client, writer] = [await connect(server), await connect(server)];
  const inbox = new Inbox(client);
  const [parent, room, hold] = [newId(), newId(), newId()];
  await writer.query(
    `INSERT INTO resources (id) VALUES ('${parent}'); INSERT INTO resources (id, parent_id) VALUES ('${room}', '${parent}')`,
  );
  await client.query(`LISTEN resource_${parent}`);
  const expiresAt = Date.now() + 60;
  await writer.query(place(hold, room, expiresAt));
  expect((await inbox.next()).payload).toHaveProperty("HoldPlaced");
  const released = await inbox.next();
  const delay = Date.now() - expiresAt;
  expect(released).toEqual({
    channel: `resource_${parent}`,
    payload: { HoldReleased: { id: hold, resource_id: room } },
  });
  expect(delay).toBeGreaterThanOrEqual(0);
  // Milliseconds are promised; a loaded machine gets some more.
  expect(delay).toBeLessThan(1000);
  expect(await rowsOf(writer, `SELECT * FROM holds WHERE id = '${hold}'`)).toEqual([]);
  await writer.query(book(room));
});

test("to the millisecond: until expires_at the slot is taken, from then on it is free", async () => {
  const client = await connect(server);
  const room = newId();
  await client.query(`INSERT INTO resources (id) VALUES ('${room}')`);
  const expiresAt = Date.now() + 40;
  await client.query(place(newId(), room, expiresAt));
  while (true) {
    const askedAt = Date.now();
    const answer = await client.query(book(room)).then(
      () => "booked",
      (error: { code: string }) => error.code,
    );
    if (answer === "booked") break;
    expect(answer).toBe("23P01");
    expect(askedAt).toBeLessThan(expiresAt);
  }
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
});

test("an expired hold cannot be confirmed", async () => {
  const client = await connect(server);
  const inbox = new Inbox(client);
  const [room, hold] = [newId(), newId()];
  await client.query(`INSERT INTO resources (id) VALUES ('${room}')`);
  await client.query(`LISTEN resource_${room}`);
  await client.query(place(hold, room, Date.now() + 20));
  await inbox.take(2);
  const refusal = await refusalOf(
    client.query(`INSERT INTO bookings (id, hold_id) VALUES ('${newId()}', '${hold}')`),
  );
  expect(refusal).toMatchObject({ code: "23503", message: `not found: ${hold}` });
});

test("a staged hold that expires before COMMIT is gone from its transaction, which commits all the same", async () => {
  const [client, other] = [await connect(server), await connect(server)];
  const inbox = new Inbox(other);
  const [room, marker, hold] = [newId(), newId(), newId()];
  await other.query(`INSERT INTO resources (id) VALUES ('${room}'), ('${marker}')`);
  await other.query(`LISTEN resource_${marker}`);
  const expiresAt = Date.now() + 30;
  await client.query("BEGIN");
  await client.query(place(hold, room, expiresAt));
  // Another hold with the same expiry tells, by its release, that the time has come.
  await other.query(place(newId(), marker, expiresAt));
  await inbox.take(2);
  expect(await rowsOf(client, `SELECT id FROM holds WHERE id = '${hold}'`)).toEqual([]);
  await client.query("COMMIT");
  await other.query(book(room));
});

test("an extended expiry holds on; what was live before a crash is live after it, what expired meanwhile is not", async () => {
  const first = await startServer();
  const client = await connect(first);
  const [room, hall, kept, lost] = [newId(), newId(), newId(), newId()];
  await client.query(`INSERT INTO resources (id) VALUES ('${room}'), ('${hall}')`);
  await client.query(place(kept, room, Date.now() + 1000));
  await client.query(`UPDATE holds SET expires_at = ${Date.now() + 3_600_000} WHERE id = '${kept}'`);
  const expiresAt = Date.now() + 20;
  await client.query(place(lost, hall, expiresAt));
  await first.kill();
  const second = await startServer({ dataDir: first.dataDir });
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAt);
  const after = await connect(second);
  expect(await rowsOf(after, "SELECT id FROM holds")).toEqual([[kept]]);
  await after.query(book(hall));
  expect((await refusalOf(after.query(book(room)))).message).toBe(`conflict with allocation: ${kept}`);
});
