/** pgbench as the client, where it is installed: the same queries, sent by somebody else's program. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EPOCH_MS, WEEK_MS } from "./calendar.ts";
import type { LoadOptions, LoadResult } from "./load.ts";
import {
  availabilitySql,
  INSERT_EPOCH_MS,
  INSERT_ID_PREFIX,
  INSERT_SLOT_MS,
  insertSql,
  MAX_INSERTS,
  SCATTER,
  WEEKS,
} from "./workload.ts";

/** Numbers start here, so that every one has nine digits. */
const FIRST_NUMBER = 100_000_000;

const SCRIPTS = {
  availability: `\\set from ${EPOCH_MS} + random(0, ${WEEKS - 1}) * ${WEEK_MS}
\\set to :from + ${WEEK_MS}
${availabilitySql(":from", ":to")};
`,
  insert: `\\set i :i + 1
\\set n :base + (:i - 1) * :connections + :client_id
\\set number ${FIRST_NUMBER} + :n
\\set start ${INSERT_EPOCH_MS} + ((:n * ${SCATTER}) & ${MAX_INSERTS - 1}) * ${INSERT_SLOT_MS}
\\set end :start + ${INSERT_SLOT_MS}
${insertSql(`${INSERT_ID_PREFIX}:number`, ":start", ":end")};
`,
} as const;

function field(output: string, pattern: RegExp): number {
  const value = Number(pattern.exec(output)?.[1]);
  if (Number.isNaN(value)) throw new Error(`pgbench printed no ${pattern.source}:\n${output}`);
  return value;
}

/** Runs pgbench in whole seconds; it tells no percentiles, and of its numbers some are never used. */
export async function runPgbench(folder: string, options: LoadOptions): Promise<LoadResult> {
  const { workload, port, password, connections, firstInsert, measureMs } = options;
  if (workload === "prepared") throw new Error("pgbench describes every portal: not the same messages");
  const script = join(folder, `${workload}.sql`);
  writeFileSync(script, SCRIPTS[workload]);
  const seconds = `${Math.max(1, Math.round(measureMs / 1000))}`;
  const command = ["pgbench", "-n", "-f", script, "-T", seconds, "-c", `${connections}`, "-j", "1"];
  const variables = ["-D", "i=0", "-D", `base=${firstInsert}`, "-D", `connections=${connections}`];
  const where = ["-h", "127.0.0.1", "-p", `${port}`, "-U", "deltat", "bench"];
  const child = Bun.spawn([...command, ...variables, ...where], {
    env: { ...process.env, PGPASSWORD: password, PGSSLMODE: "disable" },
    stdout: "pipe",
    stderr: "pipe",
  });
  const output = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(`pgbench failed: ${await child.stderr.text()}`);
  const replies = field(output, /actually processed: (\d+)/);
  if (field(output, /failed transactions: (\d+)/) > 0) throw new Error(`pgbench had failures:\n${output}`);
  return {
    replies,
    perSecond: field(output, /tps = ([\d.]+)/),
    p50Us: Number.NaN,
    p99Us: Number.NaN,
    serverCpuUs: Number.NaN,
    clientBusy: Number.NaN,
    inserted: workload === "insert" ? replies : 0,
  };
}
