/** Rows that are reached by an index are those that a look at every row would give. */

import { expect, test } from "bun:test";
import fc from "fast-check";
import { id, TestDatabase } from "./sql-fixture.ts";

const HOME = id(1);

/** Bookings of all lengths around instants 0 to 100, on a resource that has room for all of them. */
function crowdedDatabase() {
  const client = new TestDatabase().connect();
  client.run(`INSERT INTO resources (id, capacity) VALUES ('${HOME}', 100), ('${id(2)}', 100)`);
  const rows: string[] = [];
  for (let i = 0; i < 60; i++) {
    const start = (i * 37) % 100;
    const owner = i % 5 === 0 ? id(2) : HOME;
    rows.push(`('${id(100 + i)}', '${owner}', ${start}, ${start + 1 + ((i * i) % 40)})`);
  }
  client.run(`INSERT INTO bookings (id, resource_id, start, "end") VALUES ${rows.join()}`);
  return client;
}

const bound = fc
  .record({
    column: fc.constantFrom("start", '"end"'),
    operator: fc.constantFrom("<", "<=", ">", ">=", "="),
    value: fc.integer({ min: -3, max: 145 }),
    mirrored: fc.boolean(),
  })
  .map(({ column, operator, value, mirrored }) =>
    mirrored ? `${value} ${operator} ${column}` : `${column} ${operator} ${value}`,
  );
const between = fc
  .tuple(
    fc.constantFrom("start", '"end"'),
    fc.integer({ min: 0, max: 140 }),
    fc.integer({ min: 0, max: 140 }),
  )
  .map(([column, low, high]) => `${column} BETWEEN ${low} AND ${high}`);

test("the window that bounds leave loses no row and lets none in", () => {
  const client = crowdedDatabase();
  const select = (owner: string, conditions: readonly string[]) =>
    client.rows(`SELECT id FROM bookings WHERE ${[owner, ...conditions].join(" AND ")} ORDER BY id`);
  fc.assert(
    fc.property(fc.array(fc.oneof(bound, between), { maxLength: 4 }), (conditions) => {
      const byOwner = select(`resource_id = '${HOME}'`, conditions);
      const byScan = select(`(resource_id = '${HOME}' OR false)`, conditions);
      expect(byOwner).toEqual(byScan);
    }),
    { numRuns: 300 },
  );
});

test("rows of several owners come once each", () => {
  const client = crowdedDatabase();
  const count = (where: string) => client.rows(`SELECT count(*) FROM bookings WHERE ${where}`)[0]?.[0];
  expect(count(`resource_id IN ('${HOME}', '${id(2)}', '${HOME.toLowerCase()}')`)).toBe("60");
  expect(count(`resource_id = ANY('{${id(2)},NULL,${id(99)}}')`)).toBe("12");
  expect(count("resource_id = ANY(NULL)")).toBe("0");
});
