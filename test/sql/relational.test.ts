/** Joins, grouping, subqueries and the rest, as PostgreSQL answers them, and what is our own about them. */

import { beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { MAX_FUNCTION_ROWS } from "../../src/limits.ts";
import { ANALYSIS_ANSWERS } from "./analysis-answers.ts";
import { RELATIONAL_ANSWERS, STORY } from "./relational-answers.ts";
import { id, type TestClient, TestDatabase } from "./sql-fixture.ts";

function storyClient(): TestClient {
  const client = new TestDatabase().connect();
  for (const text of STORY) client.run(text);
  return client;
}

describe("as PostgreSQL answers", () => {
  let client: TestClient;
  beforeAll(() => {
    client = storyClient();
  });

  test.each([...RELATIONAL_ANSWERS, ...ANALYSIS_ANSWERS])("%s", (query, answer) => {
    if (typeof answer === "string") expect(client.error(query)).toBe(answer);
    else expect(client.rows(query)).toEqual(answer as (string | null)[][]);
  });
});

describe("our own tables in queries", () => {
  let client: TestClient;
  beforeEach(() => {
    client = storyClient();
    client.run(
      `INSERT INTO rules (resource_id, start, "end", blocking) VALUES
       ('${id(1)}', 0, 1000, false), ('${id(2)}', 500, 600, true)`,
    );
  });

  test("ids are compared in either case, whatever side and form", () => {
    const lower = id(103).toLowerCase();
    for (const condition of [
      `b.id = '${lower}'`,
      `'${lower}' = b.id`,
      `b.id = ANY (ARRAY['${lower}'])`,
      `b.id IN ('${lower}')`,
    ]) {
      const text = `SELECT b.start FROM bookings b JOIN resources r ON r.id = b.resource_id WHERE ${condition}`;
      expect(client.rows(text)).toEqual([["30"]]);
      expect(client.rows(`SELECT count(*) FROM (SELECT * FROM bookings) b WHERE ${condition}`)).toEqual([
        ["1"],
      ]);
    }
    expect(client.error("SELECT 1 FROM bookings b, resources r WHERE b.id = 'x'")).toStartWith("22P02");
  });

  test("availability joins like a table whose filters are given", () => {
    const filters = `a.start >= 240 AND a."end" <= 1000`;
    const order = "ORDER BY r.id, a.start";
    expect(
      client.rows(
        `SELECT r.name, a.start, a."end" FROM resources r JOIN availability a ON a.resource_id = r.id AND ${filters}
         WHERE r.capacity = 5 AND r.name <> 'Room' AND a.min_duration = 10 ${order}`,
      ),
    ).toEqual([
      ["House", "240", "1000"],
      ["Hall", "240", "500"],
      ["Hall", "600", "1000"],
    ]);
    expect(
      client.rows(
        `SELECT r.name, a.start FROM resources r LEFT JOIN LATERAL
         (SELECT * FROM availability WHERE resource_id = r.id AND start >= 240 AND "end" <= 250) a ON true
         ORDER BY r.id`,
      ),
    ).toEqual([
      ["House", "240"],
      ["Hall", "240"],
      ["Room", "240"],
      [null, "240"],
      ["Yard", null],
    ]);
    expect(client.error("SELECT 1 FROM availability a, resources r WHERE a.resource_id = r.id")).toStartWith(
      "42P10",
    );
  });

  test("subqueries say whose availability is asked for, and when", () => {
    const ofHall = (condition: string) =>
      client.rows(`SELECT resource_id, start, "end" FROM availability WHERE ${condition} AND "end" <= 1000`);
    const runs = [
      ["240", "500"],
      ["600", "1000"],
    ] as const;
    const hall = runs.map(([start, end]) => [id(2), start, end]);
    const named = (name: string) => `(SELECT id FROM resources WHERE name = '${name}')`;
    expect(ofHall(`resource_id = ${named("Hall")} AND start >= 240`)).toEqual(hall);
    expect(ofHall(`${named("Hall")} = resource_id AND (SELECT 240) <= start`)).toEqual(hall);
    expect(ofHall(`resource_id IN ${named("Hall")} AND start >= (SELECT 240) AND per_resource`)).toEqual(
      hall,
    );
    expect(ofHall(`resource_id IN ${named("Hall")} AND start >= 240`)).toEqual(
      runs.map(([start, end]) => [null, start, end]),
    );
    expect(ofHall(`resource_id = ANY ${named("Hall")} AND start >= 240 AND per_resource`)).toEqual(hall);
    expect(
      ofHall(
        `resource_id = ${named("Hall")} AND start >= 240 AND min_duration = (SELECT 261) AND min_available = (SELECT 1)`,
      ),
    ).toEqual(hall.slice(1));
    expect(ofHall(`resource_id = ${named("Hall")} AND start >= 240 AND min_duration = 260.5`)).toEqual(
      hall.slice(1),
    );
    expect(ofHall(`resource_id = ${named("nobody")} AND start >= 240`)).toEqual([]);
    expect(ofHall(`resource_id IN ${named("nobody")} AND start >= 240`)).toEqual([]);
    for (const [condition, state] of [
      ["resource_id = (SELECT id FROM resources) AND start >= 240", "21000"],
      ["resource_id = (SELECT resource_id) AND start >= 240", "42P10"],
      ["resource_id = (SELECT 1) AND start >= 240", "42883"],
      ["resource_id NOT IN (SELECT id FROM resources) AND start >= 240", "42P10"],
    ]) {
      expect(client.error(`SELECT * FROM availability WHERE ${condition} AND "end" <= 1000`)).toStartWith(
        state as string,
      );
    }
  });

  test("a subquery in a condition of a scan leaves the scan's own row alone", () => {
    const own = new TestDatabase().connect();
    own.run(
      `INSERT INTO resources (id, name) VALUES ('${id(1)}', 'House'), ('${id(2)}', 'Hall'), ('${id(3)}', 'Room')`,
    );
    own.run(`INSERT INTO rules (resource_id, start, "end", blocking) VALUES ('${id(2)}', 0, 1000, false)`);
    own.run(
      `INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ('${id(21)}', '${id(2)}', 100, 200, 'a'),
       ('${id(22)}', '${id(2)}', 500, 600, 'b'), ('${id(23)}', '${id(3)}', 300, 400, 'c'), ('${id(24)}', '${id(3)}', 10, 20, 'd')`,
    );
    const hall = "resource_id = (SELECT id FROM resources WHERE name = 'Hall')";
    const first = "id = (SELECT id FROM bookings WHERE start = 100)";
    for (const [condition, found] of [
      [`${first} AND id IN (SELECT id FROM bookings)`, [21]],
      [`${first} AND resource_id IN (SELECT id FROM resources) AND label = 'a'`, [21]],
      [`${hall} AND id IN (SELECT id FROM bookings) AND label IN ('a', 'b')`, [21, 22]],
      [`resource_id IN (SELECT id FROM resources) AND ${first} AND start = (SELECT 100)`, [21]],
    ] as const) {
      const rows = found.map((n) => [id(n)]);
      expect(own.rows(`SELECT id FROM bookings WHERE ${condition} ORDER BY id`)).toEqual(rows);
      own.run("BEGIN");
      expect(own.rows(`UPDATE bookings SET label = label WHERE ${condition} RETURNING id`).sort()).toEqual(
        rows,
      );
      expect(own.rows(`DELETE FROM bookings WHERE ${condition} RETURNING id`).sort()).toEqual(rows);
      own.run("ROLLBACK");
    }
    const window = 'a.start >= 0 AND a."end" <= 1000';
    const free = [
      [id(2), "0", "100"],
      [id(2), "200", "500"],
      [id(2), "600", "1000"],
    ];
    const names = `a.resource_id IN (SELECT id FROM resources WHERE name LIKE 'H%')`;
    for (const from of [
      `availability a WHERE a.resource_id = '${id(2)}' AND ${names} AND ${window}`,
      `availability a WHERE ${names} AND ${window} AND '${id(2)}' = a.resource_id`,
      `availability a WHERE ${names} AND a.resource_id IN ('${id(2)}') AND per_resource AND ${window} AND a.resource_id <> '${id(1)}'`,
      `resources r JOIN availability a ON a.resource_id = r.id WHERE ${window} AND ${names}`,
      `resources r, availability a WHERE ${window} AND ${names} AND a.resource_id = r.id`,
    ]) {
      expect(own.rows(`SELECT a.resource_id, a.start, a."end" FROM ${from}`)).toEqual(free);
    }
  });

  test("prepared and repeated queries take their values each time", () => {
    const text = "SELECT r.name FROM resources r JOIN bookings b ON b.resource_id = r.id WHERE b.start = $1";
    expect(client.prepared(text, ["10"]).rows).toEqual([["Hall"]]);
    expect(client.prepared(text, ["20"]).rows).toEqual([["Room"]]);
    const grouped = (step: number) =>
      client.rows(`SELECT start / ${step}, count(*) FROM bookings GROUP BY start / ${step} ORDER BY 1`)
        .length;
    expect([grouped(100), grouped(50), grouped(100)]).toEqual([3, 5, 3]);
  });

  test("a query of a transaction sees its writes", () => {
    const other = client;
    client.run("BEGIN");
    client.run(`DELETE FROM bookings WHERE resource_id = '${id(2)}'`);
    const text = "SELECT count(*) FROM resources r JOIN bookings b ON b.resource_id = r.id";
    expect(other.rows(text)).toEqual([["18"]]);
    client.run("ROLLBACK");
    expect(client.rows(text)).toEqual([["24"]]);
  });
});

describe("writes with more than their own table", () => {
  let client: TestClient;
  beforeEach(() => {
    client = storyClient();
  });
  const late = "SELECT label FROM bookings WHERE start >= 5000 ORDER BY label";

  test("INSERT … SELECT reads all before it writes, fills in defaults and makes ids", () => {
    const text = `INSERT INTO bookings (resource_id, start, "end", label)
      SELECT id, 5000, 5010, name FROM resources WHERE parent_id IS NOT NULL`;
    expect(client.run(`${text} RETURNING label`).rows).toEqual([["Hall"], ["Room"], [null]]);
    expect(client.rows(late)).toEqual([["Hall"], ["Room"], [null]]);
    expect(
      client.tag(`INSERT INTO bookings (resource_id, start, "end")
      SELECT resource_id, start + 1000, "end" + 1000 FROM bookings WHERE start >= 5000`),
    ).toBe("INSERT 0 3");
    expect(client.rows("SELECT count(*) FROM bookings")).toEqual([["30"]]);
    expect(client.tag("INSERT INTO resources (name) VALUES ((SELECT max(name) FROM resources))")).toBe(
      "INSERT 0 1",
    );
    expect(client.tag(`INSERT INTO resources (id) SELECT '${id(1)}' ON CONFLICT DO NOTHING`)).toBe(
      "INSERT 0 0",
    );
    expect(client.error("INSERT INTO resources (id, name) SELECT 'x'")).toStartWith("42601");
    expect(client.error("INSERT INTO resources (name, capacity) SELECT 'x', true")).toStartWith("42804");
  });

  test("a row that fails undoes the whole INSERT … SELECT", () => {
    expect(
      client.error(
        `INSERT INTO bookings (resource_id, start, "end") SELECT '${id(5)}', g, g + 2 FROM generate_series(0, 1) g`,
      ),
    ).toStartWith("23P01");
    expect(client.rows("SELECT count(*) FROM bookings")).toEqual([["24"]]);
  });

  test("UPDATE … FROM, and with subqueries", () => {
    expect(
      client.rows(
        `UPDATE bookings b SET label = r.name FROM resources r
         WHERE r.id = b.resource_id AND b.start IN (10, 20) RETURNING b.label`,
      ),
    ).toEqual([["Hall"], ["Room"]]);
    expect(
      client.rows(
        `UPDATE bookings SET label = (SELECT name || '!' FROM resources WHERE id = resource_id), "end" = "end" + 1
         WHERE start = (SELECT min(start) FROM bookings) RETURNING label, "end"`,
      ),
    ).toEqual([["House!", "16"]]);
    // A row that joins several is changed once.
    expect(client.tag("UPDATE bookings b SET label = 'x' FROM resources r WHERE b.start = 30")).toBe(
      "UPDATE 1",
    );
  });

  test("DELETE … USING, with subqueries and WITH", () => {
    expect(
      client.tag("DELETE FROM bookings b USING resources r WHERE r.id = b.resource_id AND r.name = 'Hall'"),
    ).toBe("DELETE 6");
    expect(client.tag("DELETE FROM bookings WHERE start = (SELECT max(start) FROM bookings)")).toBe(
      "DELETE 1",
    );
    expect(client.tag("WITH x AS (SELECT 20 AS s) DELETE FROM bookings USING x WHERE start = x.s")).toBe(
      "DELETE 1",
    );
    expect(client.rows("SELECT count(*) FROM bookings")).toEqual([["16"]]);
  });
});

describe("EXPLAIN", () => {
  const explain = (text: string): string =>
    new TestDatabase()
      .connect()
      .rows(`EXPLAIN ${text}`)
      .map(([line]) => line)
      .join("\n");

  test("as JSON, and of what EXECUTE would run", () => {
    const session = new TestDatabase().connect();
    session.rows("PREPARE one AS SELECT label FROM bookings WHERE id = $1");
    const [[json = ""] = []] = session.rows("EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE one(NULL)");
    expect(JSON.parse(String(json))).toEqual([
      { Plan: { "Node Type": "Index Scan", Label: "Index Scan using bookings_pkey on bookings" } },
    ]);
    expect(session.rows("EXPLAIN EXECUTE one(NULL)")).toEqual([
      ["Index Scan using bookings_pkey on bookings"],
    ]);
  });

  test("a booking by id, a week of one resource, and a join scan no table of bookings", () => {
    expect(explain(`SELECT * FROM bookings WHERE id = '${id(1)}'`)).toBe(
      "Index Scan using bookings_pkey on bookings",
    );
    expect(
      explain(`SELECT * FROM bookings b WHERE resource_id = '${id(1)}' AND start < 50 AND "end" > 10`),
    ).toStartWith("Index Scan using bookings_resource_id_span_idx on bookings b");
    expect(
      explain("SELECT 1 FROM bookings b JOIN resources r ON r.id = b.resource_id WHERE b.start < 50"),
    ).toBe(
      [
        "Nested Loop",
        "  ->  Seq Scan on resources r",
        "  ->  Index Scan using bookings_resource_id_span_idx on bookings b",
        "        Filter",
      ].join("\n"),
    );
    expect(explain("SELECT (SELECT 1), b.start FROM bookings b WHERE b.start = 5")).toBe(
      ["Seq Scan on bookings b", "  Filter"].join("\n"),
    );
    expect(explain(`DELETE FROM holds WHERE id = '${id(1)}'`)).toBe(
      ["Delete on holds", "  ->  Index Scan using holds_pkey on holds"].join("\n"),
    );
  });

  test.each([
    [`SELECT * FROM bookings WHERE id = '${id(1)}' OR '${id(2)}' = id`, "Index Scan using bookings_pkey"],
    [`SELECT * FROM bookings WHERE id = ANY (ARRAY['${id(1)}'])`, "Index Scan using bookings_pkey"],
    [
      `SELECT * FROM bookings WHERE resource_id = '${id(1)}' AND start BETWEEN 5 AND 10`,
      "bookings_resource_id_span_idx",
    ],
    [`SELECT * FROM resources WHERE parent_id = '${id(1)}'`, "resources_parent_id_idx"],
    [
      `SELECT * FROM bookings WHERE resource_id IN (SELECT id FROM resources WHERE parent_id = '${id(1)}')`,
      "Index Scan using bookings_resource_id_idx",
    ],
    ["DELETE FROM bookings WHERE id IN (SELECT id FROM holds)", "Index Scan using bookings_pkey on bookings"],
    [
      "SELECT * FROM bookings WHERE resource_id = (SELECT id FROM resources WHERE name = 'Hall') AND start < 9",
      "Index Scan using bookings_resource_id_span_idx",
    ],
    ["UPDATE bookings SET label = 'x' WHERE (SELECT id FROM holds) = id", "Index Scan using bookings_pkey"],
    [
      `SELECT * FROM bookings WHERE resource_id = '${id(1)}' AND (start, id) > (5, '${id(2)}') ORDER BY start, id LIMIT 9`,
      "bookings_resource_id_span_idx",
    ],
    [
      "SELECT * FROM resources r, LATERAL (SELECT * FROM bookings b WHERE b.resource_id = r.id AND start < 5) x",
      "bookings_resource_id_span_idx on bookings b",
    ],
    [
      "UPDATE bookings b SET label = 'x' FROM resources r WHERE r.id = b.resource_id AND r.name = 'y'",
      "Index Scan using bookings_resource_id_idx on bookings b",
    ],
    [
      `DELETE FROM bookings b USING resources r WHERE r.id = b.resource_id AND r.id = '${id(1)}'`,
      "Index Scan using resources_pkey on resources r",
    ],
  ])("%s", (text, shown) => {
    const plan = explain(text);
    expect(plan).toContain(shown);
    expect(plan).not.toContain("Seq Scan on bookings");
  });

  test("what an index cannot look up is compared all the same", () => {
    const client = storyClient();
    expect(
      client.rows("SELECT count(*) FROM bookings WHERE resource_id IN (SELECT name FROM resources)"),
    ).toEqual([["0"]]);
    const bookings = "SELECT count(*) FROM bookings WHERE resource_id";
    expect(client.rows(`${bookings} IN (SELECT id FROM resources WHERE name IN ('Hall', 'Room'))`)).toEqual([
      ["12"],
    ]);
    expect(client.rows(`${bookings} IN (SELECT parent_id FROM resources)`)).toEqual([["12"]]);
    expect(client.rows(`${bookings} = (SELECT id FROM resources WHERE name = 'Hall')`)).toEqual(
      client.rows(`${bookings} = '${id(2)}'`),
    );
    expect(client.rows(`${bookings} = (SELECT parent_id FROM resources WHERE name = 'House')`)).toEqual([
      ["0"],
    ]);
    expect(client.rows(`${bookings} NOT IN (SELECT id FROM resources WHERE name = 'Hall')`)).toEqual([
      ["18"],
    ]);
    expect(
      client.rows(`SELECT start FROM bookings WHERE (start, id) >= (220, '${id(123)}') ORDER BY 1`),
    ).toEqual([["230"]]);
  });

  test("equality without an index is a hash join", () => {
    expect(explain('SELECT 1 FROM bookings a LEFT JOIN bookings b ON a.start = b."end"')).toBe(
      ["Hash Left Join", "  ->  Seq Scan on bookings a", "  ->  Seq Scan on bookings b"].join("\n"),
    );
  });
});

describe("bounds", () => {
  const sorted = "SELECT count(*) FROM (SELECT g FROM generate_series(1, 5000) g ORDER BY g DESC) s";

  test("a client cannot set work_mem beyond what a session is granted", () => {
    const client = new TestDatabase().connect(new Map(), 128 * 1024);
    client.run("SET work_mem = '1GB'");
    expect(client.error(sorted)).toBe("53200 out of memory");
  });

  test("the rows of a cursor that a change has made it keep count as unfinished results, until it is closed", () => {
    const database = new TestDatabase();
    const client = database.connect(new Map(), 256 * 1024);
    database.connect().run("INSERT INTO resources (name) VALUES ('r'), ('s')");
    const rows = `SELECT '${"x".repeat(80_000)}' FROM resources CROSS JOIN (VALUES (1)) v WHERE name IN ('r', 's')`;
    client.run("BEGIN");
    client.run(`DECLARE a CURSOR FOR ${rows}`);
    client.run(`DECLARE b CURSOR FOR ${rows}`);
    database.connect().run("INSERT INTO resources (name) VALUES ('x')");
    expect(client.rows("FETCH ALL FROM a")).toHaveLength(2);
    expect(client.error("FETCH ALL FROM b")).toBe("53200 out of memory");
    client.run("ROLLBACK");
    client.run("BEGIN");
    client.run(`DECLARE c CURSOR FOR ${rows}`);
    database.connect().run("INSERT INTO resources (name) VALUES ('y')");
    expect(client.rows("FETCH ALL FROM c")).toHaveLength(2);
  });

  test("a statement keeps no more rows than work_mem", () => {
    const client = new TestDatabase().connect();
    expect(client.rows(sorted)).toEqual([["5000"]]);
    client.run("SET work_mem = '128kB'");
    expect(client.error(sorted)).toBe("53200 out of memory");
    for (const text of [
      "SELECT count(*) FROM generate_series(1, 5000) a JOIN generate_series(1, 5000) b ON a = b",
      "SELECT g, count(*) FROM generate_series(1, 5000) g GROUP BY g",
      "SELECT DISTINCT g FROM generate_series(1, 5000) g",
      "SELECT count(DISTINCT g) FROM generate_series(1, 5000) g",
      "SELECT array_agg(g) FROM generate_series(1, 5000) g",
      "SELECT array_agg(g ORDER BY g) FROM generate_series(1, 5000) g",
      "SELECT json_agg(g) FROM generate_series(1, 5000) g",
      "SELECT string_agg(g::text, ',') FROM generate_series(1, 5000) g",
      "SELECT json_object_agg(g, g) FROM generate_series(1, 5000) g",
      "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
    ]) {
      expect(client.error(text)).toBe("53200 out of memory");
    }
    // A sort under LIMIT keeps the best rows only.
    expect(client.rows("SELECT g FROM generate_series(1, 5000) g ORDER BY g DESC LIMIT 1")).toEqual([
      ["5000"],
    ]);
    client.run("RESET work_mem");
    expect(client.rows(sorted)).toEqual([["5000"]]);
  });

  test("nor than the server lets a session hold, whatever work_mem asks for", () => {
    const client = new TestDatabase().connect(new Map(), 128 * 1024);
    client.run("SET work_mem = '1GB'");
    expect(client.error(sorted)).toBe("53200 out of memory");
  });

  test("work_mem is from 64 kB to 4 GB", () => {
    const client = new TestDatabase().connect();
    for (const value of ["64kB", "4GB"]) expect(client.tag(`SET work_mem = '${value}'`)).toBe("SET");
    for (const value of ["63kB", "4194305kB", "x"]) {
      expect(client.error(`SET work_mem = '${value}'`)).toStartWith("22023");
    }
  });

  test("a function gives two million rows at most", () => {
    const client = new TestDatabase().connect();
    const series = (n: number) => `SELECT count(*) FROM generate_series(1, ${n})`;
    expect(client.rows(series(MAX_FUNCTION_ROWS))).toEqual([[String(MAX_FUNCTION_ROWS)]]);
    expect(client.error(series(MAX_FUNCTION_ROWS + 1))).toStartWith(
      "54000 limit exceeded: rows of a function",
    );
  }, 30_000);
});

test("a GROUP BY has at most 4,096 sets, and a CUBE 12 elements", () => {
  const client = new TestDatabase().connect();
  const columns = Array.from({ length: 13 }, (_, i) => `c${i}`);
  const from = `FROM (VALUES (${columns.map((_, i) => i).join()})) v(${columns.join()})`;
  const cube = (n: number) =>
    `SELECT count(*) FROM (SELECT 1 ${from} GROUP BY CUBE (${columns.slice(0, n).join()})) s`;
  expect(client.rows(cube(12))).toEqual([["4096"]]);
  expect(client.error(cube(13))).toBe("54011 CUBE is limited to 12 elements");
  expect(client.error(`SELECT 1 ${from} GROUP BY CUBE (${columns.slice(0, 12).join()}), ROLLUP (c12)`)).toBe(
    "54001 too many grouping sets present (maximum 4096)",
  );
});
