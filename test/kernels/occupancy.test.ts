/** The peak of a window, held against looking at every instant. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { peak } from "../../kernels/occupancy.ts";
import { anySpans, HORIZON, occupancyAt, windowOf, withBuffer } from "./oracle.ts";

test("the peak is the highest occupancy of any instant in the window", () => {
  const window = fc.tuple(fc.nat(HORIZON + 4), fc.integer({ min: 1, max: HORIZON }));
  fc.assert(
    fc.property(anySpans, fc.nat(3), window, (spans, buffer, [from, length]) => {
      const w = windowOf(spans, buffer, from, from + length);
      let highest = 0;
      for (let t = from; t < from + length; t++) {
        highest = Math.max(highest, occupancyAt(withBuffer(spans, buffer), t));
      }
      const { starts, startsOffset, startsCount, ends, endsOffset, endsCount, used } = w;
      expect(peak(starts, startsOffset, startsCount, ends, endsOffset, endsCount, buffer, used)).toBe(
        highest,
      );
    }),
    { numRuns: 2000 },
  );
});

test("a span that starts as another ends does not add to it", () => {
  expect(peak(Float64Array.of(5), 0, 1, Float64Array.of(5), 0, 1, 0, 1)).toBe(1);
  expect(peak(Float64Array.of(5), 0, 1, Float64Array.of(5), 0, 1, 1, 1)).toBe(2);
});
