/**
 * One session that uses every statement the product's introduction shows, in its spelling, against an empty
 * database. It is data: each client (psql, node-postgres, postgres.js, the built executable) plays the same
 * steps and must get the same answers.
 */

import { DAY, FAR_FUTURE, HOUR, newId } from "./clients.ts";

/** Text as psql prints it: NULL is the empty string, booleans are t and f. */
export type Cell = string;

export interface Step {
  readonly sql: string;
  /** Rows of a SELECT; without ORDER BY their order does not count. */
  readonly rows?: readonly (readonly Cell[])[];
  /** Of INSERT, UPDATE and DELETE. */
  readonly affected?: number;
  readonly refused?: { readonly code: string; readonly message: string };
}

const WINDOW_END = DAY + 24 * HOUR;
const OPEN_UNTIL = DAY + 8 * HOUR;

const window = `AND start >= ${DAY}\n  AND "end" <= ${WINDOW_END}`;

function at(hours: number): string {
  return String(DAY + hours * HOUR);
}

export interface SessionIds {
  readonly flight: string;
  readonly seats: readonly [string, string, string];
  readonly meeting: string;
  readonly hold: string;
}

export function newSessionIds(): SessionIds {
  return { flight: newId(), seats: [newId(), newId(), newId()], meeting: newId(), hold: newId() };
}

/** The steps, for one fresh set of ids. */
export function shortSession(ids: SessionIds): readonly Step[] {
  return [...resourceSteps(ids), ...bookingSteps(ids), ...holdSteps(ids), ...availabilitySteps(ids)];
}

function resourceSteps({ flight, seats: [a, b, c] }: SessionIds): Step[] {
  const seat = (id: string, name: string): Step => ({
    sql: `INSERT INTO resources (id, parent_id, name, capacity)
VALUES ('${id}', '${flight}', '${name}', 1)`,
    affected: 1,
  });
  const rule = (start: number, end: number, blocking: boolean): Step => ({
    sql: `INSERT INTO rules (id, resource_id, start, "end", blocking)
VALUES ('${newId()}', '${flight}', ${start}, ${end}, ${blocking})`,
    affected: 1,
  });
  return [
    {
      sql: `INSERT INTO resources (id, parent_id, name, capacity, buffer_after)
VALUES ('${flight}', NULL, 'Flight AA-100', 1, 2700000)`,
      affected: 1,
    },
    seat(a, "Seat 1A"),
    seat(b, "Seat 1B"),
    seat(c, "Seat 1C"),
    {
      sql: "SELECT * FROM resources WHERE parent_id IS NULL",
      rows: [[flight, "", "Flight AA-100", "1", "2700000", "f"]],
    },
    {
      sql: `SELECT * FROM resources WHERE parent_id = '${flight}'`,
      rows: [
        [a, flight, "Seat 1A", "1", "0", "f"],
        [b, flight, "Seat 1B", "1", "0", "f"],
        [c, flight, "Seat 1C", "1", "0", "f"],
      ],
    },
    rule(DAY, OPEN_UNTIL, false),
    rule(OPEN_UNTIL, OPEN_UNTIL + HOUR, true),
  ];
}

function bookingSteps({ seats: [a, b, c], meeting }: SessionIds): Step[] {
  const cancelled = newId();
  const batch = (first: string, second: string, resources: readonly [string, string]) =>
    `INSERT INTO bookings (id, resource_id, start, "end")
VALUES ('${first}', '${resources[0]}', ${DAY}, ${DAY + HOUR}),
       ('${second}', '${resources[1]}', ${DAY}, ${DAY + HOUR})`;
  const kept = newId();
  return [
    {
      sql: `INSERT INTO bookings (id, resource_id, start, "end", label)
VALUES ('${meeting}', '${a}', ${DAY}, ${DAY + HOUR}, 'Team Meeting')`,
      affected: 1,
    },
    {
      sql: batch(newId(), newId(), [b, a]),
      refused: { code: "23P01", message: `conflict with allocation: ${meeting}` },
    },
    { sql: `SELECT count(*) FROM bookings`, rows: [["1"]] },
    { sql: batch(kept, cancelled, [b, c]), affected: 2 },
    { sql: `DELETE FROM bookings WHERE id = '${cancelled}'`, affected: 1 },
    { sql: `DELETE FROM bookings WHERE id = '${cancelled}'`, affected: 0 },
    {
      sql: `SELECT id, resource_id, start, "end", label FROM bookings WHERE resource_id = '${a}'`,
      rows: [[meeting, a, at(0), at(1), "Team Meeting"]],
    },
  ];
}

function holdSteps({ seats: [a, b, c], hold }: SessionIds): Step[] {
  const old = newId();
  const released = newId();
  const confirmed = newId();
  const place = (id: string, resource: string, from: number, expiresAt: number): Step => ({
    sql: `INSERT INTO holds (id, resource_id, start, "end", expires_at)
VALUES ('${id}', '${resource}', ${at(from)}, ${at(from + 1)}, ${expiresAt})`,
    affected: 1,
  });
  return [
    // Its expiry lies in the past: it is accepted, and gone.
    place(old, c, 0, 1_706_000_900_000),
    { sql: "SELECT * FROM holds", rows: [] },
    { sql: `DELETE FROM holds WHERE id = '${old}'`, affected: 0 },
    place(released, c, 2, FAR_FUTURE),
    {
      sql: `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${newId()}', '${c}', ${at(2.5)}, ${at(4)})`,
      refused: { code: "23P01", message: `conflict with allocation: ${released}` },
    },
    { sql: `DELETE FROM holds WHERE id = '${released}'`, affected: 1 },
    place(hold, b, 2, FAR_FUTURE),
    { sql: "SELECT id, expires_at FROM holds", rows: [[hold, String(FAR_FUTURE)]] },
    {
      sql: `INSERT INTO bookings (id, hold_id, label) VALUES ('${confirmed}', '${hold}', 'paid')`,
      affected: 1,
    },
    { sql: "SELECT * FROM holds", rows: [] },
    {
      sql: `SELECT id, resource_id, start, "end", label FROM bookings WHERE id = '${confirmed}'`,
      rows: [[confirmed, b, at(2), at(3), "paid"]],
    },
    {
      sql: `INSERT INTO bookings (id, hold_id) VALUES ('${newId()}', '${hold}')`,
      refused: { code: "23503", message: `not found: ${hold}` },
    },
    {
      sql: `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${newId()}', '${a}', ${at(1.5)}, ${at(2)})`,
      affected: 1,
    },
  ];
}

/** By now, of eight open hours: seat A has 0–1 and 1.5–2 taken, seat B 0–1 and 2–3, seat C nothing. */
function availabilitySteps({ seats: [a, b, c] }: SessionIds): Step[] {
  const all = `resource_id IN ('${a}', '${b}', '${c}')`;
  const merged = (from: number, to: number) => ["", at(from), at(to)];
  return [
    {
      sql: `SELECT * FROM availability\nWHERE resource_id = '${a}'\n  ${window}`,
      rows: [
        [a, at(1), at(1.5)],
        [a, at(2), at(8)],
      ],
    },
    {
      sql: `SELECT * FROM availability\nWHERE resource_id = '${a}'\n  ${window}\n  AND min_duration = ${HOUR}`,
      rows: [[a, at(2), at(8)]],
    },
    {
      sql: `SELECT * FROM availability\nWHERE ${all}\n  ${window}`,
      rows: [merged(1, 1.5), merged(3, 8)],
    },
    {
      sql: `SELECT * FROM availability\nWHERE ${all}\n  ${window}\n  AND min_available = 2`,
      rows: [merged(1, 8)],
    },
    {
      sql: `SELECT * FROM availability\nWHERE ${all}\n  ${window}\n  AND per_resource = true`,
      rows: [
        [a, at(1), at(1.5)],
        [a, at(2), at(8)],
        [b, at(1), at(2)],
        [b, at(3), at(8)],
        [c, at(0), at(8)],
      ],
    },
  ];
}

/** A driver's value as the text to compare. */
export function cellOf(value: unknown): Cell {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "t" : "f";
  return String(value);
}

/** Rows in an order of their own, for results whose order is not promised. */
export function sortedRows(rows: readonly (readonly Cell[])[]): string[] {
  return rows.map((row) => row.join("|")).sort();
}
