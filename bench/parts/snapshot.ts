/**
 * What readers feel while snapshots are made: availability of a week from 16 connections, in turns without and with
 * snapshots made one right behind the other, of a database of half a million bookings.
 */

import { join } from "node:path";
import { formatId } from "../../src/id.ts";
import { resourceId } from "../calendar.ts";
import type { LoadOptions, LoadResult } from "../clients/load.ts";
import { runClient } from "../clients/run-client.ts";
import { WireClient } from "../clients/wire-client.ts";
import { type Figure, type Figures, type Metrics, median, ratios } from "../harness/figures.ts";
import { type Course, type Part, type Rendering, withFolder } from "../harness/part.ts";
import { inTurns } from "../harness/rounds.ts";
import { number, table } from "../report/table.ts";
import { fillDeltat, startDeltat } from "../servers/deltat.ts";
import { type Server, Servers } from "../servers/server.ts";

const ROUNDS = 5;
const MEASURE_MS = 2_000;
const QUICK_MEASURE_MS = 600;
const BOOKINGS = 500_000;
const QUICK_BOOKINGS = 50_000;
const ROOM = formatId(resourceId(7));

export const READERS = 16;
export const READS = "availability of a week";
export const WITH = "with snapshots";
export const WITHOUT = "without";

/** Gives a database something to make snapshots of. */
async function fillMore(server: Server, bookings: number): Promise<void> {
  const client = await WireClient.connect(server);
  await client.query(`INSERT INTO resources (id) VALUES ('${ROOM}')`);
  await client.query(
    `INSERT INTO bookings (resource_id, start, "end") SELECT '${ROOM}', n * 1000, n * 1000 + 500 FROM generate_series(1, ${bookings}) n`,
  );
  client.close();
}

async function read(server: Server, measureMs: number): Promise<Metrics> {
  const options: LoadOptions = {
    port: server.port,
    password: server.password,
    serverPid: server.pid,
    workload: "availability",
    connections: READERS,
    firstInsert: 0,
    warmupMs: 200,
    measureMs,
  };
  return (await runClient<LoadResult>("load.ts", options)).metrics;
}

async function readBesideSnapshots(server: Server, measureMs: number): Promise<Metrics> {
  let isOver = false;
  const checkpoints = (async () => {
    const client = await WireClient.connect(server);
    for (let made = 0; !isOver; made++) {
      await client.query(`UPDATE resources SET name = '${made}' WHERE id = '${ROOM}'`);
      await client.query("CHECKPOINT");
    }
    client.close();
  })();
  const metrics = await read(server, measureMs);
  isOver = true;
  await checkpoints;
  return metrics;
}

async function measure({ quick, rounds }: Course, folder: string): Promise<Figure[]> {
  await using servers = new Servers();
  const server = await servers.add(startDeltat(join(folder, "data")));
  await fillDeltat(server);
  await fillMore(server, quick ? QUICK_BOOKINGS : BOOKINGS);
  const measureMs = quick ? QUICK_MEASURE_MS : MEASURE_MS;
  const contestants = [
    { work: READS, subject: WITHOUT, at: READERS, run: () => read(server, measureMs) },
    { work: READS, subject: WITH, at: READERS, run: () => readBesideSnapshots(server, measureMs) },
  ];
  return await inTurns(contestants, rounds ?? (quick ? 1 : ROUNDS));
}

function render(figures: Figures): Rendering {
  const rows = [WITHOUT, WITH].map((subject) => {
    const of = (metric: "perSecond" | "p50Us" | "p99Us" | "p999Us") =>
      number(figures.middle(READS, subject, READERS, metric));
    return [subject, of("perSecond"), of("p50Us"), of("p99Us"), of("p999Us")];
  });
  const quotients = ratios(
    figures.find(READS, WITH, READERS),
    figures.find(READS, WITHOUT, READERS),
    "p99Us",
  );
  const text =
    `p99 with : without, median of the rounds: ${number(median(quotients))} ` +
    `(${number(Math.min(...quotients))}–${number(Math.max(...quotients))}).`;
  return {
    markdown: `${table(["", "replies/s", "p50 µs", "p99 µs", "p99.9 µs"], rows)}\n\n${text}`,
    plots: [],
  };
}

export const snapshot: Part = {
  name: "snapshot",
  about: "latency of reads while snapshots are made",
  run: (course) => withFolder((folder) => measure(course, folder)),
  render,
};
