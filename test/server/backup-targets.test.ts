/** Where a backup may go, and where it may not: nothing is replaced that no backup has put there. */

import { afterAll, afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, disconnectAll, newId, rowsOf } from "./clients.ts";
import {
  cleanUp,
  type Ended,
  runProgram,
  type ServerProcess,
  startServer,
  temporaryFolder,
} from "./harness.ts";

afterEach(disconnectAll);
afterAll(cleanUp);

const COUNT = "SELECT count(*)::int FROM resources";

function deltat(...words: string[]): Promise<Ended> {
  return runProgram(words, {}).ended();
}

async function addResource(server: ServerProcess, database = "main"): Promise<void> {
  const client = await connect(server, database);
  await client.query("INSERT INTO resources (id) VALUES ($1)", [newId()]);
  await client.end();
}

const refused = (stderr: RegExp): object => ({ exitCode: 1, stderr: expect.stringMatching(stderr) });

test("a data folder is no target for its own backup, by whatever name, and goes on serving", async () => {
  const server = await startServer();
  await addResource(server);
  const alias = join(temporaryFolder(), "alias");
  symlinkSync(server.dataDir, alias);
  const own = /is where the databases are that are to be backed up/;
  expect(await deltat("backup", server.dataDir, server.dataDir)).toMatchObject(refused(own));
  expect(await deltat("backup", server.dataDir, alias)).toMatchObject(refused(own));
  const inside = join(server.dataDir, "databases", "main");
  expect(await deltat("backup", server.dataDir, inside)).toMatchObject(refused(own));
  expect(await deltat("backup", inside, server.dataDir)).toMatchObject(refused(own));
  await addResource(server);
  await server.kill();
  const again = await startServer({ dataDir: server.dataDir });
  expect(await rowsOf(await connect(again), COUNT)).toEqual([[2]]);
  expect((await again.stop()).stderr).toBe("");
}, 30_000);

test("a folder that is served, or that no backup has made, or that was served since, is left as it is", async () => {
  const source = await startServer();
  await addResource(source);
  const other = await startServer();
  await addResource(other);
  await addResource(other);
  expect(await deltat("backup", source.dataDir, other.dataDir)).toMatchObject(refused(/is in use/));
  await addResource(other);
  await disconnectAll();
  await other.stop();
  expect(await deltat("backup", source.dataDir, other.dataDir)).toMatchObject(refused(/is no backup/));
  const folder = join(other.dataDir, "databases");
  expect(readdirSync(folder)).toEqual(["main"]);

  // The other way round: what was restored from a backup and served is not overwritten by that backup.
  const target = temporaryFolder();
  expect((await deltat("backup", other.dataDir, target)).exitCode).toBe(0);
  expect((await deltat("backup", other.dataDir, target)).exitCode).toBe(0);
  const served = await startServer({ dataDir: target });
  await addResource(served);
  expect(await rowsOf(await connect(served), COUNT)).toEqual([[4]]);
  await disconnectAll();
  await served.stop();
  expect(await deltat("backup", other.dataDir, target)).toMatchObject(refused(/was served since/));
  expect((await deltat("verify", target)).stdout).toContain("4 resources");
}, 30_000);

test("a backup that fails leaves nothing half made, and one that died between two renames is taken up", async () => {
  const server = await startServer({ settings: { DELTAT_SNAPSHOT_BYTES: "0" } });
  await addResource(server);
  const target = temporaryFolder();
  expect((await deltat("backup", server.dataDir, target)).exitCode).toBe(0);
  const place = join(target, "databases", "main");
  renameSync(place, `${place}.outgoing`);
  mkdirSync(`${place}.incoming`);
  writeFileSync(join(`${place}.incoming`, "half"), "");
  expect(await deltat("backup", server.dataDir, target)).toMatchObject({ exitCode: 0, stderr: "" });
  expect(readdirSync(join(target, "databases"))).toEqual(["main"]);

  const log = join(server.dataDir, "databases", "main", "0000000001.log");
  await disconnectAll();
  await server.kill();
  writeFileSync(log, "no log at all");
  const failed = await deltat("backup", server.dataDir, target);
  expect(failed).toMatchObject(refused(/is damaged/));
  // What was damaged is the source's: that file is named, and not a copy that is gone.
  expect(failed.stdout).toContain(log);
  expect(readdirSync(join(target, "databases"))).toEqual(["main"]);
  expect(existsSync(join(place, "0000000001.log"))).toBe(true);
  expect((await deltat("verify", target)).exitCode).toBe(0);
}, 30_000);
