/** INSERT, UPDATE and DELETE in WITH: one snapshot, all or nothing, one commit. */

import { beforeEach, expect, test } from "bun:test";
import { CHANGES_IN_WITH_ANSWERS } from "./changes-in-with-answers.ts";
import { STORY } from "./relational-answers.ts";
import { id, type TestClient, TestDatabase } from "./sql-fixture.ts";

let database: TestDatabase;
let client: TestClient;
beforeEach(() => {
  database = new TestDatabase();
  client = database.connect();
  for (const text of STORY) client.run(text);
});

const count = (where = "true") => client.rows(`SELECT count(*) FROM bookings WHERE ${where}`)[0]?.[0];

test.each(CHANGES_IN_WITH_ANSWERS)("as PostgreSQL answers: %s", (query, answer) => {
  if (typeof answer === "string") expect(client.error(query)).toBe(answer);
  else expect(client.rows(query)).toEqual(answer as (string | null)[][]);
});

test("bookings move from one place to another in one commit", () => {
  const { appendedLsn } = database.log;
  const moved = `WITH moved AS (DELETE FROM bookings WHERE resource_id = '${id(2)}' RETURNING *)
    INSERT INTO bookings (id, resource_id, start, "end", label) SELECT id, '${id(5)}', start * 10, start * 10 + 1, label FROM moved`;
  expect(client.tag(moved)).toBe("INSERT 0 6");
  expect(database.log.appendedLsn).toBe(appendedLsn + 1);
  expect(count()).toBe("24");
  expect(count(`resource_id = '${id(5)}'`)).toBe("6");
});

test("a part that fails undoes them all", () => {
  const { appendedLsn } = database.log;
  // Yard has room for one.
  const text = `WITH gone AS (DELETE FROM bookings WHERE start < 50 RETURNING start)
    INSERT INTO bookings (resource_id, start, "end") SELECT '${id(5)}', start, 1000 FROM gone`;
  expect(client.error(text)).toStartWith("23P01");
  expect(count()).toBe("24");
  expect(database.log.appendedLsn).toBe(appendedLsn);
});

test("what one part frees, the next may take; both read the tables as they were", () => {
  client.run(`INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${id(300)}', '${id(5)}', 0, 10)`);
  const text = `WITH freed AS (DELETE FROM bookings WHERE id = '${id(300)}' RETURNING start, "end"),
      taken AS (INSERT INTO bookings (id, resource_id, start, "end")
        SELECT '${id(301)}', '${id(5)}', start, "end" FROM freed RETURNING id)
    SELECT taken.id, (SELECT count(*) FROM bookings WHERE resource_id = '${id(5)}'),
      EXISTS (SELECT 1 FROM bookings WHERE id = '${id(300)}') FROM taken`;
  expect(client.rows(text)).toEqual([[id(301), "1", "t"]]);
  expect(client.rows(`SELECT id FROM bookings WHERE resource_id = '${id(5)}'`)).toEqual([[id(301)]]);
});

test("a part runs to its end, read or not, and the tag is that of the statement itself", () => {
  expect(client.tag("WITH d AS (DELETE FROM bookings RETURNING id) SELECT 1")).toBe("SELECT 1");
  expect(count()).toBe("0");
});

test("a row that two parts take away is taken away once", () => {
  const text = `WITH d AS (DELETE FROM bookings WHERE start < 20 RETURNING id) DELETE FROM bookings WHERE start < 30`;
  expect(client.tag(text)).toBe("DELETE 1");
  expect(
    client.tag(
      "WITH d AS (DELETE FROM bookings WHERE start = 30) UPDATE bookings SET label = 'x' WHERE start = 30",
    ),
  ).toBe("UPDATE 0");
  expect(count()).toBe("20");
});

test("in a transaction, and undone with it", () => {
  client.run("BEGIN");
  client.run("WITH d AS (DELETE FROM bookings WHERE start < 100 RETURNING id) SELECT count(*) FROM d");
  expect(count()).toBe("14");
  client.run("ROLLBACK");
  expect(count()).toBe("24");
});

test("parameters of every part", () => {
  const text = `WITH d AS (DELETE FROM bookings WHERE start = $2 RETURNING label), i AS
    (INSERT INTO resources (id, name) VALUES ($1, $3) RETURNING name) SELECT d.label, i.name, $4::int FROM d, i`;
  expect(client.prepared(text, [id(900), "10", "named", "7"]).rows).toEqual([["l1", "named", "7"]]);
  expect(client.prepared(text, [id(901), "20", "again", "8"]).rows).toEqual([["l2", "again", "8"]]);
});

test("what RETURNING keeps counts as memory of the statement", () => {
  client.run(
    `INSERT INTO resources (name) SELECT repeat_name FROM (SELECT '${"x".repeat(5000)}' AS repeat_name FROM generate_series(1, 50)) s`,
  );
  client.run("SET work_mem = '128kB'");
  expect(
    client.error("WITH u AS (UPDATE resources SET capacity = 9 RETURNING name) SELECT count(*) FROM u"),
  ).toBe("53200 out of memory");
  client.run("RESET work_mem");
  expect(client.rows("SELECT count(*) FROM resources WHERE capacity = 9")).toEqual([["0"]]);
});

test("no cursor over changes", () => {
  client.run("BEGIN");
  expect(
    client.error("DECLARE c CURSOR FOR WITH d AS (DELETE FROM bookings RETURNING id) SELECT * FROM d"),
  ).toStartWith("0A000 DECLARE CURSOR must not contain");
});
