/**
 * What a statement has read. It raises the lsn that must be durable before the answer may leave, and in a
 * serializable transaction it is remembered, since a commit that changes it makes the answer wrong. Whatever is
 * read by another way than these calls `session.dependOn`, which takes it for the whole database.
 */

import type { Id } from "../../id.ts";
import type { Execution } from "../execution.ts";
import type { StoredTable } from "../tables/schema.ts";

/** A resource, or what lies on its timelines: its rules, bookings and holds. */
export function dependOnResource(execution: Execution, resourceRow: number): void {
  const { session, engine } = execution;
  session.awaitLsn(engine.changedLsn(resourceRow));
  if (session.tracked !== null) engine.isolation.readResource(session.tracked, resourceRow);
}

/** The free time of a resource, which its ancestors decide too. */
export function dependOnAvailability(execution: Execution, resourceRow: number): void {
  const { session, engine } = execution;
  session.awaitLsn(engine.availabilityLsn(resourceRow));
  if (session.tracked !== null) engine.isolation.readResourceAndAncestors(session.tracked, resourceRow);
}

/** The row of a table that an id names, or that there is none (-1). */
export function dependOnRow(execution: Execution, table: StoredTable, row: number, id: Id): void {
  const { session, engine, database } = execution;
  session.awaitLsn(database.appendedLsn);
  if (session.tracked === null) return;
  const { isolation } = engine;
  if (row < 0) isolation.readAbsence(session.tracked, table.locks, id);
  else isolation.readResourceAndAncestors(session.tracked, table.resourceRowOf(engine, row));
}
