/**
 * Would more than one core pay? Two databases in one process against one database in each of two: the same
 * connections, half of them on each database, the same load. That is what tenants spread over workers would be at best,
 * since processes share even less than workers do.
 *
 * On a machine of few cores the client is the third party. So the CPU time that the servers take for one reply is
 * measured too: what a second core could give is bounded by how much of the machine the servers use.
 */

import { cpus } from "node:os";
import { join } from "node:path";
import type { LoadOptions, LoadResult } from "../clients/load.ts";
import { runClient } from "../clients/run-client.ts";
import type { Workload } from "../clients/workload.ts";
import { type Figure, type Figures, type Metric, type Metrics, median, ratios } from "../harness/figures.ts";
import { type Course, type Part, type Rendering, withFolder } from "../harness/part.ts";
import { inTurns } from "../harness/rounds.ts";
import { count, number, table } from "../report/table.ts";
import { fillDeltat, startDeltat } from "../servers/deltat.ts";
import { type Server, Servers } from "../servers/server.ts";

const ONE_PROCESS = "one process";
const TWO_PROCESSES = "two processes";
const DATABASES = ["bench", "other"] as const;
const WORKLOADS: readonly (readonly [work: string, workload: Workload])[] = [
  ["availability, simple", "availability"],
  ["durable insert", "insert"],
];
/** Of both databases together. */
const CONNECTIONS = [16, 64];
const ROUNDS = 5;
const MEASURE_MS = 1_500;
const QUICK_MEASURE_MS = 300;

/** Where one of the two databases is. */
interface Place {
  readonly server: Server;
  readonly database: string;
  nextInsert: number;
}

async function load(
  place: Place,
  workload: Workload,
  connections: number,
  measureMs: number,
): Promise<Metrics> {
  const { server, database, nextInsert } = place;
  const options: LoadOptions = {
    port: server.port,
    password: server.password,
    database,
    serverPid: server.pid,
    workload,
    connections,
    firstInsert: nextInsert,
    warmupMs: measureMs / 4,
    measureMs,
  };
  const { metrics, inserted } = await runClient<LoadResult>("load.ts", options);
  place.nextInsert += inserted;
  return metrics;
}

/** Both databases at the same time, each by a client of its own. */
async function loadBoth(
  places: readonly Place[],
  workload: Workload,
  connections: number,
  measureMs: number,
): Promise<Metrics> {
  const each = connections / places.length;
  const found = await Promise.all(places.map((place) => load(place, workload, each, measureMs)));
  const sum = (metric: Metric): number =>
    found.reduce((total, one) => total + (one[metric] ?? Number.NaN), 0);
  const perSecond = sum("perSecond");
  // One process that serves both is seen, whole, from either side.
  const isShared = places.every(({ server }) => server === places[0]?.server);
  const busyUs = found.map((one) => (one.serverCpuUs ?? Number.NaN) * (one.perSecond ?? Number.NaN));
  const serverBusyUs = isShared ? median(busyUs) : busyUs.reduce((total, busy) => total + busy, 0);
  return {
    perSecond,
    p99Us: Math.max(...found.map(({ p99Us }) => p99Us ?? Number.NaN)),
    serverCpuUs: serverBusyUs / perSecond,
    clientBusy: sum("clientBusy"),
  };
}

async function startFilled(dataDir: string, databases: readonly string[]): Promise<Server> {
  const server = await startDeltat(dataDir);
  for (const database of databases) await fillDeltat({ ...server, database });
  return server;
}

async function measure({ quick, rounds }: Course, folder: string): Promise<Figure[]> {
  await using servers = new Servers();
  const [first, second] = DATABASES;
  const shared = await servers.add(startFilled(join(folder, "shared"), DATABASES));
  const apart = [
    await servers.add(startFilled(join(folder, first), [first])),
    await servers.add(startFilled(join(folder, second), [second])),
  ];
  const place = (server: Server, database: string): Place => ({ server, database, nextInsert: 0 });
  const ways = [
    { subject: ONE_PROCESS, places: DATABASES.map((database) => place(shared, database)) },
    { subject: TWO_PROCESSES, places: apart.map((server, i) => place(server, DATABASES[i] ?? first)) },
  ];
  const measureMs = quick ? QUICK_MEASURE_MS : MEASURE_MS;
  const contestants = WORKLOADS.flatMap(([work, workload]) =>
    CONNECTIONS.flatMap((at) =>
      ways.map(({ subject, places }) => ({
        work,
        subject,
        at,
        run: () => loadBoth(places, workload, at, measureMs),
      })),
    ),
  );
  return await inTurns(contestants, rounds ?? (quick ? 1 : ROUNDS));
}

function row(figures: Figures, work: string, at: number): string[] {
  const both = (metric: Metric, show: (value: number) => string): string =>
    [ONE_PROCESS, TWO_PROCESSES].map((way) => show(figures.middle(work, way, at, metric))).join(" : ");
  const quotients = ratios(
    figures.find(work, TWO_PROCESSES, at),
    figures.find(work, ONE_PROCESS, at),
    "perSecond",
  );
  const busy = (way: string): string =>
    number((figures.middle(work, way, at, "serverCpuUs") * figures.middle(work, way, at, "perSecond")) / 1e6);
  return [
    work,
    `${at}`,
    both("perSecond", (rate) => count(Math.round(rate))),
    `${number(median(quotients))} (${number(Math.min(...quotients))}–${number(Math.max(...quotients))})`,
    both("p99Us", number),
    both("serverCpuUs", number),
    `${busy(ONE_PROCESS)} : ${busy(TWO_PROCESSES)}`,
    both("clientBusy", number),
  ];
}

function render(figures: Figures): Rendering {
  const rows = WORKLOADS.flatMap(([work]) => figures.abscissas().map((at) => row(figures, work, at)));
  const head = [
    "work",
    "connections",
    "replies/s, one process : two",
    "two : one (range)",
    "p99 µs",
    "server CPU µs/reply",
    "cores that servers used",
    "cores that clients used",
  ];
  return { markdown: `${cpus().length} cores.\n\n${table(head, rows)}`, plots: [] };
}

export const cores: Part = {
  name: "cores",
  about: "two databases in one process against one in each of two: would more than one core pay?",
  run: (course) => withFolder((folder) => measure(course, folder)),
  render,
};
