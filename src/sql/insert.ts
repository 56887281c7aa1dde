/** INSERT: rows of expressions to Commands, one after the other in the statement's transaction. */

import { monotonicFactory } from "ulid";
import type { Command } from "../engine/command.ts";
import type { Transaction } from "../engine/transaction.ts";
import { DeltatError, SqlState } from "../errors.ts";
import type { InsertStmt, Node } from "./ast.ts";
import type { Execution, Plan } from "./execution.ts";
import type { Expression } from "./expression.ts";
import { idOf } from "./field-values.ts";
import { RelationScope } from "./relation.ts";
import { ROWS_PER_TIMEOUT_CHECK } from "./row-source.ts";
import type { Column, StoredTable } from "./schema.ts";
import type { StatementCompiler } from "./statement-compiler.ts";
import { BOOKINGS, HOLD_ID_COLUMN } from "./stored-tables.ts";
import type { RowOutput } from "./targets.ts";
import { notSupported, refuseOtherFields } from "./unsupported.ts";
import type { Value } from "./value.ts";
import { valueRows } from "./values-lists.ts";
import {
  checkNotNull,
  planReturning,
  resolveWriteTarget,
  returnResult,
  targetColumn,
} from "./write-target.ts";

const INSERT_FIELDS = new Set([
  "relation",
  "cols",
  "selectStmt",
  "onConflictClause",
  "returningClause",
  "override",
]);
const VALUES_FIELDS = new Set(["valuesLists", "limitOption", "op"]);

/** Ids of one millisecond follow each other, also across sessions. */
const nextUlid = monotonicFactory();

/** ULIDs hold 48 bits of milliseconds. */
const MAX_ULID_MS = 2 ** 48 - 1;

/** An id for a new row, made at `nowMs`. */
export function newId(nowMs: number): string {
  return nextUlid(Math.min(nowMs, MAX_ULID_MS));
}

/** Where the value of one column of a new row comes from. */
type Source = Expression | { readonly fallback: Value } | "newId";

interface InsertPlan {
  readonly table: StoredTable;
  /** Per row, one source for each column of the table. */
  readonly rows: readonly (readonly Source[])[];
  readonly skipsUsedIds: boolean;
  readonly returning: RowOutput | null;
}

export function planInsert(node: InsertStmt, compiler: StatementCompiler): Plan {
  refuseOtherFields(node, INSERT_FIELDS);
  if (node.override !== undefined && node.override !== "OVERRIDING_NOT_SET") throw notSupported("OVERRIDING");
  if (node.relation === undefined) throw notSupported("INSERT without a table");
  const { table, scope } = resolveWriteTarget(node.relation, "INSERT", compiler.statementText);
  const columns = insertColumns(node, table, compiler);
  compiler.enter(new RelationScope(null));
  const lists = insertRows(node.selectStmt);
  const rows = lists.map((items) => planRow(items, columns, node.cols !== undefined, table, compiler));
  const skipsUsedIds = planConflict(node, table);
  const returning = planReturning(node.returningClause, scope, compiler);
  const plan: InsertPlan = { table, rows, skipsUsedIds, returning };
  return {
    command: "INSERT",
    usage: "write",
    parameterTypes: compiler.parameterTypes(),
    columns: returning?.columns ?? null,
    run: (execution) => runInsert(plan, execution),
  };
}

/** Positions of the columns that the values are for. Throws 42701 for one named twice. */
function insertColumns(node: InsertStmt, table: StoredTable, compiler: StatementCompiler): number[] {
  if (node.cols === undefined) {
    return [...table.columns.keys()].filter((at) => table.columns[at]?.hidden === false);
  }
  const columns: number[] = [];
  for (const target of node.cols) {
    if (!("ResTarget" in target)) continue;
    const at = targetColumn(target.ResTarget, table, compiler);
    if (columns.includes(at)) {
      throw new DeltatError(
        SqlState.duplicateColumn,
        `column "${target.ResTarget.name}" specified more than once`,
        { position: compiler.position(target.ResTarget.location) },
      );
    }
    columns.push(at);
  }
  return columns;
}

/** The rows after VALUES; one row without items for DEFAULT VALUES. */
function insertRows(select: Node | undefined): (readonly Node[])[] {
  if (select === undefined) return [[]];
  if (!("SelectStmt" in select) || select.SelectStmt.valuesLists === undefined) {
    throw notSupported("INSERT … SELECT");
  }
  refuseOtherFields(select.SelectStmt, VALUES_FIELDS);
  return valueRows(select.SelectStmt.valuesLists);
}

function planRow(
  items: readonly Node[],
  columns: readonly number[],
  areListed: boolean,
  table: StoredTable,
  compiler: StatementCompiler,
): Source[] {
  if (items.length > columns.length) {
    throw new DeltatError(SqlState.syntaxError, "INSERT has more expressions than target columns");
  }
  if (areListed && items.length < columns.length && items.length > 0) {
    throw new DeltatError(SqlState.syntaxError, "INSERT has more target columns than expressions");
  }
  const sources: Source[] = table.columns.map((column, at) => fallbackOf(column, at));
  items.forEach((item, i) => {
    if ("SetToDefault" in item) return;
    const at = columns[i] as number;
    sources[at] = compiler.assigned(item, table.columns[at] as Column);
  });
  return sources;
}

function fallbackOf(column: Column, at: number): Source {
  return at === 0 && column.isId ? "newId" : { fallback: column.fallback ?? null };
}

const ON_CONFLICT_FIELDS = new Set(["action", "infer", "location"]);
const INFER_FIELDS = new Set(["indexElems", "conname", "location"]);
const INDEX_FIELDS = new Set(["name", "ordering", "nulls_ordering"]);

/** Whether a row whose id is used is skipped. The id is the one key that ON CONFLICT can mean. */
function planConflict(node: InsertStmt, table: StoredTable): boolean {
  const clause = node.onConflictClause;
  if (clause === undefined) return false;
  if (clause.action !== "ONCONFLICT_NOTHING") {
    throw notSupported("ON CONFLICT DO UPDATE", "Use ON CONFLICT (id) DO NOTHING, or UPDATE.");
  }
  refuseOtherFields(clause, ON_CONFLICT_FIELDS);
  if (clause.infer === undefined) return true;
  refuseOtherFields(clause.infer, INFER_FIELDS);
  const { conname, indexElems } = clause.infer;
  if (conname !== undefined) {
    if (conname === `${table.name}_pkey`) return true;
    throw new DeltatError(
      SqlState.undefinedObject,
      `constraint "${conname}" for table "${table.name}" does not exist`,
    );
  }
  const [element, ...others] = indexElems ?? [];
  if (element !== undefined && "IndexElem" in element && others.length === 0) {
    refuseOtherFields(element.IndexElem, INDEX_FIELDS);
    if (element.IndexElem.name === "id") return true;
  }
  throw new DeltatError(
    SqlState.invalidColumnReference,
    "there is no unique or exclusion constraint matching the ON CONFLICT specification",
  );
}

function runInsert(plan: InsertPlan, execution: Execution): string {
  const { table, returning, skipsUsedIds } = plan;
  const { engine } = execution;
  const transaction = execution.transaction as Transaction;
  const out = returning?.open(execution) ?? null;
  let inserted = 0;
  for (const sources of plan.rows) {
    const values = sources.map((source) => sourceValue(source, execution));
    checkNotNull(table, values, isOptional(table, values));
    const command: Command = table.create(values);
    if (skipsUsedIds && table.find(engine, idOf(values[0] as Value)) >= 0) continue;
    engine.apply(transaction, command);
    inserted++;
    if ((inserted & (ROWS_PER_TIMEOUT_CHECK - 1)) === 0) execution.session.checkTimeout();
    if (returning !== null && out !== null) {
      returnResult(returning, out, table.find(engine, idOf(values[0] as Value)), command, execution);
    }
  }
  // A row that was skipped tells that its id is used.
  if (inserted < plan.rows.length) execution.session.dependOn(execution.database.appendedLsn);
  return `INSERT 0 ${inserted}`;
}

function sourceValue(source: Source, execution: Execution): Value {
  if (source === "newId") return newId(execution.engine.now);
  return "evaluate" in source ? source.evaluate(execution) : source.fallback;
}

/** A booking made of a hold takes resource and span from it. */
function isOptional(table: StoredTable, values: readonly Value[]): (column: number) => boolean {
  const confirmsHold = table === BOOKINGS && values[HOLD_ID_COLUMN] !== null;
  return (at) => table.columns[at]?.nullable === true || (confirmsHold && at >= 1 && at <= 3);
}
