/**
 * The tables, as one list of columns each: parser, planner, catalog and documentation all read this list.
 * A column says how it is read from the engine's typed arrays; a stored table says which Command makes,
 * replaces or removes a row, given one value per column.
 */

import type { Command } from "../../engine/command.ts";
import type { Engine } from "../../engine/engine.ts";
import type { LockableTable } from "../../engine/isolation.ts";
import type { Id } from "../../id.ts";
import type { Execution } from "../execution.ts";
import type { RowWriter } from "../rows/row-writer.ts";
import type { PgType } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { AVAILABILITY } from "./availability-table.ts";
import { EVENTS } from "./events-table.ts";
import { BOOKINGS, HOLDS, RESOURCES, RULES } from "./stored-tables.ts";
import type { CopiedRows, CopyCost, TableView } from "./table-view.ts";

export interface Column {
  readonly name: string;
  readonly type: PgType;
  readonly nullable: boolean;
  /** Holds ULIDs: text in, normalised to upper case. */
  readonly isId: boolean;
  /** Not part of `*`, nor of the catalogs. */
  readonly hidden: boolean;
  /** Not to be read: it stands in WHERE and is compared by `=`. */
  readonly filterOnly: boolean;
  /** What an INSERT that leaves the column out puts there; undefined: nothing, so NULL or an id made here. */
  readonly fallback: Value | undefined;
  /** The same, in SQL, for catalogs and documentation; null: no default. */
  readonly fallbackText: string | null;
  readonly description: string;
  /** Its value in the row `execution.row`. */
  read(execution: Execution): Value;
  /** The same into output column `position`, where possible without making a Value on the way. */
  write(out: RowWriter, execution: Execution, position: number): void;
}

export interface Table {
  readonly name: string;
  readonly oid: number;
  readonly description: string;
  readonly columns: readonly Column[];
}

/** A table whose rows the engine keeps. `values` below hold one Value per column, in the order of `columns`. */
export interface StoredTable extends Table {
  /** Rows of the whole table, in no promised order. */
  rows(engine: Engine): number[];
  /** The row with this id, or -1. */
  find(engine: Engine, id: Id): number;
  /** Rows of a resource (of a parent, for `resources`) that may meet [from, to); -1 as owner: roots. */
  rowsOf(engine: Engine, owner: number, from: number, to: number): number[];
  /** The column whose value picks rows by `rowsOf`. */
  readonly ownerColumn: number;
  /** Whether a change of one of its rows counts as a change of the owner (Engine.changedLsn). */
  readonly ownerHoldsRows: boolean;
  /** The row's values as kept, which may differ from what `read` shows. */
  stored(execution: Execution): Value[];
  create(values: readonly Value[]): Command;
  replace(values: readonly Value[]): Command;
  remove(id: Id): Command;
  idAt(engine: Engine, row: number): Id;
  /** What the engine calls the table. */
  readonly locks: LockableTable;
  /** The resource that a row is on; of a resource, itself. */
  resourceRowOf(engine: Engine, row: number): number;
  /** Copies all that columns read of these rows. */
  copy(from: TableView, rows: Int32Array): CopiedRows;
  readonly copyCost: CopyCost;
}

export const TABLES: readonly Table[] = [RESOURCES, RULES, BOOKINGS, HOLDS, AVAILABILITY, EVENTS];

const BY_NAME: ReadonlyMap<string, Table> = new Map(TABLES.map((table) => [table.name, table]));

export function findTable(name: string): Table | undefined {
  return BY_NAME.get(name);
}

export function isStored(table: Table): table is StoredTable {
  return "create" in table;
}

/** Position of the column called `name` in `table.columns`, or -1. */
export function columnIndex(table: Table, name: string): number {
  return table.columns.findIndex((column) => column.name === name);
}
