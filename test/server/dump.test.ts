/** `deltat dump` and `deltat restore` of several databases, and their ends: a reader that goes away, input that is no dump. */

import { afterAll, afterEach, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { connect, disconnectAll, newId } from "./clients.ts";
import { cleanUp, PASSWORD, PROJECT, startServer, type Told, temporaryFolder, toldBy } from "./harness.ts";

afterEach(disconnectAll);
afterAll(cleanUp);

const DELTAT = `"${process.execPath}" "${join(PROJECT, "src/main.ts")}"`;

/** A line for a shell, in which `deltat` stands for the program. */
async function shell(line: string, input = "", environment: Record<string, string> = {}): Promise<Told> {
  const child = Bun.spawn(["bash", "-c", `set -o pipefail; deltat() { ${DELTAT} "$@"; }; ${line}`], {
    env: { ...process.env, ...environment },
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  return await toldBy(child);
}

test("all databases of a running server are dumped, and restored elsewhere", async () => {
  const server = await startServer();
  const names = ["clinic", 'quo"ted', "Ünï code"];
  for (const [n, name] of names.entries()) {
    const client = await connect(server, name);
    for (let count = 0; count <= n; count++) {
      // A row that looks like what begins a database.
      const label = '\\connect "x"';
      await client.query("INSERT INTO resources (id, name) VALUES ($1, $2)", [newId(), label]);
    }
  }
  const dumped = await shell(`deltat dump ${server.dataDir} --all`);
  expect(dumped).toMatchObject({ code: 0, complaint: "" });
  const other = temporaryFolder();
  expect(await shell(`deltat restore ${other} --all`, dumped.out)).toEqual({
    code: 0,
    out: "",
    complaint: "",
  });
  expect((await shell(`deltat dump ${other} --all`)).out).toBe(dumped.out);
  expect((await shell(`deltat verify ${other}`)).out).toContain('quo"ted: ok, up to commit 1: no snapshot');
  const one = await shell(`deltat dump ${other} --database=clinic`);
  expect(one.out).not.toMatch(/^\\connect/m);
  expect(dumped.out).toContain(one.out);

  const refused = [
    [`deltat restore ${temporaryFolder()} --database x`, dumped.out, "restore it with --all"],
    [`deltat restore ${temporaryFolder()} --all`, one.out, "say which with --database"],
    [`deltat restore ${temporaryFolder()} --all`, "", "nothing in the dump"],
    [`deltat dump ${other}`, "", "say which with --database, or --all"],
  ] as const;
  for (const [line, input, words] of refused) {
    expect(await shell(line, input)).toMatchObject({ code: 1, complaint: expect.stringContaining(words) });
  }
}, 60_000);

test.skipIf(Bun.which("psql") === null)(
  "a dump is loaded into a server that runs, by psql",
  async () => {
    const server = await startServer();
    for (const [n, name] of ["clinic", 'quo"ted'].entries()) {
      const client = await connect(server, name);
      await client.query(
        "INSERT INTO resources (name) SELECT n || E'\\t\\\\' FROM generate_series(0, $1) n",
        [n],
      );
    }
    const other = await startServer();
    const psql = {
      PGHOST: "127.0.0.1",
      PGPORT: String(other.port),
      PGUSER: "deltat",
      PGPASSWORD: PASSWORD,
      PGDATABASE: "main",
    };
    const all = `deltat dump ${server.dataDir} --all | psql -q -X -v ON_ERROR_STOP=1 -f -`;
    expect(await shell(all, "", psql)).toEqual({ code: 0, out: "", complaint: "" });
    const one = `deltat dump ${server.dataDir} --database clinic | psql -q -X -v ON_ERROR_STOP=1 -f - copy`;
    expect(await shell(one, "", psql)).toEqual({ code: 0, out: "", complaint: "" });
    const rowsIn = async (database: string): Promise<string> => {
      const { out } = await shell(`deltat dump ${other.dataDir} --database '${database}'`);
      return out.slice(out.indexOf("\n"));
    };
    const wanted = (await shell(`deltat dump ${server.dataDir} --database clinic`)).out;
    expect(await rowsIn("clinic")).toBe(wanted.slice(wanted.indexOf("\n")));
    expect(await rowsIn("copy")).toBe(await rowsIn("clinic"));
    expect((await rowsIn('quo"ted')).match(/^01/gm)).toHaveLength(2);
    // All of it or nothing, here too.
    expect(await shell(one, "", psql)).toMatchObject({
      code: 3,
      complaint: expect.stringContaining("already exists"),
    });
  },
  60_000,
);

test("a dump whose reader goes away ends with 1 and a word, and makes nothing of its memory", async () => {
  const server = await startServer();
  const client = await connect(server);
  const label = "x".repeat(2000);
  for (let n = 0; n < 20; n++) {
    const rows = Array.from({ length: 100 }, () => `('${newId()}', '${label}')`);
    await client.query(`INSERT INTO resources (id, name) VALUES ${rows.join(",")}`);
  }
  const { code, out, complaint } = await shell(`deltat dump ${server.dataDir} | head -n 1`);
  expect({ code, out }).toEqual({ code: 1, out: '-- deltat, database "main"\n' });
  expect(complaint).toBe("deltat: could not write to standard output: whoever was to read it has gone\n");
  expect(readdirSync(join(server.dataDir, "databases"))).toEqual(["main"]);
}, 30_000);
