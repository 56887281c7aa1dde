/** How far something has come is shown on a terminal, there only, and leaves no trace: start, dump, restore, verify, backup. */

import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { connect, disconnectAll, newId } from "./clients.ts";
import { cleanUp, FROM_SOURCE, PASSWORD, startServer, temporaryFolder } from "./harness.ts";

afterAll(async () => {
  await disconnectAll();
  await cleanUp();
});

/** Runs a command of the program on a terminal of its own; returns all that the terminal got. */
async function onTerminal(
  line: string,
  environment: Readonly<Record<string, string>> = {},
  isEnough: (seen: string) => boolean = () => false,
): Promise<string> {
  let seen = "";
  const decoder = new TextDecoder();
  const ended = Promise.withResolvers<void>();
  const program = FROM_SOURCE.map((word) => `"${word}"`).join(" ");
  const child = Bun.spawn(["bash", "-c", `deltat() { exec ${program} "$@"; }; ${line}`], {
    env: { ...process.env, ...environment },
    terminal: {
      cols: 200,
      rows: 20,
      data(_, bytes) {
        seen += decoder.decode(bytes, { stream: true });
        if (isEnough(seen)) child.kill("SIGTERM");
      },
      exit: () => ended.resolve(),
    },
  });
  await ended.promise;
  expect({ code: await child.exited, seen }).toMatchObject({ code: 0 });
  return seen;
}

/** What stays to be read: the last thing written over each line. */
function left(seen: string): string {
  const lines = seen.replaceAll("\r\n", "\n").split("\n");
  return lines.map((line) => line.split("\r").at(-1)).join("\n");
}

test("start, verify, backup, dump and restore say on a terminal how far they are", async () => {
  const server = await startServer();
  const client = await connect(server);
  const room = newId();
  await client.query("INSERT INTO resources (id) VALUES ($1)", [room]);
  await client.query(
    `INSERT INTO bookings (resource_id, start, "end", label)
     SELECT $1, n * 10, n * 10 + 10, repeat('x', 100) FROM generate_series(1, 12000) n`,
    [room],
  );
  await disconnectAll();
  await server.stop();
  const { dataDir } = server;
  const [target, other, file] = [temporaryFolder(), temporaryFolder(), join(temporaryFolder(), "dump.sql")];

  const verified = await onTerminal(`deltat verify ${dataDir}`);
  expect(verified).toMatch(/\rverifying main: commit \d/);
  expect(left(verified)).toStartWith("main: ok, up to commit 2");
  const copied = await onTerminal(`deltat backup ${dataDir} ${target}`);
  expect(copied).toContain("\rbacking up main: file 1 of ");
  expect(copied).toMatch(/\rchecking the copy of main: commit \d/);
  expect(left(copied)).toMatch(/^main: up to commit 2, \d+ files copied, 0 were there\n$/);
  const dumped = await onTerminal(`deltat dump ${dataDir} > ${file}`);
  expect(dumped).toMatch(/\rreading main: commit \d/);
  expect(dumped).toMatch(/\rdumping main: line \d+/);
  expect(left(dumped)).toBe("");
  const salvaged = await onTerminal(`deltat dump ${dataDir} --salvage > /dev/null`);
  expect(salvaged).toMatch(/\rreading main: commit \d/);
  const restored = await onTerminal(`deltat restore ${other} --database main < ${file}`);
  expect(restored).toContain("\rrestoring main: line 10000");
  expect(left(restored)).toBe("");

  const settings = { DELTAT_DATA_DIR: other, DELTAT_PORT: "0", DELTAT_BIND: "127.0.0.1" };
  const environment = { ...settings, DELTAT_PASSWORD: PASSWORD };
  for (const line of ["deltat serve", "deltat serve --salvage"]) {
    const started = await onTerminal(line, environment, (seen) => seen.includes(", data in "));
    expect(started).toMatch(/\rstarting: main, commit \d/);
    expect(left(started)).toMatch(/^deltat \S+ listening on /);
  }
}, 60_000);
