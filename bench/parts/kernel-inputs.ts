/** What the kernels are measured on: windows of bookings, and lists of spans, the same on every run. */

import { do_not_optimize } from "mitata";
import { runsBelow } from "../../kernels/runs.ts";
import { EPOCH_MS, Random, WEEK_MS } from "../calendar.ts";

export const EVENTS = 84;
/** Windows that take turns, so that the processor cannot learn one by heart. */
export const WINDOWS = 1024;

const generator = new Random();
/** From 0 to 1. */
export const random = (): number => generator.below(0x1_0000_0000) / 0x1_0000_0000;

export interface Windows {
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

export const out = new Float64Array(4 * EVENTS + 4);
export const CASES = [
  makeWindows("capacity 1, gaps between all", 1, 0),
  makeWindows("capacity 1, half adjacent", 1, 0.5),
  makeWindows("capacity 3", 3, 0.5),
];

/** Runs of free time in one window, into `out`; returns how many. */
export function gaps({ starts, ends, capacity }: Windows, w: number): number {
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

/** The gap kernel over all windows; returns the sum of the counts. */
export function allGaps(windows: Windows): number {
  let sum = 0;
  for (let w = 0; w < WINDOWS; w++) sum += gaps(windows, w);
  return sum;
}

/** Runs of free time in one window by the loop that one would write first: from border to border, counting. */
function gapsByLoop({ starts, ends, capacity }: Windows, w: number): number {
  const last = (w + 1) * EVENTS;
  let i = w * EVENTS;
  let j = i;
  let used = 0;
  let count = 0;
  let from = EPOCH_MS;
  while (i < last || j < last) {
    const isEnd = i === last || (j < last && (ends[j] as number) <= (starts[i] as number));
    const instant = (isEnd ? ends[j++] : starts[i++]) as number;
    const wasFree = used < capacity;
    used += isEnd ? -1 : 1;
    if (wasFree === used < capacity) continue;
    if (!wasFree) from = instant;
    else if (instant > from) {
      out[2 * count] = from;
      out[2 * count++ + 1] = instant;
    }
  }
  if (used < capacity && from < EPOCH_MS + WEEK_MS) count++;
  return count;
}

export function allGapsByLoop(windows: Windows): number {
  let sum = 0;
  for (let w = 0; w < WINDOWS; w++) sum += gapsByLoop(windows, w);
  return sum;
}

const REPEATS = 300;

/** Of work on all windows, the best of some: what disturbs only adds. */
export function nanosecondsPerWindow(work: () => number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPEATS; i++) {
    const begun = Bun.nanoseconds();
    do_not_optimize(work());
    best = Math.min(best, (Bun.nanoseconds() - begun) / WINDOWS);
  }
  return best;
}

/** `lists` lists of spans in normal form, on a grid of `step` milliseconds, one after the other. */
export function spanLists(
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
