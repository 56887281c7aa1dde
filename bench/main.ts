/**
 * The benchmark suite: `bun run bench [part…]`; without a name all parts, one after the other, each in a process of
 * its own. Each leaves its figures as JSON, makes docs/benchmarks.md and its plots anew from all JSON there is, and
 * prints its tables. A quick run leaves everything in bench/results/quick instead.
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { Figures } from "./harness/figures.ts";
import { describeMachine, versions } from "./harness/machine.ts";
import type { Course, Part } from "./harness/part.ts";
import { writeResult } from "./harness/result-file.ts";
import { SUITE } from "./harness/suite.ts";
import { PUBLISHED, QUICK, report } from "./report/report.ts";

const USAGE = `bun run bench [options] [part…]

${SUITE.map(({ name, about }) => `  ${name.padEnd(12)} ${about}`).join("\n")}

  --quick        all of it in three minutes: fewer sizes, rounds and combinations; nothing is published
  --rounds <n>   rounds that count, instead of each part's own number
  --sizes <n,…>  numbers of bookings, instead of each part's own
  --only <text>  only works whose name holds this (ceiling, postgres)
  --cpu-prof     leaves a CPU profile of deltat in bench/results (ceiling)`;

const { values: flags, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    sizes: { type: "string" },
    only: { type: "string", default: "" },
    "cpu-prof": { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`not a number above 0: ${JSON.stringify(text)}`);
  return value;
}

const course: Course = {
  quick: flags.quick,
  rounds: flags.rounds === undefined ? null : positive(flags.rounds),
  sizes: flags.sizes?.split(",").map(positive) ?? null,
  only: flags.only,
  profile: flags["cpu-prof"],
};

/** What is not measured as it is published goes elsewhere. */
const isPublished = ![course.quick, course.profile, course.rounds, course.sizes, course.only].some(Boolean);
const folders = isPublished ? PUBLISHED : QUICK;

async function runPart(part: Part): Promise<void> {
  console.log(`\n## ${part.name}: ${part.about}\n`);
  const begun = performance.now();
  const figures = await part.run(course);
  const seconds = Math.round((performance.now() - begun) / 1000);
  writeResult(folders.data, { part: part.name, seconds, quick: course.quick, figures });
  report(folders);
  console.log(`${part.render(new Figures(figures)).markdown}\n\n${part.name} took ${seconds} s`);
}

/** The options as they were given, without the names of parts. */
function givenFlags(): string[] {
  const { quick, rounds, sizes, only } = flags;
  const valued = Object.entries({ rounds, sizes, only: only || undefined });
  const given = valued.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
  return [...(quick ? ["--quick"] : []), ...(flags["cpu-prof"] ? ["--cpu-prof"] : []), ...given];
}

/** A heap that one part has filled does not slow the next. */
async function runApart(part: Part): Promise<boolean> {
  const command = [process.execPath, join(import.meta.dir, "main.ts"), ...givenFlags(), part.name];
  const child = Bun.spawn(command, { stdio: ["ignore", "inherit", "inherit"] });
  return (await child.exited) === 0;
}

async function runAll(parts: readonly Part[]): Promise<void> {
  console.log(`${describeMachine()}\n${JSON.stringify(versions())}`);
  const failed: string[] = [];
  for (const part of parts) {
    if (!(await runApart(part))) failed.push(part.name);
  }
  if (failed.length === 0) return;
  console.error(`failed: ${failed.join(", ")}`);
  process.exitCode = 1;
}

function chosen(): readonly Part[] {
  if (positionals.length === 0) return SUITE;
  const unknown = positionals.filter((name) => !SUITE.some((part) => part.name === name));
  if (unknown.length > 0) {
    console.error(`no part is called ${unknown.join(", ")}\n\n${USAGE}`);
    process.exit(2);
  }
  return SUITE.filter(({ name }) => positionals.includes(name));
}

if (flags.help) {
  console.log(USAGE);
} else {
  const parts = chosen();
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) await runPart(only);
  else await runAll(parts);
  process.exit();
}
