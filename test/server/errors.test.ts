/** Every row of the contract's error table, caused through SQL: its code, its words, and a connection that lives on. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import type pg from "pg";
import { connect, DAY, disconnectAll, HOUR, newId, refusalOf } from "./clients.ts";
import {
  absent,
  booking,
  caseSetup,
  child,
  hall,
  meeting,
  modelCases,
  room,
  statementCases,
  strict,
  valueCases,
  window,
} from "./error-cases.ts";
import { cleanUp, type ServerProcess, startServer } from "./harness.ts";

let server: ServerProcess;
let client: pg.Client;

beforeAll(async () => {
  server = await startServer();
  client = await connect(server);
  await client.query(caseSetup());
});

afterAll(async () => {
  await disconnectAll();
  await cleanUp();
});

async function everythingStored(): Promise<unknown[]> {
  const rows = [];
  for (const table of ["resources", "rules", "bookings", "holds"]) {
    const result = await client.query(`SELECT * FROM ${table} ORDER BY id`);
    rows.push(result.rows);
  }
  return rows;
}

test.each([...modelCases, ...valueCases, ...statementCases])("$what: $code", async (it) => {
  const before = await everythingStored();
  const refusal = await refusalOf(client.query(it.sql, it.values === undefined ? undefined : [...it.values]));
  await client.query("ROLLBACK");
  expect([refusal.code, refusal.message]).toEqual([it.code, expect.stringMatching(it.message)]);
  if (it.at !== undefined) {
    const characters = [...it.sql];
    const found = characters.slice((refusal.position ?? 0) - 1).join("");
    expect(found, `position ${refusal.position}`).toStartWith(it.at);
  }
  expect(await everythingStored()).toEqual(before);
});

test("a commit that lost the race: 40001", async () => {
  const other = await connect(server);
  const [winner, loser] = [newId(), newId()];
  await client.query("BEGIN");
  await client.query(booking(loser, child, DAY, DAY + HOUR));
  await other.query(booking(winner, child, DAY, DAY + HOUR));
  const refusal = await refusalOf(client.query("COMMIT"));
  expect(refusal.code).toBe("40001");
  const { rows } = await client.query(`SELECT id FROM bookings WHERE resource_id = '${child}'`);
  expect(rows).toEqual([{ id: winner }]);
  await client.query(booking(loser, child, DAY + HOUR, DAY + 2 * HOUR));
});

test("a wrong password, and a wrong user: 28P01 and no session", async () => {
  const refusal = await refusalOf(connect(server, "main", "guess"));
  expect(refusal.code).toBe("28P01");
  expect(refusal.message).toBe('password authentication failed for user "deltat"');
  expect(server.complaints).not.toContain("guess");
});

test("min_available above the number listed, an empty window and an unknown id give no rows", async () => {
  for (const condition of [
    `resource_id IN ('${room}', '${hall}') AND ${window} AND min_available = 3`,
    `resource_id = '${strict}' AND start >= 5 AND "end" <= 5`,
    `resource_id = '${strict}' AND start >= 6 AND "end" <= 5`,
    `resource_id = '${absent}' AND ${window}`,
  ]) {
    const { rows, fields } = await client.query(`SELECT * FROM availability WHERE ${condition}`);
    expect(rows).toEqual([]);
    expect(fields.map(({ name }) => name)).toEqual(["resource_id", "start", "end"]);
  }
});

test("rows that are not there are changed 0 times, and a retry by ON CONFLICT is harmless", async () => {
  for (const table of ["resources", "rules", "bookings", "holds"]) {
    expect((await client.query(`DELETE FROM ${table} WHERE id = '${absent}'`)).rowCount).toBe(0);
  }
  const moved = await client.query(`UPDATE bookings SET label = 'x' WHERE id = '${absent}'`);
  expect(moved.rowCount).toBe(0);
  const retry = await client.query(`${booking(meeting, room, DAY, DAY + HOUR)} ON CONFLICT (id) DO NOTHING`);
  expect(retry.rowCount).toBe(0);
});
