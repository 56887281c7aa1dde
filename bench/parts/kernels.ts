/**
 * The kernels at the sizes they work at. Run: `bun bench/kernels.ts`. The gap kernel is also compared with the same
 * algorithm in C (bench/kernels.c, cc -O3) in the same run, both over the same windows, in turns.
 */

import { dlopen } from "bun:ffi";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bench, do_not_optimize, group, run } from "mitata";
import { lowerBound } from "../../kernels/bounds.ts";
import { fenwickBuild, fenwickPrefix } from "../../kernels/fenwick.ts";
import { KOFN_BUCKETS, kOfN } from "../../kernels/kofn.ts";
import { peak } from "../../kernels/occupancy.ts";
import { runsBelow } from "../../kernels/runs.ts";
import { insertAt, insertRowAt, removeAt, removeRowAt } from "../../kernels/sorted.ts";
import { intersectSpans, subtractSpans, unionSpans } from "../../kernels/spans.ts";

const EPOCH_MS = 1_700_000_000_000;
const WEEK_MS = 7 * 86_400_000;
const EVENTS = 84;
/** Windows that take turns, so that the processor cannot learn one by heart. */
const WINDOWS = 1024;
/** Values looked up in turn, for the same reason. */
const PROBES = 1 << 16;

let seed = 0x2545f491;
/** xorshift32 (G. Marsaglia, "Xorshift RNGs", 2003): the same figures on every run. */
function random(): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) / 0x1_0000_0000;
}

interface Windows {
  readonly name: string;
  readonly capacity: number;
  readonly starts: Float64Array;
  readonly ends: Float64Array;
}

/** `capacity` lanes of disjoint bookings, some of them adjacent, in each of WINDOWS windows. */
function makeWindows(name: string, capacity: number, adjacent: number): Windows {
  const starts = new Float64Array(WINDOWS * EVENTS);
  const ends = new Float64Array(WINDOWS * EVENTS);
  for (let w = 0; w < WINDOWS; w++) {
    for (let lane = 0; lane < capacity; lane++) {
      let instant = EPOCH_MS + 1;
      for (let i = lane; i < EVENTS; i += capacity) {
        if (random() >= adjacent) instant += Math.ceil(random() * 36) * 100_000;
        starts[w * EVENTS + i] = instant;
        instant += Math.ceil(random() * 36) * 100_000;
        ends[w * EVENTS + i] = instant;
      }
    }
    starts.subarray(w * EVENTS, (w + 1) * EVENTS).sort();
    ends.subarray(w * EVENTS, (w + 1) * EVENTS).sort();
  }
  return { name, capacity, starts, ends };
}

const out = new Float64Array(4 * EVENTS + 4);
const cases = [
  makeWindows("capacity 1, gaps between all", 1, 0),
  makeWindows("capacity 1, half adjacent", 1, 0.5),
  makeWindows("capacity 3", 3, 0.5),
];

function gaps({ starts, ends, capacity }: Windows, w: number): number {
  const at = w * EVENTS;
  return runsBelow(
    starts,
    at,
    EVENTS,
    ends,
    at,
    EVENTS,
    0,
    0,
    capacity,
    EPOCH_MS,
    EPOCH_MS + WEEK_MS,
    out,
    0,
  );
}

function allGaps(windows: Windows): number {
  let sum = 0;
  for (let w = 0; w < WINDOWS; w++) sum += gaps(windows, w);
  return sum;
}

/** Nanoseconds per window of each function, the best of rounds run in turns. */
function fastest(functions: (() => number)[]): number[] {
  const best = functions.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < 60; round++) {
    for (const [i, work] of functions.entries()) {
      const begun = Bun.nanoseconds();
      do_not_optimize(work());
      best[i] = Math.min(best[i] as number, (Bun.nanoseconds() - begun) / WINDOWS);
    }
  }
  return best;
}

function compareWithC(): void {
  const compiler = Bun.which("cc");
  if (compiler === null) {
    console.log("gap kernel against C: SKIPPED, there is no C compiler (cc) on PATH\n");
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "deltat-bench-"));
  try {
    const library = join(folder, "kernels.so");
    const source = join(import.meta.dir, "kernels.c");
    const built = Bun.spawnSync([compiler, "-O3", "-shared", "-fPIC", "-o", library, source]);
    if (!built.success) {
      console.log(`gap kernel against C: SKIPPED, cc failed: ${built.stderr.toString()}\n`);
      return;
    }
    const c = dlopen(library, {
      run_windows: { args: ["i32", "ptr", "ptr", "i32", "i32", "i32", "f64", "f64", "ptr"], returns: "i32" },
    });
    // Compiled for all that is to come: else the first case alone decides how the kernel is first compiled.
    for (let round = 0; round < 20; round++) for (const windows of cases) do_not_optimize(allGaps(windows));
    console.log(`gap kernel against C -O3, ns per window of ${EVENTS} bookings`);
    for (const windows of cases) printRatio(windows, c.symbols.run_windows);
    console.log();
    c.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

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

function printRatio(windows: Windows, runWindows: RunWindows): void {
  const { name, capacity, starts, ends } = windows;
  const inC = (usePairing: number) => () =>
    runWindows(usePairing, starts, ends, WINDOWS, EVENTS, capacity, EPOCH_MS, EPOCH_MS + WEEK_MS, out);
  const here = () => allGaps(windows);
  if (here() !== inC(1)() || here() !== inC(0)()) throw new Error(`C and TypeScript disagree: ${name}`);
  const [mine, pairing, sweep] = fastest([here, inC(1), inC(0)]) as [number, number, number];
  const ratio = (c: number) => `${c.toFixed(0)} ns, ratio ${(mine / c).toFixed(2)}`;
  console.log(`  ${name}: ${mine.toFixed(0)} ns; C pairing ${ratio(pairing)}; C sweep ${ratio(sweep)}`);
}

function benchBounds(): void {
  group(`lowerBound, random values, per ${PROBES} look-ups`, () => {
    for (const length of [1_000, 1_000_000]) {
      const column = new Float64Array(length).map((_, i) => EPOCH_MS + 1000 * i);
      const probes = new Float64Array(PROBES).map(() => EPOCH_MS + Math.floor(random() * length) * 1000);
      bench(`in ${length}`, () => {
        let sum = 0;
        for (let i = 0; i < PROBES; i++) sum += lowerBound(column, 0, length, probes[i] as number);
        return do_not_optimize(sum);
      });
    }
  });
}

function benchSweeps(): void {
  group(`sweeps, per ${WINDOWS} windows of ${EVENTS} bookings`, () => {
    for (const windows of cases) {
      bench(`runsBelow, ${windows.name}`, () => do_not_optimize(allGaps(windows)));
    }
    bench("peak, capacity 3", () => {
      const { starts, ends } = cases[2] as Windows;
      let sum = 0;
      for (let w = 0; w < WINDOWS; w++)
        sum += peak(starts, w * EVENTS, EVENTS, ends, w * EVENTS, EVENTS, 0, 0);
      return do_not_optimize(sum);
    });
  });
}

function benchPages(): void {
  const length = 1023;
  const column = new Float64Array(1024).map((_, i) => i);
  const rows = new Uint32Array(1024);
  group("a page of 1,024: insert and remove", () => {
    for (const [name, index] of [
      ["front", 0],
      ["middle", 512],
      ["back", length],
    ] as const) {
      bench(`starts at the ${name}`, () => {
        insertAt(column, 0, length, index, index);
        removeAt(column, 0, length + 1, index);
      });
      bench(`rows at the ${name}`, () => {
        insertRowAt(rows, 0, length, index, index);
        removeRowAt(rows, 0, length + 1, index);
      });
    }
  });
  const tree = new Int32Array(2000);
  fenwickBuild(tree, new Int32Array(2000).fill(512), 2000);
  group("directory of 2,000 pages", () => {
    bench("fenwickPrefix, 1,000 pages", () => {
      let sum = 0;
      for (let i = 0; i < 1000; i++) sum += fenwickPrefix(tree, 2 * i);
      return do_not_optimize(sum);
    });
  });
}

function spanLists(
  lists: number,
  spans: number,
  step: number,
): { spans: Float64Array; offsets: Uint32Array } {
  const all = new Float64Array(2 * lists * spans);
  const offsets = new Uint32Array(lists + 1).map((_, i) => i * spans);
  for (let i = 0; i < lists; i++) {
    // Distinct instants on a grid of `step`, hence a list in normal form.
    const instants = new Set<number>();
    while (instants.size < 2 * spans) instants.add(EPOCH_MS + step * Math.floor((random() * WEEK_MS) / step));
    all.set(new Float64Array(instants).sort(), 2 * i * spans);
  }
  return { spans: all, offsets };
}

function benchSpans(): void {
  const { spans } = spanLists(WINDOWS + 1, 85, 1000);
  const target = new Float64Array(2 * 2 * 85);
  group(`span lists of 85 each, per ${WINDOWS} pairs`, () => {
    for (const operation of [unionSpans, intersectSpans, subtractSpans]) {
      bench(operation.name, () => {
        let sum = 0;
        for (let i = 0; i < WINDOWS; i++)
          sum += operation(spans, i * 170, 85, spans, i * 170 + 170, 85, target, 0);
        return do_not_optimize(sum);
      });
    }
  });
}

function benchKOfN(): void {
  const total = 85_000;
  const scratch = new Float64Array(2 * total + 2);
  const counts = new Uint32Array(KOFN_BUCKETS);
  const result = new Float64Array(2 * total + 2);
  group("k of n, 1,000 lists of 85 spans", () => {
    for (const [name, step] of [
      ["milliseconds", 1],
      ["quarters of an hour", 900_000],
    ] as const) {
      const { spans: lists, offsets } = spanLists(1000, 85, step);
      for (const k of [1, 500, 1000]) {
        bench(`k = ${k}, instants in ${name}`, () =>
          kOfN(lists, offsets, 1000, k, scratch, counts, result, 0),
        );
      }
    }
    const { spans: crowded, offsets } = spanLists(1000, 85, 1);
    crowded[crowded.length - 1] = 8_640_000_000_000_000;
    bench("k = 500, crowded", () => kOfN(crowded, offsets, 1000, 500, scratch, counts, result, 0));
  });
}

compareWithC();
benchBounds();
benchSweeps();
benchPages();
benchSpans();
benchKOfN();
await run();
