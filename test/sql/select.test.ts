/** SELECT on the tables: access paths, names, and where its errors say that they are. */

import { beforeEach, describe, expect, test } from "bun:test";
import { DeltatError } from "../../src/errors.ts";
import { MAX_RESULT_COLUMNS } from "../../src/limits.ts";
import { DESK, furnish, id, ROOM, type TestClient, TestDatabase } from "./sql-fixture.ts";

let client: TestClient;

beforeEach(() => {
  client = new TestDatabase().connect();
  furnish(client);
});

describe("SELECT", () => {
  beforeEach(() => {
    client.run(
      `INSERT INTO bookings VALUES ('${id(20)}', '${ROOM}', 10, 20, 'a'), ('${id(21)}', '${ROOM}', 30, 40, NULL),
       ('${id(22)}', '${DESK}', 10, 20, 'c'), ('${id(23)}', '${DESK}', 30, 40, 'd')`,
    );
  });
  const ids = (where: string) =>
    client
      .rows(`SELECT id FROM bookings WHERE ${where} ORDER BY id`)
      .map(([found]) => Number(found?.slice(-2)));

  test("every access path gives what a scan gives", () => {
    expect(ids("true")).toEqual([20, 21, 22, 23]);
    expect(ids(`id = '${id(21)}'`)).toEqual([21]);
    expect(ids(`'${id(21).toLowerCase()}' = id`)).toEqual([21]);
    expect(ids(`id IN ('${id(21)}', '${id(22)}', '${id(99)}', '${id(21)}', NULL)`)).toEqual([21, 22]);
    expect(ids(`id = ANY('{${id(20)},${id(23)}}')`)).toEqual([20, 23]);
    expect(ids(`resource_id = '${ROOM}'`)).toEqual([20, 21]);
    expect(ids(`resource_id IN ('${ROOM}', '${DESK}')`)).toEqual([20, 21, 22, 23]);
    expect(ids(`resource_id = '${ROOM}' AND start < 30`)).toEqual([20]);
    expect(ids(`resource_id = '${ROOM}' AND start <= 30`)).toEqual([20, 21]);
    expect(ids(`resource_id = '${ROOM}' AND "end" > 20`)).toEqual([21]);
    expect(ids(`resource_id = '${ROOM}' AND "end" >= 20`)).toEqual([20, 21]);
    expect(ids(`resource_id = '${ROOM}' AND "end" <= 20`)).toEqual([20]);
    expect(ids(`resource_id = '${ROOM}' AND "end" < 20`)).toEqual([]);
    expect(ids(`resource_id = '${ROOM}' AND start = 30 AND "end" = 40`)).toEqual([21]);
    expect(ids(`resource_id = '${ROOM}' AND start BETWEEN 10 AND 29`)).toEqual([20]);
    expect(ids(`resource_id = '${ROOM}' AND start > NULL`)).toEqual([]);
    expect(ids(`resource_id = '${ROOM}' AND id <> '${id(20).toLowerCase()}'`)).toEqual([21]);
    expect(ids(`resource_id = '${ROOM}' OR label = 'd'`)).toEqual([20, 21, 23]);
    expect(ids(`id = '${id(20).toLowerCase()}' OR id IN ('${id(23).toLowerCase()}')`)).toEqual([20, 23]);
    expect(ids(`id = '${id(20)}' AND resource_id = '${DESK}'`)).toEqual([]);
    expect(ids("id = NULL")).toEqual([]);
    expect(ids("label IS NULL")).toEqual([21]);
    expect(ids("start + 10 = \"end\" AND NOT (label = 'a' OR label = 'c')")).toEqual([23]);
    expect(client.rows("SELECT name FROM resources WHERE parent_id IS NULL")).toEqual([["Room"]]);
    expect(client.rows(`SELECT name FROM resources WHERE parent_id = '${ROOM}'`)).toEqual([["Desk"]]);
    expect(client.rows(`SELECT name FROM resources r WHERE r.parent_id IS NOT NULL`)).toEqual([["Desk"]]);
  });

  test("names, aliases, order, limit", () => {
    expect(
      client.rows("SELECT b.label AS l, start FROM public.bookings b ORDER BY l DESC NULLS LAST, 2"),
    ).toEqual([
      ["d", "30"],
      ["c", "10"],
      ["a", "10"],
      [null, "30"],
    ]);
    expect(client.rows("SELECT label FROM bookings ORDER BY label NULLS FIRST LIMIT 2 OFFSET 1")).toEqual([
      ["a"],
      ["c"],
    ]);
    expect(client.rows("SELECT label FROM bookings ORDER BY -start, id LIMIT 1")).toEqual([[null]]);
    expect(client.rows("SELECT label FROM bookings ORDER BY label DESC LIMIT 1")).toEqual([[null]]);
    expect(client.rows("SELECT label FROM bookings ORDER BY label LIMIT 1 OFFSET 3")).toEqual([[null]]);
    expect(client.rows("SELECT label FROM bookings LIMIT 0")).toEqual([]);
    expect(client.run("SELECT 1 FROM bookings LIMIT ALL OFFSET 3").tag).toBe("SELECT 1");
    expect(
      client.prepared("SELECT id FROM bookings ORDER BY id LIMIT $1 OFFSET $2", ["1", "2"]).rows,
    ).toEqual([[id(22)]]);
    expect(client.error("SELECT 1 FROM bookings LIMIT -1")).toBe("2201W LIMIT must not be negative");
    expect(client.error("SELECT 1 FROM bookings OFFSET -1")).toBe("2201X OFFSET must not be negative");
    expect(client.error("SELECT start FROM bookings ORDER BY 2")).toStartWith("42P10 ORDER BY position 2");
    expect(client.error("SELECT nope FROM bookings")).toBe('42703 column "nope" does not exist');
    expect(client.error("SELECT x.start FROM bookings")).toBe(
      '42P01 missing FROM-clause entry for table "x"',
    );
    expect(client.error("SELECT bookings.start FROM bookings b")).toStartWith("42P01");
    expect(
      client.error(
        `SELECT min_duration FROM availability WHERE resource_id = '${ROOM}' AND start >= 0 AND "end" <= 9`,
      ),
    ).toStartWith('0A000 reading column "min_duration"');
  });

  test("count", () => {
    expect(client.rows("SELECT count(*), count(label), count(*) > 3 AS many FROM bookings")).toEqual([
      ["4", "3", "t"],
    ]);
    expect(client.rows(`SELECT count(*)::text || '!' FROM bookings WHERE id = '${id(99)}'`)).toEqual([
      ["0!"],
    ]);
    expect(client.rows("SELECT count(*)")).toEqual([["1"]]);
    const ungrouped = '42803 column "bookings.start" must appear in the GROUP BY clause';
    expect(client.error("SELECT start, count(*) FROM bookings")).toStartWith(ungrouped);
    expect(client.error("SELECT count(*) FROM bookings ORDER BY start")).toStartWith(ungrouped);
    expect(client.error("SELECT count(*) FROM bookings b ORDER BY b.nope")).toStartWith("42703");
    expect(client.rows("SELECT count(*) + 1 AS n FROM bookings ORDER BY n, count(*) DESC, 1")).toHaveLength(
      1,
    );
  });

  test("without FROM, and VALUES", () => {
    expect(client.rows("SELECT 1 AS a, 'x', NULL, 1 + 1 WHERE true")).toEqual([["1", "x", null, "2"]]);
    expect(client.rows("SELECT 1 WHERE false")).toEqual([]);
    expect(client.rows("VALUES (1, 'a'), (2, 'b')")).toEqual([
      ["1", "a"],
      ["2", "b"],
    ]);
    expect(client.error("SELECT *")).toStartWith("42601");
  });

  test.each([
    "SELECT 1 FROM availability FOR UPDATE",
    "SELECT 1 FROM ONLY bookings",
    "SELECT 1 FROM bookings TABLESAMPLE SYSTEM (1)",
    "SELECT 1 INTO x FROM bookings",
    "INSERT INTO availability VALUES ('a')",
    "UPDATE availability SET start = 1",
    "DELETE FROM availability",
    "CREATE TABLE a ()",
    "COPY bookings FROM '/tmp/bookings'",
    "EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN (FORMAT xml) SELECT 1",
    "DECLARE a SCROLL CURSOR FOR SELECT 1",
    "DECLARE a BINARY CURSOR FOR SELECT 1",
    "TRUNCATE bookings",
    "SET ROLE x",
  ])("refuses by name: %s", (text) => {
    expect(client.error(text)).toMatch(/^0A000 .*not supported/);
  });
});

test("a result has at most 1664 columns", () => {
  const columns = (count: number): string => `${"1, ".repeat(count - 1)}1`;
  expect(client.rows(`SELECT ${columns(MAX_RESULT_COLUMNS)}`)[0]).toHaveLength(MAX_RESULT_COLUMNS);
  for (const text of [
    `SELECT ${columns(MAX_RESULT_COLUMNS + 1)}`,
    `VALUES (${columns(MAX_RESULT_COLUMNS + 1)})`,
  ]) {
    expect(client.error(text)).toBe("54011 target lists can have at most 1664 entries");
  }
});

test("an error's position is counted in the text it is about, whichever came before", () => {
  const positionIn = (text: string): number | undefined => {
    try {
      client.script(text);
    } catch (error) {
      if (error instanceof DeltatError) return error.fields.position;
    }
    return undefined;
  };
  for (let turn = 0; turn < 2; turn++) {
    expect(positionIn("SELECT '😀😀'; SELECT nope")).toBe([..."SELECT '😀😀'; SELECT "].length + 1);
    expect(positionIn("SELECT '1234'; SELECT nope")).toBe("SELECT '1234'; SELECT ".length + 1);
  }
});

test("a literal that is wrong says where it stands, whether its plan is new or known", () => {
  const positionOf = (text: string) => {
    try {
      client.run(text);
    } catch (error) {
      if (error instanceof DeltatError) return [error.sqlState, error.fields.position];
    }
    return null;
  };
  const text = (value: string) => `SELECT 1, id FROM resources WHERE capacity = '${value}'`;
  expect(positionOf(text("x"))).toEqual(["22P02", 46]);
  client.run(text("1"));
  expect(positionOf(text("é"))).toEqual(["22P02", 46]);
  expect(positionOf(text("99999999999"))).toEqual(["22003", 46]);
});

test("a literal that is wrong is found before the statement runs, whether its plan is new or known", () => {
  const none = new TestDatabase().connect();
  const remove = (at: string) => `DELETE FROM bookings WHERE start < '${at}' AND label = 'none'`;
  expect(none.tag(remove("1"))).toBe("DELETE 0");
  expect(none.error(remove("soon"))).toStartWith("22P02 ");
  const due = (at: string) => `SELECT 1 FROM bookings WHERE to_timestamp(start) < timestamptz '${at}'`;
  expect(none.rows(due("2030-01-01"))).toEqual([]);
  expect(none.error(due("soon"))).toStartWith("22007 ");
  none.run("BEGIN READ ONLY");
  expect(none.error(remove("soon"))).toStartWith("22P02 ");
});

test("a literal is read again when its text is another, in each row of a known plan", () => {
  const rows = (bound: string) =>
    `SELECT g FROM generate_series(1, 4) g WHERE g > '${bound}' AND g > '${bound}'`;
  for (const bound of ["1", "3", "3", "2"]) {
    expect(client.rows(rows(bound))).toHaveLength(4 - Number(bound));
  }
});
