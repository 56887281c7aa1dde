/**
 * Bookings through the tools: restored from a dump, verified, backed up, backed up again, verified there and dumped
 * from there; what comes out must be what went in, and what comes out of a folder that it is restored into as well.
 */

import { join } from "node:path";
import { formatId } from "../../src/id.ts";
import type { Figure, Figures } from "../harness/figures.ts";
import { type Course, type Part, type Rendering, withFolder } from "../harness/part.ts";
import { count, number, table } from "../report/table.ts";

const BOOKINGS = 1_000_000;
const QUICK_BOOKINGS = 50_000;
const MAIN = join(import.meta.dir, "../../src/main.ts");
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
    const label = n % 10 === 0 ? `Table ${n}, "by the window"\\tand quiet` : "\\N";
    lines.push(`${id(RESOURCES + n)}\t${id(n % RESOURCES)}\t${start}\t${start + HOUR_MS}\t${label}`);
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

interface Ran {
  readonly out: string;
  readonly ms: number;
}

async function runTool(words: readonly string[], input = ""): Promise<Ran> {
  const began = performance.now();
  const child = Bun.spawn([process.execPath, MAIN, ...words], {
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "inherit",
  });
  const [out, code] = await Promise.all([child.stdout.text(), child.exited]);
  if (code !== 0) throw new Error(`${words.join(" ")} ended with ${code}: ${out}`);
  return { out, ms: performance.now() - began };
}

/** Rows come in the order in which they lie: as they were made, or by resource once a snapshot was read. */
const sorted = (dump: string): string => dump.split("\n").sort().join("\n");

async function measure({ quick }: Course, folder: string): Promise<Figure[]> {
  const bookings = quick ? QUICK_BOOKINGS : BOOKINGS;
  const [data, target, other] = [join(folder, "data"), join(folder, "backup"), join(folder, "other")];
  const dump = dumpOf(bookings);
  const figures: Figure[] = [];
  const step = async (work: string, words: readonly string[], input = ""): Promise<string> => {
    const { out, ms } = await runTool(words, input);
    figures.push({ work, subject: "deltat", at: bookings, rounds: [{ ms }] });
    return out;
  };
  await step("restore", ["restore", data, "--database", "main"], dump);
  await step("verify", ["verify", data]);
  await step("backup", ["backup", data, target]);
  await step("backup again", ["backup", data, target]);
  await step("verify the backup", ["verify", target]);
  const back = await step("dump of the backup", ["dump", target]);
  await step("restore of that", ["restore", other, "--database", "main"], back);
  const again = await step("dump of that", ["dump", other]);
  for (const text of [back, again])
    if (sorted(text) !== sorted(dump)) throw new Error("what came out is not what went in");
  return figures;
}

function render(figures: Figures): Rendering {
  const rows = figures.all.map(({ work, subject, at }) => [
    work,
    number(figures.middle(work, subject, at, "ms") / 1000),
  ]);
  return { markdown: table([`step, ${count(figures.abscissas()[0] ?? 0)} bookings`, "s"], rows), plots: [] };
}

export const tools: Part = {
  name: "tools",
  about: "a million bookings restored, verified, backed up and dumped; they come out as they went in",
  run: (course) => withFolder((folder) => measure(course, folder)),
  render,
};
