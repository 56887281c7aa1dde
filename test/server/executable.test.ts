/** dist/deltat, built as a user would build it, serves the same session from a folder that knows nothing of the project. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { connect, disconnectAll, refusalOf } from "./clients.ts";
import { cleanUp, PROJECT, runProgram, startServer, temporaryFolder } from "./harness.ts";
import { cellOf, newSessionIds, shortSession, sortedRows } from "./short-session.ts";

let folder: string;
let executable: string;

beforeAll(async () => {
  const build = Bun.spawn([process.execPath, "run", "build"], {
    cwd: PROJECT,
    stdout: "pipe",
    stderr: "pipe",
  });
  const words = await new Response(build.stderr).text();
  expect(await build.exited, words).toBe(0);
  folder = temporaryFolder();
  executable = join(folder, "deltat");
  copyFileSync(join(PROJECT, "dist/deltat"), executable);
}, 60_000);

afterAll(async () => {
  await disconnectAll();
  await cleanUp();
});

test("--version", async () => {
  const ended = await runProgram(["--version"], {}, { command: [executable], cwd: folder }).ended();
  expect(ended).toEqual({ exitCode: 0, stderr: "", stdout: `deltat ${packageJson.version}\n` });
});

test("the short session, a kill and a restart", async () => {
  const options = { command: [executable], cwd: folder, settings: { DELTAT_DATA_DIR: "./data" } };
  const first = await startServer(options);
  const client = await connect(first);
  for (const step of shortSession(newSessionIds())) {
    const work = client.query<unknown[]>({ text: step.sql, rowMode: "array" });
    if (step.refused !== undefined) {
      expect(await refusalOf(work), step.sql).toMatchObject(step.refused);
      continue;
    }
    const { rows, rowCount } = await work;
    if (step.rows === undefined) expect(rowCount, step.sql).toBe(step.affected as number);
    else expect(sortedRows(rows.map((row) => row.map(cellOf))), step.sql).toEqual(sortedRows(step.rows));
  }
  expect((await refusalOf(client.query("SELECT * FORM bookings"))).code).toBe("42601");
  const bookings = "SELECT * FROM bookings ORDER BY id";
  const before = (await client.query(bookings)).rows;
  await first.kill();
  const second = await startServer(options);
  expect((await (await connect(second)).query(bookings)).rows).toEqual(before);
  expect(await second.stop()).toMatchObject({ exitCode: 0, stderr: "" });
  expect(readdirSync(folder).sort()).toEqual(["data", "deltat"]);
});

test("a snapshot made by its own second process, and the commands, from a folder of their own", async () => {
  const cwd = temporaryFolder();
  const server = await startServer({ command: [executable], cwd, settings: { DELTAT_DATA_DIR: "./data" } });
  const client = await connect(server);
  await client.query("INSERT INTO resources (name) VALUES ('one'), ('two')");
  await client.query("CHECKPOINT");
  const run = async (line: string): Promise<string> => {
    const child = Bun.spawn(["bash", "-c", `set -o pipefail; deltat() { "${executable}" "$@"; }; ${line}`], {
      cwd,
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, complaint] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect({ line, code: await child.exited, complaint }).toEqual({ line, code: 0, complaint: "" });
    return out;
  };
  expect(
    readdirSync(join(cwd, "data/databases/main")).filter((name) => name.endsWith(".snapshot")),
  ).toHaveLength(1);
  expect(await run("deltat backup data target")).toContain("main: up to commit 1");
  const whole = "2 resources, 0 rules, 0 bookings, 0 holds";
  expect(await run("deltat verify target")).toContain(whole);
  await run("deltat dump data | deltat restore other --database main");
  expect(await run("deltat verify other")).toContain(whole);
  expect(await server.stop()).toMatchObject({ exitCode: 0, stderr: "" });
}, 30_000);
