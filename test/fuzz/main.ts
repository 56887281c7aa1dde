/**
 * `bun run fuzz --seconds 60 --seed 7 --target log`: runs each target (or the one named) for so long over the cases of a
 * seed, and prints every case that fails as something that can be run again:
 *
 *     bun run fuzz --target log --seed 7 --case 1234       the case of that seed with that number
 *     bun run fuzz --target log --replay '<JSON>'          a case as it was printed
 *
 * Exits with 1 if anything was found.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Finding } from "./target.ts";
import { TARGETS, targetNamed } from "./targets.ts";

/** A case that shows no sign of life for so long hangs. */
const HANG_MS = 20_000;
const LOOK_MS = 500;
const PROGRESS_BYTES = 16;
const CAMPAIGN = fileURLToPath(import.meta.resolve("./campaign.ts"));

interface CampaignOutcome {
  readonly cases: number;
  readonly maxRssMiB: number;
  readonly findings: readonly Finding[];
}

const folder = mkdtempSync(join(tmpdir(), "deltat-fuzz-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Runs a target in a process of its own; where that dies or hangs, the case is a finding and the next one goes on. */
async function campaign(name: string, seed: number, seconds: number): Promise<CampaignOutcome> {
  const deadlineMs = Date.now() + seconds * 1000;
  const findings: Finding[] = [];
  let from = 0;
  let maxRssMiB = 0;
  for (;;) {
    const path = join(folder, `${name}.progress`);
    writeFileSync(path, new Uint8Array(PROGRESS_BYTES));
    const progress = new DataView(Bun.mmap(path, { shared: true }).buffer);
    progress.setFloat64(0, from);
    const args = [name, String(seed), String(from), String(deadlineMs), path];
    const child = Bun.spawn([process.execPath, CAMPAIGN, ...args], {
      stdout: "pipe",
      stderr: "pipe",
    });
    const hung = watch(child, progress);
    const output = await new Response(child.stdout).text();
    const complaints = await new Response(child.stderr).text();
    const exitCode = await child.exited;
    let isOver = false;
    for (const line of output.split("\n").filter((text) => text.startsWith("{"))) {
      const told = JSON.parse(line) as { finding?: Finding; cases?: number; maxRssMiB?: number };
      if (told.finding !== undefined) findings.push(told.finding);
      if (told.cases !== undefined) {
        from += told.cases;
        maxRssMiB = Math.max(maxRssMiB, told.maxRssMiB ?? 0);
        isOver = true;
      }
    }
    if (isOver) return { cases: from, maxRssMiB, findings };
    const number = progress.getFloat64(0);
    const why = (await hung) ? `hang: no end after ${HANG_MS} ms` : `crash: exit ${exitCode}: ${complaints}`;
    findings.push({
      target: name,
      seed,
      number,
      smallest: targetNamed(name).show(seed, number),
      failure: why,
    });
    from = number + 1;
    if (Date.now() >= deadlineMs) return { cases: from, maxRssMiB, findings };
  }
}

/** Ends the child once a case hangs; true if that was needed. */
async function watch(child: Bun.Subprocess, progress: DataView): Promise<boolean> {
  let beat = -1;
  let sinceMs = Date.now();
  while (child.exitCode === null && child.signalCode === null) {
    await Promise.race([child.exited, Bun.sleep(LOOK_MS)]);
    const now = progress.getFloat64(8);
    if (now !== beat) {
      beat = now;
      sinceMs = Date.now();
    } else if (Date.now() - sinceMs > HANG_MS) {
      child.kill("SIGKILL");
      return true;
    }
  }
  return false;
}

function report({ target, seed, number, smallest, failure }: Finding): void {
  console.log(`FAILED ${target}, seed ${seed}, case ${number}\n  ${failure.replaceAll("\n", "\n  ")}`);
  console.log(`  again:    bun run fuzz --target ${target} --seed ${seed} --case ${number}`);
  console.log(
    `  smallest: bun run fuzz --target ${target} --replay '${smallest.replaceAll("'", "'\\''")}'\n`,
  );
}

/** Runs one case in this process; true if it is as it should be. */
async function replay(name: string, made: string): Promise<boolean> {
  const target = targetNamed(name);
  const failure = await target.replay(made);
  console.log(`${made}\n${failure ?? "ok"}`);
  await target.close();
  return failure === null;
}

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    target: { type: "string" },
    case: { type: "string" },
    replay: { type: "string" },
  },
});
const seed = Number(options.seed);
const named = options.target === undefined ? TARGETS : [targetNamed(options.target)];
const [first] = named;
if (first !== undefined && (options.replay !== undefined || options.case !== undefined)) {
  const made = options.replay ?? first.show(seed, Number(options.case));
  process.exit((await replay(first.name, made)) ? 0 : 1);
}
let found = 0;
for (const { name } of named) {
  const { cases, maxRssMiB, findings } = await campaign(name, seed, Number(options.seconds));
  found += findings.length;
  console.log(`${name}: ${cases} cases of seed ${seed}, ${findings.length} failed, at most ${maxRssMiB} MiB`);
  for (const finding of findings) report(finding);
}
process.exit(found > 0 ? 1 : 0);
