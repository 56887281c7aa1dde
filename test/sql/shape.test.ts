/** Which literals are lifted out of a text, held against the scanner of PostgreSQL. */

import { beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { scanSync } from "libpg-query";
import { loadParser, parse } from "../../src/sql/parse/parser.ts";
import { type LiftedLiterals, liftLiterals } from "../../src/sql/parse/shape.ts";

beforeAll(loadParser);

/** The literals as PostgreSQL's own scanner finds them, in UTF-16 offsets; null if it rejects the text. */
function scannedLiterals(text: string): { offset: number; source: string }[] | null {
  try {
    // The scanner counts bytes; the texts here that hold more than ASCII are compared by source alone.
    return scanSync(text)
      .tokens.filter((token) =>
        ["ICONST", "FCONST", "SCONST", "BCONST", "XCONST", "USCONST"].includes(token.tokenName),
      )
      .map((token) => ({ offset: token.start, source: token.text }));
  } catch {
    return null;
  }
}

function sourceOf(text: string, lifted: LiftedLiterals, index: number): string {
  const offset = lifted.offsets[index] as number;
  const rest = text.slice(offset);
  const match = lifted.kinds[index] === "string" ? /^'(?:[^']|'')*'/.exec(rest) : /^[\d.]+/.exec(rest);
  return match?.[0] ?? "";
}

/** The text with its literals replaced by others of their kinds. */
function withOtherLiterals(lifted: LiftedLiterals): string {
  const replacement = { integer: "77", bigint: "7777777777", decimal: "7.25", string: "'it''s'" };
  let index = 0;
  return lifted.key.replace(/\0[ilns]/g, () => replacement[lifted.kinds[index++] ?? "integer"]);
}

/** A syntax tree without places and constants. */
function skeleton(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(skeleton);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !/location|_len$|list_(start|end)$/.test(key));
  return Object.fromEntries(
    kept.map(([key, inner]) => {
      if (key === "A_Const") return [key, Object.keys(inner as object).filter((name) => name !== "location")];
      return [key, skeleton(inner)];
    }),
  );
}

const CORPUS = [
  "SELECT * FROM availability WHERE resource_id = '01ARZ3NDEKTSV4RRFFQ69G5FAV' AND start >= 1700000000000 AND \"end\" <= 1700604800000",
  "INSERT INTO bookings (id, resource_id, start, \"end\", label) VALUES ('a', 'b', 1, 2, 'O''Brien'), ('c', 'd', 3, 4, '')",
  "DELETE FROM bookings WHERE id='01ARZ3NDEKTSV4RRFFQ69G5FAV';",
  "UPDATE holds SET expires_at = 5 + -3 WHERE id IN ('a','b') AND start<-1",
  "SELECT a1, b2c FROM t1 WHERE x=$1 AND y = 12.50 LIMIT 5 OFFSET 10",
  "select date '2020-01-01', 'x'::varchar(10), cast('1' as int)",
  "SELECT '', '''', 'a''b', 'a\\b', 'é😀', \"q'1\"\"2\", 1",
  "select-1,- 2,1-1,1 -1,(-3),+4",
  "SELECT 0, 00, 7, 2147483647, 9007199254740991, 0.5, 10.00",
  "select a[1], b.c, array[1,2], t.*, x%2, y/3*4 from t order by 1",
  "\n\tSELECT\r\n1 ; \n",
];

describe("literals are lifted", () => {
  for (const text of CORPUS) {
    test(JSON.stringify(text), () => {
      const lifted = liftLiterals(text);
      if (lifted === null) throw new Error("declined");
      const scanned = scannedLiterals(text);
      expect(lifted.offsets.map((_, i) => sourceOf(text, lifted, i))).toEqual(
        (scanned ?? []).map((each) => each.source),
      );
      const other = withOtherLiterals(lifted);
      expect(liftLiterals(other)?.key).toBe(lifted.key);
      expect(skeleton(parse(other).map((each) => each.node))).toEqual(
        skeleton(parse(text).map((each) => each.node)),
      );
    });
  }

  test("with their values and kinds", () => {
    const lifted = liftLiterals("VALUES (5, 2147483647, 2147483649, 9007199254740991, 1.50, 'it''s', '')");
    expect(lifted?.values).toEqual([5, 2147483647, 2147483649, 9007199254740991, "1.50", "it's", ""]);
    expect(lifted?.kinds).toEqual(["integer", "integer", "bigint", "bigint", "decimal", "string", "string"]);
  });

  test("the kind of a literal is part of the shape", () => {
    const keys = ["5", "5000000000", "5.0", "'5'", "$1", "x"].map(
      (each) => liftLiterals(`SELECT ${each}`)?.key,
    );
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe("what is unusual is declined", () => {
  const texts = [
    "SELECT E'a\\'b'",
    "SELECT e'x'",
    "SELECT U&'\\0061'",
    'SELECT U&"a"',
    "SELECT B'01'",
    "SELECT x'1F'",
    "SELECT N'a'",
    "SELECT $$a$$",
    "SELECT $t$a$t$",
    "SELECT 1 -- 2",
    "SELECT 1 /* 2 */",
    "SELECT 1; SELECT 2",
    "SELECT 'a",
    'SELECT "a',
    "SELECT 1e5",
    "SELECT 1.5e-3",
    "SELECT 1E5",
    "SELECT .5",
    "SELECT 5.",
    "SELECT 1..2",
    "SELECT 1.2.3",
    "SELECT 0x1F",
    "SELECT 0b1",
    "SELECT 1_000",
    "SELECT 1a",
    "SELECT 2147483648",
    "SELECT 9007199254740993",
    "SELECT 007.5",
    "SELECT 'a'\n'b'",
    "SELECT 'a' \n\t 'b'",
    "SELECT 'a\0b'",
    "SELECT \0",
    "SELECT $1a",
    "SELECT 12345678901234567890",
  ];
  for (const text of texts) test(JSON.stringify(text), () => expect(liftLiterals(text)).toBeNull());

  test("and so is a very long text", () => {
    expect(liftLiterals(`SELECT '${"x".repeat(1024 * 1024)}'`)).toBeNull();
    expect(liftLiterals(`SELECT '${"x".repeat(1024 * 1024 - 9)}'`)?.values).toHaveLength(1);
  });
});

test("whatever is lifted, PostgreSQL's scanner finds the same literals and no others", () => {
  const fragment = fc.constantFrom(
    "1",
    "23",
    "0",
    "2147483648",
    "4.5",
    "1e5",
    ".",
    "..",
    "'a'",
    "''",
    "'",
    "E",
    "e'",
    "U&",
    "b",
    "x1F",
    "$1",
    "$",
    "$a$",
    '"',
    '"q"',
    "-",
    "--",
    "/",
    "/*",
    "*/",
    "+",
    "(",
    ")",
    "[",
    "]",
    ",",
    ";",
    " ",
    "\n",
    "select",
    "a1",
    "_",
    "::",
    "int",
    "@",
    "<",
    "\\",
    "&",
    "0x1",
    "1_0",
  );
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 12 }), (parts) => {
      const text = parts.join("");
      const lifted = liftLiterals(text);
      const scanned = lifted === null ? null : scannedLiterals(text);
      // A text that the scanner itself rejects never gets a plan, so its shape does not matter.
      if (lifted === null || scanned === null) return;
      expect(lifted.offsets.map((offset, i) => ({ offset, source: sourceOf(text, lifted, i) }))).toEqual(
        scanned,
      );
    }),
    { numRuns: 20_000 },
  );
});
