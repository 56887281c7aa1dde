/** INSERT: rows of expressions to Commands, one after the other in the statement's transaction. */

import { monotonicFactory } from "ulid";
import type { Command } from "../../engine/command.ts";
import type { Transaction } from "../../engine/transaction.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import type { Execution, Plan } from "../execution.ts";
import { coerceForAssignment } from "../expressions/casts.ts";
import type { Expression } from "../expressions/expression.ts";
import { type InsertStmt, type Node, nodeLocation, targetLocation } from "../parse/ast.ts";
import { notSupported, refuseOtherFields } from "../parse/unsupported.ts";
import { hasSubLink } from "../relational/aggregate-calls.ts";
import { planRowQuery } from "../relational/joined-write.ts";
import { ROWS_PER_TIMEOUT_CHECK } from "../rows/row-source.ts";
import type { RowWriter } from "../rows/row-writer.ts";
import { idOf } from "../tables/field-values.ts";
import { RelationScope } from "../tables/relation.ts";
import type { Column, StoredTable } from "../tables/schema.ts";
import { BOOKINGS, HOLD_ID_COLUMN } from "../tables/stored-tables.ts";
import type { Value } from "../values/value.ts";
import { changeOfUsed, type OnConflict, planOnConflict, WrittenIds } from "./on-conflict.ts";
import type { StatementCompiler } from "./statement-compiler.ts";
import type { RowOutput } from "./targets.ts";
import { valueRows } from "./values-lists.ts";
import {
  checkNotNull,
  planReturning,
  resolveWriteTarget,
  returnResult,
  targetColumn,
  writePlan,
} from "./write-target.ts";

const INSERT_FIELDS = new Set([
  "relation",
  "cols",
  "selectStmt",
  "onConflictClause",
  "returningClause",
  "override",
  "withClause",
]);
const VALUES_FIELDS: ReadonlySet<string> = new Set(["valuesLists", "limitOption", "op"]);

/** Ids of one millisecond follow each other, also across sessions. */
const nextUlid = monotonicFactory();

/** ULIDs hold 48 bits of milliseconds. */
const MAX_ULID_MS = 2 ** 48 - 1;

/** An id for a new row, made at `nowMs`. */
export function newId(nowMs: number): string {
  return nextUlid(Math.min(nowMs, MAX_ULID_MS));
}

/** Where the value of one column of a new row comes from. */
type Source = Pick<Expression, "evaluate">;

const NEW_ID: Source = { evaluate: (frame) => newId(frame.session.clockNowMs()) };

interface InsertPlan {
  readonly table: StoredTable;
  /** Per row of VALUES, one source for each column of the table. */
  readonly lists: readonly (readonly Source[])[];
  /** The rows of a query in their place, one value for each column of the table. */
  readonly selected: ((execution: Execution) => readonly Value[][]) | null;
  readonly onConflict: OnConflict | null;
  readonly returning: RowOutput | null;
}

export function planInsert(node: InsertStmt, compiler: StatementCompiler): Plan {
  refuseOtherFields(node, INSERT_FIELDS);
  if (node.override !== undefined && node.override !== "OVERRIDING_NOT_SET") throw notSupported("OVERRIDING");
  if (node.relation === undefined) throw notSupported("INSERT without a table");
  const { table, relation, scope } = resolveWriteTarget(node.relation, "INSERT", compiler.statementText);
  const columns = insertColumns(node, table, compiler);
  compiler.enter(new RelationScope(null));
  const isPlain = isPlainValues(node);
  const lists = isPlain ? planLists(node, columns, table, compiler) : [];
  const selected = isPlain ? null : planSelected(node, columns, table, compiler);
  const onConflict = planOnConflict(node.onConflictClause, relation, compiler);
  const returning = planReturning(node.returningClause, scope, compiler);
  const plan: InsertPlan = { table, lists, selected, onConflict, returning };
  return writePlan("INSERT", returning, compiler, (execution) => runInsert(plan, execution));
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

/** VALUES of plain expressions, or DEFAULT VALUES. */
function isPlainValues({ selectStmt, withClause }: InsertStmt): boolean {
  if (selectStmt === undefined) return true;
  if (withClause !== undefined || !("SelectStmt" in selectStmt)) return false;
  const select = selectStmt.SelectStmt;
  if (select.valuesLists === undefined || hasSubLink(select.valuesLists)) return false;
  return Object.keys(select).every((field) => VALUES_FIELDS.has(field));
}

function planLists(
  node: InsertStmt,
  columns: readonly number[],
  table: StoredTable,
  compiler: StatementCompiler,
): readonly (readonly Source[])[] {
  const select = node.selectStmt;
  const lists =
    select !== undefined && "SelectStmt" in select
      ? valueRows(select.SelectStmt.valuesLists ?? [], (location) => compiler.position(location))
      : [[]];
  return lists.map((items) => planRow(items, columns, node, table, compiler));
}

/** INSERT … SELECT: all is read before the first row is written. */
function planSelected(
  node: InsertStmt,
  columns: readonly number[],
  table: StoredTable,
  compiler: StatementCompiler,
): NonNullable<InsertPlan["selected"]> {
  if (node.selectStmt === undefined || !("SelectStmt" in node.selectStmt))
    throw notSupported("this kind of INSERT");
  const select = node.selectStmt.SelectStmt;
  const withClause = select.withClause ?? node.withClause;
  const query = planRowQuery(withClause === undefined ? select : { ...select, withClause }, compiler);
  const location = (at: number) => targetLocation(select, at);
  checkCount(query.outputs.length, columns, node, location, compiler);
  const outputs = query.outputs.map((output, i) => {
    const { type, name } = table.columns[columns[i] as number] as Column;
    return coerceForAssignment(output, type, name, compiler.position(location(i)));
  });
  const fallbacks = table.columns.map((column, at) => fallbackOf(column, at));
  return (execution) =>
    query.rows(execution, outputs).map((row) => {
      const values: Value[] = fallbacks.map((source, at) =>
        columns.indexOf(at) >= 0 && columns.indexOf(at) < row.length ? null : source.evaluate(execution),
      );
      row.forEach((value, i) => {
        values[columns[i] as number] = value;
      });
      return values;
    });
}

/**
 * Throws 42601 where there are more expressions than columns, or fewer than columns were listed, at the first that has
 * no counterpart.
 */
function checkCount(
  count: number,
  columns: readonly number[],
  node: InsertStmt,
  location: (at: number) => number,
  compiler: StatementCompiler,
): void {
  if (count > columns.length) {
    throw new DeltatError(SqlState.syntaxError, "INSERT has more expressions than target columns", {
      position: compiler.position(location(columns.length)),
    });
  }
  if (node.cols !== undefined && count < columns.length && count > 0) {
    const target = node.cols[count];
    throw new DeltatError(SqlState.syntaxError, "INSERT has more target columns than expressions", {
      position: compiler.position(target === undefined ? 0 : nodeLocation(target)),
    });
  }
}

function planRow(
  items: readonly Node[],
  columns: readonly number[],
  node: InsertStmt,
  table: StoredTable,
  compiler: StatementCompiler,
): Source[] {
  checkCount(items.length, columns, node, (at) => nodeLocation(items[at] as Node), compiler);
  const sources: Source[] = table.columns.map((column, at) => fallbackOf(column, at));
  items.forEach((item, i) => {
    if ("SetToDefault" in item) return;
    const at = columns[i] as number;
    sources[at] = compiler.assigned(item, table.columns[at] as Column, "VALUES");
  });
  return sources;
}

function fallbackOf(column: Column, at: number): Source {
  const value = column.fallback ?? null;
  return at === 0 && column.isId ? NEW_ID : { evaluate: () => value };
}

function runInsert(plan: InsertPlan, execution: Execution): string {
  const { lists, selected, returning, onConflict } = plan;
  const out = returning?.open(execution) ?? null;
  const writtenIds = onConflict?.update ? new WrittenIds() : null;
  const rows = selected?.(execution);
  execution.beforeChanges?.();
  const given = rows?.length ?? lists.length;
  let written = 0;
  for (let at = 0; at < given; at++) {
    const values = rows?.[at] ?? evaluateAll(lists[at] as readonly Source[], execution);
    if (insertRow(plan, values, writtenIds, out, execution)) written++;
    if (((at + 1) & (ROWS_PER_TIMEOUT_CHECK - 1)) === 0) execution.session.checkTimeout();
  }
  // A row that was skipped tells that its id is used.
  if (written < given) execution.session.dependOn(execution.database.appendedLsn);
  // A constant text is written faster than one that is put together.
  return written === 1 ? "INSERT 0 1" : `INSERT 0 ${written}`;
}

function evaluateAll(sources: readonly Source[], execution: Execution): Value[] {
  const values: Value[] = [];
  for (let at = 0; at < sources.length; at++) values.push((sources[at] as Source).evaluate(execution));
  return values;
}

/** Whether the row was inserted, or changed: false if its id is used and ON CONFLICT lets that be. */
function insertRow(
  { table, returning, onConflict }: InsertPlan,
  values: readonly Value[],
  writtenIds: WrittenIds | null,
  out: RowWriter | null,
  execution: Execution,
): boolean {
  const { engine } = execution;
  checkNotNull(table, values, isOptional);
  let command: Command | null = table.create(values);
  const id = idOf(values[0] as Value);
  const used = onConflict === null ? -1 : table.find(engine, id);
  if (onConflict !== null && used >= 0) {
    if (onConflict.update === null) return false;
    writtenIds?.add(id);
    command = changeOfUsed(onConflict.update, table, used, values, execution);
    if (command === null) return false;
  } else writtenIds?.add(id);
  engine.apply(execution.transaction as Transaction, command);
  if (returning !== null && out !== null) {
    returnResult(returning, out, table.find(engine, id), command, execution);
  }
  return true;
}

/** A booking made of a hold takes resource and span from it. */
function isOptional(table: StoredTable, values: readonly Value[], at: number): boolean {
  if (table.columns[at]?.nullable === true) return true;
  return table === BOOKINGS && values[HOLD_ID_COLUMN] !== null && at >= 1 && at <= 3;
}
