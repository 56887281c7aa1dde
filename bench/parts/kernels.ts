/**
 * The kernels alone, at the sizes they work at. The gap kernel is compared with the same algorithm in C
 * (bench/parts/kernels.c, cc -O3), both over the same windows, in turns.
 */

import { dlopen } from "bun:ffi";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { do_not_optimize, measure as timeOf } from "mitata";
import { lowerBound } from "../../kernels/bounds.ts";
import { fenwickBuild, fenwickPrefix } from "../../kernels/fenwick.ts";
import { KOFN_BUCKETS, kOfN } from "../../kernels/kofn.ts";
import { peak } from "../../kernels/occupancy.ts";
import { insertAt, insertRowAt, removeAt, removeRowAt } from "../../kernels/sorted.ts";
import { intersectSpans, subtractSpans, unionSpans } from "../../kernels/spans.ts";
import { EPOCH_MS, WEEK_MS } from "../calendar.ts";
import type { Figure, Figures } from "../harness/figures.ts";
import { type Course, type Part, type Rendering, skip } from "../harness/part.ts";
import { type Contestant, inTurns } from "../harness/rounds.ts";
import { count, duration, number, table } from "../report/table.ts";
import {
  allGaps,
  CASES,
  EVENTS,
  gaps,
  nanosecondsPerWindow,
  out,
  random,
  spanLists,
  WINDOWS,
  type Windows,
} from "./kernel-inputs.ts";

const ROUNDS = 3;
/** Values looked up in turn, so that the processor cannot learn one by heart. */
const PROBES = 1 << 16;

export const TYPESCRIPT = "TypeScript";
export const C_PAIRING = "C, the same";
const C_SWEEP = "C, a sweep";
export const gapWork = (windows: string): string => `gaps, ${windows}`;
export const GAP_CASES = CASES.map(({ name }) => name);

type RunWindows = (
  usePairing: number,
  starts: Float64Array,
  ends: Float64Array,
  windows: number,
  length: number,
  capacity: number,
  from: number,
  to: number,
  out: Float64Array,
) => number;

/** The C library; null, said aloud, where it cannot be made. */
function compileC(): RunWindows | null {
  const compiler = Bun.which("cc");
  if (compiler === null) {
    skip("gap kernel against C", "there is no C compiler (cc) on PATH");
    return null;
  }
  const folder = mkdtempSync(join(tmpdir(), "deltat-bench-"));
  try {
    const library = join(folder, "kernels.so");
    const source = join(import.meta.dir, "kernels.c");
    const built = Bun.spawnSync([compiler, "-O3", "-shared", "-fPIC", "-o", library, source]);
    if (!built.success) {
      skip("gap kernel against C", `cc failed: ${built.stderr.toString()}`);
      return null;
    }
    return dlopen(library, {
      run_windows: { args: ["i32", "ptr", "ptr", "i32", "i32", "i32", "f64", "f64", "ptr"], returns: "i32" },
    }).symbols.run_windows;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Throws unless C finds the same runs in every window, to the millisecond. */
function assertSameRuns(windows: Windows, runWindows: RunWindows, usePairing: number): void {
  const { starts, ends, capacity, name } = windows;
  const inC = new Float64Array(out.length);
  for (let w = 0; w < WINDOWS; w++) {
    const [first, limit] = [w * EVENTS, (w + 1) * EVENTS];
    const [from, to] = [EPOCH_MS, EPOCH_MS + WEEK_MS];
    const one = [starts.subarray(first, limit), ends.subarray(first, limit)] as const;
    const found = runWindows(usePairing, ...one, 1, EVENTS, capacity, from, to, inC);
    const isSame = found === gaps(windows, w) && inC.subarray(0, 2 * found).every((at, i) => at === out[i]);
    if (!isSame) throw new Error(`C and TypeScript disagree on window ${w}: ${name}`);
  }
}

function gapContestants(windows: Windows, runWindows: RunWindows | null): Contestant[] {
  const work = gapWork(windows.name);
  const row = (subject: string, action: () => number): Contestant => ({
    work,
    subject,
    at: EVENTS,
    run: () => ({ ns: nanosecondsPerWindow(action) }),
  });
  const ours = row(TYPESCRIPT, () => allGaps(windows));
  if (runWindows === null) return [ours];
  const { starts, ends, capacity } = windows;
  const inC = (usePairing: number) => () =>
    runWindows(usePairing, starts, ends, WINDOWS, EVENTS, capacity, EPOCH_MS, EPOCH_MS + WEEK_MS, out);
  for (const usePairing of [0, 1]) assertSameRuns(windows, runWindows, usePairing);
  return [ours, row(C_PAIRING, inC(1)), row(C_SWEEP, inC(0))];
}

/** Time of one of `calls` calls that `action` makes. */
function kernel(work: string, at: number, calls: number, action: () => unknown, quick: boolean): Contestant {
  const budget = quick ? 20_000_000 : 150_000_000;
  return {
    work,
    subject: TYPESCRIPT,
    at,
    run: async () => ({ ns: (await timeOf(action, { min_cpu_time: budget })).p50 / calls }),
  };
}

function boundsContestants(quick: boolean): Contestant[] {
  return [1_000, 1_000_000].map((length) => {
    const column = new Float64Array(length).map((_, i) => EPOCH_MS + 1000 * i);
    const probes = new Float64Array(PROBES).map(() => EPOCH_MS + Math.floor(random() * length) * 1000);
    const lookUp = (): unknown => {
      let sum = 0;
      for (let i = 0; i < PROBES; i++) sum += lowerBound(column, 0, length, probes[i] as number);
      return do_not_optimize(sum);
    };
    return kernel("lower bound, random values", length, PROBES, lookUp, quick);
  });
}

function peakContestant(quick: boolean): Contestant {
  const { starts, ends } = CASES.at(-1) as Windows;
  const sweep = (): unknown => {
    let sum = 0;
    for (let w = 0; w < WINDOWS; w++) sum += peak(starts, w * EVENTS, EVENTS, ends, w * EVENTS, EVENTS, 0, 0);
    return do_not_optimize(sum);
  };
  return kernel("peak of a window, capacity 3", EVENTS, WINDOWS, sweep, quick);
}

function pageContestants(quick: boolean): Contestant[] {
  const length = 511;
  const column = new Float64Array(512).map((_, i) => i);
  const rows = new Uint32Array(512);
  const places = [
    ["front", 0],
    ["middle", 256],
    ["back", length],
  ] as const;
  const pages = places.map(([place, index]) =>
    kernel(
      `insert into a page and remove, at the ${place}`,
      length + 1,
      1,
      () => {
        insertAt(column, 0, length, index, index);
        removeAt(column, 0, length + 1, index);
        insertRowAt(rows, 0, length, index, index);
        removeRowAt(rows, 0, length + 1, index);
      },
      quick,
    ),
  );
  const tree = new Int32Array(2000);
  fenwickBuild(tree, new Int32Array(2000).fill(512), 2000);
  const prefixes = (): unknown => {
    let sum = 0;
    for (let i = 0; i < 1000; i++) sum += fenwickPrefix(tree, 2 * i);
    return do_not_optimize(sum);
  };
  return [...pages, kernel("prefix sum of a directory of pages", 2000, 1000, prefixes, quick)];
}

function spanContestants(quick: boolean): Contestant[] {
  const { spans } = spanLists(WINDOWS + 1, 85, 1000);
  const target = new Float64Array(2 * 2 * 85);
  return [unionSpans, intersectSpans, subtractSpans].map((operation) => {
    const pairs = (): unknown => {
      let sum = 0;
      for (let i = 0; i < WINDOWS; i++) {
        sum += operation(spans, i * 170, 85, spans, i * 170 + 170, 85, target, 0);
      }
      return do_not_optimize(sum);
    };
    return kernel(`${operation.name}, two lists`, 85, WINDOWS, pairs, quick);
  });
}

function kOfNContestants(quick: boolean): Contestant[] {
  const total = 85_000;
  const scratch = new Float64Array(2 * total + 2);
  const counts = new Uint32Array(KOFN_BUCKETS);
  const result = new Float64Array(2 * total + 2);
  const ask = (work: string, lists: Float64Array, offsets: Uint32Array, k: number): Contestant =>
    kernel(work, 1000, 1, () => kOfN(lists, offsets, 1000, k, scratch, counts, result, 0), quick);
  const fine = spanLists(1000, 85, 1);
  const coarse = spanLists(1000, 85, 900_000);
  const crowded = spanLists(1000, 85, 1);
  crowded.spans[crowded.spans.length - 1] = 8_640_000_000_000_000;
  return [
    ...[1, 500, 1000].map((k) =>
      ask(`k of n, k = ${k}, instants in milliseconds`, fine.spans, fine.offsets, k),
    ),
    ask("k of n, k = 500, instants in quarters of an hour", coarse.spans, coarse.offsets, 500),
    ask("k of n, k = 500, all but one instant close together", crowded.spans, crowded.offsets, 500),
  ];
}

async function run({ quick, rounds }: Course): Promise<Figure[]> {
  const runWindows = compileC();
  // Compiled for all that is to come: else the first case alone decides how the kernel is first compiled.
  for (let round = 0; round < 20; round++) for (const windows of CASES) do_not_optimize(allGaps(windows));
  const gaps = CASES.flatMap((windows) => gapContestants(windows, runWindows));
  const others = [
    ...boundsContestants(quick),
    peakContestant(quick),
    ...pageContestants(quick),
    ...spanContestants(quick),
    ...kOfNContestants(quick),
  ];
  return await inTurns([...gaps, ...others], rounds ?? (quick ? 1 : ROUNDS));
}

function gapRow(figures: Figures, work: string): string[] {
  const time = (subject: string): number => figures.middle(work, subject, EVENTS, "ns");
  const against = (subject: string): string =>
    number(figures.ratio(work, [TYPESCRIPT, subject], EVENTS, "ns"));
  return [
    work,
    ...[TYPESCRIPT, C_PAIRING, C_SWEEP].map((subject) => duration(time(subject))),
    against(C_PAIRING),
    against(C_SWEEP),
  ];
}

function render(figures: Figures): Rendering {
  const gapWorks = GAP_CASES.map(gapWork);
  const gaps = table(
    [`a window of ${EVENTS} bookings`, TYPESCRIPT, C_PAIRING, C_SWEEP, "ratio", "ratio to a sweep"],
    gapWorks.map((work) => gapRow(figures, work)),
  );
  const others = figures.all
    .filter(({ work }) => !gapWorks.includes(work))
    .map(({ work, at }) => [work, count(at), duration(figures.middle(work, TYPESCRIPT, at, "ns"))]);
  return { markdown: `${gaps}\n\n${table(["kernel", "entries", "time"], others)}`, plots: [] };
}

export const kernels: Part = {
  name: "kernels",
  about: "the kernels alone, and the gap kernel beside C",
  run,
  render,
};
