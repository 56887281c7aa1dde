/** The table `events`: what listeners were told, read back from the log. Rows are made by relational/events-scan.ts. */

import type { HistoryEvent } from "../event-history.ts";
import { INT8, JSON_TYPE, type PgType, TEXT } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import type { Column, Table } from "./schema.ts";

interface EventColumn extends Column {
  /** Its value in the row of an event. */
  tell(event: HistoryEvent): Value;
}

function eventColumn(
  name: string,
  type: PgType,
  description: string,
  tell: EventColumn["tell"],
  isId = false,
): EventColumn {
  return {
    name,
    type,
    nullable: false,
    isId,
    hidden: false,
    filterOnly: false,
    fallback: undefined,
    fallbackText: null,
    description,
    tell,
    // The relational planner has its rows in slots.
    read: () => null,
    write: (out) => out.nullValue(),
  };
}

/** Position of `seq`. */
export const SEQ_COLUMN = 0;

export const EVENT_COLUMNS: readonly EventColumn[] = [
  eventColumn("seq", INT8, "Number of the event: 1, 2, 3, … for ever, without gaps.", ({ seq }) => seq),
  eventColumn("at", INT8, "Instant of the commit, Unix milliseconds.", ({ at }) => at),
  eventColumn("kind", TEXT, "BookingConfirmed, HoldReleased, …", ({ kind }) => kind),
  eventColumn(
    "resource_id",
    TEXT,
    "The resource whose channel carried it.",
    ({ resourceId }) => resourceId,
    true,
  ),
  eventColumn("id", TEXT, "The row that changed.", ({ id }) => id, true),
  eventColumn("payload", JSON_TYPE, "What listeners were told.", ({ payload }) => payload),
];

export const EVENTS: Table = {
  name: "events",
  oid: 16_390,
  description: "What happened, as far back as the log goes, in the order of the commits.",
  columns: EVENT_COLUMNS,
};
