/** CHECKPOINT, and snapshots by themselves, of a real server on a real disk. */

import { afterAll, afterEach, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { connect, DAY, disconnectAll, HOUR, newId, refusalOf, rowsOf } from "./clients.ts";
import { cleanUp, type ServerProcess, startServer } from "./harness.ts";

afterEach(disconnectAll);
afterAll(cleanUp);

const COUNT = "SELECT count(*)::int FROM bookings";

function filesOf({ dataDir }: ServerProcess): string[] {
  return readdirSync(join(dataDir, "databases", "main")).sort();
}

const hasSnapshot = (server: ServerProcess): boolean =>
  filesOf(server).some((name) => name.endsWith(".snapshot"));

async function fill(client: pg.Client, room: string, from: number, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, n) => {
    const start = DAY + (from + n) * HOUR;
    return `('${newId()}','${room}',${start},${start + HOUR},'${"label ".repeat(8)}')`;
  });
  await client.query(`INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ${rows.join(",")}`);
}

test("CHECKPOINT puts a snapshot in place of the log, and the server starts from it", async () => {
  const first = await startServer({ settings: { DELTAT_SNAPSHOT_BYTES: "0", DELTAT_HISTORY_BYTES: "0" } });
  const client = await connect(first);
  const room = newId();
  await client.query("INSERT INTO resources (id) VALUES ($1)", [room]);
  for (let n = 0; n < 20; n++) await fill(client, room, n * 500, 500);
  const before = filesOf(first).length;
  expect((await client.query("CHECKPOINT")).command).toBe("CHECKPOINT");
  expect(hasSnapshot(first)).toBe(true);
  expect(filesOf(first).length).toBeLessThan(before + 1);
  await fill(client, room, 10_000, 10);
  await client.query("CHECKPOINT");
  expect(filesOf(first).filter((name) => name.endsWith(".snapshot"))).toHaveLength(1);
  await fill(client, room, 20_000, 5);
  await first.kill();
  const second = await startServer({ dataDir: first.dataDir });
  expect(await rowsOf(await connect(second), COUNT)).toEqual([[10_015]]);
  expect((await second.stop()).stderr).toBe("");
}, 30_000);

test("a checkpoint is no part of a transaction, and an empty database may have one", async () => {
  const server = await startServer();
  const client = await connect(server);
  await client.query("CHECKPOINT");
  await client.query("BEGIN");
  expect((await refusalOf(client.query("CHECKPOINT"))).code).toBe("25001");
  await client.query("ROLLBACK");
  await client.query({ text: "CHECKPOINT", name: "prepared" });
  expect(await rowsOf(client, COUNT)).toEqual([[0]]);
}, 20_000);

test("killed while snapshots are made again and again, it comes back whole", async () => {
  let server = await startServer({
    settings: { DELTAT_SNAPSHOT_BYTES: "100000", DELTAT_HISTORY_BYTES: "0" },
  });
  const room = newId();
  let client = await connect(server);
  await client.query("INSERT INTO resources (id) VALUES ($1)", [room]);
  let booked = 0;
  for (let round = 0; round < 6; round++) {
    for (let batch = 0; batch < 8 + round; batch++) {
      await fill(client, room, booked, 300);
      booked += 300;
    }
    // Right behind the last batch a snapshot is under way more often than not.
    await server.kill();
    server = await startServer({
      dataDir: server.dataDir,
      settings: { DELTAT_SNAPSHOT_BYTES: "100000", DELTAT_HISTORY_BYTES: "0" },
    });
    client = await connect(server);
    expect(await rowsOf(client, COUNT)).toEqual([[booked]]);
  }
  await client.query("CHECKPOINT");
  expect(hasSnapshot(server)).toBe(true);
  expect(await rowsOf(client, COUNT)).toEqual([[booked]]);
  expect((await server.stop()).stderr).toBe("");
}, 60_000);
