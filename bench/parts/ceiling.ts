/**
 * deltat against the null server: the same clients, the same bytes, in turns, on one machine in one run. What
 * counts is the ratio of each pair of neighbouring runs, since rates of different minutes do not compare.
 */

import { join } from "node:path";
import type { LoadOptions, LoadResult } from "../clients/load.ts";
import { runClient } from "../clients/run-client.ts";
import { DELTAT } from "../clients/statements.ts";
import type { Workload } from "../clients/workload.ts";
import { type Figure, type Figures, median, ratios } from "../harness/figures.ts";
import { type Course, type Part, type Rendering, withFolder } from "../harness/part.ts";
import { type Contestant, inTurns } from "../harness/rounds.ts";
import { count, number, table } from "../report/table.ts";
import { askNumber, fillDeltat, startDeltat } from "../servers/deltat.ts";
import { startNullServer } from "../servers/null.ts";
import { type Server, Servers } from "../servers/server.ts";

interface Setting {
  readonly work: string;
  readonly workload: Workload;
  readonly connections: readonly number[];
}

export const CEILING = {
  availability: "availability, simple",
  prepared: "availability, prepared",
  insert: "durable insert",
} as const;

const SETTINGS: readonly Setting[] = [
  { work: CEILING.availability, workload: "availability", connections: [1, 16, 64] },
  { work: CEILING.prepared, workload: "prepared", connections: [16] },
  { work: CEILING.insert, workload: "insert", connections: [1, 16, 64] },
];

const ROUNDS = 5;
const WARMUP_MS = 400;
const MEASURE_MS = 1_200;
const QUICK_MEASURE_MS = 300;

/** deltat and the null server, and what the one was told to store. */
class Pair {
  /** Bookings that clients were told are stored. */
  private acknowledged = 0;
  private nextInsert = 0;

  constructor(
    private readonly deltat: Server,
    private readonly ceiling: Server,
    private readonly quick: boolean,
  ) {}

  contestants(work: string, workload: Workload, connections: number): Contestant[] {
    return [this.deltat, this.ceiling].map((server) => ({
      work,
      subject: server.name,
      at: connections,
      run: () => this.load(server, workload, connections),
    }));
  }

  private async load(server: Server, workload: Workload, connections: number) {
    const options: LoadOptions = {
      port: server.port,
      password: server.password,
      serverPid: server.pid,
      workload,
      connections,
      firstInsert: this.nextInsert,
      warmupMs: this.quick ? WARMUP_MS / 4 : WARMUP_MS,
      measureMs: this.quick ? QUICK_MEASURE_MS : MEASURE_MS,
    };
    const { metrics, inserted } = await runClient<LoadResult>("load.ts", options);
    if (workload === "insert" && server === this.deltat) {
      this.acknowledged += inserted;
      this.nextInsert += inserted;
    }
    return metrics;
  }

  async check(): Promise<void> {
    const stored = await askNumber(this.deltat, DELTAT.countBookings);
    console.log(`bookings acknowledged: ${this.acknowledged}, stored by count(*): ${stored}\n`);
    if (stored !== this.acknowledged) throw new Error("deltat does not hold what it acknowledged");
  }
}

async function measure(course: Course, folder: string): Promise<Figure[]> {
  await using servers = new Servers();
  const deltat = await servers.add(startDeltat(join(folder, "data")));
  await fillDeltat(deltat);
  const ceiling = await servers.add(startNullServer(folder, deltat));
  const pair = new Pair(deltat, ceiling, course.quick);
  const contestants = SETTINGS.flatMap(({ work, workload, connections }) =>
    connections.flatMap((at) => pair.contestants(work, workload, at)),
  );
  const wanted = contestants.filter(({ work, at }) => `${work} ${at}`.includes(course.only));
  const figures = await inTurns(wanted, course.rounds ?? (course.quick ? 2 : ROUNDS), true);
  await pair.check();
  return figures;
}

function row(figures: Figures, work: string, at: number): string[] {
  const [deltat, ceiling] = [figures.find(work, "deltat", at), figures.find(work, "null server", at)];
  const all = ratios(deltat, ceiling, "perSecond");
  const ratio = `${number(median(all))} (${number(Math.min(...all))}–${number(Math.max(...all))})`;
  const both = (metric: "p50Us" | "p99Us" | "serverCpuUs") =>
    `${number(figures.middle(work, "deltat", at, metric))} : ${number(figures.middle(work, "null server", at, metric))}`;
  return [
    work,
    `${at}`,
    count(Math.round(figures.middle(work, "deltat", at, "perSecond"))),
    count(Math.round(figures.middle(work, "null server", at, "perSecond"))),
    ratio,
    both("p50Us"),
    both("p99Us"),
    both("serverCpuUs"),
  ];
}

const HEAD = [
  "work",
  "connections",
  "deltat/s",
  "null/s",
  "ratio (range)",
  "p50 µs, deltat : null",
  "p99 µs",
  "server CPU µs/reply",
];

function render(figures: Figures): Rendering {
  const rows = figures.all
    .filter(({ subject }) => subject === "deltat")
    .map(({ work, at }) => row(figures, work, at));
  return { markdown: table(HEAD, rows), plots: [] };
}

export const ceiling: Part = {
  name: "ceiling",
  about: "deltat beside the null server, over TCP, to the disk, by the suite's own client",
  run: (course) => withFolder((folder) => measure(course, folder)),
  render,
};
