/**
 * deltat against the null server: the same clients, the same bytes, in turns, on one machine in one run. What
 * counts is the ratio of each pair of neighbouring runs, since rates of different minutes do not compare.
 */

import { join } from "node:path";
import type { LoadOptions, LoadResult } from "../clients/load.ts";
import { runClient } from "../clients/run-client.ts";
import { DELTAT } from "../clients/statements.ts";
import type { Workload } from "../clients/workload.ts";
import { type Figure, type Figures, type Metrics, median, ratios } from "../harness/figures.ts";
import { type Course, type Part, RESULTS, type Rendering, withFolder } from "../harness/part.ts";
import { type Contestant, inTurns } from "../harness/rounds.ts";
import { lineChart } from "../report/plot.ts";
import { count, number, table } from "../report/table.ts";
import { askNumber, fillDeltat, startDeltat } from "../servers/deltat.ts";
import { startNullServer } from "../servers/null.ts";
import { type Server, Servers } from "../servers/server.ts";

/** One load: a work at a number of connections. */
interface Setting {
  readonly work: string;
  readonly workload: Workload;
  readonly connections: number;
}

export const CEILING = {
  availability: "availability, simple",
  prepared: "availability, prepared",
  insert: "durable insert",
} as const;

const at = (work: string, workload: Workload, counts: readonly number[]): Setting[] =>
  counts.map((connections) => ({ work, workload, connections }));

const SETTINGS: readonly Setting[] = [
  ...at(CEILING.availability, "availability", [1, 16, 64]),
  ...at(CEILING.prepared, "prepared", [16]),
  ...at(CEILING.insert, "insert", [1, 16, 64]),
];

interface Lengths {
  readonly rounds: number;
  readonly warmupMs: number;
  readonly measureMs: number;
}

const PUBLISHED: Lengths = { rounds: 5, warmupMs: 400, measureMs: 1_200 };
const QUICK: Lengths = { rounds: 2, warmupMs: 100, measureMs: 300 };

/** deltat and the null server, and what the one was told to store. */
class Pair {
  /** Bookings that clients were told are stored. */
  private acknowledged = 0;
  private nextInsert = 0;

  constructor(
    private readonly deltat: Server,
    private readonly ceiling: Server,
    private readonly lengths: Lengths,
  ) {}

  contestants(setting: Setting): Contestant[] {
    return [this.deltat, this.ceiling].map((server) => ({
      work: setting.work,
      subject: server.name,
      at: setting.connections,
      run: () => this.load(server, setting),
    }));
  }

  private async load(server: Server, { workload, connections }: Setting): Promise<Metrics> {
    const { warmupMs, measureMs } = this.lengths;
    const options: LoadOptions = {
      port: server.port,
      password: server.password,
      serverPid: server.pid,
      workload,
      connections,
      firstInsert: this.nextInsert,
      warmupMs,
      measureMs,
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

/** Both servers in turns at each setting; fails if deltat does not hold what it acknowledged. */
export async function compareWithCeiling(
  settings: readonly Setting[],
  lengths: Lengths,
  folder: string,
  flags: readonly string[] = [],
): Promise<Figure[]> {
  await using servers = new Servers();
  const deltat = await servers.add(startDeltat(join(folder, "data"), { flags }));
  await fillDeltat(deltat);
  const pair = new Pair(deltat, await servers.add(startNullServer(folder, deltat)), lengths);
  const contestants = settings.flatMap((setting) => pair.contestants(setting));
  const figures = await inTurns(contestants, lengths.rounds, true);
  await pair.check();
  return figures;
}

function measure({ quick, rounds, only, profile }: Course, folder: string): Promise<Figure[]> {
  const lengths = quick ? QUICK : PUBLISHED;
  const wanted = SETTINGS.filter(({ work, connections }) => `${work} ${connections}`.includes(only));
  const flags = profile ? ["--cpu-prof", "--cpu-prof-dir", RESULTS] : [];
  return compareWithCeiling(wanted, { ...lengths, rounds: rounds ?? lengths.rounds }, folder, flags);
}

function row(figures: Figures, work: string, connections: number): string[] {
  const [deltat, ceiling] = [
    figures.find(work, "deltat", connections),
    figures.find(work, "null server", connections),
  ];
  const all = ratios(deltat, ceiling, "perSecond");
  const ratio = `${number(median(all))} (${number(Math.min(...all))}–${number(Math.max(...all))})`;
  const both = (metric: "p50Us" | "p99Us" | "serverCpuUs") =>
    `${number(figures.middle(work, "deltat", connections, metric))} : ${number(figures.middle(work, "null server", connections, metric))}`;
  return [
    work,
    `${connections}`,
    count(Math.round(figures.middle(work, "deltat", connections, "perSecond"))),
    count(Math.round(figures.middle(work, "null server", connections, "perSecond"))),
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
  const svg = lineChart({
    title: "deltat beside the null server",
    x: { label: "connections", scale: "log" },
    y: { label: "replies per second", scale: "log" },
    series: [CEILING.availability, CEILING.insert].flatMap((work) =>
      figures.subjects(work).map((subject) => ({
        name: `${work}, ${subject}`,
        points: figures
          .abscissas()
          .map(
            (connections) => [connections, figures.middle(work, subject, connections, "perSecond")] as const,
          ),
      })),
    ),
  });
  return { markdown: table(HEAD, rows), plots: [{ file: "ceiling.svg", svg }] };
}

export const ceiling: Part = {
  name: "ceiling",
  about: "deltat beside the null server, over TCP, to the disk, by the suite's own client",
  run: (course) => withFolder((folder) => measure(course, folder)),
  render,
};
