/** Ranks in a sorted column, held against counting. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { lowerBound, upperBound } from "../../kernels/bounds.ts";
import { guarded } from "./oracle.ts";

const columns = fc
  .array(fc.integer({ min: 0, max: 20 }), { maxLength: 40 })
  .map((v) => v.sort((a, b) => a - b));

test("bounds count the elements below, and up to, a value", () => {
  fc.assert(
    fc.property(columns, fc.integer({ min: -1, max: 21 }), fc.nat(5), (values, value, offset) => {
      const column = guarded(values, offset);
      expect(lowerBound(column, offset, values.length, value)).toBe(values.filter((v) => v < value).length);
      expect(upperBound(column, offset, values.length, value)).toBe(values.filter((v) => v <= value).length);
    }),
    { numRuns: 500 },
  );
});

test("bounds of a column longer than the near caches", () => {
  const length = 20_001;
  const column = new Float64Array(length + 7).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < length; i++) column[7 + i] = 10 * Math.floor(i / 3);
  for (let value = -5; value <= 10 * (length / 3) + 5; value += 5) {
    // Three elements of each multiple of ten.
    const below = Math.min(length, 3 * Math.max(0, Math.ceil(value / 10)));
    const upTo = Math.min(length, 3 * Math.max(0, Math.floor(value / 10) + 1));
    if (lowerBound(column, 7, length, value) !== below) expect([value, "lower"]).toEqual([]);
    if (upperBound(column, 7, length, value) !== upTo) expect([value, "upper"]).toEqual([]);
  }
});

test("an empty column has rank 0 for everything, whatever stands in its cell", () => {
  expect(lowerBound(Float64Array.of(1, 2), 1, 0, 9)).toBe(0);
  expect(upperBound(Float64Array.of(1, 2), 1, 0, 9)).toBe(0);
  expect(upperBound(new Float64Array(0), 0, 0, 9)).toBe(0);
});

test("bounds reach the last valid instant and infinity", () => {
  const column = Float64Array.of(0, 8_640_000_000_000_000);
  expect(lowerBound(column, 0, 2, 8_640_000_000_000_000)).toBe(1);
  expect(upperBound(column, 0, 2, 8_640_000_000_000_000)).toBe(2);
  expect(lowerBound(column, 0, 2, Number.POSITIVE_INFINITY)).toBe(2);
  expect(upperBound(column, 0, 2, Number.NEGATIVE_INFINITY)).toBe(0);
});
