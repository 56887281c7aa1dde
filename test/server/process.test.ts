/** The program as a process: its words, its exit codes, its lock on the folder, its stop, its bound on clients. */

import { afterAll, afterEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { connect, disconnectAll, newId, refusalOf } from "./clients.ts";
import { cleanUp, PASSWORD, runProgram, startServer, temporaryFolder } from "./harness.ts";
import { RawClient, serialize } from "./raw-client.ts";

afterEach(disconnectAll);
afterAll(cleanUp);

const loopback = { DELTAT_PORT: "0", DELTAT_BIND: "127.0.0.1" };

test("--help names every setting, --version the version", async () => {
  const help = await runProgram(["--help"], {}).ended();
  expect(help).toMatchObject({ exitCode: 0, stderr: "" });
  for (const name of [
    "PORT",
    "BIND",
    "DATA_DIR",
    "PASSWORD",
    "AUTH",
    "TLS_CERT",
    "TLS_KEY",
    "TLS",
    "MAX_CONNECTIONS",
    "AUTO_CREATE",
    "ENFORCE_RULES",
  ]) {
    expect(help.stdout).toContain(`DELTAT_${name}`);
  }
  const version = await runProgram(["--version"], {}).ended();
  expect(version).toEqual({ exitCode: 0, stderr: "", stdout: `deltat ${packageJson.version}\n` });
});

test("an argument that nobody knows is wrong usage: exit code 2", async () => {
  const ended = await runProgram(["--prot", "5433"], loopback).ended();
  expect(ended.exitCode).toBe(2);
  expect(ended.stderr).toContain("--help");
});

test.each([
  ["DELTAT_PORT", "five"],
  ["DELTAT_PORT", "65536"],
  ["DELTAT_PORT", ""],
  ["DELTAT_BIND", "not an address"],
  ["DELTAT_DATA_DIR", ""],
  ["DELTAT_PASSWORD", ""],
  ["DELTAT_AUTH", "trust"],
  ["DELTAT_TLS", "required"],
  ["DELTAT_TLS_CERT", "/nowhere/server.crt"],
  ["DELTAT_MAX_CONNECTIONS", "0"],
  ["DELTAT_AUTO_CREATE", "perhaps"],
  ["DELTAT_ENFORCE_RULES", "2"],
  ["DELTAT_PROT", "5433"],
])("%s=%p is refused in one clear line, exit code 1", async (name, value) => {
  const settings = { ...loopback, DELTAT_DATA_DIR: temporaryFolder(), [name]: value };
  const { exitCode, stdout, stderr } = await runProgram([], settings).ended();
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  expect(stderr.trim().split("\n"), stderr).toHaveLength(1);
  expect(stderr).toContain(name === "DELTAT_BIND" ? value : name);
});

test("a data folder that cannot be one is refused, naming it", async () => {
  const file = join(temporaryFolder(), "a-file");
  writeFileSync(file, "");
  const { exitCode, stdout, stderr } = await runProgram([], { ...loopback, DELTAT_DATA_DIR: file }).ended();
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  expect(stderr.trim().split("\n"), stderr).toHaveLength(1);
  expect(stderr).toContain(file);
});

test("a second server on the same folder is refused, and the first goes on", async () => {
  const first = await startServer();
  const client = await connect(first);
  const settings = { ...loopback, DELTAT_DATA_DIR: first.dataDir };
  const { exitCode, stdout, stderr } = await runProgram([], settings).ended();
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
  expect(stderr.trim().split("\n"), stderr).toHaveLength(1);
  expect(stderr).toContain(first.dataDir);
  await client.query(`INSERT INTO resources (id) VALUES ('${newId()}')`);
  await first.kill();
  const next = await startServer({ dataDir: first.dataDir });
  expect((await (await connect(next)).query("SELECT * FROM resources")).rowCount).toBe(1);
});

test("a port in use is refused, naming it, and the folder is free again", async () => {
  const first = await startServer();
  const dataDir = temporaryFolder();
  const settings = { ...loopback, DELTAT_PORT: String(first.port), DELTAT_DATA_DIR: dataDir };
  const { exitCode, stderr } = await runProgram([], settings).ended();
  expect(exitCode).toBe(1);
  expect(stderr.trim().split("\n"), stderr).toHaveLength(1);
  expect(stderr).toContain(String(first.port));
  await startServer({ dataDir });
});

test("SIGTERM with idle clients: they are told, exit code 0, nothing on stderr", async () => {
  const server = await startServer();
  const raw = await RawClient.connect(server);
  const transaction = await RawClient.connect(server);
  await transaction.query("BEGIN");
  const stopped = server.stop();
  expect(await raw.next()).toMatchObject({ name: "error", code: "57P01" });
  expect(await raw.next()).toBeNull();
  transaction.send(serialize.end());
  expect(await stopped).toMatchObject({ exitCode: 0, stderr: "" });
});

test("a client idle in a transaction cannot hold up SIGTERM beyond 10 s", async () => {
  const server = await startServer();
  const raw = await RawClient.connect(server);
  await raw.query("BEGIN");
  await raw.query(`INSERT INTO resources (id) VALUES ('${newId()}')`);
  const askedAt = performance.now();
  expect((await server.stop()).exitCode).toBe(0);
  expect(performance.now() - askedAt).toBeLessThan(10_000);
  const next = await connect(await startServer({ dataDir: server.dataDir }));
  expect((await next.query("SELECT * FROM resources")).rowCount).toBe(0);
}, 15_000);

test("DELTAT_MAX_CONNECTIONS: one more is refused with 53300, and taken when another has left", async () => {
  const server = await startServer({ settings: { DELTAT_MAX_CONNECTIONS: "2" } });
  const first = await connect(server);
  const second = await connect(server);
  const refusal = await refusalOf(connect(server));
  expect(refusal).toMatchObject({ code: "53300", message: "sorry, too many clients already" });
  await second.query("SELECT 1");
  await first.end();
  // The server learns of the end a moment after the client does: asking again is what a client would do.
  let third = null;
  while (third === null) {
    third = await connect(server).catch((error: { code?: string }) => {
      if (error.code !== "53300") throw error;
      return null;
    });
  }
  await third.query("SELECT 1");
});

test("a client refused for its password leaves its place free", async () => {
  const server = await startServer({ settings: { DELTAT_MAX_CONNECTIONS: "1" } });
  const refusal = await refusalOf(connect(server, "main", "wrong"));
  expect(refusal.code).toBe("28P01");
  let client = null;
  while (client === null) {
    client = await connect(server).catch((error: { code?: string }) => {
      if (error.code !== "53300") throw error;
      return null;
    });
  }
  await client.query("SELECT 1");
});

const WARNING = /warning.*default password/;

test("the default password is warned about when it is served beyond this machine, and never printed", async () => {
  const beyond = await startServer({ settings: { DELTAT_BIND: "0.0.0.0", DELTAT_PASSWORD: undefined } });
  expect((await beyond.stop()).stderr).toMatch(WARNING);
  const local = await startServer({ settings: { DELTAT_PASSWORD: undefined } });
  await connect(local, "main", "deltat");
  expect((await local.stop()).stderr).toBe("");
  const own = await startServer({ settings: { DELTAT_BIND: "0.0.0.0" } });
  const { stdout, stderr } = await own.stop();
  expect(stderr).toBe("");
  expect(stdout).not.toContain(PASSWORD);
});

test("DELTAT_ENFORCE_RULES is what a resource goes by that says nothing itself", async () => {
  const server = await startServer({ settings: { DELTAT_ENFORCE_RULES: "true" } });
  const client = await connect(server);
  const [strict, free] = [newId(), newId()];
  await client.query(
    `INSERT INTO resources (id, enforce_rules) VALUES ('${strict}', NULL), ('${free}', false)`,
  );
  const book = (resource: string) =>
    client.query(
      `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${newId()}', '${resource}', 1, 5)`,
    );
  expect(await refusalOf(book(strict))).toMatchObject({ code: "23514", message: "not available: [1, 5)" });
  await book(free);
});
