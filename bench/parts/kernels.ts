/**
 * The kernels alone, at the sizes they work at, beside the same algorithms in C (bench/parts/kernels.c, cc -O3) over the
 * same arrays, in turns. Before it is timed each must give what the other gives.
 */

import { do_not_optimize, measure as timeOf } from "mitata";
import { lowerBound } from "../../kernels/bounds.ts";
import { fenwickBuild, fenwickPrefix } from "../../kernels/fenwick.ts";
import { KOFN_BUCKETS, kOfN } from "../../kernels/kofn.ts";
import { peak } from "../../kernels/occupancy.ts";
import { insertAt, insertRowAt, removeAt, removeRowAt } from "../../kernels/sorted.ts";
import { intersectSpans, subtractSpans, unionSpans } from "../../kernels/spans.ts";
import { EPOCH_MS, WEEK_MS } from "../calendar.ts";
import type { Figure, Figures } from "../harness/figures.ts";
import type { Course, Part, Rendering } from "../harness/part.ts";
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
import { compileC, type KernelsInC } from "./kernels-in-c.ts";

const ROUNDS = 3;
/** Values looked up in turn, so that the processor cannot learn one by heart. */
const PROBES = 1 << 16;

export const TYPESCRIPT = "TypeScript";
export const C_SAME = "C, the same";
const C_SWEEP = "C, a sweep";
export const gapWork = (windows: string): string => `gaps, ${windows}`;
export const GAP_CASES = CASES.map(({ name }) => name);

/** Throws unless C finds the same runs in every window, to the millisecond. */
function assertSameRuns(windows: Windows, c: KernelsInC, usePairing: number): void {
  const { starts, ends, capacity, name } = windows;
  const inC = new Float64Array(out.length);
  for (let w = 0; w < WINDOWS; w++) {
    const [first, limit] = [w * EVENTS, (w + 1) * EVENTS];
    const [from, to] = [EPOCH_MS, EPOCH_MS + WEEK_MS];
    const one = [starts.subarray(first, limit), ends.subarray(first, limit)] as const;
    const found = c.run_windows(usePairing, ...one, 1, EVENTS, capacity, from, to, inC);
    const isSame = found === gaps(windows, w) && inC.subarray(0, 2 * found).every((at, i) => at === out[i]);
    if (!isSame) throw new Error(`C and TypeScript disagree on window ${w}: ${name}`);
  }
}

function gapContestants(windows: Windows, inC: KernelsInC | null): Contestant[] {
  const work = gapWork(windows.name);
  const row = (subject: string, action: () => number): Contestant => ({
    work,
    subject,
    at: EVENTS,
    run: () => ({ ns: nanosecondsPerWindow(action) }),
  });
  const ours = row(TYPESCRIPT, () => allGaps(windows));
  if (inC === null) return [ours];
  const { starts, ends, capacity } = windows;
  const theirs = (usePairing: number) => () =>
    inC.run_windows(usePairing, starts, ends, WINDOWS, EVENTS, capacity, EPOCH_MS, EPOCH_MS + WEEK_MS, out);
  for (const usePairing of [0, 1]) assertSameRuns(windows, inC, usePairing);
  return [ours, row(C_SAME, theirs(1)), row(C_SWEEP, theirs(0))];
}

/** A kernel at work: `calls` calls of it, whose results are added up, in TypeScript and in C. */
interface Work {
  readonly name: string;
  readonly at: number;
  readonly calls: number;
  ours(): number;
  inC(c: KernelsInC): number;
}

/** Time of one call. */
function contestantsOf({ name, at, calls, ours, inC }: Work, c: KernelsInC | null, quick: boolean) {
  const budget = quick ? 20_000_000 : 150_000_000;
  const row = (subject: string, action: () => number): Contestant => ({
    work: name,
    subject,
    at,
    run: async () => ({
      ns: (await timeOf(() => do_not_optimize(action()), { min_cpu_time: budget })).p50 / calls,
    }),
  });
  if (c === null) return [row(TYPESCRIPT, ours)];
  if (ours() !== inC(c)) throw new Error(`C and TypeScript disagree: ${name}`);
  return [row(TYPESCRIPT, ours), row(C_SAME, () => inC(c))];
}

/** The sum of what `calls` calls give. */
function sumOf(calls: number, call: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < calls; i++) sum += call(i);
  return sum;
}

function boundWorks(): Work[] {
  return [1_000, 1_000_000].map((length) => {
    const column = new Float64Array(length).map((_, i) => EPOCH_MS + 1000 * i);
    const probes = new Float64Array(PROBES).map(() => EPOCH_MS + Math.floor(random() * length) * 1000);
    return {
      name: "lower bound, random values",
      at: length,
      calls: PROBES,
      ours: () => sumOf(PROBES, (i) => lowerBound(column, 0, length, probes[i] as number)),
      inC: (c) => c.lower_bounds(column, length, probes, PROBES),
    };
  });
}

function peakWork(): Work {
  const { starts, ends } = CASES.at(-1) as Windows;
  return {
    name: "peak of a window, capacity 3",
    at: EVENTS,
    calls: WINDOWS,
    ours: () => sumOf(WINDOWS, (w) => peak(starts, w * EVENTS, EVENTS, ends, w * EVENTS, EVENTS, 0, 0)),
    inC: (c) => c.peaks(starts, ends, WINDOWS, EVENTS),
  };
}

function pageWorks(): Work[] {
  const length = 511;
  const times = 1_000;
  const column = new Float64Array(512).map((_, i) => i);
  const rows = new Uint32Array(512).map((_, i) => i);
  const change = (index: number): number => {
    insertAt(column, 0, length, index, index);
    removeAt(column, 0, length + 1, index);
    insertRowAt(rows, 0, length, index, index);
    removeRowAt(rows, 0, length + 1, index);
    return 0;
  };
  const places = [
    ["front", 0],
    ["middle", 256],
    ["back", length],
  ] as const;
  return places.map(([place, index]) => ({
    name: `insert into a page and remove, at the ${place}`,
    at: length + 1,
    calls: times,
    ours: () => sumOf(times, () => change(index)) + (column[index] as number) + (rows[index] as number),
    inC: (c) => c.page_changes(column, rows, length, index, times),
  }));
}

function prefixWork(): Work {
  const tree = new Int32Array(2000);
  fenwickBuild(tree, new Int32Array(2000).fill(512), 2000);
  return {
    name: "prefix sum of a directory of pages",
    at: 2000,
    calls: 1000,
    ours: () => sumOf(1000, (i) => fenwickPrefix(tree, 2 * i)),
    inC: (c) => c.prefix_sums(tree, 1000),
  };
}

function spanWorks(): Work[] {
  const { spans } = spanLists(WINDOWS + 1, 85, 1000);
  const target = new Float64Array(2 * 2 * 85);
  const operations = [
    [unionSpans, 0b1110],
    [intersectSpans, 0b1000],
    [subtractSpans, 0b0100],
  ] as const;
  return operations.map(([operation, truth]) => ({
    name: `${operation.name}, two lists`,
    at: 85,
    calls: WINDOWS,
    ours: () => sumOf(WINDOWS, (i) => operation(spans, i * 170, 85, spans, i * 170 + 170, 85, target, 0)),
    inC: (c) => c.span_pairs(truth, spans, WINDOWS, 85, target),
  }));
}

function kOfNWorks(): Work[] {
  const total = 85_000;
  const scratch = new Float64Array(2 * total + 2);
  const counts = new Uint32Array(KOFN_BUCKETS);
  const result = new Float64Array(2 * total + 2);
  const ask = (name: string, lists: Float64Array, offsets: Uint32Array, k: number): Work => ({
    name,
    at: 1000,
    calls: 1,
    ours: () => kOfN(lists, offsets, 1000, k, scratch, counts, result, 0),
    inC: (c) => c.k_of_n(lists, offsets, 1000, k, scratch, counts, result),
  });
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
  const c = compileC();
  // Compiled for all that is to come: else the first case alone decides how the kernel is first compiled.
  for (let round = 0; round < 20; round++) for (const windows of CASES) do_not_optimize(allGaps(windows));
  const gaps = CASES.flatMap((windows) => gapContestants(windows, c));
  const works = [...boundWorks(), peakWork(), ...pageWorks(), prefixWork(), ...spanWorks(), ...kOfNWorks()];
  const others = works.flatMap((work) => contestantsOf(work, c, quick));
  return await inTurns([...gaps, ...others], rounds ?? (quick ? 1 : ROUNDS));
}

function gapRow(figures: Figures, work: string): string[] {
  const time = (subject: string): number => figures.middle(work, subject, EVENTS, "ns");
  const against = (subject: string): string =>
    number(figures.ratio(work, [TYPESCRIPT, subject], EVENTS, "ns"));
  return [
    work,
    ...[TYPESCRIPT, C_SAME, C_SWEEP].map((subject) => duration(time(subject))),
    against(C_SAME),
    against(C_SWEEP),
  ];
}

function render(figures: Figures): Rendering {
  const gapWorks = GAP_CASES.map(gapWork);
  const gaps = table(
    [`a window of ${EVENTS} bookings`, TYPESCRIPT, C_SAME, C_SWEEP, "ratio", "ratio to a sweep"],
    gapWorks.map((work) => gapRow(figures, work)),
  );
  const others = figures.all
    .filter(({ work, subject }) => !gapWorks.includes(work) && subject === TYPESCRIPT)
    .map(({ work, at }) => [
      work,
      count(at),
      ...[TYPESCRIPT, C_SAME].map((subject) => duration(figures.middle(work, subject, at, "ns"))),
      number(figures.ratio(work, [TYPESCRIPT, C_SAME], at, "ns")),
    ]);
  const head = ["kernel", "entries", TYPESCRIPT, C_SAME, "ratio"];
  return { markdown: `${gaps}\n\n${table(head, others)}`, plots: [] };
}

export const kernels: Part = {
  name: "kernels",
  about: "the kernels alone, beside the same in C",
  run,
  render,
};
