/** The table `availability`: its filters, its rows, its bounds, and what an answer waits for. */

import { beforeEach, describe, expect, test } from "bun:test";
import { ByteWriter } from "../../src/bytes.ts";
import { MAX_AVAILABILITY_RESOURCES } from "../../src/limits.ts";
import { decodeRows, id, type TestClient, TestDatabase } from "./sql-fixture.ts";

let database: TestDatabase;
let client: TestClient;

const A = id(1);
const B = id(2);
const C = id(3);

/** Thousands of seconds after an instant of our time: 13 digits, of which the first five change now and then. */
const at = (kiloseconds: number) => 1_700_000_000_000 + kiloseconds * 1_000_000;

beforeEach(() => {
  database = new TestDatabase();
  client = database.connect();
  client.script(`
    INSERT INTO resources (id) VALUES ('${A}'), ('${B}'), ('${C}');
    INSERT INTO rules (resource_id, start, "end", blocking) VALUES
      ('${A}', 0, 100, false), ('${B}', 0, 100, false), ('${A}', ${at(0)}, ${at(1000)}, false);
    INSERT INTO bookings (resource_id, start, "end") VALUES ('${A}', 20, 30), ('${B}', 25, 40), ('${A}', 60, 70)`);
});

const rows = (where: string, list = "*") => client.rows(`SELECT ${list} FROM availability WHERE ${where}`);

describe("availability", () => {
  test("of one resource: the free runs, clipped to the window", () => {
    expect(rows(`resource_id = '${A}' AND start >= 10 AND "end" <= 80`)).toEqual([
      [A, "10", "20"],
      [A, "30", "60"],
      [A, "70", "80"],
    ]);
    expect(
      rows(`"end" <= 80 AND 10 <= start AND '${A.toLowerCase()}' = resource_id`, 'start, "end"'),
    ).toEqual([
      ["10", "20"],
      ["30", "60"],
      ["70", "80"],
    ]);
    expect(rows(`resource_id = '${A}' AND start > 10 AND "end" < 80`, "start")).toEqual([
      ["11"],
      ["30"],
      ["70"],
    ]);
    expect(rows(`resource_id = '${A}' AND start BETWEEN 10 AND 30 AND "end" <= 80`, '"end"')).toEqual([
      ["20"],
      ["60"],
    ]);
    expect(rows(`resource_id = '${A}' AND start >= 10 AND "end" BETWEEN 30 AND 80`, '"end"')).toEqual([
      ["60"],
      ["80"],
    ]);
    expect(rows(`resource_id = '${id(99)}' AND start >= 0 AND "end" <= 80`)).toEqual([]);
    expect(rows(`resource_id = NULL AND start >= 0 AND "end" <= 80`)).toEqual([]);
    expect(rows(`resource_id = '${A}' AND start >= 80 AND "end" <= 10`)).toEqual([]);
    expect(rows(`resource_id = '${A}' AND start >= NULL AND "end" <= 10`)).toEqual([]);
  });

  test("several bounds narrow the window", () => {
    expect(
      rows(`resource_id = '${A}' AND start >= 10 AND start >= 35 AND "end" <= 80 AND "end" <= 55`),
    ).toEqual([[A, "35", "55"]]);
  });

  test("of several: together, some, each by itself", () => {
    const both = `resource_id IN ('${A}', '${B}', '${A.toLowerCase()}') AND start >= 0 AND "end" <= 100`;
    expect(rows(both)).toEqual([
      [null, "0", "20"],
      [null, "40", "60"],
      [null, "70", "100"],
    ]);
    expect(rows(`${both} AND min_available = 1`)).toEqual([
      [null, "0", "25"],
      [null, "30", "100"],
    ]);
    expect(rows(`${both} AND min_available = 3`)).toEqual([]);
    expect(rows(`${both} AND per_resource = true`)).toEqual([
      [A, "0", "20"],
      [A, "30", "60"],
      [A, "70", "100"],
      [B, "0", "25"],
      [B, "40", "100"],
    ]);
    expect(
      rows(`${both} AND per_resource = true AND min_duration = 30 ORDER BY "end" - start DESC, start`),
    ).toEqual([
      [B, "40", "100"],
      [A, "30", "60"],
      [A, "70", "100"],
    ]);
    expect(rows(`${both} AND per_resource = false`, "count(*)")).toEqual([["3"]]);
    // As mappers write it.
    expect(rows(`${both} AND per_resource`)).toEqual(rows(`${both} AND per_resource = true`));
    expect(rows(`NOT per_resource AND ${both}`, "count(*)")).toEqual([["3"]]);
    expect(rows(`resource_id IN ('${A}', '${id(99)}') AND start >= 0 AND "end" <= 100`)).toEqual([]);
    expect(
      rows(`resource_id IN ('${A}', '${id(99)}') AND start >= 0 AND "end" <= 20 AND min_available = 1`),
    ).toEqual([[null, "0", "20"]]);
  });

  test("= ANY($1), NULL and the empty array", () => {
    const text = `SELECT * FROM availability WHERE resource_id = ANY($1) AND start >= $2 AND "end" <= $3`;
    expect(client.prepared(text, [`{${A},${B}}`, "0", "50"]).rows).toEqual([
      [null, "0", "20"],
      [null, "40", "50"],
    ]);
    expect(client.prepared(text, [null, "0", "50"]).rows).toEqual([]);
    expect(client.prepared(text, ["{}", "0", "50"]).rows).toEqual([]);
    expect(client.session.prepare(text, []).parameterTypes).toEqual([1009, 20, 20]);
  });

  test("min_duration drops runs after merging; LIMIT, OFFSET, aliases and filters see rows", () => {
    const window = `resource_id = '${A}' AND start >= 0 AND "end" <= 100`;
    expect(rows(`${window} AND min_duration = 30`, "start AS s")).toEqual([["30"], ["70"]]);
    expect(rows(`${window} AND "end" - start >= 30`, "start AS s")).toEqual([["30"], ["70"]]);
    expect(rows(`${window} ORDER BY start DESC LIMIT 1 OFFSET 1`, "start")).toEqual([["30"]]);
    expect(rows(`${window} AND (start = 0 OR "end" = 100)`, "availability.start").length).toBe(2);
  });

  test.each([
    ['start >= 1 AND "end" <= 2', "42P10 availability needs a filter on resource_id in WHERE"],
    [`resource_id = '${A}' AND "end" <= 2`, "42P10 availability needs a lower bound on start in WHERE"],
    [`resource_id = '${A}' AND start >= 2`, '42P10 availability needs an upper bound on "end" in WHERE'],
    [`(resource_id = '${A}' OR true) AND start >= 1 AND "end" <= 2`, "42P10 availability needs a filter"],
    [`resource_id = '${A}' AND start >= 1 AND "end" <= 2 AND min_duration > 5`, "0A000"],
    [`resource_id = '${A}' AND start >= 1 AND "end" <= 2 AND min_duration = -5`, "22023 min_duration"],
    [`resource_id = '${A}' AND start >= 1 AND "end" <= 2 AND min_available = 0`, "22023 min_available"],
    [`resource_id = '${A}' AND start >= -1 AND "end" <= 2`, "22008"],
    [`resource_id = '${A}' AND start >= 1 AND "end" <= 8640000000000001`, "22008"],
    [`resource_id = 'x' AND start >= 1 AND "end" <= 2`, '22P02 invalid input syntax for type ulid: "x"'],
    [`resource_id = '${A}' AND start >= 'x' AND "end" <= 2`, "22P02"],
    [`resource_id = 5 AND start >= 1 AND "end" <= 2`, "42883 operator does not exist: text = integer"],
    ["", "42P10"],
  ])("refuses %s", (where, error) => {
    const text = `SELECT * FROM availability ${where === "" ? "" : `WHERE ${where}`}`;
    expect(client.error(text)).toStartWith(error);
  });

  test("resources of a query are a list of it, by IN as by ANY", () => {
    const window = 'start >= 0 AND "end" <= 100 AND min_duration = 30';
    const found = `SELECT id FROM resources WHERE id = '${A}'`;
    for (const list of [`= ANY(ARRAY(${found}))`, `IN (${found})`]) {
      expect(rows(`resource_id ${list} AND ${window}`, "start")).toEqual([["30"], ["70"]]);
    }
  });

  test("rows written in bulk are the rows written one by one", () => {
    // Runs whose ends differ in the upper and in the lower digits, by literal and by parameter, text and binary.
    const bookings = Array.from(
      { length: 40 },
      (_, i) => `('${A}', ${at(20 * i)}, ${at(20 * i) + 1 + i * 37})`,
    );
    client.run(`INSERT INTO bookings (resource_id, start, "end") VALUES ${bookings.join()}`);
    const window = `start >= ${at(-5)} AND "end" <= ${at(999)}`;
    const bulk = rows(`resource_id = '${A}' AND ${window}`);
    const each = rows(`resource_id = '${A}' AND ${window} AND true`, 'resource_id, start, "end"');
    const expected = Array.from({ length: 40 }, (_, i) => [
      A,
      String(at(20 * i) + 1 + i * 37),
      String(i === 39 ? at(999) : at(20 * (i + 1))),
    ]);
    expect(bulk).toEqual(expected);
    expect(each).toEqual(expected);
    for (const formats of [[1], [0, 1, 1], [0, 0, 1], [0, 1, 0]]) {
      const statement = client.session.prepare(
        `SELECT * FROM availability WHERE resource_id = '${A}' AND ${window}`,
        [],
      );
      const out = new ByteWriter();
      client.session.execute(statement, [], formats, out);
      expect(decodeRows(out.written(), formats.length === 1 ? [0, 1, 1] : formats)).toEqual(expected);
    }
    const merged = rows(`resource_id IN ('${A}') AND ${window}`);
    expect(merged).toEqual(expected.map(([, start, end]) => [null, start as string, end as string]));
  });

  test("lists at most so many resources", () => {
    const text = `SELECT * FROM availability WHERE resource_id = ANY($1) AND start >= 0 AND "end" <= 9 AND min_available = 1`;
    const ids = Array.from(
      { length: MAX_AVAILABILITY_RESOURCES },
      (_, n) => `01J${String(n).padStart(23, "0")}`,
    );
    expect(client.prepared(text, [`{${ids},${ids[0]}}`]).rows).toEqual([]);
    expect(client.error(text, [`{${ids},${A}}`])).toStartWith(
      "54000 limit exceeded: resources of one availability",
    );
  });

  test("binary results", () => {
    const { session } = client;
    const statement = session.prepare(
      `SELECT start, resource_id FROM availability WHERE resource_id = $1 AND start >= 0 AND "end" <= 20`,
      [],
    );
    const out = new ByteWriter();
    expect(session.execute(statement, [A], [1, 0], out)).toBe("SELECT 1");
    expect(decodeRows(out.written(), [1, 0])).toEqual([["0", A]]);
    session.commitImplicit();
  });

  test("an answer waits for what it may reflect, and no longer", () => {
    const before = client.session.dependsOnLsn;
    client.run(`INSERT INTO resources (id) VALUES ('${id(4)}')`);
    const other = database.connect();
    const window = `start >= 0 AND "end" <= 100`;
    other.rows(`SELECT * FROM availability WHERE resource_id = '${A}' AND ${window}`);
    expect(other.session.dependsOnLsn).toBe(before);
    other.rows(`SELECT * FROM availability WHERE resource_id = '${id(99)}' AND ${window}`);
    expect(other.session.dependsOnLsn).toBe(database.log.appendedLsn);
    expect(client.session.dependsOnLsn).toBe(database.log.appendedLsn);
  });
});
