/**
 * COPY bookings over a socket, in a thousand resources, in each format: in by FROM STDIN, and back by TO STDOUT. The
 * time runs from the query to CommandComplete, the sync of the log included; beside it stands how long another
 * connection's point query had to wait at most meanwhile, which is mostly the pause in which the rows are placed.
 */

import { join } from "node:path";
import postgres from "postgres";
import type { Figure, Figures, Metrics } from "../harness/figures.ts";
import { type Course, type Part, type Rendering, withFolder } from "../harness/part.ts";
import { count, number, table } from "../report/table.ts";
import { startDeltat } from "../servers/deltat.ts";
import { type Server, Servers } from "../servers/server.ts";

const ROWS = 1_000_000;
const QUICK_ROWS = 100_000;
const RESOURCES = 1000;
const CHUNK_BYTES = 64 * 1024;

const IN = "in";
const OUT = "out";

const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

function ulid(table: string, n: number): string {
  let tail = "";
  for (let i = 0; i < 8; i++) {
    tail = DIGITS[n % 32] + tail;
    n = Math.floor(n / 32);
  }
  return `01KE600000000000${table}0${tail}`;
}

interface Row {
  readonly id: string;
  readonly resource: string;
  readonly start: number;
}

function* rowsOf(count: number): Generator<Row> {
  for (let n = 0; n < count; n++) {
    const start = 1_767_600_000_000 + Math.floor(n / RESOURCES) * 3_600_000;
    yield { id: ulid("B", n), resource: ulid("R", n % RESOURCES), start };
  }
}

function lines(count: number, separator: string, nothing: string): Buffer {
  const parts: string[] = [];
  for (const { id, resource, start } of rowsOf(count)) {
    parts.push([id, resource, start, start + 1_800_000, nothing].join(separator));
  }
  return Buffer.from(`${parts.join("\n")}\n`);
}

const TUPLE_BYTES = 2 + 30 + 30 + 12 + 12 + 4;

function tuples(count: number): Buffer {
  const signature = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
  const bytes = Buffer.alloc(signature.length + count * TUPLE_BYTES + 2);
  signature.copy(bytes);
  let at = signature.length;
  for (const { id, resource, start } of rowsOf(count)) {
    at = bytes.writeInt16BE(5, at);
    for (const text of [id, resource]) {
      at = bytes.writeInt32BE(26, at);
      at += bytes.write(text, at, "latin1");
    }
    for (const instant of [start, start + 1_800_000]) {
      at = bytes.writeInt32BE(8, at);
      at = bytes.writeBigInt64BE(BigInt(instant), at);
    }
    at = bytes.writeInt32BE(-1, at);
  }
  bytes.writeInt16BE(-1, at);
  return bytes;
}

const FORMATS: readonly (readonly [name: string, data: (count: number) => Buffer])[] = [
  ["text", (rows) => lines(rows, "\t", "\\N")],
  ["csv", (rows) => lines(rows, ",", "")],
  ["binary", tuples],
];

function connect({ port, password }: Server): postgres.Sql {
  const where = { host: "127.0.0.1", port, user: "deltat", password, database: "bench" };
  return postgres({ ...where, max: 1, fetch_types: false });
}

async function copyIn(sql: postgres.Sql, format: string, data: Buffer): Promise<number> {
  const began = performance.now();
  const writable = await sql.unsafe(`COPY bookings FROM STDIN (FORMAT ${format})`).writable();
  for (let at = 0; at < data.length; at += CHUNK_BYTES) {
    if (!writable.write(data.subarray(at, at + CHUNK_BYTES))) {
      await new Promise((resolve) => writable.once("drain", resolve));
    }
  }
  await new Promise((resolve, reject) => {
    writable.once("finish", resolve);
    writable.once("error", reject);
    writable.end();
  });
  return performance.now() - began;
}

async function copyOut(sql: postgres.Sql, format: string): Promise<number> {
  const began = performance.now();
  const readable = await sql.unsafe(`COPY bookings TO STDOUT (FORMAT ${format})`).readable();
  for await (const _ of readable);
  return performance.now() - began;
}

/** The longest that `SELECT 1` takes while `work` goes on. */
async function longestWait(sql: postgres.Sql, work: Promise<number>): Promise<number> {
  let isOver = false;
  const ended = work.finally(() => {
    isOver = true;
  });
  let worst = 0;
  while (!isOver) {
    const before = performance.now();
    await sql`SELECT 1`;
    worst = Math.max(worst, performance.now() - before);
    await Bun.sleep(5);
  }
  await ended;
  return worst;
}

async function measureFormat(folder: string, format: string, data: Buffer, rows: number): Promise<Figure[]> {
  await using servers = new Servers();
  const server = await servers.add(startDeltat(join(folder, format)));
  const [sql, other] = [connect(server), connect(server)];
  const names = Array.from({ length: RESOURCES }, (_, n) => `('${ulid("R", n)}')`);
  await sql.unsafe(`INSERT INTO resources (id) VALUES ${names.join(",")}`);
  const loading = copyIn(sql, format, data);
  const waitedMs = await longestWait(other, loading);
  const rate = (ms: number): number => (rows * 1000) / ms;
  const figure = (work: string, metrics: Metrics): Figure => ({
    work,
    subject: format,
    at: rows,
    rounds: [metrics],
  });
  const figures = [
    figure(IN, { perSecond: rate(await loading), waitedMs }),
    figure(OUT, { perSecond: rate(await copyOut(sql, format)) }),
  ];
  // Its driver does not come back to a session that has read a COPY.
  const [stored] = await other<{ n: number }[]>`SELECT count(*)::int AS n FROM bookings`;
  if (stored?.n !== rows) throw new Error(`${stored?.n} of ${rows} rows are stored`);
  await sql.end();
  await other.end();
  return figures;
}

async function measure({ quick }: Course, folder: string): Promise<Figure[]> {
  const rows = quick ? QUICK_ROWS : ROWS;
  const figures: Figure[] = [];
  for (const [format, data] of FORMATS) {
    figures.push(...(await measureFormat(folder, format, data(rows), rows)));
  }
  return figures;
}

function render(figures: Figures): Rendering {
  const [rows = 0] = figures.abscissas();
  const lines = FORMATS.map(([format]) => [
    format,
    count(Math.round(figures.middle(IN, format, rows, "perSecond"))),
    number(figures.middle(IN, format, rows, "waitedMs")),
    count(Math.round(figures.middle(OUT, format, rows, "perSecond"))),
  ]);
  const head = [`format, ${count(rows)} rows`, "in, rows/s", "others waited, ms", "out, rows/s"];
  return { markdown: table(head, lines), plots: [] };
}

export const copy: Part = {
  name: "copy",
  about: "COPY of a million bookings, in and out, in each format",
  run: (course) => withFolder((folder) => measure(course, folder)),
  render,
};
