/** DELETE of the rows that WHERE accepts. */

import type { Engine } from "../../engine/engine.ts";
import type { Transaction } from "../../engine/transaction.ts";
import type { Execution, Plan } from "../execution.ts";
import type { DeleteStmt, RangeVar } from "../parse/ast.ts";
import { notSupported, refuseOtherFields } from "../parse/unsupported.ts";
import { hasSubLink } from "../relational/aggregate-calls.ts";
import { planTargetQuery } from "../relational/joined-write.ts";
import { filteredRows, planRowSource, ROWS_PER_TIMEOUT_CHECK } from "../rows/row-source.ts";
import type { RelationScope } from "../tables/relation.ts";
import type { StoredTable } from "../tables/schema.ts";
import { RESOURCES } from "../tables/stored-tables.ts";
import type { Value } from "../values/value.ts";
import type { StatementCompiler } from "./statement-compiler.ts";
import type { RowOutput } from "./targets.ts";
import { NOTHING_JOINED, planReturning, resolveWriteTarget, returnRow, writePlan } from "./write-target.ts";

const DELETE_FIELDS = new Set(["relation", "usingClause", "whereClause", "returningClause", "withClause"]);

export function planDelete(node: DeleteStmt, compiler: StatementCompiler): Plan {
  refuseOtherFields(node, DELETE_FIELDS);
  if (node.relation === undefined) throw notSupported("DELETE without a table");
  const { table, scope } = resolveWriteTarget(node.relation, "DELETE", compiler.statementText);
  compiler.enter(scope);
  const { rows, returning } = planTargetRows(node, node.relation, table, scope, compiler);
  return writePlan("DELETE", returning, compiler, (execution) =>
    runDelete(table, rows, returning, execution),
  );
}

/** A row that is deleted, and what was read with it. */
interface DeletedRow {
  readonly row: number;
  readonly joined: readonly Value[];
}

interface TargetRows {
  readonly rows: (execution: Execution) => DeletedRow[];
  readonly returning: RowOutput | null;
}

function planTargetRows(
  node: DeleteStmt,
  relation: RangeVar,
  table: StoredTable,
  scope: RelationScope,
  compiler: StatementCompiler,
): TargetRows {
  const { usingClause, whereClause, withClause, returningClause } = node;
  if (usingClause === undefined && withClause === undefined && !hasSubLink(whereClause)) {
    const source = planRowSource(whereClause, scope, compiler);
    const returning = planReturning(returningClause, scope, compiler);
    const rows = (execution: Execution) =>
      filteredRows(source, execution).map((row) => ({ row, joined: NOTHING_JOINED }));
    return { rows, returning };
  }
  const query = planTargetQuery(
    {
      relation,
      others: usingClause ?? [],
      where: whereClause,
      withClause,
      assigned: [],
      returning: returningClause?.exprs ?? null,
    },
    scope,
    compiler,
  );
  const rows = (execution: Execution) =>
    query.rows(execution, []).map(({ id, joined }) => ({ row: table.find(execution.engine, id), joined }));
  return { rows, returning: query.returning };
}

function runDelete(
  table: StoredTable,
  targetRows: TargetRows["rows"],
  returning: RowOutput | null,
  execution: Execution,
): string {
  const { engine } = execution;
  let rows = targetRows(execution);
  if (execution.beforeChanges !== null) {
    const ids = rows.map(({ row, joined }) => ({ id: table.idAt(engine, row), joined }));
    execution.beforeChanges();
    // Those are left that no other change of the same statement has taken away.
    rows = ids
      .map(({ id, joined }) => ({ row: table.find(engine, id), joined }))
      .filter(({ row }) => row >= 0);
  }
  if (table === RESOURCES && rows.length > 1) rows = childrenFirst(rows, engine);
  if (returning !== null) {
    const out = returning.open(execution);
    for (const { row, joined } of rows) {
      execution.joined = joined;
      returnRow(returning, out, row, execution);
    }
  }
  // Ids first: a row's number means something else once it is freed.
  const commands = rows.map(({ row }) => table.remove(table.idAt(engine, row)));
  let applied = 0;
  for (const command of commands) {
    if ((++applied & (ROWS_PER_TIMEOUT_CHECK - 1)) === 0) execution.session.checkTimeout();
    engine.apply(execution.transaction as Transaction, command);
  }
  return `DELETE ${commands.length}`;
}

/** A resource with children is not deleted, so the deepest go first: the statement counts as a whole. */
function childrenFirst(rows: readonly DeletedRow[], engine: Engine): DeletedRow[] {
  const { parent } = engine.resources;
  const depthOf = (row: number): number => {
    let depth = 0;
    for (let at = row; at >= 0; at = parent[at] as number) depth++;
    return depth;
  };
  const depths = new Map(rows.map(({ row }) => [row, depthOf(row)]));
  return rows.toSorted((a, b) => (depths.get(b.row) as number) - (depths.get(a.row) as number));
}
