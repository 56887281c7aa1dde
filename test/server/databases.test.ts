/** CREATE DATABASE and DROP DATABASE, and who may be thrown out of which. */

import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, disconnectAll, newId, refusalOf, rowsOf } from "./clients.ts";
import { cleanUp, type ServerProcess, startServer } from "./harness.ts";

afterEach(disconnectAll);
afterAll(cleanUp);

const DATABASES = "SELECT datname FROM pg_database ORDER BY datname";

function foldersOf(server: ServerProcess): string[] {
  return readdirSync(join(server.dataDir, "databases")).sort();
}

test("a database that was created is there, and after its drop it is not, across a crash", async () => {
  const first = await startServer({ settings: { DELTAT_AUTO_CREATE: "true" } });
  const admin = await connect(first);
  await admin.query("CREATE DATABASE clinic");
  await admin.query(`CREATE DATABASE "Größe" ENCODING 'UTF8' TEMPLATE template0 LC_COLLATE 'C' OWNER deltat`);
  expect(await rowsOf(admin, DATABASES)).toEqual([["Größe"], ["clinic"], ["main"]]);
  const clinic = await connect(first, "clinic");
  await clinic.query("INSERT INTO resources (id) VALUES ($1)", [newId()]);
  await clinic.end();
  await first.kill();

  const second = await startServer({ dataDir: first.dataDir });
  const again = await connect(second);
  expect(await rowsOf(again, DATABASES)).toEqual([["Größe"], ["clinic"], ["main"]]);
  expect((await again.query("DROP DATABASE clinic")).command).toBe("DROP");
  await again.query(`DROP DATABASE "Größe"`);
  expect(await rowsOf(again, DATABASES)).toEqual([["main"]]);
  await second.kill();

  const third = await startServer({ dataDir: first.dataDir });
  const last = await connect(third);
  expect(await rowsOf(last, DATABASES)).toEqual([["main"]]);
  const empty = await connect(third, "clinic");
  expect(await rowsOf(empty, "SELECT id FROM resources")).toEqual([]);
  expect((await third.stop()).stderr).toBe("");
  expect(foldersOf(third)).toEqual(["clinic", "main"]);
}, 30_000);

test("what cannot be is refused, in PostgreSQL's words", async () => {
  const server = await startServer();
  const admin = await connect(server);
  const refused = (text: string) => refusalOf(admin.query(text));
  await admin.query("CREATE DATABASE a");
  expect(await refused("CREATE DATABASE a")).toMatchObject({
    code: "42P04",
    message: 'database "a" already exists',
  });
  expect(await refused("DROP DATABASE b")).toMatchObject({
    code: "3D000",
    message: 'database "b" does not exist',
  });
  expect((await admin.query("DROP DATABASE IF EXISTS b")).command).toBe("DROP");
  expect(await refused("DROP DATABASE main")).toMatchObject({
    code: "55006",
    message: "cannot drop the currently open database",
  });
  expect(await refused("CREATE DATABASE c ENCODING 'LATIN1'")).toMatchObject({ code: "0A000" });
  await admin.query("BEGIN");
  expect(await refused("CREATE DATABASE c")).toMatchObject({
    code: "25001",
    message: "CREATE DATABASE cannot run inside a transaction block",
  });
  await admin.query("ROLLBACK");
  expect(await rowsOf(admin, DATABASES)).toEqual([["a"], ["main"]]);
}, 20_000);

test("a database in use stays, unless its users are thrown out", async () => {
  const server = await startServer();
  const admin = await connect(server);
  const user = await connect(server, "used");
  await user.query("INSERT INTO resources (id) VALUES ($1)", [newId()]);
  const gone = new Promise<Error>((resolve) => user.on("error", resolve));
  expect(await refusalOf(admin.query("DROP DATABASE used"))).toMatchObject({
    code: "55006",
    message: 'database "used" is being accessed by other users',
  });
  expect(await rowsOf(user, "SELECT count(*)::int FROM resources")).toEqual([[1]]);
  await admin.query("DROP DATABASE used WITH (FORCE)");
  expect(await gone).toMatchObject({ code: "57P01" });
  expect(await rowsOf(admin, DATABASES)).toEqual([["main"]]);
}, 20_000);

test("one session sees and ends another", async () => {
  const server = await startServer();
  const admin = await connect(server);
  const other = await connect(server, "other");
  await other.query("SET application_name = 'till'");
  await other.query("BEGIN; SELECT 1");
  expect(
    await rowsOf(
      admin,
      "SELECT datname, application_name, state FROM pg_stat_activity ORDER BY datname DESC",
    ),
  ).toEqual([
    ["other", "till", "idle in transaction"],
    ["main", "", "active"],
  ]);
  const gone = new Promise<Error>((resolve) => other.on("error", resolve));
  expect(
    await rowsOf(admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'other'"),
  ).toEqual([[true]]);
  expect(await gone).toMatchObject({ code: "57P01" });
  expect(await rowsOf(admin, "SELECT pg_terminate_backend(-1)")).toEqual([[false]]);
}, 20_000);

test("a folder that a crash left half removed is no database any more, and goes at the next start", async () => {
  const first = await startServer();
  await (await connect(first)).query("SELECT 1");
  await first.kill();
  const left = join(first.dataDir, "databases", "old.0af0.dropped");
  mkdirSync(left);
  writeFileSync(join(left, "00000001.log"), "half");
  const second = await startServer({ dataDir: first.dataDir });
  expect(await rowsOf(await connect(second), DATABASES)).toEqual([["main"]]);
  expect((await second.stop()).stderr).toBe("");
  expect(foldersOf(second)).toEqual(["main"]);
}, 20_000);

test("a database's size is that of its folder", async () => {
  const server = await startServer();
  const admin = await connect(server);
  const [[size] = []] = await rowsOf(admin, "SELECT pg_database_size('main')::int");
  expect(size).toBeGreaterThanOrEqual(1024 * 1024);
  expect((await refusalOf(admin.query("SELECT pg_database_size('none')"))).code).toBe("3D000");
}, 20_000);
