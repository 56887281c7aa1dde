/**
 * Killed without warning, again and again, on one data folder: every acknowledged change is there afterwards,
 * and what was not acknowledged is there as a whole or not at all.
 */

import { afterAll, expect, test } from "bun:test";
import { Workload } from "../torture/workload.ts";
import { connect, DAY, disconnectAll, HOUR, Inbox, newId } from "./clients.ts";
import { cleanUp, startServer, temporaryFolder } from "./harness.ts";
import { RawClient, serialize } from "./raw-client.ts";

afterAll(async () => {
  await disconnectAll();
  await cleanUp();
});

const ROUNDS = 20;

/** Workers, by how many operations each keeps under way. */
const DEPTHS = [1, 1, 1, 1, 4, 16];

test(
  `${ROUNDS} times killed under load`,
  async () => {
    const dataDir = temporaryFolder();
    const workload = new Workload(DEPTHS, 1);
    for (let round = 0; round < ROUNDS; round++) {
      const server = await startServer({ dataDir });
      const client = await connect(server);
      if (round === 0) await workload.createResources(client);
      else await workload.verify(client);
      // Growing and uneven, so that the log is cut at ever other places.
      const killAfter = 120 + round * 31;
      let killed: Promise<void> | null = null;
      await workload.run(server, (count) => {
        if (count >= killAfter) killed ??= server.kill();
      });
      expect(killed).not.toBeNull();
      await killed;
    }
    const server = await startServer({ dataDir });
    await workload.verify(await connect(server));
    expect((await server.stop()).exitCode).toBe(0);
  },
  { timeout: 60_000 },
);

test("stopped by SIGTERM under load, it answers what it has accepted, exits 0, and has kept it all", async () => {
  const dataDir = temporaryFolder();
  const workload = new Workload(DEPTHS, 2);
  for (let round = 0; round < 3; round++) {
    const server = await startServer({ dataDir });
    const client = await connect(server);
    if (round === 0) await workload.createResources(client);
    else await workload.verify(client);
    let stopped: ReturnType<typeof server.stop> | null = null;
    let askedAt = 0;
    await workload.run(server, (count) => {
      if (count < 400 || stopped !== null) return;
      askedAt = performance.now();
      stopped = server.stop();
    });
    const ended = await (stopped as ReturnType<typeof server.stop> | null);
    expect(ended?.exitCode).toBe(0);
    expect(ended?.stderr).toBe("");
    expect(performance.now() - askedAt).toBeLessThan(10_000);
  }
  const server = await startServer({ dataDir });
  await workload.verify(await connect(server));
}, 40_000);

test("after a crash in the middle of a transaction nothing of it is there", async () => {
  const dataDir = temporaryFolder();
  const first = await startServer({ dataDir });
  const client = await connect(first);
  await client.query("INSERT INTO resources (id) VALUES ('01ARZ3NDEKTSV4RRFFQ69G5FAV')");
  await client.query("BEGIN");
  await client.query("INSERT INTO resources (id) VALUES ('01ARZ3NDEKTSV4RRFFQ69G5FAW')");
  // Somebody else's commit is durable while ours is staged.
  const other = await connect(first);
  await other.query("INSERT INTO resources (id) VALUES ('01ARZ3NDEKTSV4RRFFQ69G5FAX')");
  await first.kill();
  const second = await connect(await startServer({ dataDir }));
  const { rows } = await second.query("SELECT id FROM resources ORDER BY id");
  expect(rows.map(({ id }) => id)).toEqual(["01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAX"]);
});

function book(id: string, room: string, hour: number): string {
  return `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${id}', '${room}', ${DAY + hour * HOUR}, ${DAY + (hour + 1) * HOUR})`;
}

test("what anyone was told or has read survives: by reply, by notification, by a row, by a slot that is gone", async () => {
  const dataDir = temporaryFolder();
  const room = newId();
  const seen: string[] = [];
  for (let round = 0; round < 4; round++) {
    const server = await startServer({ dataDir });
    const client = await connect(server);
    const writer = await RawClient.connect(server);
    if (round === 0) await client.query(`INSERT INTO resources (id) VALUES ('${room}')`);
    const id = newId();
    const insertion = serialize.query(book(id, room, round));
    if (round === 0) {
      writer.send(insertion);
      await writer.cycle();
    } else if (round === 1) {
      const inbox = new Inbox(client);
      await client.query(`LISTEN resource_${room}`);
      writer.send(insertion);
      await inbox.next();
    } else if (round === 2) {
      writer.send(insertion);
      let found = 0;
      while (found === 0)
        found = (await client.query(`SELECT * FROM bookings WHERE id = '${id}'`)).rowCount ?? 0;
    } else {
      // A refusal tells of the other's booking as much as a row does.
      writer.send(insertion);
      const answer = () =>
        client.query(`BEGIN; ${book(newId(), room, round)}; ROLLBACK`).then(
          () => "free",
          (error: { code: string }) => error.code,
        );
      while ((await answer()) === "free");
    }
    seen.push(id);
    await server.kill();
  }
  const client = await connect(await startServer({ dataDir }));
  const { rows } = await client.query("SELECT id FROM bookings ORDER BY start");
  expect(rows.map(({ id }) => id)).toEqual(seen);
}, 30_000);
