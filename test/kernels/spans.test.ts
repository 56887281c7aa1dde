/** Set operations on span lists, held against looking at every instant. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { clipSpans, dropShort, intersectSpans, subtractSpans, unionSpans } from "../../kernels/spans.ts";
import { covers, GUARD, guarded, HORIZON, normalSpans, type Pairs, runsWhere, written } from "./oracle.ts";

const window = fc.tuple(fc.nat(HORIZON), fc.nat(HORIZON + 3));

const operations: [string, typeof unionSpans, (inA: boolean, inB: boolean) => boolean][] = [
  ["unionSpans", unionSpans, (inA, inB) => inA || inB],
  ["intersectSpans", intersectSpans, (inA, inB) => inA && inB],
  ["subtractSpans", subtractSpans, (inA, inB) => inA && !inB],
];

for (const [name, kernel, holds] of operations) {
  test(`${name} answers instant by instant, in normal form`, () => {
    fc.assert(
      fc.property(normalSpans, normalSpans, (a, b) => {
        const room = a.length + b.length;
        const out = guarded([], 3, 2 * room);
        const count = kernel(guarded(a.flat(), 1), 1, a.length, guarded(b.flat(), 2), 2, b.length, out, 3);
        const expected = runsWhere(0, HORIZON, (t) => holds(covers(a, t), covers(b, t)));
        expect(written(out, 3, count, room)).toEqual(expected);
      }),
      { numRuns: 1500 },
    );
  });
}

test("clipSpans keeps what lies in the window, in another array or in place", () => {
  fc.assert(
    fc.property(normalSpans, window, (spans, [from, to]) => {
      const expected = runsWhere(from, to, (t) => covers(spans, t));
      const list = guarded(spans.flat(), 4);
      const out = guarded([], 3, 2 * spans.length);
      const count = clipSpans(list, 4, spans.length, from, to, out, 3);
      expect(written(out, 3, count, spans.length)).toEqual(expected);
      expect(list).toEqual(guarded(spans.flat(), 4));
      expect(clipSpans(list, 4, spans.length, from, to, list, 4)).toBe(expected.length);
      expect(written(list, 4, count, spans.length)).toEqual(expected);
    }),
    { numRuns: 800 },
  );
});

test("dropShort drops what is shorter than the duration, in another array or in place", () => {
  fc.assert(
    fc.property(normalSpans, fc.nat(8), (spans, minDuration) => {
      const expected: Pairs = spans.filter(([start, end]) => end - start >= minDuration);
      const list = guarded(spans.flat(), 4);
      const out = guarded([], 3, 2 * spans.length);
      const count = dropShort(list, 4, spans.length, minDuration, out, 3);
      expect(written(out, 3, count, spans.length)).toEqual(expected);
      expect(dropShort(list, 4, spans.length, minDuration, list, 4)).toBe(expected.length);
      expect(written(list, 4, count, spans.length)).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});

test("an empty or inverted window holds nothing", () => {
  const list = Float64Array.of(0, 10);
  const out = guarded([], 0, 4);
  expect(clipSpans(list, 0, 1, 5, 5, out, 0)).toBe(0);
  expect(clipSpans(list, 0, 1, 7, 3, out, 0)).toBe(0);
  expect(out.every((cell) => cell === GUARD)).toBe(true);
});
