/** JSON: what the recorded answers (analysis-answers.ts) do not show. */

import { describe, expect, test } from "bun:test";
import { MAX_JSON_DEPTH } from "../../src/limits.ts";
import { id, TestDatabase } from "./sql-fixture.ts";

const client = new TestDatabase().connect();

test("rows come in as one JSON parameter", () => {
  client.run(`INSERT INTO resources (id, capacity) VALUES ('${id(1)}', 9)`);
  const rows = JSON.stringify([
    { id: id(10), start: 5, end: 9, label: "a" },
    { id: id(11), start: 15, end: 19 },
  ]);
  const text = `INSERT INTO bookings (id, resource_id, start, "end", label)
    SELECT x.id, '${id(1)}', x.start, x."end", x.label
    FROM json_to_recordset($1) AS x(id text, start bigint, "end" bigint, label text) RETURNING id, start, label`;
  expect(client.prepared(text, [rows]).rows).toEqual([
    [id(10), "5", "a"],
    [id(11), "15", null],
  ]);
  expect(client.error("SELECT * FROM json_to_recordset('[]')")).toStartWith(
    "42601 a column definition list is required",
  );
  expect(client.error("SELECT * FROM generate_series(1, 2) AS t(a int)")).toStartWith(
    "42601 a column definition list is only",
  );
});

test("jsonb compares by value, in groups too", () => {
  expect(
    client.rows(
      `SELECT count(*), count(DISTINCT j) FROM (VALUES ('{"a": 1}'::jsonb), ('{"a": 1.0}'), ('{"a": 2}')) v(j)`,
    ),
  ).toEqual([["3", "2"]]);
  expect(
    client.rows(
      `SELECT j FROM (VALUES ('[1]'::jsonb), ('{}'), ('null'), ('"x"'), ('7'), ('true')) v(j) ORDER BY j`,
    ),
  ).toEqual(["null", '"x"', "7", "true", "[1]", "{}"].map((text) => [text]));
});

describe("bounds", () => {
  test("what is too deep is refused, and the server goes on", () => {
    const nested = (depth: number) => `SELECT '${"[".repeat(depth)}${"]".repeat(depth)}'::jsonb IS NULL`;
    expect(client.rows(nested(MAX_JSON_DEPTH))).toEqual([["f"]]);
    expect(client.error(nested(MAX_JSON_DEPTH + 2))).toBe("54001 stack depth limit exceeded");
  });

  test.each(["", "{", "[1,]", '{"a"}', "01", "1.", "tru", '"\\x"', "'a'", "[1] 2", '"\n"', "NaN"])(
    "%s is no JSON",
    (text) => {
      expect(client.error(`SELECT '${text.replaceAll("'", "''")}'::json`)).toStartWith(
        "22P02 invalid input syntax for type json",
      );
    },
  );
});

test("a long string in JSON is read as a short one, in time proportional to its length", () => {
  const client = new TestDatabase().connect();
  const read = (text: string) =>
    client.rows(`SELECT length(('["' || repeat('${text}', 5000000) || '"]')::jsonb ->> 0)`);
  expect(read("x")).toEqual([["5000000"]]);
  expect(read("\\\\")).toEqual([["5000000"]]);
  expect(read('\\"')).toEqual([["5000000"]]);
  for (const wrong of ['"a\\"', '"a', '{a": 1}', '"\\x"', '"a"b"']) {
    expect(client.error(`SELECT '${wrong}'::jsonb`)).toStartWith("22P02 invalid input syntax for type json");
  }
});
