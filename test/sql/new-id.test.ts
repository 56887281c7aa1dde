import { expect, test } from "bun:test";
import { parseId } from "../../src/id.ts";
import { idSource, newId } from "../../src/sql/new-id.ts";

const ONES = (words: Uint32Array): unknown => words.fill(0xffffffff);
/** The ULID specification's own example: this time is the first ten characters of 01ARYZ6S41. */
const EXAMPLE_MS = 1_469_918_176_385;

test("an id begins with the ten digits of its millisecond, as the ULID specification says", () => {
  const next = idSource(() => {});
  expect(next(0)).toBe("00000000000000000000000000");
  expect(next(EXAMPLE_MS)).toBe("01ARYZ6S410000000000000000");
  expect(next(2 ** 48 - 1)).toBe("7ZZZZZZZZZ0000000000000000");
});

test("beyond the last millisecond that an id can hold, ids go on from there", () => {
  const next = idSource(() => {});
  next(2 ** 48 - 1);
  expect(next(2 ** 48 + 5)).toBe("7ZZZZZZZZZ0000000000000001");
});

test("ids of one millisecond, or of a clock that stands still, follow each other", () => {
  const next = idSource((words) => words.set([0, 0, 0xfffffffe]));
  const ids = [next(9), next(9), next(9), next(8), next(10)];
  expect(ids.map(parseId)).toEqual([
    { w0: 0, w1: 9 * 65536, w2: 0, w3: 0xfffffffe },
    { w0: 0, w1: 9 * 65536, w2: 0, w3: 0xffffffff },
    { w0: 0, w1: 9 * 65536, w2: 1, w3: 0 },
    { w0: 0, w1: 9 * 65536, w2: 1, w3: 1 },
    { w0: 0, w1: 10 * 65536, w2: 0, w3: 0xfffffffe },
  ]);
});

test("counting past the low 64 bits does not reach the time", () => {
  const next = idSource(ONES);
  next(EXAMPLE_MS);
  expect(next(EXAMPLE_MS)).toBe("01ARYZ6S41G000000000000000");
});

test("ids of the server are ULIDs and ascend", () => {
  const now = Date.now();
  const ids = Array.from({ length: 1_000 }, (_, i) => newId(now + (i >>> 8)));
  expect(ids.every((id) => parseId(id) !== null)).toBe(true);
  expect(new Set(ids).size).toBe(1_000);
  expect(ids.toSorted()).toEqual(ids);
});
