/** The commands beside `serve`, as an operator types them, on the files of a real server. */

import { afterAll, afterEach, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { connect, DAY, disconnectAll, FAR_FUTURE, HOUR, newId, refusalOf, rowsOf } from "./clients.ts";
import {
  cleanUp,
  PROJECT,
  type ServerProcess,
  startServer,
  type Told,
  temporaryFolder,
  toldBy,
} from "./harness.ts";

afterEach(disconnectAll);
afterAll(cleanUp);

const ALL = [
  "SELECT * FROM resources ORDER BY id",
  "SELECT * FROM rules ORDER BY id",
  "SELECT * FROM bookings ORDER BY id",
  "SELECT * FROM holds ORDER BY id",
];

async function deltat(words: readonly string[], input = ""): Promise<Told> {
  const child = Bun.spawn([process.execPath, join(PROJECT, "src/main.ts"), ...words], {
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  return await toldBy(child);
}

async function fill(client: pg.Client, room: string, from: number, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, n) => {
    const start = DAY + (from + n) * HOUR;
    return `('${newId()}','${room}',${start},${start + HOUR},'tab\there')`;
  });
  await client.query(`INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ${rows.join(",")}`);
}

/** A house with a room that follows it, rules, bookings and a hold. */
async function furnish(client: pg.Client): Promise<string> {
  const [house, room] = [newId(), newId()];
  await client.query("INSERT INTO resources (id, name, enforce_rules) VALUES ($1, $2, false)", [
    house,
    'Back\\slash, "quotes"\nand a line',
  ]);
  await client.query("INSERT INTO resources (id, parent_id, capacity) VALUES ($1, $2, 3)", [room, house]);
  await client.query('INSERT INTO rules (resource_id, start, "end", blocking) VALUES ($1, 0, 10, true)', [
    room,
  ]);
  await client.query('INSERT INTO holds (resource_id, start, "end", expires_at) VALUES ($1, 1, 2, $2)', [
    room,
    FAR_FUTURE,
  ]);
  return room;
}

async function contents(server: ServerProcess, database = "main"): Promise<unknown[]> {
  const client = await connect(server, database);
  const tables: unknown[] = [];
  for (const query of ALL) tables.push(await rowsOf(client, query));
  await client.end();
  return tables;
}

const mainOf = (dataDir: string): string => join(dataDir, "databases", "main");

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] as number) ^ 4;
  writeFileSync(path, bytes);
}

test("a backup of a server at work opens as what it was, and the next one takes over what is there", async () => {
  const server = await startServer({ settings: { DELTAT_SNAPSHOT_BYTES: "0" } });
  const client = await connect(server);
  const room = await furnish(client);
  const target = temporaryFolder();
  for (let n = 0; n < 80; n++) await fill(client, room, n * 500, 500);
  const first = await deltat(["backup", server.dataDir, target]);
  expect(first).toMatchObject({ code: 0, complaint: "" });
  expect(first.out).toMatch(/^main: up to commit \d+, \d+ files copied, 0 were there$/m);

  // While it is written to, and cut short.
  let going = true;
  const writing = (async () => {
    const writer = await connect(server);
    // Bounded, for where another program has the machine the backups take their time.
    for (let n = 100; going && n < 400; n++) await fill(writer, room, n * 500, 500);
  })();
  const second = await deltat(["backup", server.dataDir, target]);
  await client.query("CHECKPOINT");
  const third = await deltat(["backup", server.dataDir, target]);
  going = false;
  await writing;
  for (const { code, complaint } of [second, third])
    expect({ code, complaint }).toEqual({ code: 0, complaint: "" });
  expect(Number(/(\d+) were there/.exec(second.out)?.[1])).toBeGreaterThan(0);

  const last = await deltat(["backup", server.dataDir, target]);
  expect(last.code).toBe(0);
  expect((await deltat(["verify", target])).out).toMatch(/^main: ok, up to commit/);
  const wanted = await contents(server);
  await server.stop();
  const restored = await startServer({ dataDir: target });
  expect(await contents(restored)).toEqual(wanted);
  expect((await restored.stop()).stderr).toBe("");
}, 60_000);

test("what was dumped is restored: every row, enforce_rules that follow the parent too; by psql's COPY as well", async () => {
  const server = await startServer();
  const client = await connect(server);
  const room = await furnish(client);
  for (let n = 0; n < 100; n++) await fill(client, room, n * 1000, 1000);
  const dumped = await deltat(["dump", server.dataDir]);
  expect(dumped).toMatchObject({ code: 0, complaint: "" });
  const other = temporaryFolder();
  expect(await deltat(["restore", other, "--database", "main"], dumped.out)).toEqual({
    code: 0,
    out: "",
    complaint: "",
  });
  expect((await deltat(["dump", other])).out).toBe(dumped.out);
  expect(dumped.out).toContain("\t3\t0\t\\N\n");
  const wanted = await contents(server);
  const restored = await startServer({ dataDir: other });
  expect(await contents(restored)).toEqual(wanted);

  // All of it or nothing.
  const again = await deltat(["restore", temporaryFolder(), "--database", "x"], dumped.out.slice(0, -20));
  expect(again).toMatchObject({ code: 1, complaint: expect.stringContaining("the dump is cut off at line") });
  expect(await deltat(["restore", other, "--database", "main"], dumped.out)).toMatchObject({
    code: 1,
    complaint: expect.stringMatching(/is in use by a server\. Load the dump through that server, with psql /),
  });
  await disconnectAll();
  await restored.stop();
  expect(await deltat(["restore", other, "--database", "main"], dumped.out)).toMatchObject({
    code: 1,
    complaint: expect.stringMatching(/^deltat: already exists: \S+\. COPY resources, line 1\. /),
  });
}, 60_000);

test("verify names what is damaged; serve --salvage serves what lies before it, and changes nothing", async () => {
  const server = await startServer({ settings: { DELTAT_SNAPSHOT_BYTES: "0" } });
  const client = await connect(server);
  const room = await furnish(client);
  for (let n = 0; n < 40; n++) await fill(client, room, n * 500, 500);
  await (await connect(server, "whole")).query("INSERT INTO resources (id) VALUES ($1)", [newId()]);
  await server.stop();
  const folder = mainOf(server.dataDir);
  const [first = ""] = readdirSync(folder).sort();
  flip(join(folder, first), 300_000);
  const bytesOf = (): string =>
    readdirSync(folder)
      .map(
        (name) =>
          `${name} ${statSync(join(folder, name)).size} ${Bun.hash(readFileSync(join(folder, name)))}`,
      )
      .join();
  const before = bytesOf();

  const verified = await deltat(["verify", server.dataDir]);
  expect(verified.code).toBe(1);
  expect(verified.out).toMatch(/^main: NOT WHOLE: XX001 log segment .* is damaged at byte \d+/m);
  const [, readable] =
    /^main: up to commit (\d+) it can be read: deltat serve --salvage$/m.exec(verified.out) ?? [];
  expect(readable).toBeDefined();
  expect(verified.out).toMatch(/^whole: ok/m);
  for (const [words, said] of [
    [[], 'database "main" is not dumped: log segment'],
    [["--salvage"], `database "main" is dumped up to commit ${readable} only: log segment`],
  ] as const) {
    const dumped = await deltat(["dump", server.dataDir, "--all", ...words]);
    expect(dumped).toMatchObject({ code: 1, complaint: expect.stringContaining(said) });
    expect(dumped.out).toMatch(/\\connect "whole"\n.*\nBEGIN;\n.*COMMIT;\n$/s);
  }

  const normal = await startServer({ dataDir: server.dataDir });
  expect((await refusalOf(connect(normal))).code).toBe("XX001");
  expect(await rowsOf(await connect(normal, "whole"), "SELECT count(*)::int FROM resources")).toEqual([[1]]);
  await disconnectAll();
  expect((await normal.stop()).stderr).toContain('database "main" is not served');

  const salvaging = await startServer({ dataDir: server.dataDir, arguments: ["serve", "--salvage"] });
  const reader = await connect(salvaging);
  const [[count = 0] = []] = await rowsOf(reader, "SELECT count(*)::int FROM bookings");
  expect(count).toBeGreaterThan(0);
  expect(count).toBeLessThan(20_000);
  expect(await refusalOf(reader.query("DELETE FROM bookings"))).toMatchObject({
    code: "58030",
    message: 'database "main" is being salvaged: nothing can be changed',
  });
  expect(await refusalOf(reader.query("CHECKPOINT"))).toMatchObject({
    code: "58030",
    message: 'database "main" is being salvaged: nothing can be changed',
  });
  expect(await refusalOf(reader.query("SELECT * FROM events"))).toMatchObject({
    code: "55000",
    message: 'database "main" is being salvaged: its events are not read',
  });
  await disconnectAll();
  expect((await salvaging.stop()).stderr).toMatch(
    /database "main" is served up to commit \d+, read-only: log segment .* is damaged at byte/,
  );
  expect(bytesOf()).toBe(before);
}, 60_000);

test("what was booked before a rule came is restored, and the rule is enforced again", async () => {
  const server = await startServer();
  const client = await connect(server);
  const [house, room] = [newId(), newId()];
  await client.query("INSERT INTO resources (id, enforce_rules) VALUES ($1, true)", [house]);
  await client.query("INSERT INTO resources (id, parent_id) VALUES ($1, $2)", [room, house]);
  const rule = 'INSERT INTO rules (resource_id, start, "end", blocking) VALUES ($1, 0, 1000, $2)';
  await client.query(rule, [room, false]);
  const book = 'INSERT INTO bookings (resource_id, start, "end") VALUES ($1, $2, $3)';
  await client.query(book, [room, 10, 20]);
  await client.query(rule, [house, true]);
  const wanted = await contents(server);
  const dumped = await deltat(["dump", server.dataDir]);
  const other = temporaryFolder();
  expect(await deltat(["restore", other, "--database", "main"], dumped.out)).toMatchObject({
    code: 0,
    complaint: "",
  });
  const restored = await startServer({ dataDir: other });
  expect(await contents(restored)).toEqual(wanted);
  const again = await connect(restored);
  expect((await refusalOf(again.query(book, [room, 30, 40]))).code).toBe("23514");
}, 60_000);

test("a backup takes nothing over from another database of that name, nor what is damaged; one damaged stops no other", async () => {
  const target = temporaryFolder();
  const first = await startServer();
  await furnish(await connect(first));
  await (await connect(first)).query("CHECKPOINT");
  await disconnectAll();
  await first.stop();
  expect((await deltat(["backup", first.dataDir, target])).code).toBe(0);

  // As many commits, so that its snapshot has the same name.
  const second = await startServer();
  const client = await connect(second);
  await furnish(client);
  await client.query("CHECKPOINT");
  const other = await connect(second, "other");
  await furnish(other);
  await disconnectAll();
  await second.stop();
  const names = (dataDir: string): string[] =>
    readdirSync(mainOf(dataDir)).filter((name) => name.endsWith(".snapshot"));
  expect(names(second.dataDir)).toEqual(names(first.dataDir));
  const dumpOf = async (dataDir: string): Promise<string> =>
    (await deltat(["dump", dataDir, "--database", "main"])).out;
  const wanted = await dumpOf(second.dataDir);
  expect(await deltat(["backup", second.dataDir, target])).toMatchObject({ code: 0, complaint: "" });
  expect(await dumpOf(target)).toBe(wanted);

  const [snapshot = ""] = names(target);
  flip(join(mainOf(target), snapshot), statSync(join(mainOf(target), snapshot)).size - 1);
  expect((await deltat(["verify", target])).code).toBe(1);
  expect((await deltat(["backup", second.dataDir, target])).code).toBe(0);
  expect((await deltat(["verify", target])).code).toBe(0);

  flip(join(mainOf(second.dataDir), snapshot), 20);
  const damaged = await deltat(["backup", second.dataDir, target]);
  expect(damaged).toMatchObject({ code: 1, complaint: expect.stringContaining("is damaged") });
  expect(damaged.out).toMatch(/^main: NOT BACKED UP: .*\nother: up to commit/m);
  expect(await dumpOf(target)).toBe(wanted);
}, 60_000);

test("what is typed wrongly is 2, with a word about it", async () => {
  for (const words of [
    ["verify"],
    ["backup", "a"],
    ["restore", "a"],
    ["dump", "a", "--nope"],
    ["dump", "a", "--database"],
    ["dump", "a", "--all", "--database", "b"],
    ["dump", "a", "--all=yes"],
    ["dump", "a", "--database=b", "--database=c"],
    ["verify", "a", "--all"],
    ["verify", ""],
    ["backup", "a", ""],
    ["backup", "a", "b", "--database", "c"],
    ["verify", "a", "b"],
  ]) {
    const { code, complaint } = await deltat(words);
    expect([code, words]).toEqual([2, words]);
    expect(complaint).toEndWith("try deltat --help\n");
  }
  expect(await deltat(["verify", "/nowhere/at/all"])).toMatchObject({
    code: 1,
    complaint: expect.stringContaining("is not a folder"),
  });
  const strange = temporaryFolder();
  writeFileSync(join(strange, "apt.log"), "no log of a database");
  expect(await deltat(["verify", strange])).toMatchObject({
    code: 1,
    complaint: `deltat: ${strange} holds no database of deltat\n`,
  });
  const help = await deltat(["--help"]);
  expect(await deltat(["dump", "--help"])).toEqual(help);
  for (const command of ["verify", "backup", "dump", "restore", "--salvage"])
    expect(help.out).toContain(`deltat ${command === "--salvage" ? "serve --salvage" : command}`);
}, 30_000);
