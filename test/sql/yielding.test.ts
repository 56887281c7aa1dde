/** Long queries of every kind come in slices: others are answered in between, and a change makes them finish first. */

import { beforeAll, describe, expect, test } from "bun:test";
import { ByteWriter } from "../../src/bytes.ts";
import { isCopyIn, type RowStream, StreamRun } from "../../src/sql/rows/row-stream.ts";
import { decodeRows, type Field, id, type TestClient, TestDatabase } from "./sql-fixture.ts";

const HOME = id(1);

/** Each takes some ten slices at least, and gives one row. */
const LONG: readonly (readonly [text: string, answer: Field])[] = [
  ["SELECT count(*) FROM generate_series(1, 1000000) g", "1000000"],
  ["WITH x AS (SELECT g % 10 AS m FROM generate_series(1, 500000) g) SELECT count(DISTINCT m) FROM x", "10"],
  [
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 200000) SELECT max(n) FROM t",
    "200000",
  ],
  ["SELECT g FROM generate_series(1, 200000) g ORDER BY g % 1000 DESC, g DESC OFFSET 199999", "1000"],
  [
    "SELECT max(n) FROM (SELECT row_number() OVER (ORDER BY -g) n FROM generate_series(1, 100000) g) s",
    "100000",
  ],
  [
    "SELECT max(n) FROM (SELECT min(g) OVER (ORDER BY g ROWS 300 PRECEDING) n FROM generate_series(1, 5000) g) s",
    "4700",
  ],
  ["SELECT count(*) FROM generate_series(1, 2000) a, generate_series(1, 500) b WHERE a + b = 2", "1"],
  ["SELECT count(*) FROM (SELECT g FROM generate_series(1, 200000) g GROUP BY g HAVING count(*) > 1) s", "0"],
  ["SELECT (SELECT count(*) FROM generate_series(1, 1000000) g)", "1000000"],
  ["SELECT count(*) FROM bookings WHERE start IN (SELECT g FROM generate_series(1, 400000) g)", "4"],
  [
    "SELECT count(*) FROM bookings WHERE EXISTS (SELECT 1 FROM generate_series(1, 1000000) g WHERE g < 0)",
    "0",
  ],
  ["SELECT count(*) FROM (SELECT DISTINCT g % 1000 FROM generate_series(1, 500000) g) s", "1000"],
  ["SELECT cardinality(array_agg(g ORDER BY g)) FROM generate_series(1, 200000) g", "200000"],
];

/** Something that yields, and is driven by hand. */
function begin(client: TestClient, text: string) {
  const { session } = client;
  const [raw] = session.parseScript(text);
  const out = new ByteWriter();
  const result = session.execute(session.plan(raw as NonNullable<typeof raw>), [], [], out);
  if (typeof result === "string" || isCopyIn(result)) throw new Error("it was not to be done at once");
  return { stream: result as RowStream, run: new StreamRun(result), out };
}

describe("long queries", () => {
  const database = new TestDatabase();
  const client = database.connect();
  const other = database.connect();
  const free = `SELECT start, "end" FROM availability WHERE resource_id = '${HOME}' AND start >= 0 AND "end" <= 100`;
  beforeAll(() => {
    client.run(`INSERT INTO resources (id, capacity) VALUES ('${HOME}', 1)`);
    client.run(`INSERT INTO rules (resource_id, start, "end", blocking) VALUES ('${HOME}', 0, 90, false)`);
    client.run(
      `INSERT INTO bookings (resource_id, start, "end") SELECT '${HOME}', g * 10, g * 10 + 5 FROM generate_series(0, 4) g`,
    );
  });

  test.each(LONG)(
    "%s",
    (text, answer) => {
      const { stream, run, out } = begin(client, text);
      let slices = 0;
      while (run.advance(out) === "more") {
        slices++;
        expect(other.rows(free)).toHaveLength(5);
      }
      stream.close();
      client.session.commitImplicit();
      expect(decodeRows(out.written())).toEqual([[answer]]);
      expect(slices).toBeGreaterThan(1);
    },
    20_000,
  );

  test.each(LONG.slice(0, 9))(
    "finished for a change: %s",
    (text, answer) => {
      const { stream, run, out } = begin(client, text);
      expect(run.advance(out)).toBe("more");
      other.run("INSERT INTO resources (name) VALUES ('x')");
      while (run.advance(out) === "more");
      stream.close();
      client.session.commitImplicit();
      expect(decodeRows(out.written())).toEqual([[answer]]);
    },
    20_000,
  );

  test("WITH makes rows as they are asked for: LIMIT ends an endless recursion", () => {
    const endless = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t)";
    expect(client.rows(`${endless} SELECT n FROM t LIMIT 3`)).toEqual([["1"], ["2"], ["3"]]);
    expect(
      client.rows(`${endless} SELECT EXISTS (SELECT 1 FROM t WHERE n > 5), (SELECT n FROM t LIMIT 1)`),
    ).toEqual([["t", "1"]]);
  });

  test("a subquery that was interrupted inside another goes on, and what it reads of WITH is right", () => {
    const text = `WITH x AS (SELECT g, (SELECT count(*) FROM generate_series(1, 200000)) AS n FROM generate_series(1, 3) g)
      SELECT (SELECT sum(n) FROM x WHERE g < (SELECT max(g) FROM generate_series(1, 200000) g)), count(*) FROM x`;
    expect(client.rows(text)).toEqual([["600000", "3"]]);
  });
});
