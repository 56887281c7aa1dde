/** Messages of a client, valid ones, as the starting point of mutations: made by pg-protocol, not by code of the server. */

import { serialize } from "pg-protocol";
import type { Random } from "../seeded-random.ts";
import { latin1Of } from "./mutators.ts";

/** Statements that do something in every state of a session, and are the same each time they run. */
const STATEMENTS: readonly string[] = [
  "SELECT 1",
  "SELECT $1::int8 + 1, $2::text",
  "SELECT id, name FROM resources ORDER BY id",
  "SELECT g FROM generate_series(1, 30) g",
  "SELECT 1; SELECT 2; SELECT 1/0; SELECT 3",
  "BEGIN",
  "COMMIT",
  "ROLLBACK",
  "SAVEPOINT s",
  "ROLLBACK TO s",
  "RELEASE s",
  "INSERT INTO resources (id, name) VALUES ('01HZZZZZZZZZZZZZZZZZZZ0009', 'made') ON CONFLICT (id) DO NOTHING",
  "INSERT INTO bookings VALUES ($1, '01HZZZZZZZZZZZZZZZZZZZ0001', $2, $3, $4)",
  "DELETE FROM bookings WHERE start = $1 RETURNING id",
  "UPDATE resources SET name = 'other' WHERE id = '01HZZZZZZZZZZZZZZZZZZZ0001'",
  "COPY bookings FROM STDIN",
  "COPY bookings FROM STDIN WITH (FORMAT binary)",
  "COPY (SELECT 1, 'a') TO STDOUT",
  "COPY resources TO STDOUT WITH (FORMAT csv)",
  "DECLARE c CURSOR WITH HOLD FOR SELECT g FROM generate_series(1, 9) g",
  "FETCH 3 FROM c",
  "CLOSE c",
  "PREPARE p AS SELECT $1::int4",
  "EXECUTE p(5)",
  "DEALLOCATE ALL",
  "DISCARD ALL",
  "LISTEN a",
  "NOTIFY a, 'b'",
  "SET extra_float_digits = 1",
  "SHOW client_encoding",
  "SELECT nothing",
  "SELEC",
  "",
  ";",
  "SELECT 'é😀'",
];

/** One valid message; several now and then. */
export function message(random: Random): string {
  return latin1Of(Buffer.concat(parts(random)));
}

const NAMES = ["", "s1", "s2", "c"];
const VALUES = ["1", "a", "", "01HZZZZZZZZZZZZZZZZZZZ0100", "1000", "2000", "é", null];
const COPY_LINE = "01HZZZZZZZZZZZZZZZZZZZ0101\t01HZZZZZZZZZZZZZZZZZZZ0001\t10\t20\t\\N\n";

function parts(random: Random): Uint8Array[] {
  const name = random.pick(NAMES);
  const portal = random.pick(NAMES);
  const text = random.pick(STATEMENTS);
  const values = Array.from({ length: (text.match(/\$\d/g) ?? []).length }, () => random.pick(VALUES));
  const rows = random.pick([0, 0, 1, 3, 100]);
  return random.pick<() => Uint8Array[]>([
    () => [serialize.query(text)],
    () => [serialize.query(text)],
    () => [serialize.parse({ name, text, types: random.pick([[], [20], [20, 25], [0, 0]]) })],
    () => [serialize.bind({ portal, statement: name, values, binary: random.chance(0.3) })],
    () => [serialize.describe({ type: random.pick(["S", "P"]), name })],
    () => [serialize.execute({ portal, rows })],
    () => [serialize.close({ type: random.pick(["S", "P"]), name })],
    () => [
      serialize.parse({ name, text }),
      serialize.bind({ portal, statement: name, values, binary: random.chance(0.3) }),
      serialize.describe({ type: "P", name: portal }),
      serialize.execute({ portal, rows }),
    ],
    () => [serialize.sync()],
    () => [serialize.sync()],
    () => [serialize.flush()],
    () => [serialize.copyData(Buffer.from(COPY_LINE))],
    () => [
      serialize.query("COPY bookings FROM STDIN"),
      serialize.copyData(Buffer.from(COPY_LINE)),
      serialize.copyDone(),
    ],
    () => [serialize.copyDone()],
    () => [serialize.copyFail("no more")],
    () => [serialize.end()],
    () => [serialize.password("secret")],
    () => [Buffer.from([0x46, 0, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])],
  ])();
}

/** A valid packet of start-up. */
export function startupPacket(random: Random): string {
  return latin1Of(
    random.pick<() => Uint8Array>([
      () => serialize.startup({ user: "deltat", database: "db" }),
      () => serialize.startup({ user: "deltat", database: "db", TimeZone: "Europe/Berlin", "_pq_.x": "1" }),
      () => serialize.requestSsl(),
      () => Buffer.from([0, 0, 0, 8, 4, 210, 22, 48]),
      () => serialize.cancel(7, 7),
    ])(),
  );
}
