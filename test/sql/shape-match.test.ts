/** What is known by its bytes is what the tokenizer would have found in them. */

import { expect, test } from "bun:test";
import { controlPlan } from "../../src/sql/execution.ts";
import { liftLiterals } from "../../src/sql/parse/shape.ts";
import { KnownStatement, RecentStatements } from "../../src/sql/parse/shape-match.ts";

function knownFrom(text: string): KnownStatement | null {
  const literals = liftLiterals(text);
  return literals === null
    ? null
    : KnownStatement.from(text, literals, {
        plan: controlPlan("SELECT", () => "SELECT 0"),
        literalChecks: [],
      });
}

function match(known: KnownStatement, text: string) {
  const message = Buffer.from(`xx${text}\0`);
  return known.match(message, 2, message.length - 1);
}

const INSERT = "INSERT INTO bookings (id, start, n) VALUES ('abc', 1700000000000, -7)";

test("a statement of the same shape gives its values, and its own text back", () => {
  const known = knownFrom(INSERT) as KnownStatement;
  const other = "INSERT INTO bookings (id, start, n) VALUES ('', 900719925474099, -2147483647)";
  expect(match(known, INSERT)).toEqual(["abc", 1_700_000_000_000, 7]);
  const values = match(known, other);
  expect(values).toEqual(["", 900_719_925_474_099, 2_147_483_647]);
  expect(known.textOf(values ?? [])).toBe(other);
});

test("what has another shape, or is not plain to see, does not match", () => {
  const known = knownFrom(INSERT) as KnownStatement;
  for (const other of [
    INSERT.replace("id", "ID"),
    INSERT.replace("1700000000000", "17"),
    INSERT.replace("1700000000000", "2147483648"),
    INSERT.replace("1700000000000", "9007199254740992"),
    INSERT.replace("1700000000000", "1000000000000000"),
    INSERT.replace("1700000000000", "12345678901234567890"),
    INSERT.replace("1700000000000", "'1'"),
    INSERT.replace("1700000000000", ""),
    INSERT.replace("7)", "007)"),
    INSERT.replace("7)", "7.5)"),
    INSERT.replace("7)", "7e3)"),
    INSERT.replace("7)", "1700000000000)"),
    INSERT.replace("abc", "it''s"),
    INSERT.replace("abc", "é"),
    INSERT.replace("abc", "\0"),
    INSERT.replace("'abc'", "abc"),
    `${INSERT};`,
    `${INSERT} `,
    INSERT.slice(0, -1),
    INSERT.slice(0, INSERT.indexOf("abc")),
    "",
  ]) {
    expect(match(known, other)).toBe(null);
  }
  expect(match(knownFrom("SELECT 'a'") as KnownStatement, "SELECT 'a''b'")).toBe(null);
});

test("statements that bytes cannot tell are not kept", () => {
  expect(knownFrom("SELECT 1.5")).toBe(null);
  expect(knownFrom("SELECT 'é'")).toBe(null);
  expect(knownFrom(`SELECT 1 ${" ".repeat(4096)}`)).toBe(null);
  expect(knownFrom("SELECT 'it''s', 1")).not.toBe(null);
});

/** Mulberry32 (T. Ettinger, public domain). */
function random(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  };
}

test("whatever matches has the shape and the values that the tokenizer finds", () => {
  const below = random(7);
  const pieces = [
    "SELECT ",
    "a",
    "1",
    "0",
    "'",
    "''",
    "'x'",
    "25",
    "2147483648",
    ",",
    " ",
    "\n",
    ".",
    "-",
    "$1",
    "(",
    '"q"',
  ];
  const piece = () => pieces[below(pieces.length)] ?? "";
  let matches = 0;
  for (let i = 0; i < 40_000; i++) {
    const parts = Array.from({ length: 1 + below(7) }, piece);
    const original = parts.join("");
    const known = knownFrom(original);
    if (known === null) continue;
    parts[below(parts.length)] = piece();
    const text = parts.join("");
    const values = match(known, text);
    if (values === null) continue;
    matches++;
    const lifted = liftLiterals(text);
    expect(lifted?.values).toEqual(values);
    expect(known.textOf(values)).toBe(text);
    expect(lifted?.key).toBe(liftLiterals(original)?.key);
  }
  expect(matches).toBeGreaterThan(1000);
});

test("a session keeps its last four statements in hand", () => {
  const recent = new RecentStatements();
  const texts = ["SELECT 1", "SELECT a, 1", "SELECT b, 1", "SELECT c, 1", "SELECT d, 1"];
  const find = (text: string) => recent.find(Buffer.from(text), 0, text.length);
  for (const text of texts) recent.add(knownFrom(text) as KnownStatement);
  expect(find("SELECT 1")).toBe(null);
  expect(find("SELECT a, 5")).not.toBe(null);
  expect(recent.values).toEqual([5]);
  recent.add(knownFrom("SELECT e, 1") as KnownStatement);
  expect(find("SELECT a, 6")).not.toBe(null);
  expect(find("SELECT b, 6")).toBe(null);
});
