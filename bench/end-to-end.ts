/**
 * deltat against the null server: the same clients, the same bytes, in turns, on one machine in one run. What
 * counts is the ratio of each pair of neighbouring runs, since rates of different minutes do not compare.
 *
 * Run: `bun run bench`; options: `--client pgbench`, `--rounds <n>`, `--only <part of a name>`, `--cpu-prof`.
 */

import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { median } from "./calendar.ts";
import type { LoadOptions, LoadResult } from "./load.ts";
import { describeMachine } from "./machine.ts";
import { runPgbench } from "./pgbench.ts";
import { countInserted, fillDeltat, type Server, startDeltat, startNullServer } from "./servers.ts";
import type { Workload } from "./workload.ts";

interface Setting {
  readonly name: string;
  readonly workload: Workload;
  readonly connections: number;
  /** Least allowed share of the null server's rate; null: none is set. */
  readonly budget: number | null;
}

const SETTINGS: readonly Setting[] = [
  { name: "availability, simple", workload: "availability", connections: 1, budget: null },
  { name: "availability, simple", workload: "availability", connections: 16, budget: 0.7 },
  { name: "availability, prepared", workload: "prepared", connections: 16, budget: null },
  { name: "durable insert", workload: "insert", connections: 1, budget: 0.9 },
  { name: "durable insert", workload: "insert", connections: 16, budget: 0.8 },
  { name: "durable insert", workload: "insert", connections: 64, budget: 0.8 },
];

/** Holds the folder of a run while it lasts, and the profiles of `--cpu-prof`. */
const RESULTS = join(import.meta.dir, "results");

const WARMUP_MS = 400;
const MEASURE_MS = 1_200;
/** Numbers set aside for one run that inserts: more than it can use. */
const INSERTS_PER_RUN = 2 ** 20;

const { values: flags } = parseArgs({
  options: {
    client: { type: "string", default: "bun" },
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    "cpu-prof": { type: "boolean", default: false },
  },
});

interface Pair {
  readonly deltat: LoadResult;
  readonly ceiling: LoadResult;
}

class Comparison {
  /** Bookings that clients were told are stored. */
  inserted = 0;
  private runs = 0;

  constructor(
    private readonly folder: string,
    private readonly deltat: Server,
    private readonly ceiling: Server,
  ) {}

  /** One run on each; who goes first changes from round to round. */
  async pair(setting: Setting, round: number): Promise<Pair> {
    if (round % 2 === 0) {
      const deltat = await this.load(this.deltat, setting);
      return { deltat, ceiling: await this.load(this.ceiling, setting) };
    }
    const ceiling = await this.load(this.ceiling, setting);
    return { deltat: await this.load(this.deltat, setting), ceiling };
  }

  private async load(server: Server, { workload, connections }: Setting): Promise<LoadResult> {
    const options: LoadOptions = {
      port: server.port,
      password: server.password,
      serverPid: server.pid,
      workload,
      connections,
      firstInsert: this.runs * INSERTS_PER_RUN,
      warmupMs: WARMUP_MS,
      measureMs: MEASURE_MS,
    };
    const result =
      flags.client === "pgbench" ? await runPgbench(this.folder, options) : await runLoad(options);
    if (workload === "insert" && server === this.deltat) {
      this.inserted += result.inserted;
      this.runs++;
    }
    return result;
  }
}

async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const command = [process.execPath, join(import.meta.dir, "load.ts"), JSON.stringify(options)];
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  const output = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(`the load failed: ${JSON.stringify(options)}`);
  return JSON.parse(output) as LoadResult;
}

function printHead(): void {
  console.log(`${describeMachine()}; client: ${flags.client}\n`);
  console.log(
    "                             replies/s          deltat / null      p50/p99 µs              CPU µs/reply  client",
  );
  console.log(
    "work                   conns    deltat      null    median (range)     deltat      null        deltat   null   busy",
  );
}

/** What the client does not tell is a dash. */
function fixed(value: number, digits: number): string {
  return Number.isNaN(value) ? "-" : value.toFixed(digits);
}

function printSetting({ name, connections, budget }: Setting, pairs: readonly Pair[]): void {
  const of = (server: keyof Pair, field: keyof LoadResult) =>
    median(pairs.map((pair) => pair[server][field]));
  const ratios = pairs.map(({ deltat, ceiling }) => deltat.perSecond / ceiling.perSecond);
  const ratio = median(ratios);
  const range = `${ratio.toFixed(2)} (${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)})`;
  const columns = [name.padEnd(22), `${connections}`.padStart(5)];
  for (const server of ["deltat", "ceiling"] as const) {
    columns.push(fixed(of(server, "perSecond"), 0).padStart(9));
  }
  columns.push(`   ${range.padEnd(18)}`);
  for (const server of ["deltat", "ceiling"] as const) {
    columns.push(`${fixed(of(server, "p50Us"), 0)}/${fixed(of(server, "p99Us"), 0)}`.padEnd(11));
  }
  for (const server of ["deltat", "ceiling"] as const) {
    columns.push(fixed(of(server, "serverCpuUs"), 1).padStart(6));
  }
  columns.push(`${fixed(of("deltat", "clientBusy") * 100, 0)}%`.padStart(6));
  if (budget !== null) columns.push(` budget ${budget}: ${ratio >= budget ? "met" : "MISSED"}`);
  console.log(columns.join(" "));
}

async function compare(folder: string, deltat: Server, ceiling: Server): Promise<void> {
  const wanted = SETTINGS.filter(({ name, connections, workload }) => {
    if (flags.client === "pgbench" && workload === "prepared") return false;
    return `${name} ${connections}`.includes(flags.only);
  });
  const comparison = new Comparison(folder, deltat, ceiling);
  const rounds = Number(flags.rounds);
  const results = wanted.map((): Pair[] => []);
  // Round 0 warms both servers up and is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const [i, setting] of wanted.entries()) {
      const pair = await comparison.pair(setting, round);
      if (round > 0) results[i]?.push(pair);
    }
  }
  printHead();
  for (const [i, setting] of wanted.entries()) printSetting(setting, results[i] ?? []);
  const stored = await countInserted(deltat);
  const { inserted } = comparison;
  console.log(`\nbookings acknowledged: ${inserted}, stored by count(*): ${stored}`);
  if (stored !== inserted) throw new Error("deltat does not hold what it acknowledged");
}

/** A folder on the disk of the checkout: a temporary folder of the system may be memory. */
function makeFolder(): string {
  mkdirSync(RESULTS, { recursive: true });
  return mkdtempSync(join(RESULTS, "run-"));
}

async function main(): Promise<void> {
  const folder = makeFolder();
  const servers: Server[] = [];
  try {
    const profile = flags["cpu-prof"] ? ["--cpu-prof", "--cpu-prof-dir", RESULTS] : [];
    const deltat = await startDeltat(join(folder, "data"), profile);
    servers.push(deltat);
    await fillDeltat(deltat);
    const ceiling = await startNullServer(folder, deltat);
    servers.push(ceiling);
    await compare(folder, deltat, ceiling);
  } finally {
    for (const server of servers) await server.stop();
    rmSync(folder, { recursive: true });
    if (readdirSync(RESULTS).length === 0) rmdirSync(RESULTS);
  }
}

await main();
