/** IN, NOT IN, = ANY and <> ALL over many values: sets that answer as comparing one by one does. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { id, TestDatabase } from "./sql-fixture.ts";

const value = fc.oneof(fc.constant("NULL"), fc.integer({ min: -3, max: 30 }).map(String));

test("a set answers as a chain of comparisons does, NULL included", () => {
  const client = new TestDatabase().connect();
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 24 }),
      fc.constantFrom("int4", "int8", "numeric", "float8", "text"),
      (values, type) => {
        const items = values.map((item) => (item === "NULL" ? "NULL" : `'${item}'`));
        const chain = items.map((item) => `x = ${item}`).join(" OR ");
        const array = `ARRAY[${items.join()}]::${type}[]`;
        const rows = client.rows(
          `SELECT ${chain}, x IN (${items.join()}), NOT (x NOT IN (${items.join()})), x = ANY (${array}),
             NOT (x <> ALL (${array})), x IN (SELECT unnest(${array})), NOT (x <> ALL (SELECT unnest(${array})))
           FROM (SELECT g::${type} AS x FROM generate_series(0, 30, 3) g UNION ALL SELECT NULL) s`,
        );
        for (const [expected, ...others] of rows) expect(others).toEqual(others.map(() => expected ?? null));
      },
    ),
    { numRuns: 150 },
  );
});

describe("many values", () => {
  const many = 20_000;
  const database = new TestDatabase();
  const client = database.connect();
  client.run(`INSERT INTO resources (id, capacity) VALUES ('${id(1)}', 1)`);
  client.run(
    `INSERT INTO bookings (id, resource_id, start, "end", label)
     SELECT '01HZZZZZZZZZZZZZZZZZZZ' || (1000 + g)::text, '${id(1)}', g, g + 1, 'l' || g FROM generate_series(0, 8999) g`,
  );
  const list = (item: (i: number) => string) => Array.from({ length: many }, (_, i) => item(i * 2)).join();
  const count = (where: string) => client.rows(`SELECT count(*) FROM bookings b WHERE ${where}`)[0]?.[0];

  test("9,000 rows against 20,000 of them, in every spelling", () => {
    const labels = list((i) => `'l${i}'`);
    expect(count(`label IN (${labels})`)).toBe("4500");
    expect(count(`label NOT IN (${labels})`)).toBe("4500");
    expect(count(`label NOT IN (${labels}, NULL)`)).toBe("0");
    expect(count(`label = ANY ('{${labels.replaceAll("'", "")}}')`)).toBe("4500");
    expect(count(`start NOT IN (${list(String)})`)).toBe("4500");
    expect(count(`EXISTS (SELECT 1) AND start = ANY (ARRAY[${list(String)}])`)).toBe("4500");
    expect(count(`start <> ALL (SELECT g * 2 FROM generate_series(0, ${many}) g)`)).toBe("4500");
  }, 10_000);

  test("ids in either case", () => {
    const ids = Array.from({ length: 4000 }, (_, i) => `'${id(1000 + i * 2).toLowerCase()}'`).join();
    expect(count(`id NOT IN (${ids})`)).toBe("5000");
    expect(count(`EXISTS (SELECT 1) AND b.id NOT IN (${ids})`)).toBe("5000");
    expect(count(`NOT (id = ANY ('{${ids.replaceAll("'", "")}}'))`)).toBe("5000");
  }, 10_000);

  test("each run takes its own values", () => {
    const text = `SELECT count(*) FROM bookings WHERE start = ANY ($1) OR label IN (${Array.from({ length: 20 }, (_, i) => `$${i + 2}`).join()})`;
    const labels = (from: number) => Array.from({ length: 20 }, (_, i) => `l${from + i}`);
    const numbers = `{${Array.from({ length: 30 }, (_, i) => i).join()}}`;
    expect(client.prepared(text, [numbers, ...labels(20)]).rows).toEqual([["40"]]);
    expect(client.prepared(text, ["{7}", ...labels(30)]).rows).toEqual([["21"]]);
  });
});
