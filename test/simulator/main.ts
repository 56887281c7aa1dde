/**
 * `bun run simulate --seed N --seconds S`: plays one seed after the other for so long, and says what was done. A seed that
 * fails is told as a short story, and the exit code is 1. `--steps N` is the length of a run, `--runs N` ends after so many,
 * `--bug <name>` puts a deliberate bug into the server, `--story` tells all of the first run.
 * `--year` plays a year under a steady load instead, and prints memory and files by month.
 */

import { parseArgs } from "node:util";
import { loadParser } from "../../src/sql/parser.ts";
import { campaign, play, shrink, storyOf } from "./campaign.ts";
import { DELIBERATE_BUGS } from "./deliberate-bugs.ts";
import { planOf } from "./steps.ts";
import { simulateYear } from "./year.ts";

const SHRINK_MS = 30_000;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    seconds: { type: "string", default: "10" },
    steps: { type: "string", default: "300" },
    runs: { type: "string" },
    bug: { type: "string" },
    story: { type: "boolean", default: false },
    year: { type: "boolean", default: false },
  },
});

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function bugCalled(name: string | undefined) {
  if (name === undefined) return null;
  const bug = DELIBERATE_BUGS.find((one) => one.name === name);
  if (bug !== undefined) return bug;
  print(`no such bug; there are:\n  ${DELIBERATE_BUGS.map((one) => one.name).join("\n  ")}`);
  process.exit(2);
}

const bug = bugCalled(values.bug);
await loadParser();
const startedMs = performance.now();
if (values.year) {
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  simulateYear(12, ({ month, heapBytes, residentBytes, fileBytes, bookings, commits }) => {
    print(
      `month ${month}: heap ${mib(heapBytes)}, resident ${mib(residentBytes)}, files ${mib(fileBytes)}, ` +
        `${bookings} bookings, ${commits} commits so far`,
    );
  });
  process.exit(0);
}
const within = (ms: number) => () => performance.now() - startedMs < ms;
const steps = Number(values.steps);
const counts = new Map<string, number>();
if (values.story) play(planOf(Number(values.seed), steps), bug, print);
const runs = Number(values.runs ?? Number.POSITIVE_INFINITY);
const inTime = within(Number(values.seconds) * 1000);
const found = campaign(
  Number(values.seed),
  steps,
  () => inTime() && (counts.get("runs") ?? 0) < runs,
  counts,
  bug,
);
const seconds = (performance.now() - startedMs) / 1000;
print(`${seconds.toFixed(1)} s`);
for (const [what, count] of [...counts].sort(([a], [b]) => a.localeCompare(b))) print(`  ${what}: ${count}`);
if (found === null) print("nothing was wrong");
else {
  print(`seed ${found.seed} with --steps ${steps} fails:\n${found.failure.stack ?? found.failure.message}`);
  const short = shrink(planOf(found.seed, steps), bug, within(performance.now() - startedMs + SHRINK_MS));
  print(`\nas a short story, ${short.steps.length} of ${steps} steps, ${JSON.stringify(short.settings)}:`);
  for (const line of storyOf(short, bug)) print(line);
  print(`\nthe plan:\n${JSON.stringify(short)}`);
  process.exit(1);
}
