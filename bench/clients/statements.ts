/**
 * What clients ask for, in the SQL of deltat and of PostgreSQL. Arguments are pieces of SQL: literals, or the names of
 * pgbench's variables. PostgreSQL is asked the way somebody would who has only PostgreSQL: spans are int8range, an
 * exclusion constraint refuses collisions, free time is a difference of multiranges, and a hold is a booking that has
 * an end of its own. (It never expires there by itself, which is work that PostgreSQL is spared.)
 */

import { formatId } from "../../src/id.ts";
import { resourceId, visitorId } from "../calendar.ts";
import type { ServerName } from "../servers/server.ts";

type Piece = string | number;
type SpanPieces = readonly [start: Piece, end: Piece];

export interface Dialect {
  readonly readResource: string;
  readonly writeResource: string;
  availability(from: Piece, to: Piece): string;
  insert(span: SpanPieces): string;
  insertBatch(spans: readonly SpanPieces[]): string;
  /** Gives back the id of the hold as `id`. */
  hold(span: SpanPieces): string;
  bookHold(hold: Piece): string;
  /** Takes the one slot that all want, as booking number `n`; refused if it is taken. */
  takeSlot(n: number): string;
  leaveSlot(n: number): string;
  /** Makes a session hear of the bookings of `insert`. */
  readonly listen: string;
  readonly countBookings: string;
}

/** A hold of a measurement outlives it. */
const FAR_MS = 8_000_000_000_000;

/** The slot that all want; no other booking of the suite lies so early. */
const WANTED = [1, 1_000] as const;

const uuid = (n: number): string => `018cc252-0000-0000-0000-${String(n).padStart(12, "0")}`;

function deltat(): Dialect {
  const readResource = formatId(resourceId(0));
  const writeResource = formatId(resourceId(1));
  return {
    readResource,
    writeResource,
    availability: (from, to) =>
      `SELECT resource_id, start, "end" FROM availability WHERE resource_id = '${readResource}' AND start >= ${from} AND "end" <= ${to}`,
    insert: ([start, end]) =>
      `INSERT INTO bookings (resource_id, start, "end") VALUES ('${writeResource}', ${start}, ${end})`,
    // Another order of columns, by which the null server tells it from the one above.
    insertBatch: (spans) =>
      `INSERT INTO bookings (start, "end", resource_id) VALUES ${spans
        .map(([start, end]) => `(${start}, ${end}, '${writeResource}')`)
        .join(", ")}`,
    hold: ([start, end]) =>
      `INSERT INTO holds (resource_id, start, "end", expires_at) VALUES ('${writeResource}', ${start}, ${end}, ${FAR_MS}) RETURNING id`,
    bookHold: (hold) => `INSERT INTO bookings (hold_id) VALUES (${hold})`,
    takeSlot: (n) =>
      `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${formatId(visitorId(n))}', '${writeResource}', ${WANTED.join(", ")})`,
    leaveSlot: (n) => `DELETE FROM bookings WHERE id = '${formatId(visitorId(n))}'`,
    listen: `LISTEN "resource_${writeResource}"`,
    countBookings: `SELECT count(*) FROM bookings WHERE resource_id = '${writeResource}'`,
  };
}

function postgres(): Dialect {
  const readResource = "018cc251-0000-0000-0000-000000000001";
  const writeResource = "018cc251-0000-0000-0000-000000000002";
  return {
    readResource,
    writeResource,
    availability: (from, to) =>
      `SELECT '${readResource}' AS resource_id, lower(run) AS start, upper(run) AS "end" FROM unnest(
        (SELECT range_agg(during * int8range(${from}, ${to})) FROM rules
          WHERE resource_id = '${readResource}' AND NOT blocking AND during && int8range(${from}, ${to}))
        - (SELECT coalesce(range_agg(during), '{}') FROM bookings
          WHERE resource_id = '${readResource}' AND during && int8range(${from}, ${to}))) AS run`.replaceAll(
        /\s+/g,
        " ",
      ),
    insert: ([start, end]) =>
      `INSERT INTO bookings (resource_id, during) VALUES ('${writeResource}', int8range(${start}, ${end}))`,
    insertBatch: (spans) =>
      `INSERT INTO bookings (resource_id, during) VALUES ${spans
        .map(([start, end]) => `('${writeResource}', int8range(${start}, ${end}))`)
        .join(", ")}`,
    hold: ([start, end]) =>
      `INSERT INTO bookings (resource_id, during, expires_at) VALUES ('${writeResource}', int8range(${start}, ${end}), ${FAR_MS}) RETURNING id`,
    bookHold: (hold) => `UPDATE bookings SET expires_at = NULL WHERE id = ${hold}`,
    // Two that collide without ON CONFLICT wait for each other until PostgreSQL finds the deadlock, a second later.
    takeSlot: (n) =>
      `INSERT INTO bookings (id, resource_id, during) VALUES ('${uuid(n)}', '${writeResource}', int8range(${WANTED.join(", ")})) ON CONFLICT DO NOTHING`,
    leaveSlot: (n) => `DELETE FROM bookings WHERE id = '${uuid(n)}'`,
    listen: `LISTEN "resource_${writeResource}"`,
    countBookings: `SELECT count(*) FROM bookings WHERE resource_id = '${writeResource}' AND expires_at IS NULL`,
  };
}

export const DELTAT: Dialect = deltat();
export const POSTGRES: Dialect = postgres();

export function dialectOf(server: ServerName): Dialect {
  return server === "PostgreSQL" ? POSTGRES : DELTAT;
}
