/** When k of n are free, held against looking at every instant. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { KOFN_BUCKETS, kOfN } from "../../kernels/kofn.ts";
import { covers, guarded, HORIZON, normalSpans, type Pairs, runsWhere, written } from "./oracle.ts";

const counts = new Uint32Array(KOFN_BUCKETS);

/** Runs the kernel with the lists standing behind `skipped` spans that belong to nobody. */
function run(lists: Pairs[], k: number, skipped = 2): Pairs {
  const total = lists.reduce((sum, list) => sum + list.length, 0);
  const columns = guarded(lists.flat(2), 2 * skipped);
  const offsets = new Uint32Array(lists.length + 1);
  let spans = skipped;
  for (const [i, list] of lists.entries()) {
    offsets[i] = spans;
    spans += list.length;
  }
  offsets[lists.length] = spans;
  const scratch = guarded([], 0, 2 * total + 2);
  const out = guarded([], 3, 2 * (total + 1));
  counts.fill(12345);
  const count = kOfN(columns, offsets, lists.length, k, scratch, counts, out, 3);
  written(scratch, 0, 0, total + 1);
  return written(out, 3, count, total + 1);
}

test("k of n: the maximal runs covered by at least k lists", () => {
  const lists = fc.array(normalSpans, { maxLength: 7 });
  fc.assert(
    fc.property(lists, fc.integer({ min: 1, max: 8 }), (all, k) => {
      const expected = runsWhere(0, HORIZON, (t) => all.filter((list) => covers(list, t)).length >= k);
      expect(run(all, k)).toEqual(expected);
    }),
    { numRuns: 1500 },
  );
});

test("all of n, and one of n, with lists that touch each other", () => {
  const morning: Pairs = [[0, 5]];
  const evening: Pairs = [[5, 9]];
  expect(run([morning, evening], 1)).toEqual([[0, 9]]);
  expect(run([morning, evening], 2)).toEqual([]);
  expect(run([morning], 1)).toEqual([[0, 5]]);
  expect(run([morning, [], evening], 1)).toEqual([[0, 9]]);
});

test("a crowd at both ends of a very long window is sorted as well", () => {
  // Two hundred lists of spans some milliseconds long at one place, and one span at the end of time.
  const start = 1_700_000_000_000;
  const lists: Pairs[] = [];
  for (let i = 0; i < 200; i++) {
    const list: Pairs = [];
    for (let j = 0; j < 20; j++)
      list.push([start + 10 * j + ((i * 7) % 5), start + 10 * j + 5 + ((i * 3) % 4)]);
    lists.push(list);
  }
  lists.push([[8_639_999_999_999_000, 8_640_000_000_000_000]]);
  const level = 120;
  const expected = runsWhere(start, start + 220, (t) => lists.filter((l) => covers(l, t)).length >= level);
  expect(expected.length).toBeGreaterThan(10);
  expect(run(lists, level)).toEqual(expected);
});
