/** DELETE of the rows that WHERE accepts. */

import type { Engine } from "../engine/engine.ts";
import type { Transaction } from "../engine/transaction.ts";
import type { DeleteStmt, RangeVar } from "./ast.ts";
import type { Execution, Plan } from "./execution.ts";
import type { RelationScope } from "./relation.ts";
import { hasSubLink } from "./relational/aggregate-calls.ts";
import { planTargetQuery } from "./relational/joined-write.ts";
import { filteredRows, planRowSource, ROWS_PER_TIMEOUT_CHECK } from "./row-source.ts";
import type { StoredTable } from "./schema.ts";
import type { StatementCompiler } from "./statement-compiler.ts";
import { RESOURCES } from "./stored-tables.ts";
import type { RowOutput } from "./targets.ts";
import { notSupported, refuseOtherFields } from "./unsupported.ts";
import { planReturning, resolveWriteTarget, returnRow } from "./write-target.ts";

const DELETE_FIELDS = new Set(["relation", "usingClause", "whereClause", "returningClause", "withClause"]);

export function planDelete(node: DeleteStmt, compiler: StatementCompiler): Plan {
  refuseOtherFields(node, DELETE_FIELDS);
  if (node.relation === undefined) throw notSupported("DELETE without a table");
  const { table, scope } = resolveWriteTarget(node.relation, "DELETE", compiler.statementText);
  compiler.enter(scope);
  const rows = planTargetRows(node, node.relation, table, scope, compiler);
  compiler.enter(scope);
  const returning = planReturning(node.returningClause, scope, compiler);
  return {
    command: "DELETE",
    usage: "write",
    parameterTypes: compiler.parameterTypes(),
    columns: returning?.columns ?? null,
    returning,
    run: (execution) => runDelete(table, rows, returning, execution),
  };
}

/** Row numbers of what is deleted. */
type TargetRows = (execution: Execution) => number[];

function planTargetRows(
  node: DeleteStmt,
  relation: RangeVar,
  table: StoredTable,
  scope: RelationScope,
  compiler: StatementCompiler,
): TargetRows {
  const { usingClause, whereClause, withClause } = node;
  if (usingClause === undefined && withClause === undefined && !hasSubLink(whereClause)) {
    const source = planRowSource(whereClause, scope, compiler);
    return (execution) => filteredRows(source, execution);
  }
  const query = planTargetQuery(
    { relation, others: usingClause ?? [], where: whereClause, withClause, assigned: [] },
    compiler,
  );
  return (execution) => query.rows(execution, []).map(({ id }) => table.find(execution.engine, id));
}

function runDelete(
  table: StoredTable,
  targetRows: TargetRows,
  returning: RowOutput | null,
  execution: Execution,
): string {
  const { engine } = execution;
  let rows = targetRows(execution);
  if (execution.beforeChanges !== null) {
    const ids = rows.map((row) => table.idAt(engine, row));
    execution.beforeChanges();
    // Those are left that no other change of the same statement has taken away.
    rows = ids.map((id) => table.find(engine, id)).filter((row) => row >= 0);
  }
  if (table === RESOURCES && rows.length > 1) rows = childrenFirst(rows, engine);
  if (returning !== null) {
    const out = returning.open(execution);
    for (const row of rows) returnRow(returning, out, row, execution);
  }
  // Ids first: a row's number means something else once it is freed.
  const commands = rows.map((row) => table.remove(table.idAt(engine, row)));
  let applied = 0;
  for (const command of commands) {
    if ((++applied & (ROWS_PER_TIMEOUT_CHECK - 1)) === 0) execution.session.checkTimeout();
    engine.apply(execution.transaction as Transaction, command);
  }
  return `DELETE ${commands.length}`;
}

/** A resource with children is not deleted, so the deepest go first: the statement counts as a whole. */
function childrenFirst(rows: readonly number[], engine: Engine): number[] {
  const { parent } = engine.resources;
  const depthOf = (row: number): number => {
    let depth = 0;
    for (let at = row; at >= 0; at = parent[at] as number) depth++;
    return depth;
  };
  const depths = new Map(rows.map((row) => [row, depthOf(row)]));
  return [...rows].sort((a, b) => (depths.get(b) as number) - (depths.get(a) as number));
}
