/** Regular expressions: PostgreSQL's answers, and time that does not depend on how hostile a pattern is. */

import { beforeAll, describe, expect, test } from "bun:test";
import { MAX_REGEX_CACHE, MAX_REGEX_DEPTH, MAX_REGEX_TEXT_CHARACTERS } from "../../src/limits.ts";
import { regexOf, replaceByRegex, splitByRegex } from "../../src/sql/regex/regex.ts";
import { REGEX_ANSWERS } from "./regex-answers.ts";
import { type TestClient, TestDatabase } from "./sql-fixture.ts";

describe("as PostgreSQL answers", () => {
  let client: TestClient;
  beforeAll(() => {
    client = new TestDatabase().connect();
  });

  test.each(REGEX_ANSWERS)("%s", (query, answer) => {
    if (typeof answer === "string") expect(client.error(query)).toBe(answer);
    else expect(client.rows(query)).toEqual(answer as (string | null)[][]);
  });
});

describe("time", () => {
  const text = `${"a".repeat(20_000)}b`;

  test("more sets of states than are kept are made anew, and the answer is the same", () => {
    const regex = regexOf(".*a[ab]{14}$", "");
    let seed = 1;
    const letter = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % 2 === 0 ? "a" : "b";
    };
    for (let n = 0; n < 4; n++) {
      // Each place has a set of its own as a rule, of eight states on average: several times MAX_REGEX_CACHE.
      const letters = Array.from({ length: MAX_REGEX_CACHE / 2 }, letter).join("");
      expect(regex.test(letters)).toBe(letters.at(-15) === "a");
    }
  });

  test("patterns that a backtracking matcher never ends with are read once", () => {
    for (const pattern of [
      "^(a+)+$",
      "(a|a)*c",
      "(a*)*(a*)*c",
      "^(([a-z])+.)+[A-Z]([a-z])+$",
      "(.*a){12}c",
    ]) {
      expect(regexOf(pattern).test(text)).toBe(false);
    }
    expect(regexOf("(x+x+)+y").match("x".repeat(5000))).toBe(null);
    expect(replaceByRegex("a".repeat(2000), regexOf("(a+)+"), "<\\1>", null)).toHaveLength(2002);
  }, 10_000);

  test("what would take too many states or too deep a stack is refused", () => {
    const client = new TestDatabase().connect();
    const tooComplex = "2201B invalid regular expression: regular expression is too complex";
    expect(client.error("SELECT 'x' ~ '(a{200}){90}'")).toBe("no error");
    expect(client.error("SELECT 'x' ~ '(a{200}){110}'")).toBe(tooComplex);
    const nested = (depth: number) => `SELECT 'x' ~ '${"(".repeat(depth)}x${")".repeat(depth)}'`;
    expect(client.rows(nested(MAX_REGEX_DEPTH - 1))).toEqual([["t"]]);
    expect(client.error(nested(MAX_REGEX_DEPTH))).toBe(tooComplex);
  });

  test("what would take too long is refused", () => {
    const client = new TestDatabase().connect();
    const asked = (length: number) => `SELECT repeat('x', ${length}) ~ '^x*$'`;
    expect(client.rows(asked(MAX_REGEX_TEXT_CHARACTERS))).toEqual([["t"]]);
    expect(client.error(asked(MAX_REGEX_TEXT_CHARACTERS + 1))).toStartWith(
      "54000 limit exceeded: characters",
    );
  });

  test("back references are refused", () => {
    expect(new TestDatabase().connect().error("SELECT 'aa' ~ '(a)\\1'")).toBe(
      "0A000 a back reference in a regular expression is not supported",
    );
  });
});

test("matches tell where they and their groups are, in UTF-16 units", () => {
  const regex = regexOf("(b)(x)?");
  expect(regex.groupCount).toBe(2);
  expect([...regex.matches("😀bab", 2)]).toEqual([
    { start: 2, end: 3, groups: [[2, 3], null] },
    { start: 4, end: 5, groups: [[4, 5], null] },
  ]);
  expect(replaceByRegex("abab", regexOf("b"), "-", 2)).toBe("aba-");
  expect(splitByRegex("a1b22c", regexOf("\\d+"))).toEqual(["a", "b", "c"]);
});

test("whether a pattern matches and where does not depend on what it was asked before", () => {
  const client = new TestDatabase().connect();
  expect(client.rows("SELECT 'xyx' ~ '[xy]', regexp_replace('xyx', '[xy]', '-', 'g')")).toEqual([
    ["t", "---"],
  ]);
  expect(client.rows("SELECT regexp_match('ab', 'a(?!b)|b'), 'aab' ~ 'a(?!b)b|ab'")).toEqual([["{b}", "t"]]);
});

test("several lookarounds tell characters apart, whichever is looked at first", () => {
  const client = new TestDatabase().connect();
  const query = "SELECT regexp_replace('a1b2', '(?<=[a-z])(?=\\d)', '-', 'g'), 'A' ~ '(?<=.)(?!a)'";
  expect(client.rows(query)).toEqual([["a-1b-2", "t"]]);
});

test("an assertion in parentheses takes a quantifier, one without does not", () => {
  const client = new TestDatabase().connect();
  const query = "SELECT 'a' ~ '(?:^)*a', 'ba' ~ '(?:^){2}a', 'ba' ~ '(?:^)?a', 'a' ~ '(?=((\\M))?a)a'";
  expect(client.rows(query)).toEqual([["t", "f", "t", "t"]]);
  expect(client.error("SELECT 'a' ~ '^*a'")).toBe(
    "2201B invalid regular expression: quantifier operand invalid",
  );
  expect(client.error("SELECT 'x' ~ '(?=a)*x'")).toBe(
    "2201B invalid regular expression: quantifier operand invalid",
  );
});
