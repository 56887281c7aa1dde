/** The fields by which drivers tell one refusal from another: table, column and constraint, as PostgreSQL sets them. */

import { beforeEach, expect, test } from "bun:test";
import { DeltatError } from "../../src/errors.ts";
import { id, type TestClient, TestDatabase } from "./sql-fixture.ts";

let client: TestClient;

beforeEach(() => {
  client = new TestDatabase().connect();
  client.script(`
    INSERT INTO resources (id) VALUES ('${id(1)}');
    INSERT INTO resources (id, parent_id, capacity) VALUES ('${id(2)}', '${id(1)}', 2);
    INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${id(3)}', '${id(1)}', 0, 10), ('${id(4)}', '${id(2)}', 0, 10), ('${id(5)}', '${id(2)}', 0, 10);
    INSERT INTO resources (id, enforce_rules) VALUES ('${id(6)}', true)`);
});

const book = (room: number, booking: number) =>
  `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${id(booking)}', '${id(room)}', 0, 10)`;

test.each([
  [
    "23502",
    `INSERT INTO bookings (resource_id, start) VALUES ('${id(1)}', 1)`,
    { table: "bookings", column: "end" },
  ],
  ["23502", "UPDATE resources SET capacity = NULL", { table: "resources", column: "capacity" }],
  ["23505", book(6, 3), { table: "bookings", constraint: "bookings_pkey" }],
  ["23503", book(9, 10), { table: "bookings", constraint: "bookings_resource_id_fkey" }],
  [
    "23503",
    `INSERT INTO resources (parent_id) VALUES ('${id(9)}')`,
    { table: "resources", constraint: "resources_parent_id_fkey" },
  ],
  [
    "23503",
    `INSERT INTO bookings (hold_id) VALUES ('${id(9)}')`,
    { table: "bookings", constraint: "bookings_hold_id_fkey" },
  ],
  [
    "23503",
    `DELETE FROM resources WHERE id = '${id(1)}'`,
    { table: "resources", constraint: "resources_parent_id_fkey" },
  ],
  [
    "23514",
    `UPDATE resources SET parent_id = '${id(2)}' WHERE id = '${id(1)}'`,
    { table: "resources", constraint: "resources_parent_id_check" },
  ],
  [
    "23514",
    "INSERT INTO resources (capacity) VALUES (0)",
    { table: "resources", constraint: "resources_capacity_check" },
  ],
  ["23514", book(6, 10), { table: "bookings", constraint: "enforce_rules" }],
  ["23P01", book(1, 10), { table: "bookings", constraint: "no_collision" }],
  ["23P01", book(2, 10), { table: "bookings", constraint: "no_collision" }],
  [
    "23P01",
    `INSERT INTO holds (resource_id, start, "end", expires_at) VALUES ('${id(1)}', 5, 6, 9000000000000)`,
    { table: "holds", constraint: "no_collision" },
  ],
  [
    "23P01",
    `UPDATE resources SET capacity = 1 WHERE id = '${id(2)}'`,
    { table: "resources", constraint: "no_collision" },
  ],
  ["22P02", "SELECT 'x'::int", { position: 8 }],
])("%s of %s", (sqlState, text, wanted) => {
  try {
    client.run(text);
  } catch (error) {
    if (!(error instanceof DeltatError)) throw error;
    expect(error.sqlState as string).toBe(sqlState);
    const { detail: _, hint: __, ...fields } = error.fields;
    expect(fields as object).toEqual(wanted);
    return;
  }
  throw new Error("nothing was refused");
});

test("the detail of a collision tells both spans, since the buffer of the new one may be what collides", () => {
  client.run(`UPDATE resources SET buffer_after = 5 WHERE id = '${id(1)}'`);
  client.run(`UPDATE bookings SET start = 100, "end" = 110 WHERE id = '${id(3)}'`);
  try {
    client.run(`INSERT INTO bookings (resource_id, start, "end") VALUES ('${id(1)}', 90, 98)`);
  } catch (error) {
    if (!(error instanceof DeltatError)) throw error;
    expect(error.message).toBe(`conflict with allocation: ${id(3)}`);
    expect(error.fields.detail).toBe(
      `Resource ${id(1)} is taken during [100, 115), and [90, 103) was wanted, buffers included.`,
    );
    return;
  }
  throw new Error("nothing was refused");
});

test.each([
  "SELECT FROM bookings WHERE start > now()",
  "SELECT FROM bookings WHERE date '2026-01-05' < start",
  "SELECT FROM bookings WHERE start > '2026-01-05T08:00:00.000Z'",
  `INSERT INTO bookings (resource_id, start, "end") VALUES ('${id(1)}', now(), now())`,
  `INSERT INTO bookings (resource_id, start, "end") VALUES ('${id(1)}', '2026-01-05 08:00', 1)`,
])("a date where an instant is wanted is told how to be one: %s", (text) => {
  try {
    client.run(text);
  } catch (error) {
    if (!(error instanceof DeltatError)) throw error;
    expect(error.fields.hint).toStartWith("Instants are Unix milliseconds: ");
    return;
  }
  throw new Error("nothing was refused");
});

test("the detail of a missing or referenced key reads as PostgreSQL's", () => {
  const detailOf = (text: string) => {
    try {
      client.run(text);
    } catch (error) {
      if (error instanceof DeltatError) return error.fields.detail;
    }
    return null;
  };
  expect(detailOf(book(9, 10))).toBe(`Key (resource_id)=(${id(9)}) is not present in table "resources".`);
  expect(detailOf(`DELETE FROM resources WHERE id = '${id(1)}'`)).toBe(
    `Key (id)=(${id(1)}) is still referenced from table "resources".`,
  );
});
