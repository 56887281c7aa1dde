/** INSERT, UPDATE, DELETE and SELECT on the tables, and what they refuse. */

import { beforeEach, describe, expect, test } from "bun:test";
import { ByteWriter } from "../../src/bytes.ts";
import { DeltatError } from "../../src/errors.ts";
import { MAX_RESULT_COLUMNS } from "../../src/limits.ts";
import { id, type TestClient, TestDatabase } from "./sql-fixture.ts";

let database: TestDatabase;
let client: TestClient;

const ROOM = id(1);
const DESK = id(2);

beforeEach(() => {
  database = new TestDatabase();
  client = database.connect();
  client.script(`
    INSERT INTO resources (id, name) VALUES ('${ROOM}', 'Room');
    INSERT INTO resources (id, parent_id, name, capacity, buffer_after) VALUES ('${DESK}', '${ROOM}', 'Desk', 2, 10);
    INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ('${id(10)}', '${ROOM}', 0, 1000, false)`);
});

describe("INSERT", () => {
  test("takes columns in any order, several rows, DEFAULT and expressions", () => {
    const { tag } = client.run(
      `INSERT INTO bookings ("end", start, resource_id, id) VALUES
       (100 + 20, 100, '${ROOM}', '${id(20)}'), (300, 200, lower('${ROOM}'), '${id(21).toLowerCase()}')`,
    );
    expect(tag).toBe("INSERT 0 2");
    expect(client.rows("SELECT * FROM bookings ORDER BY start")).toEqual([
      [id(20), ROOM, "100", "120", null],
      [id(21), ROOM, "200", "300", null],
    ]);
    expect(client.tag(`INSERT INTO resources VALUES ('${id(3)}', NULL, 'x', DEFAULT)`)).toBe("INSERT 0 1");
    expect(client.rows(`SELECT * FROM resources WHERE id = '${id(3)}'`)).toEqual([
      [id(3), null, "x", "1", "0", "f"],
    ]);
  });

  test("makes an id where none is given, and RETURNING tells it", () => {
    const { rows, tag } = client.run(
      `INSERT INTO bookings (resource_id, start, "end", label) VALUES ('${ROOM}', 1, 2, 'a'), ('${ROOM}', 2, 3, 'b')
       RETURNING id, label, "end" - start AS length`,
    );
    expect(tag).toBe("INSERT 0 2");
    expect(rows.map((row) => row.slice(1))).toEqual([
      ["a", "1"],
      ["b", "1"],
    ]);
    for (const [made] of rows) {
      expect(made).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
      expect(client.rows(`SELECT count(*) FROM bookings WHERE id = '${made}'`)).toEqual([["1"]]);
    }
  });

  test("is all or nothing, its rows too", () => {
    const { session } = client;
    const text = `INSERT INTO bookings (resource_id, start, "end") VALUES ('${ROOM}', 1, 5), ('${ROOM}', 4, 6) RETURNING id`;
    const rows = new ByteWriter();
    expect(() => session.execute(session.prepare(text, []), [], [], rows)).toThrow(
      "conflict with allocation",
    );
    expect(rows.length).toBe(0);
    expect(
      client.error(
        `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${id(20)}', '${ROOM}', 1, 5), ('${id(21)}', '${ROOM}', 4, 6)`,
      ),
    ).toBe(`23P01 conflict with allocation: ${id(20)}`);
    expect(client.rows("SELECT * FROM bookings")).toEqual([]);
  });

  test("ON CONFLICT DO NOTHING is about the id and nothing else", () => {
    const insert = (booking: string, start: number) =>
      `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${booking}', '${ROOM}', ${start}, ${start + 5})`;
    client.run(insert(id(20), 0));
    expect(client.error(insert(id(20), 50))).toBe(`23505 already exists: ${id(20)}`);
    expect(client.tag(`${insert(id(20), 50)} ON CONFLICT (id) DO NOTHING`)).toBe("INSERT 0 0");
    expect(client.tag(`${insert(id(20), 50)} ON CONFLICT DO NOTHING`)).toBe("INSERT 0 0");
    expect(client.error(`${insert(id(21), 3)} ON CONFLICT DO NOTHING`)).toStartWith("23P01");
    expect(client.tag(`${insert(id(21), 5)} ON CONFLICT (id) DO NOTHING RETURNING id`)).toBe("INSERT 0 1");
    expect(client.error(`${insert(id(22), 70)} ON CONFLICT (start) DO NOTHING`)).toStartWith("42P10");
  });

  test("ON CONFLICT DO UPDATE changes the row that has the id, in one step with the INSERT", () => {
    const upsert = (rows: string, rest = 'SET start = excluded.start, "end" = excluded."end"') =>
      `INSERT INTO bookings AS b (id, resource_id, start, "end", label) VALUES ${rows} ON CONFLICT (id) DO UPDATE ${rest}`;
    const row = (booking: string, start: number, label: string) =>
      `('${booking}', '${ROOM}', ${start}, ${start + 5}, '${label}')`;
    const all = () => client.rows("SELECT id, start, label FROM bookings ORDER BY start");
    expect(client.tag(upsert(row(id(20), 0, "first")))).toBe("INSERT 0 1");
    expect(client.tag(upsert(`${row(id(20), 30, "second")}, ${row(id(21), 0, "other")}`))).toBe("INSERT 0 2");
    expect(all()).toEqual([
      [id(21), "0", "other"],
      [id(20), "30", "first"],
    ]);
    expect(client.error(upsert(row(id(20), 3, "")))).toStartWith(`23P01 conflict with allocation: ${id(21)}`);
    const set =
      "SET id = excluded.id, label = b.label || '+' || excluded.label WHERE excluded.start > b.start";
    expect(client.rows(`${upsert(row(id(20).toLowerCase(), 31, "x"), set)} RETURNING id, label`)).toEqual([
      [id(20), "first+x"],
    ]);
    expect(client.tag(upsert(row(id(20), 30, "x"), set))).toBe("INSERT 0 0");
    expect(client.tag(upsert(row(id(20), 0, "x"), "SET label = DEFAULT WHERE b.id = excluded.id"))).toBe(
      "INSERT 0 1",
    );
    expect(all()[1]).toEqual([id(20), "30", null]);
  });

  test("what ON CONFLICT DO UPDATE refuses", () => {
    const insert = `INSERT INTO bookings VALUES ('${id(20)}', '${ROOM}', 50, 60)`;
    const target = `${insert} ON CONFLICT (id) DO UPDATE SET`;
    client.run(insert);
    expect(client.error(`${insert} ON CONFLICT DO UPDATE SET label = 'x'`)).toBe(
      "42601 ON CONFLICT DO UPDATE requires inference specification or constraint name",
    );
    expect(
      client.error(`${insert}, ('${id(20)}', '${ROOM}', 70, 80) ON CONFLICT (id) DO UPDATE SET label = 'x'`),
    ).toBe("21000 ON CONFLICT DO UPDATE command cannot affect row a second time");
    expect(client.error(`${target} label = label`)).toBe('42702 column reference "label" is ambiguous');
    expect(client.error(`${target} label = excluded.nope`)).toBe("42703 column excluded.nope does not exist");
    expect(client.error(`${target} label = holds.id`)).toStartWith("42P01");
    expect(client.error(`${target} id = '${id(21)}'`)).toStartWith("0A000 UPDATE of an id");
    expect(client.error(`${target} start = 60`)).toStartWith("22007");
    expect(client.error(`${target} resource_id = NULL`)).toStartWith("23502");
    expect(client.error(`${target} label = (SELECT 'x')`)).toStartWith("0A000");
    expect(client.error(`${target} label = 'x' RETURNING excluded.id`)).toStartWith("42P01");
    expect(client.rows("SELECT start, label FROM bookings")).toEqual([["50", null]]);
  });

  test("hold_id turns a hold into a booking", () => {
    client.run(`INSERT INTO holds VALUES ('${id(30)}', '${ROOM}', 5, 9, ${database.now + 1000})`);
    const text = `INSERT INTO bookings (id, hold_id, label) VALUES ('${id(20)}', '${id(30)}', 'paid') RETURNING *`;
    expect(client.rows(text)).toEqual([[id(20), ROOM, "5", "9", "paid"]]);
    expect(client.rows("SELECT * FROM holds")).toEqual([]);
    expect(
      client.error(`INSERT INTO bookings (id, hold_id, start) VALUES ('${id(21)}', '${id(30)}', 7)`),
    ).toStartWith("0A000 hold_id together with");
    expect(client.error(`INSERT INTO bookings (id, label) VALUES ('${id(21)}', 'x')`)).toStartWith(
      '23502 null value in column "resource_id"',
    );
  });

  test("hold_id reads as NULL wherever it is named, and NULL may be written back", () => {
    client.run(`INSERT INTO bookings VALUES ('${id(20)}', '${ROOM}', 50, 60)`);
    expect(
      client.rows(`SELECT label, hold_id FROM bookings WHERE id = '${id(20)}' AND hold_id IS NULL`),
    ).toEqual([[null, null]]);
    expect(
      client.rows(`SELECT b.hold_id, r.id FROM resources r JOIN bookings b ON b.resource_id = r.id
        WHERE b.id = '${id(20)}'`),
    ).toEqual([[null, ROOM]]);
    expect(client.rows(`SELECT 1 FROM bookings WHERE hold_id = '${id(30)}'`)).toEqual([]);
    const text = `UPDATE bookings SET label = 'x', hold_id = $1 WHERE id = '${id(20)}' RETURNING label, hold_id`;
    expect(client.prepared(text, [null]).rows).toEqual([["x", null]]);
    expect(client.error(text, [id(30)])).toStartWith('0A000 UPDATE of column "hold_id" to what is not NULL');
    // Neither `*` nor the catalogs tell of it.
    expect(client.rows(`SELECT * FROM bookings WHERE id = '${id(20)}'`)[0]).toHaveLength(5);
    expect(client.rows("SELECT 1 FROM information_schema.columns WHERE column_name = 'hold_id'")).toEqual([]);
    // What a mapper sends that knows every column.
    client.run(`INSERT INTO holds VALUES ('${id(30)}', '${ROOM}', 5, 9, ${database.now + 1000})`);
    const all = `INSERT INTO bookings (id, resource_id, start, "end", label, hold_id)
      VALUES ('${id(21)}', DEFAULT, DEFAULT, DEFAULT, 'paid', '${id(30)}') RETURNING start, hold_id`;
    expect(client.rows(all)).toEqual([["5", null]]);
  });

  test("a wrong value has PostgreSQL's words", () => {
    const error = (values: string) => client.error(`INSERT INTO bookings VALUES (${values})`);
    expect(error(`'nope', '${ROOM}', 1, 2`)).toBe('22P02 invalid input syntax for type ulid: "nope"');
    expect(error(`'${id(20)}', '${ROOM}', 'abc', 2`)).toBe(
      '22P02 invalid input syntax for type bigint: "abc"',
    );
    expect(error(`'${id(20)}', '${ROOM}', true, 2`)).toBe(
      '42804 column "start" is of type bigint but expression is of type boolean',
    );
    expect(error(`'${id(20)}', '${ROOM}', NULL, 2`)).toStartWith('23502 null value in column "start"');
    expect(error(`NULL, '${ROOM}', 1, 2`)).toStartWith('23502 null value in column "id"');
    expect(error(`'${id(20)}', '${ROOM}', 2, 2`)).toStartWith("22007 invalid time range");
    expect(error(`'${id(20)}', '${ROOM}', -1, 2`)).toStartWith("22008");
    expect(error(`'${id(20)}', '${ROOM}', 1, 8640000000000001`)).toStartWith("22008");
    expect(error(`'${id(20)}', '${ROOM}', 1, 9223372036854775807`)).toStartWith("22008");
    expect(error(`'${id(20)}', '${id(99)}', 1, 2`)).toBe(`23503 not found: ${id(99)}`);
    expect(error(`'${id(20)}', '${ROOM}', 1, 2, 'x', 'y'`)).toBe(
      "42601 INSERT has more expressions than target columns",
    );
    expect(client.error("INSERT INTO bookings (nope) VALUES (1)")).toBe(
      '42703 column "nope" of relation "bookings" does not exist',
    );
    expect(client.error("INSERT INTO bookings (id, id) VALUES ('a', 'b')")).toBe(
      '42701 column "id" specified more than once',
    );
    expect(client.error("INSERT INTO nope (id) VALUES ('a')")).toBe('42P01 relation "nope" does not exist');
    expect(
      client.error(`INSERT INTO rules (resource_id, start, "end") VALUES ('${ROOM}', 1, 2)`),
    ).toStartWith('23502 null value in column "blocking"');
  });
});

describe("UPDATE", () => {
  beforeEach(() => {
    client.run(
      `INSERT INTO bookings VALUES ('${id(20)}', '${ROOM}', 10, 20, 'a'), ('${id(21)}', '${ROOM}', 30, 40, 'b')`,
    );
  });

  test("moves a booking over itself and returns the new row", () => {
    expect(
      client.rows(
        `UPDATE bookings SET start = start + 5, "end" = "end" + 5 WHERE id = '${id(20)}' RETURNING *`,
      ),
    ).toEqual([[id(20), ROOM, "15", "25", "a"]]);
    expect(client.error(`UPDATE bookings SET "end" = 31 WHERE id = '${id(20)}'`)).toBe(
      `23P01 conflict with allocation: ${id(21)}`,
    );
    expect(client.tag(`UPDATE bookings SET label = NULL WHERE id = '${id(99)}'`)).toBe("UPDATE 0");
    expect(client.tag(`UPDATE bookings SET (label, start) = ('z', 12) WHERE label = 'a'`)).toBe("UPDATE 1");
    expect(client.rows("SELECT start, label FROM bookings ORDER BY 1")).toEqual([
      ["12", "z"],
      ["30", "b"],
    ]);
  });

  test("DEFAULT, inherited enforce_rules and what may not be set", () => {
    client.run(`UPDATE resources SET enforce_rules = true WHERE id = '${ROOM}'`);
    expect(client.rows("SELECT id, enforce_rules FROM resources ORDER BY id")).toEqual([
      [ROOM, "t"],
      [DESK, "t"],
    ]);
    // Renaming the child must not freeze what it inherits.
    client.run(`UPDATE resources SET name = 'D', capacity = DEFAULT WHERE id = '${DESK}'`);
    client.run(`UPDATE resources SET enforce_rules = NULL WHERE id = '${ROOM}'`);
    expect(client.rows(`SELECT name, capacity, enforce_rules FROM resources WHERE id = '${DESK}'`)).toEqual([
      ["D", "1", "f"],
    ]);
    expect(client.error(`UPDATE bookings SET id = '${id(22)}'`)).toStartWith("0A000");
    expect(client.error("UPDATE bookings SET start = NULL")).toStartWith("23502");
    expect(client.error("UPDATE bookings SET start = 1, start = 2")).toStartWith(
      "42601 multiple assignments",
    );
  });
});

describe("DELETE", () => {
  test("by id, by condition, of everything, with RETURNING", () => {
    client.run(
      `INSERT INTO bookings VALUES ('${id(20)}', '${ROOM}', 10, 20), ('${id(21)}', '${ROOM}', 30, 40), ('${id(22)}', '${ROOM}', 50, 60)`,
    );
    expect(client.run(`DELETE FROM bookings WHERE id = '${id(20).toLowerCase()}' RETURNING start`)).toEqual({
      tag: "DELETE 1",
      rows: [["10"]],
    });
    expect(client.tag(`DELETE FROM bookings WHERE id = '${id(20)}'`)).toBe("DELETE 0");
    expect(client.tag("DELETE FROM bookings WHERE start >= 50")).toBe("DELETE 1");
    expect(client.tag("DELETE FROM bookings")).toBe("DELETE 1");
    expect(client.error(`DELETE FROM resources WHERE id = '${ROOM}'`)).toBe(
      `23503 cannot delete resource ${ROOM}: has children`,
    );
    expect(client.tag("DELETE FROM resources")).toBe("DELETE 2");
    expect(client.rows("SELECT * FROM rules")).toEqual([]);
  });
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
