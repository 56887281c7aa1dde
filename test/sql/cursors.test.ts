/** DECLARE, FETCH, MOVE and CLOSE: which rows come when, and how long a cursor lives. */

import { beforeEach, describe, expect, test } from "bun:test";
import { id, type TestClient, TestDatabase } from "./sql-fixture.ts";

let database: TestDatabase;
let client: TestClient;

beforeEach(() => {
  database = new TestDatabase();
  client = database.connect();
  client.run(`INSERT INTO resources (id) VALUES ('${id(1)}')`);
  for (let n = 0; n < 10; n++) {
    client.run(
      `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${id(100 + n)}', '${id(1)}', ${n * 10}, ${n * 10 + 5})`,
    );
  }
});

const starts = (text: string): string[] => client.rows(text).map(([start]) => start ?? "NULL");

describe("cursors", () => {
  test("FETCH gives rows in parts, and none after the last", () => {
    client.run("BEGIN");
    expect(
      client.tag("DECLARE c NO SCROLL CURSOR WITHOUT HOLD FOR SELECT start FROM bookings ORDER BY start"),
    ).toBe("DECLARE CURSOR");
    expect(client.run("FETCH 3 FROM c")).toEqual({ tag: "FETCH 3", rows: [["0"], ["10"], ["20"]] });
    expect(starts("FETCH c")).toEqual(["30"]);
    expect(starts("FETCH NEXT FROM c")).toEqual(["40"]);
    expect(client.tag("MOVE 2 IN c")).toBe("MOVE 2");
    expect(starts("FETCH FORWARD 1 FROM c")).toEqual(["70"]);
    expect(client.run("FETCH ALL FROM c")).toEqual({ tag: "FETCH 2", rows: [["80"], ["90"]] });
    expect(client.run("FETCH ALL FROM c")).toEqual({ tag: "FETCH 0", rows: [] });
    expect(client.tag("MOVE ALL IN c")).toBe("MOVE 0");
  });

  test("positions ahead can be named, those behind cannot be reached", () => {
    client.run("BEGIN");
    client.run("DECLARE c CURSOR FOR SELECT start FROM bookings ORDER BY start");
    expect(starts("FETCH FIRST FROM c")).toEqual(["0"]);
    expect(starts("FETCH ABSOLUTE 4 FROM c")).toEqual(["30"]);
    expect(starts("FETCH RELATIVE 2 FROM c")).toEqual(["50"]);
    for (const back of ["PRIOR", "BACKWARD 2", "ABSOLUTE 1", "FIRST", "LAST", "0", "RELATIVE 0", "-1"]) {
      client.run("SELECT 1");
      const inner = database.connect();
      inner.run("BEGIN");
      inner.run("DECLARE c CURSOR FOR SELECT start FROM bookings");
      inner.run("FETCH 3 FROM c");
      expect(inner.error(`FETCH ${back} FROM c`)).toBe("55000 cursor can only scan forward");
    }
    expect(starts("FETCH ABSOLUTE 11 FROM c")).toEqual([]);
  });

  test("show the moment they were declared, whoever changes what afterwards", () => {
    client.run("BEGIN");
    client.run(`DELETE FROM bookings WHERE id = '${id(100)}'`);
    client.run("DECLARE c CURSOR FOR SELECT start FROM bookings WHERE start < 50 ORDER BY start");
    expect(starts("FETCH 1 FROM c")).toEqual(["10"]);
    database.connect().run(`DELETE FROM bookings WHERE id = '${id(102)}'`);
    client.run(`DELETE FROM bookings WHERE id = '${id(103)}'`);
    expect(starts("FETCH ALL FROM c")).toEqual(["20", "30", "40"]);
    expect(starts("SELECT start FROM bookings WHERE start < 50 ORDER BY start")).toEqual(["10", "40"]);
  });

  test("read every table, expressions, aggregates and VALUES", () => {
    client.run(
      `INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ('${id(9)}', '${id(1)}', 0, 1000, false)`,
    );
    client.run("BEGIN");
    const queries = [
      "SELECT * FROM resources",
      "SELECT * FROM rules",
      "SELECT * FROM bookings",
      "SELECT * FROM holds",
      `SELECT * FROM availability WHERE resource_id = '${id(1)}' AND start >= 0 AND "end" <= 1000`,
      `SELECT * FROM availability WHERE resource_id IN ('${id(1)}') AND per_resource = true AND start >= 0 AND "end" <= 1000`,
      "SELECT count(*), count(label) FROM bookings WHERE start > 20",
      "SELECT start + 1 AS next FROM bookings OFFSET 2 LIMIT 3",
      "SELECT 1, 'two'",
      "VALUES (1), (2)",
    ];
    for (const [n, query] of queries.entries()) client.run(`DECLARE c${n} CURSOR FOR ${query}`);
    const expected = queries.map((query) => client.rows(query));
    // Whatever a cursor still read of the tables would now be gone.
    client.run("DELETE FROM bookings");
    client.run("DELETE FROM resources");
    for (const n of queries.keys()) expect(client.rows(`FETCH ALL FROM c${n}`)).toEqual(expected[n] ?? []);
  });

  test("end with their transaction, however it ends", () => {
    for (const end of ["COMMIT", "ROLLBACK"]) {
      client.run("BEGIN");
      client.run("DECLARE c CURSOR FOR SELECT 1");
      client.run(end);
      expect(client.error("FETCH c")).toBe('34000 cursor "c" does not exist');
    }
    client.run("BEGIN");
    client.run("DECLARE c CURSOR FOR SELECT 1");
    expect(client.error("SELECT 1 / 0")).toStartWith("22012");
    client.run("ROLLBACK");
    expect(client.error("FETCH c")).toBe('34000 cursor "c" does not exist');
  });

  test("declared after a savepoint end with ROLLBACK TO it; older ones stay where they were", () => {
    client.run("BEGIN");
    client.run("DECLARE older CURSOR FOR SELECT start FROM bookings ORDER BY start");
    client.run("SAVEPOINT s");
    client.run("DECLARE c CURSOR FOR SELECT 1");
    client.run("DECLARE h CURSOR WITH HOLD FOR SELECT 1");
    client.run("FETCH 2 FROM older");
    client.run("ROLLBACK TO s");
    expect(starts("FETCH 1 FROM older")).toEqual(["20"]);
    for (const name of ["c", "h"]) {
      client.run(`DECLARE ${name} CURSOR FOR SELECT 1`);
      client.run("RELEASE s");
      expect(starts(`FETCH 1 FROM ${name}`)).toEqual(["1"]);
      client.run("SAVEPOINT s");
    }
    client.run("SAVEPOINT t");
    client.run("DECLARE failed CURSOR FOR SELECT 1");
    expect(client.error("SELECT 1 / 0")).toStartWith("22012");
    client.run("ROLLBACK TO t");
    expect(client.error("FETCH failed")).toBe('34000 cursor "failed" does not exist');
    client.run("ROLLBACK");
  });

  test("that lock are refused by name in a transaction that only reads", () => {
    client.run("BEGIN READ ONLY");
    expect(client.error("DECLARE c CURSOR FOR SELECT * FROM bookings FOR UPDATE")).toBe(
      "25006 cannot execute SELECT FOR UPDATE in a read-only transaction",
    );
  });

  test("WITH HOLD stay behind COMMIT, not behind ROLLBACK", () => {
    client.run("DECLARE h CURSOR WITH HOLD FOR SELECT start FROM bookings ORDER BY start");
    client.run("DELETE FROM bookings");
    expect(starts("FETCH 2 FROM h")).toEqual(["0", "10"]);
    client.run("BEGIN");
    client.run("DECLARE undone CURSOR WITH HOLD FOR SELECT 1");
    client.run("ROLLBACK");
    expect(client.error("FETCH undone")).toBe('34000 cursor "undone" does not exist');
    expect(starts("FETCH 1 FROM h")).toEqual(["20"]);
    client.run("CLOSE h");
    expect(client.error("FETCH h")).toBe('34000 cursor "h" does not exist');
  });

  test("are closed by name, all at once, and by DISCARD ALL", () => {
    client.run("BEGIN");
    client.run("DECLARE a CURSOR FOR SELECT 1");
    client.run("DECLARE b CURSOR FOR SELECT 1");
    expect(client.tag("CLOSE a")).toBe("CLOSE CURSOR");
    expect(client.tag("CLOSE ALL")).toBe("CLOSE CURSOR ALL");
    expect(client.error("CLOSE b")).toBe('34000 cursor "b" does not exist');
    client.run("ROLLBACK");
    client.run("DECLARE h CURSOR WITH HOLD FOR SELECT 1");
    client.run("DISCARD ALL");
    expect(client.error("MOVE h")).toBe('34000 cursor "h" does not exist');
  });

  test("refuse in PostgreSQL's words what cannot be", () => {
    expect(client.error("DECLARE c CURSOR FOR SELECT 1")).toBe(
      "25P01 DECLARE CURSOR can only be used in transaction blocks",
    );
    client.run("BEGIN");
    client.run("DECLARE c CURSOR FOR SELECT 1");
    expect(client.error("DECLARE c CURSOR FOR SELECT 2")).toBe('42P03 cursor "c" already exists');
  });

  test("take parameters, and FETCH is described by its cursor", () => {
    client.run("BEGIN");
    client.prepared("DECLARE c CURSOR FOR SELECT start AS s FROM bookings WHERE start >= $1 ORDER BY 1", [
      "70",
    ]);
    const fetch = client.session.prepare("FETCH 1 FROM c", []);
    expect(fetch.columns?.map(({ name, typeOid }) => [name, typeOid])).toEqual([["s", 20]]);
    expect(client.session.prepare("MOVE 1 FROM c", []).columns).toBeNull();
    expect(client.session.prepare("FETCH 1 FROM unheard_of", []).columns).toBeNull();
    expect(starts("FETCH ALL FROM c")).toEqual(["70", "80", "90"]);
  });
});
