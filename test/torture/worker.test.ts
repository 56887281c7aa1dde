/** The torture's own eyes: what they must let pass and what they must not. */

import { expect, test } from "bun:test";
import { newId } from "../server/clients.ts";
import { rowsOfDump } from "./dump-rows.ts";
import { insert, type Operation, type Rows, rowText } from "./operations.ts";
import { reach } from "./worker.ts";

const RESOURCE = newId();

/** Two bookings at once, then three. */
function batches(): readonly Operation[] {
  const slots = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) => ({ resource: RESOURCE, hour: from + n }));
  return [insert(slots(0, 2)), insert(slots(2, 3))];
}

function after(operations: readonly Operation[], rows: Rows = new Map()): Rows {
  const found = new Map(rows);
  for (const { apply } of operations) apply(found);
  return found;
}

const without = (rows: Rows, count: number): Rows => new Map([...rows].slice(count));

test("what is under way may have happened up to some operation, each of them whole", () => {
  const operations = batches();
  const [first] = operations as [Operation];
  for (const found of [new Map(), after([first]), after(operations)])
    expect(reach(new Map(), operations, found)).toEqual(found);
});

test("half an operation, one without the one before it, a lost row and a made up one are not let pass", () => {
  const operations = batches();
  const [first, second] = operations as [Operation, Operation];
  const strange = [newId(), rowText("bookings", RESOURCE, 0, 1)] as const;
  for (const found of [
    without(after([first]), 1),
    after([second]),
    new Map([...after([first]), strange]),
    new Map([...after(operations)].map(([id, row]) => [id, row.replace("bookings", "holds")])),
  ]) {
    expect(() => reach(new Map(), operations, found)).toThrow(/^found is not what was acknowledged/);
  }
  const certain = after([first]);
  expect(() => reach(certain, [second], without(certain, 1))).toThrow(/acknowledged and not found: \[\[/);
});

test("a dump is read up to its COMMIT, and one without it is refused", () => {
  const [id, room, rule] = [newId(), newId(), newId()];
  const dump = [
    "BEGIN;",
    "COPY resources (id, parent_id, name, capacity, buffer_after, enforce_rules) FROM stdin;",
    `${RESOURCE}\t\\N\t\\N\t1\t0\tfalse`,
    `${room}\t${RESOURCE}\t\\N\t1\t0\t\\N`,
    "\\.",
    'COPY rules (id, resource_id, start, "end", blocking) FROM stdin;',
    `${rule}\t${room}\t3\t4\tfalse`,
    "\\.",
    'COPY bookings (id, resource_id, start, "end", label) FROM stdin;',
    `${id}\t${RESOURCE}\t5\t6\t\\N`,
    "\\.",
    "COMMIT;",
    "",
  ].join("\n");
  expect([...(rowsOfDump(dump).get(RESOURCE) ?? [])]).toEqual([
    [room, `resources ${RESOURCE} 0, 0`],
    [rule, `rules ${RESOURCE} 3, 4 of ${room}`],
    [id, `bookings ${RESOURCE} 5, 6`],
  ]);
  expect(() => rowsOfDump(dump.slice(0, -9))).toThrow(/^the dump has no end/);
});
