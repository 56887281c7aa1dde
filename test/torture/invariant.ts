/** The invariant, asked of the server itself: at every instant, on every resource, no more footprints than its capacity. */

import type pg from "pg";
import { rowsOf } from "../server/clients.ts";

/** Edges of all footprints, at each instant the ends before the starts, summed up. */
const OVERBOOKED = `
  WITH edges (resource_id, at, change) AS (
    SELECT resource_id, start, 1 FROM bookings WHERE resource_id = ANY($1)
    UNION ALL SELECT b.resource_id, b."end" + r.buffer_after, -1 FROM bookings b JOIN resources r ON r.id = b.resource_id
      WHERE resource_id = ANY($1)
    UNION ALL SELECT resource_id, start, 1 FROM holds WHERE resource_id = ANY($1)
    UNION ALL SELECT h.resource_id, h."end" + r.buffer_after, -1 FROM holds h JOIN resources r ON r.id = h.resource_id
      WHERE resource_id = ANY($1)
  ), usage AS (
    SELECT resource_id, at,
      sum(change) OVER (PARTITION BY resource_id ORDER BY at, change ROWS UNBOUNDED PRECEDING) AS used
    FROM edges
  )
  SELECT u.resource_id, u.at, u.used, r.capacity
  FROM usage u JOIN resources r ON r.id = u.resource_id
  WHERE u.used > r.capacity
  LIMIT 5`;

/** Places where one of these resources carries more than it may: resource, instant, used, capacity. */
export function overbooked(client: pg.Client, resources: readonly string[]): Promise<unknown[][]> {
  return rowsOf(client, OVERBOOKED, [resources]);
}
