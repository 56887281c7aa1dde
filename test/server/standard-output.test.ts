/** What a command cannot write is said in one line, and in its exit code: a dump that lacks its end is no dump. */

import { afterAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { connect, disconnectAll, newId } from "./clients.ts";
import { cleanUp, FROM_SOURCE, startServer } from "./harness.ts";

afterAll(cleanUp);

/** Runs a line of the shell in which `deltat` is the program. */
async function shell(line: string): Promise<{ readonly code: number; readonly complaint: string }> {
  const [bun, main] = FROM_SOURCE;
  const child = Bun.spawn(["sh", "-c", `deltat() { ${bun} ${main} "$@"; }; ${line}`], {
    stdout: "ignore",
    stderr: "pipe",
  });
  const [complaint, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  return { code, complaint };
}

test.skipIf(!existsSync("/dev/full"))(
  "a dump onto a full disk, and one whose reader goes away",
  async () => {
    const server = await startServer();
    const client = await connect(server);
    await client.query("INSERT INTO resources (id) VALUES ($1)", [newId()]);
    await client.query(
      `INSERT INTO bookings (resource_id, start, "end")
     SELECT r.id, n, n + 1 FROM resources r, generate_series(1, 20000) AS s (n)`,
    );
    await disconnectAll();
    expect(await shell(`deltat dump ${server.dataDir} > /dev/full`)).toEqual({
      code: 1,
      complaint: "deltat: could not write to standard output: ENOSPC: no space left on device, write\n",
    });
    const cutShort = await shell(`{ deltat dump ${server.dataDir}; echo "ended with $?" >&2; } | head -c 1`);
    expect(cutShort.complaint).toBe(
      "deltat: could not write to standard output: whoever was to read it has gone\nended with 1\n",
    );
  },
  20_000,
);
