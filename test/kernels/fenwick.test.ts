/** Prefix counts over buckets, held against adding them up. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { fenwickAdd, fenwickBuild, fenwickPrefix } from "../../kernels/fenwick.ts";

const counts = fc.array(fc.nat(4), { minLength: 0, maxLength: 40 });

function sumBefore(values: readonly number[], index: number): number {
  return values.slice(0, index).reduce((sum, value) => sum + value, 0);
}

function expectTree(tree: Int32Array, values: readonly number[]): void {
  for (let i = 0; i <= values.length; i++) expect(fenwickPrefix(tree, i)).toBe(sumBefore(values, i));
}

test("prefixes agree with counting, empty buckets included", () => {
  fc.assert(
    fc.property(counts, (values) => {
      const tree = new Int32Array(values.length + 2).fill(-9);
      fenwickBuild(tree, Int32Array.from(values), values.length);
      expectTree(tree, values);
      expect([...tree.subarray(values.length)]).toEqual([-9, -9]);
    }),
    { numRuns: 200 },
  );
});

test("a change of one bucket shows in every later prefix", () => {
  const changes = fc.array(fc.tuple(fc.nat(39), fc.integer({ min: -3, max: 3 })), { maxLength: 20 });
  fc.assert(
    fc.property(counts, changes, (values, deltas) => {
      fc.pre(values.length > 0);
      const tree = Int32Array.from(values);
      fenwickBuild(tree, tree, values.length);
      const current = [...values];
      for (const [place, wanted] of deltas) {
        const bucket = place % current.length;
        const delta = Math.max(wanted, -(current[bucket] ?? 0));
        current[bucket] = (current[bucket] ?? 0) + delta;
        fenwickAdd(tree, current.length, bucket, delta);
      }
      expectTree(tree, current);
    }),
    { numRuns: 200 },
  );
});
