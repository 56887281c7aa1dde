/**
 * What a fuzz target is, and how one is run: cases are made from a seed and a number, so that each can be made again alone;
 * a case that fails is made smaller as long as it fails in the same way. A case is plain JSON: what is printed of one is
 * all that is needed to run it again, and to keep it in test/fuzz/found/.
 */

import { Random } from "../seeded-random.ts";

export interface Target<Case> {
  readonly name: string;
  /** How long one case may take, milliseconds. */
  readonly timeBoundMs: number;
  make(random: Random): Case;
  /** null if all is as it should be; else what is not: a word for the kind of failure, a colon, and the details. */
  check(made: Case): string | null | Promise<string | null>;
  /** Cases with something left out, those that lose most first. */
  smaller(made: Case): Iterable<Case>;
  /** Gives back what the target has opened. */
  close?(): Promise<void>;
}

export interface Finding {
  readonly target: string;
  readonly seed: number;
  readonly number: number;
  /** The smallest case found that fails in the same way, as JSON. */
  readonly smallest: string;
  readonly failure: string;
}

interface RunOptions {
  readonly seed: number;
  /** The first case, counted from 0. */
  readonly from: number;
  readonly count: number;
  /** As `Date.now` tells time; the run ends early then. */
  readonly deadlineMs: number;
  /** The run ends with so many findings; 10 if left out. */
  readonly maxFindings?: number;
  /** How long the smallest case may be looked for, milliseconds; 15,000 if left out. */
  readonly shrinkMs?: number;
  /** Told of each case before it is run. */
  readonly begins?: (number: number) => void;
}

interface RunOutcome {
  readonly cases: number;
  readonly findings: readonly Finding[];
}

/** A target whose cases nobody needs to know the type of. */
export interface AnyTarget {
  readonly name: string;
  run(options: RunOptions): Promise<RunOutcome>;
  /** The case of a seed, as JSON. */
  show(seed: number, number: number): string;
  /** Checks one case that is given as JSON. */
  replay(made: string): Promise<string | null>;
  close(): Promise<void>;
}

/** After so many findings a run tells no more than what it has. */
const DEFAULT_MAX_FINDINGS = 10;
const MAX_SHRINK_ATTEMPTS = 3000;
const DEFAULT_SHRINK_MS = 15_000;

/** What the process may have grown by while it ran one target: caches fill, heaps are swept late. */
const MAX_GROWTH_BYTES = 600 * 1024 * 1024;
/** What one case may add to the most that the process ever had; some of it is rubbish that is not collected yet. */
const MAX_CASE_BYTES = 768 * 1024 * 1024;
const CASES_PER_MEMORY_CHECK = 64;
const MOST_WAITS = 20;

function caseRandom(seed: number, number: number): Random {
  return new Random(seed * 1_000_003 + number);
}

export function anyTarget<Case>(target: Target<Case>): AnyTarget {
  return {
    name: target.name,
    run: (options) => runTarget(target, options),
    show: (seed, number) => JSON.stringify(target.make(caseRandom(seed, number))),
    replay: async (made) => await checked(target, JSON.parse(made) as Case),
    close: async () => await target.close?.(),
  };
}

async function runTarget<Case>(target: Target<Case>, options: RunOptions): Promise<RunOutcome> {
  const {
    seed,
    from,
    count,
    deadlineMs,
    maxFindings = DEFAULT_MAX_FINDINGS,
    shrinkMs = DEFAULT_SHRINK_MS,
  } = options;
  const findings: Finding[] = [];
  const memory = new MemoryWatch();
  let cases = 0;
  for (; cases < count && findings.length < maxFindings && Date.now() < deadlineMs; cases++) {
    const number = from + cases;
    options.begins?.(number);
    const made = target.make(caseRandom(seed, number));
    const failure = (await checked(target, made)) ?? (await memory.complaint(cases));
    if (failure === null) continue;
    const found = await shrink(target, made, failure, shrinkMs, () => options.begins?.(number));
    findings.push({ target: target.name, seed, number, ...found });
  }
  return { cases, findings };
}

async function checked<Case>(target: Target<Case>, made: Case): Promise<string | null> {
  const first = await timed(target, made);
  if (first === null || !first.startsWith("slow:")) return first;
  // The machine may have been busy with something else.
  return await timed(target, made);
}

async function timed<Case>(target: Target<Case>, made: Case): Promise<string | null> {
  const begun = performance.now();
  let failure: string | null;
  try {
    failure = await target.check(made);
  } catch (error) {
    failure = `thrown: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
  const tookMs = performance.now() - begun;
  if (failure !== null || tookMs <= target.timeBoundMs) return failure;
  return `slow: ${Math.round(tookMs)} ms, ${target.timeBoundMs} are allowed`;
}

/** The first line of a failure up to its colon says of what kind it is. */
function kindOf(failure: string): string {
  return failure.slice(0, failure.indexOf(":"));
}

async function shrink<Case>(
  target: Target<Case>,
  made: Case,
  failure: string,
  shrinkMs: number,
  alive: () => void,
): Promise<{ smallest: string; failure: string }> {
  const deadline = Date.now() + shrinkMs;
  let smallest = made;
  let told = failure;
  let attempts = 0;
  for (let improved = true; improved; ) {
    improved = false;
    for (const candidate of target.smaller(smallest)) {
      if (++attempts > MAX_SHRINK_ATTEMPTS || Date.now() > deadline) break;
      alive();
      const found = await checked(target, candidate);
      if (found === null || kindOf(found) !== kindOf(failure)) continue;
      smallest = candidate;
      told = found;
      improved = true;
      break;
    }
  }
  return { smallest: JSON.stringify(smallest), failure: told };
}

/** Bounded memory: neither may one case take much, nor may many cases together keep much. */
class MemoryWatch {
  private readonly atStart = process.memoryUsage.rss();
  private most = process.resourceUsage().maxRSS;

  async complaint(cases: number): Promise<string | null> {
    const most = process.resourceUsage().maxRSS;
    const added = most - this.most;
    this.most = most;
    if (added * 1024 > MAX_CASE_BYTES) return `memory: one case took ${added >> 10} MiB`;
    if (cases % CASES_PER_MEMORY_CHECK !== 0 || this.growth() <= MAX_GROWTH_BYTES) return null;
    // The runtime gives back to the system what it has freed, but some ten seconds later.
    for (let waited = 0; waited < MOST_WAITS; waited++) {
      Bun.gc(true);
      if (this.growth() <= MAX_GROWTH_BYTES) return null;
      await Bun.sleep(1000);
    }
    return `memory: ${this.growth() >> 20} MiB more than at the start`;
  }

  private growth(): number {
    return process.memoryUsage.rss() - this.atStart;
  }
}
