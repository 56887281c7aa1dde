/**
 * `bun run simulate --seed N --seconds S`: plays one seed after the other for so long, and says what was done. A seed that
 * fails is told as a short story, and the exit code is 1. `--steps N` is the length of a run, `--runs N` ends after so many,
 * `--bug <name>` puts a deliberate bug into the server, `--story` tells all of the first run, `--plan <file>` plays a plan
 * as it was printed. `--year` plays a year under a steady load, and prints memory and files by month; `--bugs` plays every
 * deliberate bug until it is found.
 */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { replaceStopwatch } from "../../src/clock.ts";
import { loadParser } from "../../src/sql/parse/parser.ts";
import { campaign, shrink, storyOf, WRONG } from "./campaign.ts";
import type { DeliberateBug } from "./deliberate-bug.ts";
import { DELIBERATE_BUGS } from "./deliberate-bugs.ts";
import { type Plan, planOf } from "./steps.ts";
import { summaryOf } from "./summary.ts";
import { simulateYear } from "./year.ts";

const SHRINK_MS = 30_000;
const PROGRESS_MS = 60_000;
/** A deliberate bug is to be found within this. */
const BUG_MS = 60_000;

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    seconds: { type: "string", default: "10" },
    steps: { type: "string", default: "300" },
    runs: { type: "string" },
    bug: { type: "string" },
    plan: { type: "string" },
    story: { type: "boolean", default: false },
    bugs: { type: "boolean", default: false },
    year: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed);
const steps = Number(values.steps);
const startedMs = performance.now();
replaceStopwatch(() => 0);

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** Seconds since `sinceMs`. */
function secondsSince(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}

function within(ms: number): () => boolean {
  const endMs = performance.now() + ms;
  return () => performance.now() < endMs;
}

function bugCalled(name: string | undefined): DeliberateBug | null {
  if (name === undefined) return null;
  const bug = DELIBERATE_BUGS.find((one) => one.name === name);
  if (bug !== undefined) return bug;
  print(`no such bug; there are:\n  ${DELIBERATE_BUGS.map((one) => one.name).join("\n  ")}`);
  process.exit(2);
}

function playYear(): void {
  simulateYear(12, ({ month, heapBytes, residentBytes, fileBytes, bookings, commits }) => {
    print(
      `month ${month}: heap ${mib(heapBytes)}, resident ${mib(residentBytes)}, files ${mib(fileBytes)}, ` +
        `${bookings} bookings, ${commits} commits so far`,
    );
  });
  print(`a year in ${secondsSince(startedMs)}: memory and files are flat`);
}

/** Exit code: 1 if one of them was not found. */
function playBugs(): number {
  let missed = 0;
  for (const bug of DELIBERATE_BUGS) {
    const sinceMs = performance.now();
    const counts = new Map<string, number>();
    const found = campaign(seed, steps, within(BUG_MS), counts, bug);
    const words = found?.failure.message.split("\n")[0] ?? "NOT FOUND";
    print(`${bug.name}: ${counts.get("runs")} runs, ${secondsSince(sinceMs)}: ${words}`);
    if (found === null) missed++;
  }
  print(`${DELIBERATE_BUGS.length - missed} of ${DELIBERATE_BUGS.length} deliberate bugs were found`);
  return missed > 0 ? 1 : 0;
}

/** Exit code: 1 if it ends badly. */
function tell(plan: Plan, bug: DeliberateBug | null): number {
  print(`${plan.steps.length} steps, ${JSON.stringify(plan.settings)}:`);
  const story = storyOf(plan, bug);
  for (const line of story) print(line);
  return story.at(-1)?.startsWith(WRONG) === true ? 1 : 0;
}

/** Exit code: 1 if something was wrong. */
function playSeeds(bug: DeliberateBug | null): number {
  if (values.story) tell(planOf(seed, steps), bug);
  const counts = new Map<string, number>();
  const runs = Number(values.runs ?? Number.POSITIVE_INFINITY);
  const inTime = within(Number(values.seconds) * 1000);
  let progressAtMs = startedMs + PROGRESS_MS;
  const goesOn = (): boolean => {
    const done = counts.get("runs") ?? 0;
    if (performance.now() >= progressAtMs) {
      progressAtMs += PROGRESS_MS;
      print(`${secondsSince(startedMs)}: ${done} runs, resident ${mib(process.memoryUsage.rss())}`);
    }
    return inTime() && done < runs;
  };
  const found = campaign(seed, steps, goesOn, counts, bug);
  const done = counts.get("runs") ?? 0;
  print(
    `seeds ${seed} to ${seed + done - 1}, ${steps} steps each, in ${secondsSince(startedMs)}; ` +
      `resident ${mib(process.memoryUsage.rss())}`,
  );
  for (const line of summaryOf(counts)) print(line);
  if (found === null) {
    print("nothing was wrong");
    return 0;
  }
  print(`seed ${found.seed} with --steps ${steps} fails:\n${found.failure.stack ?? found.failure.message}`);
  const short = shrink(planOf(found.seed, steps), bug, within(SHRINK_MS));
  print("\nas a short story:");
  tell(short, bug);
  print(`\nthe plan:\n${JSON.stringify(short)}`);
  return 1;
}

await loadParser();
const bug = bugCalled(values.bug);
if (values.year) playYear();
else if (values.bugs) process.exitCode = playBugs();
else if (values.plan === undefined) process.exitCode = playSeeds(bug);
else process.exitCode = tell(JSON.parse(readFileSync(values.plan, "utf8")) as Plan, bug);
