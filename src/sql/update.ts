/** UPDATE: new images of the rows that WHERE accepts, all computed before the first is applied. */

import type { Command } from "../engine/command.ts";
import type { Transaction } from "../engine/transaction.ts";
import { DeltatError, SqlState } from "../errors.ts";
import type { Id } from "../id.ts";
import type { Node, UpdateStmt } from "./ast.ts";
import type { Execution, Plan } from "./execution.ts";
import type { Expression } from "./expression.ts";
import { filteredRows, planRowSource, ROWS_PER_TIMEOUT_CHECK, type RowSource } from "./row-source.ts";
import type { Column, StoredTable } from "./schema.ts";
import type { StatementCompiler } from "./statement-compiler.ts";
import type { RowOutput } from "./targets.ts";
import { notSupported, refuseOtherFields } from "./unsupported.ts";
import type { Value } from "./value.ts";
import {
  checkNotNull,
  planReturning,
  resolveWriteTarget,
  returnResult,
  targetColumn,
} from "./write-target.ts";

const UPDATE_FIELDS = new Set(["relation", "targetList", "whereClause", "returningClause"]);

interface Assignment {
  readonly column: number;
  /** null: the column's default. */
  readonly value: Expression | null;
}

interface UpdatePlan {
  readonly table: StoredTable;
  readonly source: RowSource;
  readonly assignments: readonly Assignment[];
  readonly returning: RowOutput | null;
}

export function planUpdate(node: UpdateStmt, compiler: StatementCompiler): Plan {
  refuseOtherFields(node, UPDATE_FIELDS);
  if (node.relation === undefined) throw notSupported("UPDATE without a table");
  const { table, scope } = resolveWriteTarget(node.relation, "UPDATE", compiler.statementText);
  compiler.enter(scope);
  const assignments = planAssignments(node.targetList ?? [], table, compiler);
  const source = planRowSource(node.whereClause, scope, compiler);
  const returning = planReturning(node.returningClause, scope, compiler);
  const plan: UpdatePlan = { table, source, assignments, returning };
  return {
    command: "UPDATE",
    usage: "write",
    parameterTypes: compiler.parameterTypes(),
    columns: returning?.columns ?? null,
    run: (execution) => runUpdate(plan, execution),
  };
}

function planAssignments(
  targets: readonly Node[],
  table: StoredTable,
  compiler: StatementCompiler,
): Assignment[] {
  const assignments: Assignment[] = [];
  for (const target of targets) {
    if (!("ResTarget" in target)) continue;
    const at = targetColumn(target.ResTarget, table, compiler);
    const column = table.columns[at] as Column;
    if (at === 0) throw notSupported("UPDATE of an id", "Delete the row and insert it under its new id.");
    if (column.hidden) throw notSupported(`UPDATE of column "${column.name}"`, column.description);
    if (assignments.some((assignment) => assignment.column === at)) {
      throw new DeltatError(SqlState.syntaxError, `multiple assignments to same column "${column.name}"`);
    }
    const value = assignedNode(target.ResTarget.val);
    assignments.push({
      column: at,
      value: value === null ? null : compiler.assigned(value, column),
    });
  }
  return assignments;
}

/** The node that one column gets, out of `(a, b) = (1, 2)` too; null for DEFAULT. */
function assignedNode(node: Node | undefined): Node | null {
  if (node === undefined || "SetToDefault" in node) return null;
  if (!("MultiAssignRef" in node)) return node;
  const { source, colno, ncolumns } = node.MultiAssignRef;
  const items = source !== undefined && "RowExpr" in source ? (source.RowExpr.args ?? []) : null;
  if (items === null) throw notSupported("UPDATE … SET (…) = (SELECT …)");
  if (items.length !== ncolumns) {
    throw new DeltatError(SqlState.syntaxError, "number of columns does not match number of values");
  }
  return assignedNode(items[(colno ?? 1) - 1]);
}

function runUpdate(plan: UpdatePlan, execution: Execution): string {
  const { table, returning } = plan;
  const { engine } = execution;
  const changes: { id: Id; command: Command }[] = [];
  for (const row of filteredRows(plan.source, execution)) {
    execution.row = row;
    changes.push({ id: table.idAt(engine, row), command: newImage(plan, execution) });
  }
  const out = returning?.open(execution) ?? null;
  let applied = 0;
  for (const { id, command } of changes) {
    if ((++applied & (ROWS_PER_TIMEOUT_CHECK - 1)) === 0) execution.session.checkTimeout();
    engine.apply(execution.transaction as Transaction, command);
    if (returning !== null && out !== null) {
      returnResult(returning, out, table.find(engine, id), command, execution);
    }
  }
  return `UPDATE ${changes.length}`;
}

/** The Command that makes the row `execution.row` what the assignments say. */
function newImage({ table, assignments }: UpdatePlan, execution: Execution): Command {
  const values = table.stored(execution);
  for (const { column, value } of assignments) {
    values[column] =
      value === null
        ? ((table.columns[column] as Column).fallback ?? null)
        : (value.evaluate(execution) as Value);
  }
  checkNotNull(table, values, (at) => table.columns[at]?.nullable === true);
  return table.replace(values);
}
