/** What the kernels are measured on: windows of bookings, and lists of spans, the same on every run. */

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

/** Runs of free time in one window. */
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

/** The gap kernel over all windows; returns the sum of the counts. */
export function allGaps(windows: Windows): number {
  let sum = 0;
  for (let w = 0; w < WINDOWS; w++) sum += gaps(windows, w);
  return sum;
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
