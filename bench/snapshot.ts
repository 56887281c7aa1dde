/**
 * Snapshots: how long a server takes to start from the log and from a snapshot, what a snapshot takes on the disk, and
 * what readers feel while one is made. Run: `bun run bench:snapshot`.
 *
 * Start-up is the time from the process's start to the line that says where it listens. Reads are availability of a week
 * from 16 connections, in turns with and without snapshots being made one behind the other, in one run.
 */

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { encodeCommand } from "../src/engine/codec.ts";
import type { Command } from "../src/engine/command.ts";
import { formatId } from "../src/id.ts";
import { localFiles } from "../src/storage/files.ts";
import { openSegmentLog } from "../src/storage/segment-log.ts";
import { makeSnapshot } from "../src/tenants/stored-state.ts";
import { median, openResource, resourceId, slotBooking } from "./calendar.ts";
import type { LoadOptions, LoadResult } from "./load.ts";
import { describeMachine } from "./machine.ts";
import { fillDeltat, type Server, startDeltat } from "./servers.ts";
import { WireClient } from "./wire-client.ts";

const RESULTS = join(import.meta.dir, "results");
const ROUNDS = 5;
const BATCH = 1_000;
const READERS = 16;
const MEASURE_MS = 2_000;

interface Shape {
  readonly bookings: number;
  readonly resources: number;
}

const SHAPES: readonly Shape[] = [
  { bookings: 10_000, resources: 1 },
  { bookings: 100_000, resources: 1 },
  { bookings: 1_000_000, resources: 1 },
  { bookings: 1_000_000, resources: 10_000 },
];

/** Writes a database's log without a server: one commit for each thousand bookings. */
async function writeLog(folder: string, { bookings, resources }: Shape): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const options = {
    folder,
    onDurable: () => {},
    warn: () => {},
    blockingSyncLimitMs: Number.POSITIVE_INFINITY,
  };
  const log = openSegmentLog(options, () => {});
  const commit = (commands: readonly Command[]): void => {
    const body = log.begin();
    for (const command of commands) encodeCommand(body, command);
    log.append(1);
  };
  const slots = bookings / resources;
  for (let n = 0; n < resources; n++) commit(openResource(n, slots));
  for (let from = 0; from < bookings; from += BATCH) {
    commit(
      Array.from({ length: BATCH }, (_, i): Command => {
        const n = from + i;
        const booking = slotBooking(resourceId(n % resources), n, Math.floor(n / resources));
        return { kind: "placeBooking", booking };
      }),
    );
    if (from % (BATCH * 20) === 0) log.flush();
  }
  await log.close();
}

const databaseOf = (dataDir: string): string => join(dataDir, "databases", "deltat");

function bytesOf(folder: string, suffix: string): number {
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

async function startMs(dataDir: string): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    const server = await startDeltat(dataDir);
    times.push(performance.now() - begun);
    await server.stop();
  }
  return median(times);
}

/** Closes every segment that holds anything and makes the snapshot of them, as a checkpoint does. */
function replaceLog(folder: string): void {
  const segments = readdirSync(folder)
    .filter((name) => name.endsWith(".log"))
    .sort();
  const log = openSegmentLog({ folder, onDurable: () => {}, warn: () => {} }, () => {});
  const closed = log.rotate();
  log.flush();
  void log.close();
  makeSnapshot(localFiles, folder, closed);
  for (const name of segments) if (Number.parseInt(name, 10) <= closed) rmSync(join(folder, name));
}

async function measureStart(root: string): Promise<void> {
  const empty = await startMs(join(root, "empty"));
  console.log(`start-up of an empty server: ${empty.toFixed(0)} ms (median of ${ROUNDS}, as all below)`);
  console.log("bookings   resources   from the log   from a snapshot   snapshot, bytes a booking");
  for (const shape of SHAPES) {
    const dataDir = join(root, `${shape.bookings}-${shape.resources}`);
    const folder = databaseOf(dataDir);
    await writeLog(folder, shape);
    const fromLog = await startMs(dataDir);
    replaceLog(folder);
    const fromSnapshot = await startMs(dataDir);
    const size = bytesOf(folder, ".snapshot") / shape.bookings;
    const cells = [
      shape.bookings,
      shape.resources,
      `${fromLog.toFixed(0)} ms`,
      `${fromSnapshot.toFixed(0)} ms`,
    ];
    console.log(
      `${cells.map((cell, i) => String(cell).padEnd(i === 0 ? 11 : 15)).join("")}${size.toFixed(1)}`,
    );
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function readers(server: Server): Promise<LoadResult> {
  const options: LoadOptions = {
    port: server.port,
    password: server.password,
    serverPid: server.pid,
    workload: "availability",
    connections: READERS,
    firstInsert: 0,
    warmupMs: 200,
    measureMs: MEASURE_MS,
  };
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "load.ts"), JSON.stringify(options)], {
    stdout: "pipe",
    stderr: "inherit",
  });
  return JSON.parse(await new Response(child.stdout).text()) as LoadResult;
}

/** Gives a database something to make snapshots of: a million bookings in places of their own. */
async function fillMore(server: Server, bookings: number): Promise<void> {
  const client = await WireClient.connect(server);
  const room = formatId(resourceId(7));
  await client.query(`INSERT INTO resources (id) VALUES ('${room}')`);
  await client.query(
    `INSERT INTO bookings (resource_id, start, "end") SELECT '${room}', n * 1000, n * 1000 + 500 FROM generate_series(1, ${bookings}) n`,
  );
  client.close();
}

async function measureReads(root: string): Promise<void> {
  const server = await startDeltat(join(root, "reads"));
  await fillDeltat(server);
  await fillMore(server, 500_000);
  const ratios: number[] = [];
  let made = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const without = await readers(server);
    let going = true;
    const checkpoints = (async () => {
      const client = await WireClient.connect(server);
      for (; going; made++) {
        await client.query(`UPDATE resources SET name = '${made}' WHERE id = '${formatId(resourceId(7))}'`);
        await client.query("CHECKPOINT");
      }
      client.close();
    })();
    const during = await readers(server);
    going = false;
    await checkpoints;
    ratios.push(during.p99Us / without.p99Us);
    console.log(
      `p99 of reads ${without.p99Us} µs without, ${during.p99Us} µs while snapshots are made; ` +
        `p50 ${without.p50Us} and ${during.p50Us} µs; ${without.perSecond.toFixed(0)} and ${during.perSecond.toFixed(0)} replies/s`,
    );
  }
  console.log(
    `p99 with : without, median of ${ROUNDS}: ${median(ratios).toFixed(2)} (budget 2); ${made} snapshots made`,
  );
  await server.stop();
}

console.log(describeMachine());
mkdirSync(RESULTS, { recursive: true });
const root = mkdtempSync(join(RESULTS, "snapshot-"));
try {
  await measureStart(root);
  await measureReads(root);
} finally {
  rmSync(root, { recursive: true, force: true });
}
