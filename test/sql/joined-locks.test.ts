/** FOR UPDATE and the like in joins and subqueries. */

import { beforeEach, describe, expect, test } from "bun:test";
import { STORY } from "./relational-answers.ts";
import { id, type TestClient, TestDatabase } from "./sql-fixture.ts";

let one: TestClient;
let two: TestClient;
beforeEach(() => {
  const database = new TestDatabase();
  one = database.connect();
  two = database.connect();
  for (const text of STORY) one.run(text);
});

const joined = `SELECT b.start FROM bookings b JOIN resources r ON r.id = b.resource_id WHERE r.name = 'Hall'`;

test("a row of either table that another changes first makes the one who locked it fail", () => {
  for (const [of, change] of [
    ["", `UPDATE bookings SET label = 'x' WHERE id = '${id(101)}'`],
    ["", `UPDATE resources SET capacity = 9 WHERE id = '${id(2)}'`],
    ["OF b", `UPDATE bookings SET label = 'y' WHERE id = '${id(101)}'`],
  ]) {
    one.run("BEGIN");
    expect(one.tag(`${joined} FOR UPDATE ${of}`)).toBe("SELECT 6");
    two.run(change as string);
    expect(one.error("SELECT 1")).toStartWith("40001");
    one.run("ROLLBACK");
  }
});

test("OF locks the tables it names and no other", () => {
  one.run("BEGIN");
  one.run(`${joined} FOR UPDATE OF b`);
  two.run(`UPDATE resources SET name = 'Great hall' WHERE id = '${id(2)}'`);
  one.run(`UPDATE bookings SET label = 'z' WHERE id = '${id(101)}'`);
  expect(one.tag("COMMIT")).toBe("COMMIT");
});

test("SKIP LOCKED passes over rows before LIMIT counts them, NOWAIT refuses them", () => {
  const next = `${joined} ORDER BY b.start LIMIT 1 FOR UPDATE OF b`;
  one.run("BEGIN");
  two.run("BEGIN");
  expect(one.rows(`${next} SKIP LOCKED`)).toEqual([["10"]]);
  expect(two.rows(`${next} SKIP LOCKED`)).toEqual([["50"]]);
  expect(two.error(`${next} NOWAIT`)).toBe('55P03 could not obtain lock on row in relation "bookings"');
});

test("a queue: what a subquery has locked is taken by DELETE", () => {
  const take = `DELETE FROM bookings WHERE id IN
    (SELECT id FROM bookings WHERE label = 'l1' ORDER BY start LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING start`;
  one.run("BEGIN");
  two.run("BEGIN");
  const [first, second] = [one.rows(take), two.rows(take)];
  expect(first).not.toEqual(second);
  expect(one.tag("COMMIT")).toBe("COMMIT");
  expect(two.tag("COMMIT")).toBe("COMMIT");
});

test("a subquery in FROM, and WITH, lock their own rows", () => {
  for (const text of [
    "SELECT s.start FROM (SELECT id, start FROM bookings WHERE start = 10) s JOIN resources r ON true FOR UPDATE OF s",
    "WITH x AS (SELECT start FROM bookings WHERE start = 10 FOR UPDATE) SELECT * FROM x",
    "SELECT (SELECT label FROM bookings WHERE start = 10 FOR NO KEY UPDATE)",
  ]) {
    one.run("BEGIN");
    one.run(text);
    two.run("UPDATE bookings SET label = label || '.' WHERE start = 10");
    expect(one.error("COMMIT")).toStartWith("40001");
    one.run("ROLLBACK");
  }
});

describe("refused as by PostgreSQL", () => {
  test.each([
    [
      "SELECT DISTINCT b.start FROM bookings b, resources r FOR UPDATE",
      "0A000 FOR UPDATE is not allowed with DISTINCT clause",
    ],
    [
      "SELECT count(*) FROM bookings b, resources r FOR SHARE",
      "0A000 FOR SHARE is not allowed with aggregate functions",
    ],
    [
      "SELECT label FROM bookings GROUP BY label FOR UPDATE",
      "0A000 FOR UPDATE is not allowed with GROUP BY clause",
    ],
    [
      "SELECT 1 FROM resources r LEFT JOIN bookings b ON b.resource_id = r.id FOR UPDATE",
      "0A000 FOR UPDATE cannot be applied to the nullable side of an outer join",
    ],
    [
      "SELECT 1 FROM resources r JOIN bookings b ON true FOR UPDATE OF x",
      '42P01 relation "x" in FOR UPDATE clause not found in FROM clause',
    ],
    [
      "WITH x AS (SELECT 1) SELECT 1 FROM x, bookings FOR UPDATE OF x",
      "0A000 FOR UPDATE cannot be applied to a WITH query",
    ],
    [
      "SELECT start FROM bookings UNION SELECT 1 FOR UPDATE",
      "0A000 FOR UPDATE is not allowed with UNION/INTERSECT/EXCEPT",
    ],
  ])("%s", (text, error) => {
    expect(one.error(text)).toBe(error);
  });

  test("the side of an outer join that is never missing can be locked", () => {
    expect(
      one.tag(
        "SELECT 1 FROM resources r LEFT JOIN bookings b ON b.resource_id = r.id AND b.start < 0 FOR UPDATE OF r",
      ),
    ).toBe("SELECT 5");
    one.run("BEGIN READ ONLY");
    expect(one.error(`${joined} FOR UPDATE`)).toBe(
      "25006 cannot execute SELECT FOR UPDATE in a read-only transaction",
    );
  });
});
