/**
 * One bad client does not hurt the others: each abuse beside a well-behaved client, on a server of its own.
 *
 *     bun run abuse [--seconds S] [--only name]
 *
 * Prints what the well-behaved client saw without and with the abuse, what the server's memory did, and what the server
 * answered to the abuser. Fails if the server ends, does not answer, fails the well-behaved, or does not come back to
 * normal.
 */

import { describeMachine } from "../../bench/harness/machine.ts";
import { cleanUp, type ServerProcess, startServer } from "../server/harness.ts";
import { runAbuser } from "./abuser-process.ts";
import { ABUSES, type Abuse, SETTINGS } from "./abuses.ts";
import { type Measured, percentile, WellBehaved } from "./well-behaved.ts";

const WARM_UP_MS = 700;
const BASELINE_MS = 1300;
const RECOVERY_MS = 1000;
/** After an abuse the slowest of a hundred answers, and the slowest newcomer, within so many recoveries. */
const NORMAL_MS = 100;
const MOST_RECOVERIES = 20;
/** Memory is looked at until it is no more than this above what it was, for so many recoveries at most. */
const KEPT_MB = 32;
const MOST_GIVING_BACK = 20;

function residentMb(server: ServerProcess): number {
  const { stdout } = Bun.spawnSync(["ps", "-o", "rss=", "-p", String(server.pid)]);
  return Number(stdout.toString()) / 1024;
}

/** The most that the server held while `work` ran. */
async function peakDuring(server: ServerProcess, work: Promise<unknown>): Promise<number> {
  let peak = 0;
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    peak = Math.max(peak, residentMb(server));
    await Promise.race([done, Bun.sleep(100)]);
  }
  return peak;
}

function shown({ latencies, newcomers }: Measured): string {
  const parts = [0.5, 0.99, 0.999].map((share) => percentile(latencies, share).toFixed(1));
  const most = percentile(newcomers, 1).toFixed(0);
  return `p50 ${parts[0]}, p99 ${parts[1]}, p99.9 ${parts[2]} ms; newcomers at most ${most} ms`;
}

/** As a row of a table of Markdown. */
function rowOf(name: string, without: Measured, withIt: Measured, memory: string): string {
  const cells = [without, withIt].flatMap(({ latencies }) =>
    [0.5, 0.99].map((share) => percentile(latencies, share).toFixed(1)),
  );
  return `| \`${name}\` | ${cells.join(" | ")} | ${percentile(withIt.newcomers, 1).toFixed(0)} | ${memory} |`;
}

function isNormal({ latencies, newcomers }: Measured): boolean {
  return percentile(latencies, 0.99) < NORMAL_MS && percentile(newcomers, 1) < 10 * NORMAL_MS;
}

async function recovered(client: WellBehaved): Promise<number> {
  for (let n = 1; n <= MOST_RECOVERIES; n++) {
    client.take();
    await Bun.sleep(RECOVERY_MS);
    if (isNormal(client.take())) return n * RECOVERY_MS;
  }
  throw new Error(`not back to normal ${(MOST_RECOVERIES * RECOVERY_MS) / 1000} s after the abuse`);
}

/** Waits until no more than so much is resident, but not for ever; how long that took. */
async function givesBack(server: ServerProcess, mb: number): Promise<number> {
  let waited = 0;
  for (; residentMb(server) > mb && waited < MOST_GIVING_BACK; waited++) await Bun.sleep(RECOVERY_MS);
  return waited * RECOVERY_MS;
}

async function withstands(name: string, { what, settings }: Abuse, seconds: number): Promise<string | null> {
  console.log(`\n${name}: ${what}`);
  const server = await startServer({ settings: { ...SETTINGS, ...settings } });
  const client = await WellBehaved.start(server.port);
  try {
    await Bun.sleep(WARM_UP_MS);
    client.take();
    await Bun.sleep(BASELINE_MS);
    const without = client.take();
    console.log(`  without  ${shown(without)}`);
    const before = residentMb(server);
    const abusing = runAbuser(name, server.port, seconds, () => client.take());
    const peak = await peakDuring(server, abusing);
    await client.caughtUp();
    const withIt = client.take();
    console.log(`  with     ${shown(withIt)}`);
    console.log(`  told     ${await abusing}`);
    const afterMs = await recovered(client);
    const after = residentMb(server);
    const laterMs = await givesBack(server, before + KEPT_MB);
    const memory = [before, peak, after, residentMb(server)].map((mb) => mb.toFixed(0)).join(" / ");
    console.log(`  normal   within ${afterMs / 1000} s`);
    console.log(`  memory   ${memory} MB before / peak / after / ${laterMs / 1000} s later`);
    await client.stop();
    if (client.failures.length > 0)
      throw new Error(`the well-behaved was told: ${client.failures.join("; ")}`);
    if (server.complaints !== "") throw new Error(`the server's log: ${server.complaints}`);
    return rowOf(name, without, withIt, memory);
  } catch (error) {
    console.log(`  FAILED   ${error instanceof Error ? error.message : error}`);
    return null;
  } finally {
    await cleanUp();
  }
}

function option(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
}

const seconds = Number(option("seconds") ?? 2);
const only = option("only");
const chosen = Object.entries(ABUSES).filter(
  ([name]) => only === undefined || only.split(",").includes(name),
);
if (chosen.length === 0 || !(seconds > 0)) {
  console.error(
    `usage: bun run abuse [--seconds S] [--only name,…]; the names are ${Object.keys(ABUSES).join(", ")}`,
  );
  process.exit(2);
}
console.log(describeMachine());
const failed: string[] = [];
const rows: string[] = [];
for (const [name, each] of chosen) {
  const row = await withstands(name, each, seconds);
  if (row === null) failed.push(name);
  else rows.push(row);
}
console.log("\n| | p50 without | p99 without | p50 | p99 | newcomers | MB before / peak / after / later |");
console.log(["| --- |", ...Array(6).fill(" --- |")].join(""));
for (const row of rows) console.log(row);
console.log(failed.length === 0 ? `\nall ${chosen.length} withstood` : `\nFAILED: ${failed.join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);
