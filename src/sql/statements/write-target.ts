/** What INSERT, UPDATE and DELETE have in common: the table they change, its columns, and RETURNING. */

import type { Command } from "../../engine/command.ts";
import { assert, DeltatError, SqlState } from "../../errors.ts";
import type { Execution, Plan } from "../execution.ts";
import type { RangeVar, ResTarget } from "../parse/ast.ts";
import { notSupported, refuseOtherFields } from "../parse/unsupported.ts";
import type { RowWriter } from "../rows/row-writer.ts";
import { type Relation, RelationScope, resolveRelation } from "../tables/relation.ts";
import { type Column, columnIndex, isStored, type StoredTable } from "../tables/schema.ts";
import { formatValue } from "../values/codec.ts";
import type { Value } from "../values/value.ts";
import type { StatementCompiler } from "./statement-compiler.ts";
import { planTargets, RowOutput } from "./targets.ts";

export interface WriteTarget {
  readonly table: StoredTable;
  readonly relation: Relation;
  readonly scope: RelationScope;
}

/** Throws 42P01, and 0A000 for a table that is computed. */
export function resolveWriteTarget(range: RangeVar, command: string, text: string): WriteTarget {
  const relation = resolveRelation(range, text);
  const { table } = relation;
  if (!isStored(table)) {
    throw notSupported(
      `${command} on "${table.name}"`,
      `"${table.name}" is computed: change resources, rules, bookings or holds instead.`,
    );
  }
  return { table, relation, scope: new RelationScope(relation) };
}

const TARGET_FIELDS = new Set(["name", "val", "location"]);

/** The column that a SET or a column list names. Throws 42703. */
export function targetColumn(target: ResTarget, table: StoredTable, compiler: StatementCompiler): number {
  const index = columnIndex(table, target.name ?? "");
  if (index >= 0) {
    refuseOtherFields(target, TARGET_FIELDS);
    return index;
  }
  throw new DeltatError(
    SqlState.undefinedColumn,
    `column "${target.name}" of relation "${table.name}" does not exist`,
    { position: compiler.position(target.location) },
  );
}

/** The plan of a statement that changes rows. To be called when all of it is compiled. */
export function writePlan(
  command: string,
  returning: RowOutput | null,
  compiler: StatementCompiler,
  run: Plan["run"],
): Plan {
  const columns = returning?.columns ?? null;
  return { command, usage: "write", parameterTypes: compiler.parameterTypes(), columns, returning, run };
}

const RETURNING_FIELDS = new Set(["exprs"]);

/** RETURNING, compiled; null without one. */
export function planReturning(
  clause: { exprs?: Parameters<typeof planTargets>[0] } | undefined,
  scope: RelationScope,
  compiler: StatementCompiler,
): RowOutput | null {
  if (clause === undefined) return null;
  refuseOtherFields(clause, RETURNING_FIELDS);
  compiler.enter(scope);
  return new RowOutput(planTargets(clause.exprs ?? [], scope, compiler));
}

/** What a write that joins nothing has read with each of its rows. */
export const NOTHING_JOINED: readonly Value[] = [];

/** Writes the row `row` for RETURNING. */
export function returnRow(output: RowOutput, out: RowWriter, row: number, execution: Execution): void {
  execution.row = row;
  if (execution.returned !== null) execution.returned.push(output.values(execution));
  else output.write(out, execution);
}

/** Writes for RETURNING the row that `command` has made or changed: `row`, or -1 for a hold that was gone at once. */
export function returnResult(
  output: RowOutput,
  out: RowWriter,
  row: number,
  command: Command,
  execution: Execution,
): void {
  if (row >= 0) {
    returnRow(output, out, row, execution);
    return;
  }
  assert(command.kind === "placeHold" || command.kind === "changeHold", "only a hold is gone at once");
  execution.engine.showExpiredHold(command.hold, (shown) => returnRow(output, out, shown, execution));
}

/** Throws 23502 where a column that must have a value has none. */
export function checkNotNull(
  table: StoredTable,
  values: readonly Value[],
  isOptional: (table: StoredTable, values: readonly Value[], column: number) => boolean,
): void {
  for (let at = 0; at < values.length; at++) {
    if (values[at] !== null || isOptional(table, values, at)) continue;
    const column = table.columns[at] as Column;
    throw new DeltatError(
      SqlState.notNullViolation,
      `null value in column "${column.name}" of relation "${table.name}" violates not-null constraint`,
      {
        detail: `Failing row contains (${describeRow(table, values)}).`,
        table: table.name,
        column: column.name,
      },
    );
  }
}

/** The visible values as PostgreSQL lists them, each cut at 64 characters. */
function describeRow(table: StoredTable, values: readonly Value[]): string {
  const shown: string[] = [];
  table.columns.forEach((column, at) => {
    if (column.hidden) return;
    const value = values[at] as Value;
    const text = value === null ? "null" : formatValue(column.type, value);
    shown.push(text.length > 64 ? `${text.slice(0, 64)}...` : text);
  });
  return shown.join(", ");
}
