/** The program as a process: what it prints, its exit codes, and how it ends. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { lockFolder } from "../src/storage/folder-lock.ts";

const MAIN = join(import.meta.dir, "../src/main.ts");
const PASSWORD = "kept out of the log";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "deltat-main-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function run(args: string[], environment: Record<string, string> = {}) {
  return Bun.spawn([process.execPath, MAIN, ...args], {
    cwd: folder,
    env: { DELTAT_PORT: "0", DELTAT_BIND: "127.0.0.1", DELTAT_PASSWORD: PASSWORD, ...environment },
    stdout: "pipe",
    stderr: "pipe",
  });
}

type Program = ReturnType<typeof run>;

async function outcome(program: Program) {
  const [out, err] = await Promise.all([program.stdout.text(), program.stderr.text()]);
  return { code: await program.exited, out, err };
}

/** The port that the start-up line tells. */
async function listening(program: Program): Promise<number> {
  const reader = program.stdout.getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`stopped: ${await program.stderr.text()}`);
    text += new TextDecoder().decode(value);
  }
  reader.releaseLock();
  const port = /^deltat \S+ listening on 127\.0\.0\.1:(\d+), data in \//.exec(text)?.[1];
  if (port === undefined) throw new Error(`no start-up line: ${text}`);
  return Number(port);
}

describe("the program", () => {
  test("tells its version and its settings", async () => {
    expect(await outcome(run(["--version"]))).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^deltat \d/),
    });
    expect(await outcome(run(["--help"]))).toMatchObject({
      code: 0,
      out: expect.stringContaining("DELTAT_PORT"),
    });
  });

  test("refuses what it does not know: arguments with 2, settings with 1, in one line", async () => {
    expect(await outcome(run(["--frob"]))).toEqual({
      code: 2,
      out: "",
      err: 'deltat: unknown argument "--frob"; try deltat --help\n',
    });
    expect((await outcome(run(["--frob", "3"]))).err).toContain('unknown argument "--frob"');
    expect((await outcome(run(["serve", "3"]))).err).toContain('unknown argument "3"');
    const misspelled = await outcome(run([], { DELTAT_PROT: "1" }));
    expect(misspelled).toMatchObject({ code: 1, out: "" });
    expect(misspelled.err).toMatch(/^deltat: unknown setting DELTAT_PROT;.*\n$/);
    expect(await outcome(run([], { DELTAT_PORT: "x" }))).toEqual({
      code: 1,
      out: "",
      err: 'deltat: DELTAT_PORT must be an integer from 0 to 65535, not "x"\n',
    });
  });

  test("says what to do when another server has the data folder", async () => {
    const lock = lockFolder(join(folder, "data"));
    const { code, err } = await outcome(run([]));
    lock.release();
    expect(code).toBe(1);
    expect(err).toMatch(
      /^deltat: data folder \S+ is in use by another deltat\. Stop the other server, .*\n$/,
    );
  });

  test("serves until SIGTERM, tells its clients, exits with 0, and keeps what it acknowledged", async () => {
    for (const start of ["1000", "2000"]) {
      const program = run(["serve"]);
      const client = new Client({
        host: "127.0.0.1",
        port: await listening(program),
        user: "deltat",
        password: PASSWORD,
        database: "db",
      });
      const lastWord = new Promise<Error>((resolve) => void client.on("error", resolve));
      await client.connect();
      await client.query(
        "INSERT INTO resources (id) VALUES ('01ARZ3NDEKTSV4RRFFQ69G5FAV') ON CONFLICT (id) DO NOTHING",
      );
      const { rows } = await client.query("SELECT count(*) FROM resources");
      expect(rows).toEqual([{ count: "1" }]);
      await client.query(
        `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('01ARZ3NDEKTSV4RRFFQ69G${start}', '01ARZ3NDEKTSV4RRFFQ69G5FAV', ${start}, ${start} + 1)`,
      );
      const bookings = await client.query("SELECT start FROM bookings");
      expect(bookings.rows).toHaveLength(Number(start) / 1000);
      program.kill("SIGTERM");
      expect(await lastWord).toMatchObject({ code: "57P01" });
      expect(await program.exited).toBe(0);
      expect(await program.stderr.text()).toBe("");
    }
  });

  test("says so when the port or the data folder is taken", async () => {
    const first = run([]);
    const port = await listening(first);
    const samePort = await outcome(
      run([], { DELTAT_PORT: String(port), DELTAT_DATA_DIR: join(folder, "other") }),
    );
    expect(samePort).toEqual({
      code: 1,
      out: "",
      err: `deltat: cannot listen on 127.0.0.1:${port}: the port is in use\n`,
    });
    const sameFolder = await outcome(run([]));
    expect(sameFolder).toMatchObject({ code: 1, out: "" });
    expect(sameFolder.err).toMatch(/^deltat: .+\n$/);
    first.kill("SIGINT");
    expect(await first.exited).toBe(0);
  });

  test("warns of the default password where others can reach it, and shows no password", async () => {
    const program = run([], { DELTAT_BIND: "0.0.0.0", DELTAT_PASSWORD: "deltat" });
    const reader = program.stdout.getReader();
    await reader.read();
    reader.releaseLock();
    program.kill();
    expect(await program.stderr.text()).toMatch(/^deltat: warning: the default password .*\n$/);
  });
});
