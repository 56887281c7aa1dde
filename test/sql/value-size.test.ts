/** Texts and arrays that double with each step end at a bound, not with the process. */

import { expect, test } from "bun:test";
import {
  MAX_ARRAY_ELEMENTS,
  MAX_EXPONENTIAL_DIGITS,
  MAX_FORMAT_PATTERN_CHARACTERS,
  MAX_TEXT_VALUE_CHARACTERS,
} from "../../src/limits.ts";
import { TestDatabase } from "./sql-fixture.ts";

const client = new TestDatabase().connect();

/** A query whose column `a` begins as `seed` and goes through `step` so many times. */
function repeated(step: string, seed: string, times: number): string {
  let query = `SELECT ${seed} AS a`;
  for (let i = 0; i < times; i++) query = `SELECT ${step} AS a FROM (${query}) x`;
  return query;
}

/** Texts of millions of characters are made by the dozen: on a busy machine that takes a while. */
const SLOW_MS = 30_000;

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

test("an array may have so many elements, and no more", tooManyElements, SLOW_MS);

function tooManyElements(): void {
  const doublings = Math.log2(MAX_ARRAY_ELEMENTS);
  const query = (times: number) => `SELECT cardinality(a) FROM (${repeated("a || a", "ARRAY[1]", times)}) x`;
  expect(client.rows(query(doublings))).toEqual([[String(MAX_ARRAY_ELEMENTS)]]);
  expect(client.error(query(doublings + 1))).toStartWith("54000 limit exceeded: elements of an array");
  expect(client.error(query(40))).toStartWith("54000 limit exceeded: elements of an array");
  const fill = (length: string) => `SELECT cardinality(array_fill(1, ARRAY[${length}]))`;
  expect(client.rows(fill(String(MAX_ARRAY_ELEMENTS)))).toEqual([[String(MAX_ARRAY_ELEMENTS)]]);
  expect(client.error(fill("1000000000"))).toStartWith("54000 limit exceeded: elements of an array");
  expect(client.error(fill("2, 3"))).toStartWith("0A000 arrays of more than one dimension");
  expect(client.error(fill("NULL::int"))).toBe("22004 dimension values cannot be null");
}

test("what doubles in other ways ends as well", doubling, SLOW_MS);

function doubling(): void {
  for (const [step, seed] of [
    ["quote_literal(a)", "''''::text"],
    ["format('%s%s', a, a)", "'xy'::text"],
    ["replace(a, 'x', 'xxxxxxxx')", "'x'::text"],
    ["to_json(a)::text", "'\"'::text"],
    ["concat(a, a)", "'x'::text"],
    ["concat_ws(a, a, a)", "'x'::text"],
    ["json_build_array(a, a)::text", "'x'::text"],
  ] as const) {
    expect(client.error(`SELECT length(a) FROM (${repeated(step, seed, 40)}) x`)).toBe(TOO_LONG);
  }
  const depth = 40;
  expect(client.error(`SELECT ${"ROW(".repeat(depth)}1${")".repeat(depth)}`)).toBe(TOO_LONG);
}

test("nor is one made whose length is the product of two", () => {
  const long = "repeat('x', 100000)";
  expect(client.error(`SELECT length(replace(${long}, 'x', ${long}))`)).toBe(TOO_LONG);
  expect(client.error(`SELECT length(regexp_replace(${long}, 'x', ${long}, 'g'))`)).toBe(TOO_LONG);
  expect(client.error(`SELECT length(regexp_replace(${long}, '.+', repeat('\\&', 1000)))`)).toBe(TOO_LONG);
  expect(client.error(`SELECT length(array_to_string(string_to_array(${long}, NULL), ${long}))`)).toBe(
    TOO_LONG,
  );
  expect(client.error(`SELECT length(array_fill(${long}, ARRAY[1000000])::text)`)).toBe(TOO_LONG);
  expect(client.error(`SELECT length(to_json(array_fill(${long}, ARRAY[1000000]))::text)`)).toBe(TOO_LONG);
  expect(client.error(`SELECT length(format('%*s', 2147483647, 'x'))`)).toBe(TOO_LONG);
  expect(client.error(`SELECT length(format(repeat('%1$s', 1000), ${long}))`)).toBe(TOO_LONG);
});

test("padding repeats what it is padded with, character by character", () => {
  expect(client.rows("SELECT lpad('ab', 7, '1é😀'), rpad('ab', 4, 'xyz'), lpad('abc', 2, 'x')")).toEqual([
    ["1é😀1éab", "abxy", "ab"],
  ]);
});

test("a format pattern may have so many characters", () => {
  const tooLong = `54000 limit exceeded: characters of a format pattern (at most ${MAX_FORMAT_PATTERN_CHARACTERS})`;
  for (const [call, sign] of [
    ["to_char(1", "9"],
    ["to_char(to_timestamp(0)", "-"],
    ["to_date('2024'", "-"],
  ] as const) {
    const asked = (length: number) => `SELECT ${call}, repeat('${sign}', ${length})) IS NULL`;
    expect(client.rows(asked(MAX_FORMAT_PATTERN_CHARACTERS))).toEqual([["f"]]);
    expect(client.error(asked(MAX_FORMAT_PATTERN_CHARACTERS + 1))).toBe(tooLong);
  }
});

test("exp and power work out so many digits before the point", () => {
  const tooMany = `54000 limit exceeded: digits before the point of exp or power (at most ${MAX_EXPONENTIAL_DIGITS})`;
  const digits = (call: string) => client.rows(`SELECT length(split_part((${call})::text, '.', 1))`);
  expect(digits("exp(2302.5::numeric)")).toEqual([[String(MAX_EXPONENTIAL_DIGITS)]]);
  expect(client.error("SELECT exp(2303::numeric)")).toBe(tooMany);
  expect(client.error("SELECT exp(300000::numeric)")).toBe(tooMany);
  expect(client.error("SELECT power(2::numeric, 65536.5)")).toBe(tooMany);
  // A whole power is multiplied out.
  expect(digits("power(2::numeric, 65536)")).toEqual([[String((2n ** 65536n).toString().length)]]);
  expect(client.error("SELECT power(1.5::numeric, 700000)")).toBe(tooMany);
});
