/** Texts and arrays that double with each step end at a bound, not with the process. */

import { expect, test } from "bun:test";
import { MAX_ARRAY_ELEMENTS, MAX_TEXT_VALUE_CHARACTERS } from "../../src/limits.ts";
import { TestDatabase } from "./sql-fixture.ts";

const client = new TestDatabase().connect();

/** A query whose column `a` begins as `seed` and goes through `step` so many times. */
function repeated(step: string, seed: string, times: number): string {
  let query = `SELECT ${seed} AS a`;
  for (let i = 0; i < times; i++) query = `SELECT ${step} AS a FROM (${query}) x`;
  return query;
}

const TOO_LONG = "54000 requested length too large";

test("a text may have so many characters, and no more", () => {
  const most = MAX_TEXT_VALUE_CHARACTERS;
  expect(client.rows(`SELECT length(repeat('x', ${most}))`)).toEqual([[String(most)]]);
  expect(client.error(`SELECT length(repeat('x', ${most + 1}))`)).toBe(TOO_LONG);
  expect(client.error(`SELECT length(lpad('x', ${most + 1}))`)).toBe(TOO_LONG);
  expect(client.error(`SELECT length(lpad('x', 500000000))`)).toBe(TOO_LONG);
  expect(client.rows(`SELECT length(repeat('x', ${most - 1}) || 'y')`)).toEqual([[String(most)]]);
  expect(client.error(`SELECT length(repeat('x', ${most}) || 'y')`)).toBe(TOO_LONG);
});

test("an array may have so many elements, and no more", () => {
  const doublings = Math.log2(MAX_ARRAY_ELEMENTS);
  const query = (times: number) => `SELECT cardinality(a) FROM (${repeated("a || a", "ARRAY[1]", times)}) x`;
  expect(client.rows(query(doublings))).toEqual([[String(MAX_ARRAY_ELEMENTS)]]);
  expect(client.error(query(doublings + 1))).toStartWith("54000 limit exceeded: elements of an array");
  expect(client.error(query(40))).toStartWith("54000 limit exceeded: elements of an array");
});

/** Texts of millions of characters are made by the dozen: on a busy machine that takes a while. */
const SLOW_MS = 30_000;

test(
  "what doubles in other ways ends as well",
  () => {
    for (const [step, seed] of [
      ["quote_literal(a)", "''''::text"],
      ["format('%s%s', a, a)", "'xy'::text"],
      ["replace(a, 'x', 'xxxxxxxx')", "'x'::text"],
      ["to_json(a)::text", "'\"'::text"],
    ] as const) {
      expect(client.error(`SELECT length(a) FROM (${repeated(step, seed, 40)}) x`)).toBe(TOO_LONG);
    }
    const depth = 40;
    expect(client.error(`SELECT ${"ROW(".repeat(depth)}1${")".repeat(depth)}`)).toBe(TOO_LONG);
  },
  SLOW_MS,
);

test("padding repeats what it is padded with, character by character", () => {
  expect(client.rows("SELECT lpad('ab', 7, '1é😀'), rpad('ab', 4, 'xyz'), lpad('abc', 2, 'x')")).toEqual([
    ["1é😀1éab", "abxy", "ab"],
  ]);
});
