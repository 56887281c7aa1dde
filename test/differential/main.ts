/**
 * Sends the same statements to deltat and to a PostgreSQL that holds the same rows, and compares what they answer:
 * columns with their types, rows, command tags, SQLSTATEs, messages and positions.
 *
 *     bun run test:differential [--scripts part] [--seed n] [--from n] [--count n] [--seconds s] [--required] [--record]
 */

import { parseArgs } from "node:util";
import { loadParser } from "../../src/sql/parse/parser.ts";
import { findPostgres } from "../postgres-server.ts";
import { checkHeadings } from "./differences.ts";
import { runGenerated } from "./generated.ts";
import { type Finding, Pair, showFinding } from "./pair.ts";
import { writeRecording } from "./recording.ts";
import { readScripts } from "./script.ts";
import { type RunningServer, startDeltat, startPostgres } from "./servers.ts";

const { values: options } = parseArgs({
  options: {
    scripts: { type: "string", default: "" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    count: { type: "string", default: "2000" },
    seconds: { type: "string", default: "600" },
    record: { type: "boolean", default: false },
    required: { type: "boolean", default: false },
  },
});

/** What scripts came to; `stale`: statements that are marked as differing and do not. */
async function runScripts(pair: Pair): Promise<{ sent: number; findings: Finding[]; stale: string[] }> {
  const answers: Parameters<typeof writeRecording>[0][number][] = [];
  const findings: Finding[] = [];
  const stale: string[] = [];
  let sent = 0;
  const scripts = readScripts(options.scripts);
  checkHeadings(scripts.flatMap(({ statements }) => statements.flatMap(({ differs }) => differs ?? [])));
  for (const { statements } of scripts) {
    await pair.renew();
    let isBroken = false;
    for (const statement of statements) {
      if (isBroken) {
        // What follows in a block that one side has lost says nothing.
        isBroken = !/^(COMMIT|ROLLBACK|END|ABORT)$/.test(statement.text);
        if (!isBroken) await pair.renew();
        continue;
      }
      sent++;
      const finding = await pair.check(statement);
      if (pair.lastAnswer !== null) {
        answers.push({ text: statement.text, parameters: statement.parameters, answer: pair.lastAnswer });
      }
      if (finding === null) {
        if (statement.differs !== null) stale.push(statement.origin);
        continue;
      }
      if (statement.differs === null) findings.push(finding);
      isBroken = finding.ours.status !== finding.theirs.status;
    }
  }
  if (options.record) writeRecording(answers);
  return { sent, findings, stale };
}

function report(what: string, sent: number, findings: readonly Finding[]): void {
  for (const finding of findings) console.log(showFinding(finding));
  console.log(`${sent} ${what}, ${findings.length} differences`);
}

async function main(): Promise<number> {
  const programs = findPostgres();
  if (programs === null) {
    console.log("skipped: no PostgreSQL 15 or newer here (Debian: apt-get install postgresql)");
    return options.required ? 1 : 0;
  }
  await loadParser();
  const running: RunningServer[] = [];
  try {
    const postgres = startPostgres(programs);
    running.push(postgres);
    const deltat = await startDeltat();
    running.push(deltat);
    const pair = await Pair.open(deltat.address, postgres.address);
    await pair.fill();
    const scripts = await runScripts(pair);
    report("statements of scripts", scripts.sent, scripts.findings);
    for (const origin of scripts.stale) console.log(`${origin} no longer differs: take the mark away`);
    const generated = await runGenerated(pair, {
      seed: Number(options.seed),
      from: Number(options.from),
      count: Number(options.count),
      deadlineMs: Date.now() + Number(options.seconds) * 1000,
    });
    report(
      `generated statements (seed ${options.seed}, ${generated.refused} refused)`,
      generated.sent,
      generated.findings,
    );
    for (const [heading, times] of generated.explained) console.log(`explained by "${heading}": ${times}`);
    pair.close();
    return scripts.findings.length + scripts.stale.length + generated.findings.length === 0 ? 0 : 1;
  } finally {
    for (const server of running) await server.stop();
  }
}

process.exit(await main());
