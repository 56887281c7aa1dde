/**
 * deltat beside the null server beside PostgreSQL, with pgbench as the client of all: each kind of work, in each mode
 * of the protocol, by number of connections. PostgreSQL takes part twice where something is written: as it comes, and
 * with synchronous_commit off, where a crash may lose what was acknowledged.
 */

import { EPOCH_MS, WEEK_MS } from "../calendar.ts";
import {
  BOOKINGS_OF,
  MODES,
  type Mode,
  type PgbenchOptions,
  runPgbench,
  type Task,
} from "../clients/pgbench.ts";
import { dialectOf } from "../clients/statements.ts";
import { rows, WireClient } from "../clients/wire-client.ts";
import { RUNS_PER_WEEK, WEEKS } from "../clients/workload.ts";
import type { Figure, Figures, Metric } from "../harness/figures.ts";
import { type Course, type Part, type Plot, type Rendering, skip, withFolder } from "../harness/part.ts";
import { type Contestant, inTurns } from "../harness/rounds.ts";
import { lineChart } from "../report/plot.ts";
import { count, number, table } from "../report/table.ts";
import { askNumber } from "../servers/deltat.ts";
import { startNullServer } from "../servers/null.ts";
import { startRivals } from "../servers/rivals.ts";
import { type Server, Servers } from "../servers/server.ts";

interface Kind {
  readonly name: string;
  readonly tasks: PgbenchOptions["tasks"];
}

export const KIND = {
  read: "availability of a week",
  write: "durable booking",
  mix: "90 % reads, 10 % bookings",
  batch: "batch of 10 bookings",
  hold: "hold, then book",
} as const;

const KINDS: readonly Kind[] = [
  { name: KIND.read, tasks: [{ task: "read", weight: 1 }] },
  { name: KIND.write, tasks: [{ task: "write", weight: 1 }] },
  {
    name: KIND.mix,
    tasks: [
      { task: "read", weight: 9 },
      { task: "write", weight: 1 },
    ],
  },
  { name: KIND.batch, tasks: [{ task: "batch", weight: 1 }] },
  { name: KIND.hold, tasks: [{ task: "hold", weight: 1 }] },
];

const CONNECTIONS = [1, 16, 64, 256];
const QUICK_CONNECTIONS = [1, 16];
const ROUNDS = 2;
const LENGTH = { seconds: 1 };
const QUICK_LENGTH = { transactions: 100 };

const UNSYNCED = "PostgreSQL, not synced";

export const workOf = (kind: string, mode: Mode): string => `${kind}, ${mode}`;

/** One server, what it was told to store, and which numbers are used up. */
class Subject {
  private acknowledged = 0;
  private readonly nextBase: Record<Task, number> = { read: 0, write: 0, batch: 0, hold: 0 };

  constructor(
    readonly server: Server,
    private readonly folder: string,
    private readonly length: PgbenchOptions["length"],
  ) {}

  /** Before anything is measured: its answers to all weeks, without the ids, which differ. */
  async answers(): Promise<string> {
    const client = await WireClient.connect(this.server);
    const { availability } = dialectOf(this.server.name);
    const weeks: string[] = [];
    for (let week = 0; week < WEEKS; week++) {
      const from = EPOCH_MS + week * WEEK_MS;
      const free = rows(await client.query(availability(from, from + WEEK_MS)));
      if (free.length !== RUNS_PER_WEEK) throw new Error(`${this.server.name} gave ${free.length} rows`);
      weeks.push(free.map(([, start, end]) => `${start} ${end}`).join());
    }
    client.close();
    return weeks.join("\n");
  }

  /** @param name what the figures call it, where a server takes part in more than one way */
  contestant(kind: Kind, mode: Mode, connections: number, name: string, sessionSettings = ""): Contestant {
    return {
      work: workOf(kind.name, mode),
      subject: name,
      at: connections,
      run: async () => {
        // Tasks that take places from the same slots count on from one number.
        const writing = kind.tasks.find(({ task }) => BOOKINGS_OF[task] > 0)?.task ?? "read";
        const numbers: Task = writing === "hold" ? "write" : writing;
        const { server, folder, length } = this;
        const base = this.nextBase[numbers];
        const { tasks } = kind;
        const options = { folder, server, mode, connections, tasks, length, base, sessionSettings };
        const { metrics, acknowledged, nextBase } = await runPgbench(options);
        this.nextBase[numbers] = nextBase;
        this.acknowledged += acknowledged;
        return metrics;
      },
    };
  }

  /** After all: everything that was acknowledged is there, and nothing else. */
  async checkStored(): Promise<void> {
    const stored = await askNumber(this.server, dialectOf(this.server.name).countBookings);
    const { name } = this.server;
    console.log(`${name}: bookings acknowledged ${this.acknowledged}, stored by count(*) ${stored}`);
    if (stored !== this.acknowledged) throw new Error(`${name} does not hold what it acknowledged`);
  }
}

function contestantsOf(
  subjects: readonly Subject[],
  kind: Kind,
  mode: Mode,
  connections: number,
): Contestant[] {
  const writes = kind.tasks.some(({ task }) => BOOKINGS_OF[task] > 0);
  return subjects.flatMap((subject) => {
    const { name } = subject.server;
    const asItComes = subject.contestant(kind, mode, connections, name);
    if (name !== "PostgreSQL" || !writes || mode !== "simple") return [asItComes];
    const settings = "-c synchronous_commit=off";
    return [asItComes, subject.contestant(kind, mode, connections, UNSYNCED, settings)];
  });
}

async function measure(course: Course, folder: string): Promise<Figure[]> {
  if (Bun.which("pgbench") === null) {
    skip("deltat beside PostgreSQL", "pgbench is not on PATH (Debian: postgresql-contrib)");
    return [];
  }
  await using servers = new Servers();
  const rivals = await startRivals(servers, folder);
  const [deltat] = rivals;
  const ceiling = await servers.add(startNullServer(folder, deltat));
  const length = course.quick ? QUICK_LENGTH : LENGTH;
  const subjects = [deltat, ceiling, ...rivals.slice(1)].map((server) => new Subject(server, folder, length));
  const holding = subjects.filter(({ server }) => server !== ceiling);
  const answers = await Promise.all(holding.map((one) => one.answers()));
  if (answers.some((answer) => answer !== answers[0])) throw new Error("the weeks are not answered alike");
  const wanted = KINDS.filter(({ name }) => name.includes(course.only)).flatMap((kind) =>
    MODES.flatMap((mode) =>
      (course.quick ? QUICK_CONNECTIONS : CONNECTIONS).flatMap((connections) =>
        contestantsOf(subjects, kind, mode, connections),
      ),
    ),
  );
  const figures = await inTurns(wanted, course.rounds ?? (course.quick ? 1 : ROUNDS));
  for (const one of holding) await one.checkStored();
  return figures;
}

function kindTable(figures: Figures, kind: string): string {
  const rows = MODES.flatMap((mode) =>
    figures.abscissas().map((at) => {
      const work = workOf(kind, mode);
      const rate = (subject: string) => count(Math.round(figures.middle(work, subject, at, "perSecond")));
      const ratio = (to: string) => number(figures.ratio(work, ["deltat", to], at, "perSecond"));
      const times = (subject: string) =>
        (["p50Us", "p99Us", "p999Us"] satisfies Metric[])
          .map((metric) => number(figures.middle(work, subject, at, metric) / 1000))
          .join(" / ");
      const rates = ["deltat", "null server", "PostgreSQL", UNSYNCED].map(rate);
      return [
        `${mode}, ${at}`,
        ...rates,
        ratio("null server"),
        ratio("PostgreSQL"),
        times("deltat"),
        times("PostgreSQL"),
      ];
    }),
  );
  const head = [
    "mode, connections",
    "deltat/s",
    "null/s",
    "PostgreSQL/s",
    "not synced/s",
    "deltat : null",
    "deltat : PostgreSQL",
    "deltat, p50 / p99 / p99.9 ms",
    "PostgreSQL",
  ];
  return `**${kind}**\n\n${table(head, rows)}`;
}

function byConnections(figures: Figures, kind: string, metric: Metric, title: string, file: string): Plot {
  const work = workOf(kind, "simple");
  const svg = lineChart({
    title,
    x: { label: "connections", scale: "log" },
    y: { label: metric === "perSecond" ? "transactions per second" : "microseconds", scale: "log" },
    series: figures.subjects(work).map((name) => ({
      name,
      points: figures.abscissas().map((at) => [at, figures.middle(work, name, at, metric)] as const),
    })),
  });
  return { file, svg };
}

function render(figures: Figures): Rendering {
  const kinds = KINDS.map(({ name }) => name).filter((name) =>
    figures.find(workOf(name, "simple"), "deltat", 1),
  );
  if (kinds.length === 0) return { markdown: "Not measured: pgbench is not installed.", plots: [] };
  const rates = Object.entries(KIND).map(([key, kind]) =>
    byConnections(figures, kind, "perSecond", `${kind}: throughput, simple mode`, `throughput-${key}.svg`),
  );
  const latency = byConnections(
    figures,
    KIND.mix,
    "readsP99Us",
    "p99 of reads beside 10 % bookings, simple mode",
    "latency-mix.svg",
  );
  return { markdown: kinds.map((kind) => kindTable(figures, kind)).join("\n\n"), plots: [...rates, latency] };
}

export const postgres: Part = {
  name: "postgres",
  about: "deltat beside the null server beside PostgreSQL, with pgbench as the client",
  run: (course) => withFolder((folder) => measure(course, folder)),
  render,
};
