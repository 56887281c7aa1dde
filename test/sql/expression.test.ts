/** Expressions: their values, the types of their parameters, and whether a plan serves its shape. */

import { beforeAll, describe, expect, test } from "bun:test";
import { DeltatError } from "../../src/errors.ts";
import { coerceForAssignment } from "../../src/sql/expressions/casts.ts";
import { comparatorOf } from "../../src/sql/expressions/comparison.ts";
import { ParameterTypes } from "../../src/sql/expressions/parameters.ts";
import { constant, untypedText } from "../../src/sql/expressions/untyped.ts";
import { loadParser } from "../../src/sql/parse/parser.ts";
import { BOOL, INT4, INT8, INT8_ARRAY, NUMERIC, TEXT, VARCHAR } from "../../src/sql/values/types.ts";
import { answer, compileExpression, SESSION } from "./expression-fixture.ts";
import { FUNCTION_ANSWERS } from "./function-answers.ts";
import { POSTGRES_ANSWERS } from "./postgres-answers.ts";

beforeAll(loadParser);

function stateOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof DeltatError) return `${error.sqlState} ${error.message}`;
    throw error;
  }
  return "no error";
}

describe("expressions answer as PostgreSQL does", () => {
  for (const [expression, expected] of [...POSTGRES_ANSWERS, ...FUNCTION_ANSWERS]) {
    test(expression, () => {
      expect(answer(expression, false)).toBe(expected);
      expect(answer(expression, true)).toBe(expected);
    });
  }
});

describe("parameters", () => {
  const typesOf = (text: string, declared: number[] = []): number[] => {
    const parameters = new ParameterTypes(declared);
    compileExpression(text, false, parameters);
    return parameters.finish();
  };

  test("take their type from where they stand", () => {
    expect(typesOf("a = $1")).toEqual([INT8.oid]);
    expect(typesOf("$1 >= b AND t = $2")).toEqual([INT4.oid, TEXT.oid]);
    expect(typesOf("a = ANY($1)")).toEqual([INT8_ARRAY.oid]);
    expect(typesOf("$1::numeric")).toEqual([NUMERIC.oid]);
    expect(typesOf("a IN ($1, $2)")).toEqual([INT8.oid, INT8.oid]);
    expect(typesOf("$1 IN (1, 2)")).toEqual([INT4.oid]);
    expect(typesOf("a BETWEEN $1 AND $2")).toEqual([INT8.oid, INT8.oid]);
    expect(typesOf("coalesce($1, a)")).toEqual([INT8.oid]);
    expect(typesOf("$1 AND NOT $2")).toEqual([BOOL.oid, BOOL.oid]);
    expect(typesOf("CASE WHEN $1 THEN a ELSE $2 END")).toEqual([BOOL.oid, INT8.oid]);
    expect(typesOf("upper($1)")).toEqual([TEXT.oid]);
    expect(typesOf("$1 LIKE 'a%'")).toEqual([TEXT.oid]);
  });

  test("without any context are text", () => expect(typesOf("$1")).toEqual([TEXT.oid]));

  test("keep the type the client declared", () => {
    expect(typesOf("a = $1", [INT4.oid])).toEqual([INT4.oid]);
    expect(typesOf("$1", [VARCHAR.oid])).toEqual([VARCHAR.oid]);
    expect(stateOf(() => typesOf("t = $1", [INT8.oid]))).toBe("42883 operator does not exist: text = bigint");
    expect(stateOf(() => typesOf("1", [999_999]))).toBe("42704 type with OID 999999 does not exist");
  });

  test("are refused where they disagree, are missing or cannot be", () => {
    expect(stateOf(() => typesOf("$1 + $1"))).toContain("42725 operator is not unique");
    expect(stateOf(() => typesOf("CASE $1 WHEN a THEN 1 WHEN t THEN 2 END"))).toContain("42883");
    expect(stateOf(() => typesOf("$2::int"))).toBe("42P18 could not determine data type of parameter $1");
    expect(stateOf(() => typesOf("$0"))).toBe("42P02 there is no parameter $0");
    expect(stateOf(() => typesOf("$65536::int"))).toBe("42P02 there is no parameter $65536");
  });

  test("are read from the frame", () => {
    expect(compileExpression("$1::int8 + $2::int8").run([], [2, 3])).toBe(5);
    expect(compileExpression("7 = ANY($1)").run([], [[1, 7]])).toBe(true);
  });
});

describe("a plan serves its shape", () => {
  const isSafe = (text: string): boolean => compileExpression(text, true).context.isShapeSafe();

  test("if every literal became a value that is read when it runs", () => {
    for (const text of [
      "1 + 2",
      "a >= 5 AND t = 'x'",
      "-5",
      "- 5",
      "-(5)",
      "- - 5",
      "-1.5",
      "'5'::int8",
      "a + 5000000000",
    ]) {
      expect([text, isSafe(text)]).toEqual([text, true]);
    }
    expect(isSafe("a = 2147483649")).toBe(true);
  });

  test("and not if a literal was part of the syntax", () => {
    expect(isSafe("'abc'::varchar(2)")).toBe(false);
    expect(isSafe("1.5::numeric(5,2)")).toBe(false);
  });

  test("and not if nothing could be lifted", () => {
    for (const text of ["E'x'", "1e5", "$$x$$", "1 -- two", "-2147483648"]) {
      expect([text, isSafe(text)]).toEqual([text, false]);
    }
  });

  test("with other literals than it was planned with", () => {
    expect(compileExpression("1 - -5", true).run([10, 7])).toBe(17);
    expect(compileExpression("-1.5", true).run(["2.25"])).toBe("-2.25");
    expect(compileExpression("'5'::int8", true).run(["77"])).toBe(77);
    expect(compileExpression("'a' || 'b'", true).run(["x", "y"])).toBe("xy");
    expect(stateOf(() => compileExpression("'5'::int8", true).run(["x"]))).toContain("22P02");
  });
});

describe("assignment", () => {
  const assign = (text: string, type = INT8): unknown => {
    const { expression, run } = compileExpression(text);
    return coerceForAssignment({ ...expression, evaluate: () => run() }, type, "start").evaluate({
      parameters: [],
      literals: [],
      row: -1,
      session: SESSION,
    });
  };

  test("converts what PostgreSQL lets an INSERT convert", () => {
    expect(assign("5")).toBe(5);
    expect(assign("2.5")).toBe(3);
    expect(assign("1e3::float8")).toBe(1000);
    expect(assign("5", TEXT)).toBe("5");
    expect(assign("true", TEXT)).toBe("true");
    expect(stateOf(() => assign("5000000000", INT4))).toBe("22003 integer out of range");
  });

  test("refuses the rest, naming the column", () => {
    expect(stateOf(() => assign("true"))).toBe(
      '42804 column "start" is of type bigint but expression is of type boolean',
    );
    expect(stateOf(() => assign("'5'::text"))).toBe(
      '42804 column "start" is of type bigint but expression is of type text',
    );
  });

  test("reads a literal as the column's type", () => {
    expect(stateOf(() => coerceForAssignment(untypedText("x", 0), INT8, "start"))).toBe(
      '22P02 invalid input syntax for type bigint: "x"',
    );
    expect(coerceForAssignment(constant(INT4, 5), INT8, "start").type).toBe(INT8);
  });
});

test("texts are ordered by their UTF-8 bytes", () => {
  const compare = comparatorOf(TEXT);
  const texts = ["", "a", "aa", "b", "é", "\ud7ff", "\ue000", "\uffff", "😀", "😁"];
  for (const left of texts) {
    for (const right of texts) {
      expect(Math.sign(compare?.(left, right) ?? Number.NaN)).toBe(
        Buffer.compare(Buffer.from(left), Buffer.from(right)),
      );
    }
  }
});

test("errors say where, in characters", () => {
  try {
    compileExpression("'é😀' || nope");
    throw new Error("no error");
  } catch (error) {
    expect(error).toBeInstanceOf(DeltatError);
    expect((error as DeltatError).fields.position).toBe("SELECT ".length + 4 + " || ".length + 1);
  }
});

test("what is not supported is refused by name", () => {
  expect(answer("(SELECT 1)", false)).toBe("!0A000 subqueries are not supported");
  expect(answer("ROW(1, 2)", false)).toBe("!0A000 row expressions are not supported");
  expect(answer("'x'::bytea", false)).toBe("!0A000 type bytea is not supported");
  expect(answer("sum(a) OVER ()", false)).toBe("!0A000 window functions are not supported");
});

test("functions ask the session", () => {
  expect(answer("current_user", false)).toBe("name|alice");
  expect(answer("current_database()", false)).toBe("name|clinic");
  expect(answer("pg_backend_pid()", false)).toBe("integer|42");
  expect(answer("now()", false)).toBe("timestamp with time zone|2023-11-14 22:13:20+00");
  expect(answer("current_date", false)).toBe("date|2023-11-14");
  expect(answer("localtimestamp", false)).toBe("timestamp without time zone|2023-11-14 22:13:20");
  expect(answer("set_config('a.b', 'x', false)", false)).toBe("text|x");
  expect(answer("version()", false)).toBe("text|PostgreSQL 15.0 (deltat)");
});
