/**
 * `bun run torture [--seconds s] [--seed n] [--program dist/deltat]`: the real program on a real disk, killed again and
 * again. Prints what it did; exits 1 if anything was lost, torn, made up, overbooked or told otherwise.
 */

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { cleanUp, FROM_SOURCE } from "../server/harness.ts";
import { torture } from "./campaign.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
    program: { type: "string" },
  },
});

const report = await torture({
  seconds: Number(values.seconds),
  seed: Number(values.seed),
  program: values.program === undefined ? FROM_SOURCE : [resolve(values.program)],
  ballast: 20_000,
  print: console.log,
});
await cleanUp();
console.log(`seed ${values.seed}: ${report.rounds} rounds, ${report.acknowledged} changes acknowledged`);
for (const [phase, count] of [...report.kills].sort(([a], [b]) => (a < b ? -1 : 1)))
  console.log(`  killed ${count} times: ${phase}`);
console.log(`  ${report.eventsCompared} events compared, ${report.copiesChecked} backups and dumps checked`);
for (const finding of report.findings) console.log(`FOUND: ${finding}`);
console.log(`${report.findings.length} findings`);
process.exit(report.findings.length === 0 ? 0 : 1);
