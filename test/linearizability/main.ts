/**
 * `bun run linearize [--seconds s] [--seed n] [--program dist/deltat]`: many clients, whose histories must be those of a
 * server that does one thing after the other. Prints what it did; exits 1 if a history is none.
 */

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { cleanUp, FROM_SOURCE, temporaryFolder } from "../server/harness.ts";
import { linearize } from "./campaign.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 1_000_000)) },
    program: { type: "string" },
  },
});

const report = await linearize({
  seconds: Number(values.seconds),
  seed: Number(values.seed),
  groups: 4,
  clients: 6,
  roundMs: 1000,
  dataDir: temporaryFolder(),
  command: values.program === undefined ? FROM_SOURCE : [resolve(values.program)],
});
await cleanUp();
console.log(
  `seed ${values.seed}: ${report.rounds} rounds, ${report.crashes} of them ended by SIGKILL; ` +
    `${report.answered} attempts answered, ${report.unanswered} not; ${report.explored} configurations explored`,
);
for (const finding of report.findings) console.log(`FOUND: ${finding}`);
console.log(`${report.findings.length} findings`);
process.exit(report.findings.length === 0 ? 0 : 1);
