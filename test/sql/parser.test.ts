/** Texts to trees: places, the bound on depth, and a parser that outlives every text. */

import { beforeAll, describe, expect, test } from "bun:test";
import { DeltatError } from "../../src/errors.ts";
import {
  MAX_CHAIN_TOKENS,
  MAX_COMMENT_LOOKAHEAD,
  MAX_EXPRESSION_DEPTH,
  MAX_STATEMENT_BYTES,
} from "../../src/limits.ts";
import { nodeKind } from "../../src/sql/parse/ast.ts";
import { guardParser } from "../../src/sql/parse/parse-guard.ts";
import { characterPosition, loadParser, parse } from "../../src/sql/parse/parser.ts";

beforeAll(loadParser);

function failure(text: string): DeltatError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof DeltatError) return error;
    throw error;
  }
  throw new Error("parsed");
}

test("a text has any number of statements", () => {
  expect(parse("")).toEqual([]);
  expect(parse(" ; -- nothing\n ;")).toEqual([]);
  expect(parse("SELECT 1; BEGIN").map((each) => nodeKind(each.node))).toEqual([
    "SelectStmt",
    "TransactionStmt",
  ]);
});

test("a syntax error has PostgreSQL's words and counts characters from 1", () => {
  const error = failure("SELECT 'é😀', a FROM b WHERE = 3");
  expect([error.sqlState, error.message]).toEqual(["42601", 'syntax error at or near "="']);
  expect(error.fields.position).toBe([..."SELECT 'é😀', a FROM b WHERE "].length + 1);
  expect(failure("SELECT 1 FROM").message).toBe("syntax error at end of input");
  expect(failure("SELECT 1 FROM").fields.position).toBe(14);
});

test("locations are offsets into the string, whatever is before them", () => {
  for (const before of ["", "'é', ", "'😀', ", "'é😀é', "]) {
    const text = `SELECT ${before}wanted`;
    expect(JSON.stringify(parse(text))).toContain(`"location":${text.indexOf("wanted")}`);
  }
  expect(characterPosition("😀ab", 3)).toBe(3);
});

test("a NUL is no text, an escaped one neither", () => {
  for (const text of ["SELECT '\0'", "SELECT E'\\000'", "SELECT E'\\x00'", "SELECT E'\\xff'"]) {
    expect(failure(text)).toMatchObject({ sqlState: "22021", fields: {} });
  }
});

describe("depth", () => {
  /** SelectStmt, ResTarget and the innermost constant are levels too. */
  const sum = (terms: number): string => `SELECT 1${"+1".repeat(terms)}`;

  test("up to the bound parses, one more is refused", () => {
    expect(parse(sum(MAX_EXPRESSION_DEPTH - 3))).toHaveLength(1);
    expect(failure(sum(MAX_EXPRESSION_DEPTH - 2)).message).toBe("limit exceeded: expression depth");
    expect(failure(sum(MAX_EXPRESSION_DEPTH - 2)).sqlState).toBe("54000");
  });

  test("of a long text one chain has so many tokens before it reaches the parser, and no more", () => {
    const long = (tokens: number): string => `${" ".repeat(10_000)}SELECT${" 1".repeat(tokens - 1)}`;
    expect(() => guardParser(long(MAX_CHAIN_TOKENS))).not.toThrow();
    expect(() => guardParser(long(MAX_CHAIN_TOKENS + 1))).toThrow("limit exceeded: expression depth");
  });

  test("the parser goes on working after any chain", () => {
    const long = 60_000;
    const chains = [
      sum(long),
      `SELECT 1${" UNION SELECT 1,1".repeat(long)}`,
      `SELECT * FROM a${" JOIN b USING (x, y)".repeat(long)}`,
      `SELECT ${"(".repeat(long)}1${")".repeat(long)}`,
      `SELECT ${"NOT ".repeat(long)}true`,
      `SELECT ${"(SELECT ".repeat(long)}1${")".repeat(long)}`,
      `SELECT ${"case when true and true then ".repeat(long)}1${" end".repeat(long)}`,
      `SELECT 1${"+case when true and true then 1 end".repeat(long)}`,
      `SELECT 1${"+(1 and 1)".repeat(long)}`,
      `SELECT 1${"::int".repeat(long)}`,
      `SELECT E'x''\\' '${"+1".repeat(long)}`,
      `SELECT E'x'\n'\\' '${"+1".repeat(long)}`,
      `SELECT $a$ ' $a$${"+1".repeat(long)}`,
      `SELECT 1 /* /* ' */ ' */${"+1".repeat(long)}`,
      `SELECT "'"${"+1".repeat(long)}`,
      `SELECT 1 -- '\n${"+1".repeat(long)}`,
    ];
    for (const chain of chains) {
      expect(() => guardParser(chain)).toThrow("limit exceeded: expression depth");
      for (let i = 0; i < 3; i++) expect(["54000", "42601"]).toContain(failure(chain).sqlState);
      expect(parse("SELECT a FROM b WHERE c = 1")).toHaveLength(1);
    }
  });

  test("does not bound what is flat", () => {
    const rows = `INSERT INTO t VALUES (1, 'x')${", (-1 + 2, 'it''s')".repeat(5000)}`;
    const list = `SELECT 1 IN (1${",2".repeat(20_000)})`;
    const conditions = `SELECT a = 1${" OR (b = 2 AND c BETWEEN 3 AND 4)".repeat(5000)}`;
    for (const flat of [rows, list, conditions]) expect(parse(flat)).toHaveLength(1);
  });
});

test("a text longer than the bound is refused unparsed", () => {
  const text = `SELECT '${"é".repeat(MAX_STATEMENT_BYTES / 2)}'`;
  expect(failure(text).message).toBe("limit exceeded: statement length");
});

describe("comments", () => {
  /** Opened without a blank between: the scanner looks ahead 2 + 4 + … + 2 * count characters. */
  const openings = (count: number): string => `${" ".repeat(10_000)}${"/*".repeat(count)} `;

  test("may open one after the other, but not so many that the scanner looks ahead for seconds", () => {
    const most = Math.floor((Math.sqrt(1 + 4 * MAX_COMMENT_LOOKAHEAD) - 1) / 2);
    expect(() => guardParser(openings(most))).not.toThrow();
    expect(() => guardParser(openings(most + 1))).toThrow("limit exceeded: comments");
    for (const flat of [`${"/**/".repeat(10_000)}SELECT 1`, `/*${"/**/".repeat(10_000)}*/SELECT 1`]) {
      expect(failure(flat).sqlState).toBe("54000");
    }
  });

  test("may be as many as there are, with blanks between", () => {
    const text = `SELECT 1 ${"/* of /* * */ ** one */ ".repeat(20_000)}`;
    expect(parse(text)).toHaveLength(1);
  });
});
