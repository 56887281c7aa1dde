/**
 * The kernels' oracle: time as a short row of instants, each looked at by itself. Small whole numbers make spans
 * meet, coincide and nest all the time, which is where kernels go wrong.
 */

import * as fc from "fast-check";

/** Spans as pairs, for tests to read. */
export type Pairs = [number, number][];

/** Instants of a test timeline: 0 to HORIZON. */
export const HORIZON = 30;

/** A value that no kernel writes by itself. */
export const GUARD = -77;

/** Spans in any order, overlapping as they like. */
export const anySpans: fc.Arbitrary<Pairs> = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: HORIZON - 1 }), fc.integer({ min: 1, max: 6 }))
    .map(([start, length]): [number, number] => [start, Math.min(HORIZON, start + length)]),
  { maxLength: 14 },
);

/** A span list in normal form. */
export const normalSpans: fc.Arbitrary<Pairs> = anySpans.map((spans) =>
  runsWhere(0, HORIZON, (t) => covers(spans, t)),
);

export function covers(spans: Pairs, instant: number): boolean {
  return spans.some(([start, end]) => start <= instant && instant < end);
}

export function occupancyAt(spans: Pairs, instant: number): number {
  return spans.filter(([start, end]) => start <= instant && instant < end).length;
}

/** Maximal runs of whole instants in `[from, to)` for which `holds` is true. */
export function runsWhere(from: number, to: number, holds: (instant: number) => boolean): Pairs {
  const runs: Pairs = [];
  let start = -1;
  for (let t = from; t <= to; t++) {
    const inside = t < to && holds(t);
    if (inside && start < 0) start = t;
    if (!inside && start >= 0) {
      runs.push([start, t]);
      start = -1;
    }
  }
  return runs;
}

/** The numbers inside a larger array, with guards on both sides and in the room after them. */
export function guarded(values: readonly number[], offset: number, room = values.length): Float64Array {
  const array = new Float64Array(offset + room + 3).fill(GUARD);
  array.set(values, offset);
  return array;
}

/** The spans a kernel wrote; fails if a cell before `offset` or after `room` spans was touched. */
export function written(out: Float64Array, offset: number, count: number, room: number): Pairs {
  for (let i = 0; i < out.length; i++) {
    const guard = i < offset || i >= offset + 2 * room;
    if (guard && out[i] !== GUARD) throw new Error(`cell ${i} was written, outside the room given`);
  }
  if (count > room) throw new Error(`${count} spans written, room for ${room}`);
  const pairs: Pairs = [];
  for (let i = 0; i < count; i++)
    pairs.push([out[offset + 2 * i] as number, out[offset + 2 * i + 1] as number]);
  return pairs;
}

/** The columns a window of a timeline gives to the sweep kernels, at odd offsets inside guarded arrays. */
export interface Window {
  readonly starts: Float64Array;
  readonly startsOffset: number;
  readonly startsCount: number;
  readonly ends: Float64Array;
  readonly endsOffset: number;
  readonly endsCount: number;
  readonly used: number;
}

/** What lies strictly inside `(from, to)` when each of `spans` lasts `buffer` longer. */
export function windowOf(spans: Pairs, buffer: number, from: number, to: number): Window {
  const inside = (t: number) => from < t && t < to;
  const ascending = (a: number, b: number) => a - b;
  const starts = spans
    .map(([start]) => start)
    .filter(inside)
    .sort(ascending);
  const ends = spans
    .map(([, end]) => end)
    .filter((end) => inside(end + buffer))
    .sort(ascending);
  return {
    starts: guarded(starts, 3),
    startsOffset: 3,
    startsCount: starts.length,
    ends: guarded(ends, 5),
    endsOffset: 5,
    endsCount: ends.length,
    used: occupancyAt(withBuffer(spans, buffer), from),
  };
}

export function withBuffer(spans: Pairs, buffer: number): Pairs {
  return spans.map(([start, end]) => [start, end + buffer]);
}
