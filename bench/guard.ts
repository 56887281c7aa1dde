/**
 * The guard against large steps back, for CI: ratios inside one run, with generous bounds. It tells a server that has
 * become half as fast, not one that has lost a tenth. `bun run bench:guard`; exits with 1 if a bound is crossed.
 */

import { Figures, type Metric, median, ratios } from "./harness/figures.ts";
import { withFolder } from "./harness/part.ts";
import { inTurns } from "./harness/rounds.ts";
import { CEILING, compareWithCeiling } from "./parts/ceiling.ts";
import { allGaps, allGapsByLoop, CASES, EVENTS, nanosecondsPerWindow } from "./parts/kernel-inputs.ts";
import { number } from "./report/table.ts";

interface Guard {
  readonly work: string;
  readonly subjects: readonly [string, string];
  readonly at: number;
  readonly metric: Metric;
  readonly bound: number;
  readonly sense: "at least" | "at most";
}

const CONNECTIONS = 16;
const KERNEL = "gap kernel";
const LOOP = "plain loop";
const SERVERS = ["deltat", "null server"] as const;

/**
 * On two cores with nothing else going on some 0.7 and 0.8 are measured, and for the kernel 0.15 to 0.25. What shares the
 * machine moves reads little; writes wait for its disk, too.
 */
const GUARDS: readonly Guard[] = [
  {
    work: CEILING.availability,
    subjects: SERVERS,
    at: CONNECTIONS,
    metric: "perSecond",
    bound: 0.35,
    sense: "at least",
  },
  {
    work: CEILING.insert,
    subjects: SERVERS,
    at: CONNECTIONS,
    metric: "perSecond",
    bound: 0.2,
    sense: "at least",
  },
  ...CASES.map(
    ({ name }): Guard => ({
      work: name,
      subjects: [KERNEL, LOOP],
      at: EVENTS,
      metric: "ns",
      bound: 0.75,
      sense: "at most",
    }),
  ),
];

async function measure(): Promise<Figures> {
  const settings = [
    { work: CEILING.availability, workload: "availability", connections: CONNECTIONS },
    { work: CEILING.insert, workload: "insert", connections: CONNECTIONS },
  ] as const;
  const lengths = { rounds: 5, warmupMs: 100, measureMs: 300 };
  const served = await withFolder((folder) => compareWithCeiling(settings, lengths, folder));
  for (const windows of CASES) {
    if (allGaps(windows) !== allGapsByLoop(windows))
      throw new Error(`kernel and loop disagree: ${windows.name}`);
  }
  const kernels = CASES.flatMap((windows) => [
    {
      work: windows.name,
      subject: KERNEL,
      at: EVENTS,
      run: () => ({ ns: nanosecondsPerWindow(() => allGaps(windows)) }),
    },
    {
      work: windows.name,
      subject: LOOP,
      at: EVENTS,
      run: () => ({ ns: nanosecondsPerWindow(() => allGapsByLoop(windows)) }),
    },
  ]);
  return new Figures([...served, ...(await inTurns(kernels, 3, true))]);
}

const figures = await measure();
for (const { work, subjects, at, metric, bound, sense } of GUARDS) {
  const [ours, theirs] = subjects;
  const quotients = ratios(figures.find(work, ours, at), figures.find(work, theirs, at), metric);
  const ratio = median(quotients);
  const isKept = sense === "at least" ? ratio >= bound : ratio <= bound;
  const all = quotients.map(number).join(", ");
  console.log(
    `${isKept ? "ok    " : "BROKEN"} ${work}, ${ours} : ${theirs}: ${number(ratio)}, ${sense} ${bound} (${all})`,
  );
  if (!isKept) process.exitCode = 1;
}
process.exit();
