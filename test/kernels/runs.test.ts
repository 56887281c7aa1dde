/** The runs of a window, held against looking at every instant. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { runsAtLeast, runsBelow } from "../../kernels/runs.ts";
import {
  anySpans,
  guarded,
  HORIZON,
  normalSpans,
  occupancyAt,
  type Pairs,
  runsWhere,
  windowOf,
  withBuffer,
  written,
} from "./oracle.ts";

function run(
  kernel: typeof runsBelow,
  spans: Pairs,
  buffer: number,
  level: number,
  from: number,
  to: number,
): Pairs {
  const w = windowOf(spans, buffer, from, to);
  const room = w.endsCount + 1;
  const out = guarded([], 3, 2 * room);
  const { starts, startsOffset, startsCount, ends, endsOffset, endsCount, used } = w;
  const before = [starts.slice(), ends.slice()];
  const count = kernel(
    starts,
    startsOffset,
    startsCount,
    ends,
    endsOffset,
    endsCount,
    buffer,
    used,
    level,
    from,
    to,
    out,
    3,
  );
  expect([starts, ends]).toEqual(before);
  return written(out, 3, count, room);
}

const window = fc.tuple(fc.nat(HORIZON + 4), fc.integer({ min: 1, max: HORIZON + 6 }));

test("runsBelow: the maximal runs whose every instant has room", () => {
  fc.assert(
    fc.property(
      anySpans,
      fc.nat(3),
      fc.integer({ min: -1, max: 6 }),
      window,
      (spans, buffer, capacity, [from, length]) => {
        const to = from + length;
        const footprints = withBuffer(spans, buffer);
        const expected = runsWhere(from, to, (t) => occupancyAt(footprints, t) < capacity);
        expect(run(runsBelow, spans, buffer, capacity, from, to)).toEqual(expected);
      },
    ),
    { numRuns: 4000 },
  );
});

test("runsAtLeast: the maximal runs whose every instant reaches the threshold", () => {
  fc.assert(
    fc.property(
      anySpans,
      fc.nat(3),
      fc.integer({ min: -1, max: 6 }),
      window,
      (spans, buffer, threshold, [from, length]) => {
        const to = from + length;
        const footprints = withBuffer(spans, buffer);
        const expected = runsWhere(from, to, (t) => occupancyAt(footprints, t) >= threshold);
        expect(run(runsAtLeast, spans, buffer, threshold, from, to)).toEqual(expected);
      },
    ),
    { numRuns: 4000 },
  );
});

test("capacity 1, disjoint bookings: the gaps, adjacent bookings leaving none", () => {
  fc.assert(
    fc.property(normalSpans, fc.integer({ min: 1, max: 5 }), window, (spans, cut, [from, length]) => {
      // Cut each span in two that touch.
      const bookings = spans.flatMap(
        ([start, end]): Pairs =>
          end - start > cut
            ? [
                [start, start + cut],
                [start + cut, end],
              ]
            : [[start, end]],
      );
      const expected = runsWhere(from, from + length, (t) => occupancyAt(spans, t) < 1);
      expect(run(runsBelow, bookings, 0, 1, from, from + length)).toEqual(expected);
    }),
    { numRuns: 1000 },
  );
});

test("a window with nothing in it is one run or none", () => {
  expect(run(runsBelow, [], 0, 1, 3, 9)).toEqual([[3, 9]]);
  expect(run(runsBelow, [[0, 20]], 0, 1, 3, 9)).toEqual([]);
  expect(run(runsBelow, [[0, 20]], 0, 2_147_483_647, 3, 9)).toEqual([[3, 9]]);
  expect(run(runsAtLeast, [], 0, 1, 3, 9)).toEqual([]);
  expect(run(runsAtLeast, [[0, 20]], 0, 1, 3, 9)).toEqual([[3, 9]]);
});

test("instants as large as a Date allows stay exact", () => {
  const to = 8_640_000_000_000_000;
  const out = new Float64Array(4);
  const count = runsBelow(
    Float64Array.of(to - 3),
    0,
    1,
    Float64Array.of(to - 2),
    0,
    1,
    1,
    0,
    1,
    to - 9,
    to,
    out,
    0,
  );
  expect([count, ...out]).toEqual([2, to - 9, to - 3, to - 1, to]);
});
