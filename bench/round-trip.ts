/**
 * A million bookings through the tools: restored from a dump, verified, backed up, backed up again, verified there and
 * dumped from there; what comes out must be what went in. `bun run bench:round-trip [bookings]`; prints a line for each step.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatId } from "../src/id.ts";

const MAIN = join(import.meta.dir, "../src/main.ts");
const RESOURCES = 1000;
const HOUR_MS = 3_600_000;

function id(n: number): string {
  return formatId({ w0: 0x01900000, w1: 0, w2: 0, w3: n });
}

/** What `deltat dump` says of bookings, in the order in which they were made. */
function dumpOf(bookings: number): string {
  const lines = [
    '-- deltat, database "main"',
    "BEGIN;",
    "COPY resources (id, parent_id, name, capacity, buffer_after, enforce_rules) FROM stdin;",
  ];
  for (let n = 0; n < RESOURCES; n++) lines.push(`${id(n)}\t\\N\t\\N\t1\t0\tfalse`);
  lines.push("\\.", 'COPY rules (id, resource_id, start, "end", blocking) FROM stdin;', "\\.");
  lines.push('COPY bookings (id, resource_id, start, "end", label) FROM stdin;');
  for (let n = 0; n < bookings; n++) {
    const start = Math.floor(n / RESOURCES) * HOUR_MS;
    lines.push(`${id(RESOURCES + n)}\t${id(n % RESOURCES)}\t${start}\t${start + HOUR_MS}\t\\N`);
  }
  lines.push(
    "\\.",
    'COPY holds (id, resource_id, start, "end", expires_at) FROM stdin;',
    "\\.",
    "COMMIT;",
    "",
  );
  return lines.join("\n");
}

async function step(name: string, words: readonly string[], input = ""): Promise<string> {
  const began = performance.now();
  const child = Bun.spawn([process.execPath, MAIN, ...words], {
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "inherit",
  });
  const [out, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${out}`);
  console.log(`${name.padEnd(16)} ${((performance.now() - began) / 1000).toFixed(2)} s`);
  return out;
}

const sorted = (dump: string): string => dump.split("\n").sort().join("\n");

const folder = mkdtempSync(join(tmpdir(), "deltat-round-trip-"));
try {
  const [data, target] = [join(folder, "data"), join(folder, "backup")];
  const dump = dumpOf(Number(process.argv[2] ?? 1_000_000));
  await step("restore", ["restore", data, "--database", "main"], dump);
  await step("verify", ["verify", data]);
  await step("backup", ["backup", data, target]);
  await step("backup again", ["backup", data, target]);
  await step("verify backup", ["verify", target]);
  const back = await step("dump of backup", ["dump", target]);
  if (sorted(back) !== sorted(dump)) throw new Error("what came out is not what went in");
  console.log("what came out is what went in");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
