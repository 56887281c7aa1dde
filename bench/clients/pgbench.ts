/**
 * pgbench as the client, where it is installed: somebody else's program, in each mode of the protocol. Its log of
 * every transaction gives the percentiles. It does not look at rows; that each statement is answered rightly is
 * checked before, and what was written is counted afterwards.
 */

import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EPOCH_MS, WEEK_MS } from "../calendar.ts";
import { cpuTimeUs } from "../harness/cpu-time.ts";
import type { Metrics } from "../harness/figures.ts";
import type { Server } from "../servers/server.ts";
import { Latencies } from "./latencies.ts";
import { CLIENT_DEADLINE_MS } from "./run-client.ts";
import { type Dialect, dialectOf } from "./statements.ts";
import {
  BATCH_EPOCH_MS,
  BATCH_ROWS,
  INSERT_EPOCH_MS,
  INSERT_SLOT_MS,
  MAX_BATCHES,
  MAX_INSERTS,
  SCATTER,
  WEEKS,
} from "./workload.ts";

export const MODES = ["simple", "extended", "prepared"] as const;
export type Mode = (typeof MODES)[number];

/** What one transaction of a script does. */
export type Task = "read" | "write" | "batch" | "hold";

/** Each client counts its own; together they use every number from `base` once. */
const NEXT_NUMBER = `\\set i :i + 1
\\set n :base + (:i - 1) * :connections + :client_id`;

/** Bookings that a transaction leaves. */
export const BOOKINGS_OF: Readonly<Record<Task, number>> = { read: 0, write: 1, batch: BATCH_ROWS, hold: 1 };

const SLOT = `${NEXT_NUMBER}
\\set start ${INSERT_EPOCH_MS} + ((:n * ${SCATTER}) & ${MAX_INSERTS - 1}) * ${INSERT_SLOT_MS}
\\set end :start + ${INSERT_SLOT_MS}`;

function batchScript(dialect: Dialect): string {
  const borders = Array.from({ length: BATCH_ROWS + 1 }, (_, i) => `:border${i}`);
  const spans = borders.slice(1).map((end, i) => [borders[i] ?? "", end] as const);
  return `${NEXT_NUMBER}
\\set border0 ${BATCH_EPOCH_MS} + ((:n * ${SCATTER}) & ${MAX_BATCHES - 1}) * ${BATCH_ROWS * INSERT_SLOT_MS}
${spans.map(([start], i) => `\\set border${i + 1} ${start} + ${INSERT_SLOT_MS}`).join("\n")}
${dialect.insertBatch(spans)};
`;
}

function scriptOf(task: Task, dialect: Dialect, mode: Mode): string {
  switch (task) {
    case "read":
      return `\\set from ${EPOCH_MS} + random(0, ${WEEKS - 1}) * ${WEEK_MS}
\\set to :from + ${WEEK_MS}
${dialect.availability(":from", ":to")};
`;
    case "write":
      return `${SLOT}\n${dialect.insert([":start", ":end"])};\n`;
    case "batch":
      return batchScript(dialect);
    case "hold":
      // Outside the simple mode a variable becomes a parameter, which is not quoted.
      return `${SLOT}
${dialect.hold([":start", ":end"])} \\gset
${dialect.bookHold(mode === "simple" ? "':id'" : ":id")};
`;
  }
}

export interface PgbenchOptions {
  readonly folder: string;
  readonly server: Server;
  readonly mode: Mode;
  readonly connections: number;
  readonly tasks: readonly { readonly task: Task; readonly weight: number }[];
  /** How long: seconds, or transactions of each connection. */
  readonly length: { readonly seconds: number } | { readonly transactions: number };
  /** First number that no run has used. */
  readonly base: number;
  /** Settings of PostgreSQL's sessions. */
  readonly sessionSettings?: string;
}

export interface PgbenchResult {
  readonly metrics: Metrics;
  /** Bookings that clients were told are stored. */
  readonly acknowledged: number;
  /** First number that this run has not used. */
  readonly nextBase: number;
}

function field(output: string, pattern: RegExp): number {
  const value = Number(pattern.exec(output)?.[1]);
  if (Number.isNaN(value)) throw new Error(`pgbench printed no ${pattern.source}:\n${output}`);
  return value;
}

/** What the log says, by script, and the most transactions that one client had. */
function readLog(folder: string, scripts: number) {
  const latencies = Array.from({ length: scripts }, () => new Latencies());
  let most = 0;
  for (const name of readdirSync(folder).filter((file) => file.startsWith("log."))) {
    const path = join(folder, name);
    for (const line of readFileSync(path, "latin1").split("\n")) {
      if (line === "") continue;
      const [, transaction, us, script] = line.split(" ");
      latencies[Number(script)]?.add(Number(us));
      // Of a client each line has its number, from 0 on.
      most = Math.max(most, Number(transaction) + 1);
    }
    rmSync(path);
  }
  return { latencies, most };
}

function commandOf({ folder, server, mode, connections, tasks, length, base }: PgbenchOptions): string[] {
  const dialect = dialectOf(server.name);
  const scripts = tasks.flatMap(({ task, weight }) => {
    const file = join(folder, `${task}.sql`);
    writeFileSync(file, scriptOf(task, dialect, mode));
    return ["-f", `${file}@${weight}`];
  });
  const duration = "seconds" in length ? ["-T", `${length.seconds}`] : ["-t", `${length.transactions}`];
  return [
    ...["pgbench", "-n", "-M", mode, ...scripts, ...duration, "-c", `${connections}`, "-j", "1"],
    ...["-l", "--log-prefix", join(folder, "log")],
    ...["-D", "i=0", "-D", `base=${base}`, "-D", `connections=${connections}`],
    ...["-h", "127.0.0.1", "-p", `${server.port}`, "-U", "deltat", "bench"],
  ];
}

export async function runPgbench(options: PgbenchOptions): Promise<PgbenchResult> {
  const { server, tasks, connections, base } = options;
  const cpuBefore = cpuTimeUs(server.pid);
  const child = Bun.spawn(commandOf(options), {
    env: {
      ...process.env,
      PGPASSWORD: server.password,
      PGSSLMODE: "disable",
      PGOPTIONS: options.sessionSettings ?? "",
    },
    stdout: "pipe",
    stderr: "pipe",
    timeout: CLIENT_DEADLINE_MS,
  });
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`pgbench failed at ${server.name}: ${errors}`);
  const cpuUs = cpuTimeUs(server.pid) - cpuBefore;
  const transactions = field(output, /actually processed: (\d+)/);
  if (field(output, /failed transactions: (\d+)/) > 0) throw new Error(`pgbench had failures:\n${output}`);
  const { latencies, most } = readLog(options.folder, tasks.length);
  const logged = latencies.reduce((sum, { count }) => sum + count, 0);
  if (logged !== transactions) throw new Error(`pgbench logged ${logged} of ${transactions} transactions`);
  return {
    metrics: {
      perSecond: field(output, /tps = ([\d.]+)/),
      ...Latencies.sum(latencies).metrics(),
      ...readsAlone(options, latencies),
      ...(Number.isNaN(cpuUs) ? {} : { serverCpuUs: cpuUs / transactions }),
    },
    acknowledged: tasks.reduce((sum, { task }, i) => sum + BOOKINGS_OF[task] * (latencies[i]?.count ?? 0), 0),
    nextBase: base + most * connections,
  };
}

/** Of a mix, what its reads took. */
function readsAlone({ tasks }: PgbenchOptions, latencies: readonly Latencies[]): Metrics {
  const at = tasks.findIndex(({ task }) => task === "read");
  const reads = latencies[at];
  return tasks.length > 1 && reads !== undefined ? { readsP99Us: reads.percentile(0.99) } : {};
}
