/**
 * One target's cases in a process of their own, started by main.ts: what crashes, hangs or eats memory ends this process
 * alone. The number of the case at hand stands in a mapped file, where the other process can read it whatever happens.
 *
 *     bun test/fuzz/campaign.ts <target> <seed> <from> <deadline, Unix ms> <progress file>
 *
 * Prints a line of JSON for each finding, and one with the count of cases at the end.
 */

import { targetNamed } from "./targets.ts";

const [name = "", seed, from, deadlineMs, progressPath = ""] = process.argv.slice(2);
const target = targetNamed(name);
const progress = new DataView(Bun.mmap(progressPath, { shared: true }).buffer);
let current = Number(from);
let beats = 0;

/** A promise that nobody waits for is a fault like any other. */
process.on("unhandledRejection", (reason) => {
  const failure = `rejection: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`;
  const finding = {
    target: name,
    seed: Number(seed),
    number: current,
    smallest: target.show(Number(seed), current),
    failure,
  };
  console.log(JSON.stringify({ finding }));
});

const { cases, findings } = await target.run({
  seed: Number(seed),
  from: Number(from),
  count: Number.POSITIVE_INFINITY,
  deadlineMs: Number(deadlineMs),
  begins(number) {
    current = number;
    progress.setFloat64(0, number);
    progress.setFloat64(8, ++beats);
  },
});
for (const finding of findings) console.log(JSON.stringify({ finding }));
console.log(JSON.stringify({ cases, maxRssMiB: process.resourceUsage().maxRSS >> 10 }));
await target.close();
process.exit(0);
