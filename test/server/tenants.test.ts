/** One database name, one world: rows, ids, channels and folders, whatever the name is made of. */

import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, disconnectAll, Inbox, newId, refusalOf, rowsOf } from "./clients.ts";
import { cleanUp, startServer, temporaryFolder } from "./harness.ts";

afterEach(disconnectAll);
afterAll(cleanUp);

const NAMES = [
  "plain",
  "Plain",
  "PLAIN",
  "with space",
  " ",
  "Größe",
  "база 🕒",
  "..",
  ".",
  "../escape",
  "/tmp/absolute",
  "a/b/c",
  "back\\slash",
  "%2E%2E",
  "semi;colon'quote\"",
  "new\nline",
  "con",
  "x".repeat(63),
];

test("odd names are databases of their own, and nothing leaves the data folder", async () => {
  const above = temporaryFolder();
  const dataDir = join(above, "data");
  const id = newId();
  const first = await startServer({ dataDir });
  for (const name of NAMES) {
    const client = await connect(first, name);
    await client.query("INSERT INTO resources (id, name) VALUES ($1, $2)", [id, name]);
    await client.end();
  }
  await first.kill();
  const second = await startServer({ dataDir });
  for (const name of NAMES) {
    const client = await connect(second, name);
    expect(await rowsOf(client, "SELECT id, name FROM resources")).toEqual([[id, name]]);
    expect(await rowsOf(client, "SELECT current_database()")).toEqual([[name]]);
    await client.end();
  }
  expect((await second.stop()).stderr).toBe("");
  expect(readdirSync(above)).toEqual(["data"]);
  expect(readdirSync(join(dataDir, "databases"))).toHaveLength(NAMES.length);
}, 30_000);

test("a name that is too long is refused, and the database is the user's name where none is given", async () => {
  const server = await startServer();
  expect((await refusalOf(connect(server, "x".repeat(64)))).code).toBe("3D000");
  const client = await connect(server, "");
  expect(await rowsOf(client, "SELECT current_database()")).toEqual([["deltat"]]);
});

test("what happens in one database is neither seen, nor in the way, nor heard in another", async () => {
  const server = await startServer();
  const [here, there] = [await connect(server, "here"), await connect(server, "there")];
  const inbox = new Inbox(here);
  const [room, booking] = [newId(), newId()];
  await here.query(`LISTEN resource_${room}`);
  const createRoom = `INSERT INTO resources (id, name) VALUES ('${room}', current_database())`;
  const book = `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${booking}', '${room}', 1, 2)`;
  await there.query(createRoom);
  expect((await refusalOf(here.query(book))).code).toBe("23503");
  await there.query(book);
  await here.query(createRoom);
  await here.query(book);
  const heard = await inbox.take(2);
  expect(heard.map(({ payload }) => Object.keys(payload as object)[0])).toEqual([
    "ResourceCreated",
    "BookingConfirmed",
  ]);
  await there.query(`DELETE FROM resources WHERE id = '${room}'`);
  expect(await rowsOf(here, "SELECT name FROM resources")).toEqual([["here"]]);
  expect(inbox.count).toBe(0);
});

test("DELTAT_AUTO_CREATE=false: a new name is 3D000, one that exists is served", async () => {
  const first = await startServer();
  await connect(first, "Known One");
  await disconnectAll();
  await first.stop();
  const settings = { DELTAT_AUTO_CREATE: "false" };
  const second = await startServer({ dataDir: first.dataDir, settings });
  const refusal = await refusalOf(connect(second, "unknown"));
  expect(refusal).toMatchObject({ code: "3D000", message: 'database "unknown" does not exist' });
  expect((await refusalOf(connect(second, "known one"))).code).toBe("3D000");
  const client = await connect(second, "Known One");
  await client.query("SELECT 1");
});

test("a database whose making a full disk cut short keeps no other from starting, and can be made later", async () => {
  const first = await startServer();
  await connect(first, "whole");
  await disconnectAll();
  await first.stop();
  const databases = join(first.dataDir, "databases");
  mkdirSync(join(databases, "empty"));
  mkdirSync(join(databases, "half"));
  writeFileSync(join(databases, "half", "0000000001.log.new1"), new Uint8Array(4096));
  const second = await startServer({ dataDir: first.dataDir });
  expect(readdirSync(join(databases, "empty"))).toEqual([]);
  for (const name of ["whole", "empty", "half"]) {
    const client = await connect(second, name);
    expect(await rowsOf(client, "SELECT count(*) FROM resources")).toEqual([["0"]]);
  }
  expect(readdirSync(join(databases, "half"))).toEqual(["0000000001.log"]);
});
