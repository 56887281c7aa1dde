/**
 * COPY bookings FROM STDIN over a socket, a million rows in a thousand resources, in each format, and back by COPY TO:
 * `bun bench/copy.ts [rows]`. The time runs from the query to CommandComplete, the sync of the log included; beside it
 * stands how long another connection's point query had to wait at most meanwhile, which is mostly the pause in which
 * the rows are placed.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { describeMachine } from "../harness/machine.ts";

const ROWS = Number(process.argv[2] ?? 1_000_000);
const RESOURCES = 1000;
const CHUNK_BYTES = 64 * 1024;
const PASSWORD = "bench";

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

function* rows(): Generator<Row> {
  for (let n = 0; n < ROWS; n++) {
    const start = 1_767_600_000_000 + Math.floor(n / RESOURCES) * 3_600_000;
    yield { id: ulid("B", n), resource: ulid("R", n % RESOURCES), start };
  }
}

function lines(separator: string, nothing: string): Buffer {
  const parts: string[] = [];
  for (const { id, resource, start } of rows()) {
    parts.push([id, resource, start, start + 1_800_000, nothing].join(separator));
  }
  return Buffer.from(`${parts.join("\n")}\n`);
}

const TUPLE_BYTES = 2 + 30 + 30 + 12 + 12 + 4;

function tuples(): Buffer {
  const signature = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
  const bytes = Buffer.alloc(signature.length + ROWS * TUPLE_BYTES + 2);
  signature.copy(bytes);
  let at = signature.length;
  for (const { id, resource, start } of rows()) {
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

async function startServer(folder: string) {
  const { PATH } = process.env;
  const server = Bun.spawn([process.execPath, join(import.meta.dir, "../../src/main.ts")], {
    env: {
      PATH,
      DELTAT_PORT: "0",
      DELTAT_BIND: "127.0.0.1",
      DELTAT_PASSWORD: PASSWORD,
      DELTAT_DATA_DIR: folder,
    },
    stdout: "pipe",
    stderr: "inherit",
  });
  let text = "";
  for await (const part of server.stdout) {
    text += Buffer.from(part).toString();
    const port = /listening on .*:(\d+),/.exec(text)?.[1];
    if (port !== undefined) return { server, port: Number(port) };
  }
  throw new Error("the server did not start");
}

async function measure(format: string, data: Buffer): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "deltat-bench-"));
  const { server, port } = await startServer(folder);
  const options = { host: "127.0.0.1", port, user: "deltat", password: PASSWORD, database: "bench", max: 1 };
  const sql = postgres({ ...options, fetch_types: false });
  const other = postgres({ ...options, fetch_types: false });
  try {
    const names = Array.from({ length: RESOURCES }, (_, n) => `('${ulid("R", n)}')`);
    await sql.unsafe(`INSERT INTO resources (id) VALUES ${names.join(",")}`);
    let worst = 0;
    let isOver = false;
    const asking = (async () => {
      while (!isOver) {
        const before = performance.now();
        await other`SELECT 1`;
        worst = Math.max(worst, performance.now() - before);
        await Bun.sleep(5);
      }
    })();
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
    const loaded = performance.now() - began;
    isOver = true;
    await asking;
    const back = performance.now();
    let bytes = 0;
    const readable = await sql.unsafe(`COPY bookings TO STDOUT (FORMAT ${format})`).readable();
    for await (const part of readable) bytes += part.length;
    const unloaded = performance.now() - back;
    const rate = (ms: number) =>
      `${Math.round(ROWS / ms)
        .toString()
        .padStart(5)}k rows/s`;
    console.log(
      `${format.padEnd(7)} in ${rate(loaded)}  (others waited ${Math.round(worst)} ms)  out ${rate(unloaded)}  ${bytes} bytes`,
    );
  } finally {
    await sql.end();
    await other.end();
    server.kill();
    await server.exited;
    rmSync(folder, { recursive: true, force: true });
  }
}

console.log(describeMachine());
console.log(`${ROWS} bookings in ${RESOURCES} resources`);
await measure("text", lines("\t", "\\N"));
await measure("csv", lines(",", ""));
await measure("binary", tuples());
process.exit(0);
