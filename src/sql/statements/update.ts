/** UPDATE: new images of the rows that WHERE accepts, all computed before the first is applied. */

import type { Command } from "../../engine/command.ts";
import type { Transaction } from "../../engine/transaction.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import type { Id } from "../../id.ts";
import type { Execution, Plan } from "../execution.ts";
import { coerceForAssignment } from "../expressions/casts.ts";
import type { Expression } from "../expressions/expression.ts";
import { type Node, nodeLocation, type RangeVar, type UpdateStmt } from "../parse/ast.ts";
import { notSupported, refuseOtherFields } from "../parse/unsupported.ts";
import { hasSubLink } from "../relational/aggregate-calls.ts";
import { planTargetQuery, type TargetQuery } from "../relational/joined-write.ts";
import { filteredRows, planRowSource, ROWS_PER_TIMEOUT_CHECK, type RowSource } from "../rows/row-source.ts";
import type { RelationScope } from "../tables/relation.ts";
import type { Column, StoredTable } from "../tables/schema.ts";
import type { Value } from "../values/value.ts";
import type { StatementCompiler } from "./statement-compiler.ts";
import type { RowOutput } from "./targets.ts";
import {
  checkNotNull,
  NOTHING_JOINED,
  planReturning,
  resolveWriteTarget,
  returnResult,
  targetColumn,
  writePlan,
} from "./write-target.ts";

const UPDATE_FIELDS = new Set([
  "relation",
  "targetList",
  "fromClause",
  "whereClause",
  "returningClause",
  "withClause",
]);

export interface Assignment {
  readonly column: number;
  /** null: the column's default. */
  readonly value: Expression | null;
}

interface UpdatePlan {
  readonly table: StoredTable;
  /** Rows of the target, with what is assigned computed over `execution.row`; or a query that does both. */
  readonly source: RowSource | null;
  readonly query: TargetQuery | null;
  readonly assignments: readonly Assignment[];
  readonly returning: RowOutput | null;
}

export function planUpdate(node: UpdateStmt, compiler: StatementCompiler): Plan {
  refuseOtherFields(node, UPDATE_FIELDS);
  if (node.relation === undefined) throw notSupported("UPDATE without a table");
  const { table, scope } = resolveWriteTarget(node.relation, "UPDATE", compiler.statementText);
  const targets = assignedColumns(node.targetList ?? [], table, compiler);
  const isJoined = node.fromClause !== undefined || node.withClause !== undefined || hasSubLink(node);
  const found = isJoined
    ? planJoined(node, node.relation, targets, scope, compiler)
    : planAlone(node.whereClause, targets, scope, compiler);
  const returning =
    found.query === null ? planReturning(node.returningClause, scope, compiler) : found.query.returning;
  const plan: UpdatePlan = { table, returning, ...found };
  return writePlan("UPDATE", returning, compiler, (execution) => runUpdate(plan, execution));
}

/** A column and the expression it gets; null: its default. */
interface AssignedColumn {
  readonly at: number;
  readonly column: Column;
  readonly node: Node | null;
}

type FoundRows = Pick<UpdatePlan, "source" | "query" | "assignments">;

function planAlone(
  where: Node | undefined,
  targets: readonly AssignedColumn[],
  scope: RelationScope,
  compiler: StatementCompiler,
): FoundRows {
  compiler.enter(scope);
  const assignments = compileAssignments(targets, compiler);
  return { source: planRowSource(where, scope, compiler), query: null, assignments };
}

/** With other tables or subqueries: the values come with the rows. */
function planJoined(
  node: UpdateStmt,
  relation: RangeVar,
  targets: readonly AssignedColumn[],
  scope: RelationScope,
  compiler: StatementCompiler,
): FoundRows {
  const computed = targets.filter((target) => target.node !== null);
  const query = planTargetQuery(
    {
      relation,
      others: node.fromClause ?? [],
      where: node.whereClause,
      withClause: node.withClause,
      assigned: computed.map((target) => target.node as Node),
      returning: node.returningClause?.exprs ?? null,
    },
    scope,
    compiler,
  );
  const assignments = targets.map((target) => {
    const index = computed.indexOf(target);
    const output = query.assigned[index];
    const { type, name } = target.column;
    return {
      column: target.at,
      value: output === undefined ? null : coerceForAssignment(output, type, name),
    };
  });
  return { source: null, query, assignments };
}

/** What SET assigns, over the rows of the scope that was entered. */
export function compileAssignments(
  targets: readonly AssignedColumn[],
  compiler: StatementCompiler,
): Assignment[] {
  return targets.map(({ at, column, node }) => ({
    column: at,
    value: node === null ? null : compiler.assigned(node, column, "UPDATE"),
  }));
}

/** The columns that SET assigns to. Throws 42703, 42601 for a column set twice, 0A000 for the id. */
export function assignedColumns(
  list: readonly Node[],
  table: StoredTable,
  compiler: StatementCompiler,
): AssignedColumn[] {
  const targets: AssignedColumn[] = [];
  for (const target of list) {
    if (!("ResTarget" in target)) continue;
    const at = targetColumn(target.ResTarget, table, compiler);
    const column = table.columns[at] as Column;
    if (at === 0) throw notSupported("UPDATE of an id", "Delete the row and insert it under its new id.");
    if (targets.some((other) => other.at === at)) {
      throw new DeltatError(SqlState.syntaxError, `multiple assignments to same column "${column.name}"`);
    }
    targets.push({ at, column, node: assignedNode(target.ResTarget.val, compiler) });
  }
  return targets;
}

/** The node that one column gets, out of `(a, b) = (1, 2)` and `(a, b) = (SELECT …)` too; null for DEFAULT. */
function assignedNode(node: Node | undefined, compiler: StatementCompiler): Node | null {
  if (node === undefined || "SetToDefault" in node) return null;
  if (!("MultiAssignRef" in node)) return node;
  const { source, colno = 1, ncolumns = 0 } = node.MultiAssignRef;
  const position = compiler.position(source === undefined ? 0 : nodeLocation(source));
  const select = source !== undefined && "SubLink" in source ? source.SubLink.subselect : undefined;
  const items = source !== undefined && "RowExpr" in source ? (source.RowExpr.args ?? []) : null;
  if (items === null && select === undefined) {
    throw new DeltatError(
      SqlState.featureNotSupported,
      "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression",
      { position },
    );
  }
  const count = items?.length ?? outputCount(select);
  if (count !== null && count !== ncolumns) {
    throw new DeltatError(SqlState.syntaxError, "number of columns does not match number of values", {
      position,
    });
  }
  if (items !== null) return assignedNode(items[colno - 1], compiler);
  return columnOf(select as Node, colno, ncolumns);
}

/** How many columns a query gives; null where `*` is among them. */
function outputCount(query: Node | undefined): number | null {
  const targets = query !== undefined && "SelectStmt" in query ? query.SelectStmt.targetList : undefined;
  if (targets === undefined) return null;
  return JSON.stringify(targets).includes("A_Star") ? null : targets.length;
}

/** `(SELECT c<n> FROM (query) AS q (c1, …))`. */
function columnOf(query: Node, n: number, count: number): Node {
  const names = Array.from({ length: count }, (_, at): Node => ({ String: { sval: `c${at + 1}` } }));
  const column: Node = { ColumnRef: { fields: [names[n - 1] as Node] } };
  return {
    SubLink: {
      subLinkType: "EXPR_SUBLINK",
      subselect: {
        SelectStmt: {
          targetList: [{ ResTarget: { val: column } }],
          fromClause: [{ RangeSubselect: { subquery: query, alias: { aliasname: "q", colnames: names } } }],
          limitOption: "LIMIT_OPTION_DEFAULT",
          op: "SETOP_NONE",
        },
      },
    },
  };
}

function runUpdate(plan: UpdatePlan, execution: Execution): string {
  const { table, returning } = plan;
  const { engine } = execution;
  const changes = newImages(plan, execution);
  execution.beforeChanges?.();
  const out = returning?.open(execution) ?? null;
  let applied = 0;
  let updated = 0;
  for (const { id, command, joined } of changes) {
    // Another change of the same statement may have taken the row away.
    if (execution.beforeChanges !== null && table.find(engine, id) < 0) continue;
    updated++;
    if ((++applied & (ROWS_PER_TIMEOUT_CHECK - 1)) === 0) execution.session.checkTimeout();
    engine.apply(execution.transaction as Transaction, command);
    if (returning !== null && out !== null) {
      execution.joined = joined;
      returnResult(returning, out, table.find(engine, id), command, execution);
    }
  }
  return `UPDATE ${updated}`;
}

interface RowChange {
  readonly id: Id;
  readonly command: Command;
  readonly joined: readonly Value[];
}

function newImages(plan: UpdatePlan, execution: Execution): RowChange[] {
  const { table, source, query, assignments } = plan;
  const { engine } = execution;
  const changes: RowChange[] = [];
  if (source !== null) {
    for (const row of filteredRows(source, execution)) {
      execution.row = row;
      const values = assignments.map(({ value }) => value?.evaluate(execution) ?? null);
      const command = newImage(plan, values, execution);
      changes.push({ id: table.idAt(engine, row), command, joined: NOTHING_JOINED });
    }
  }
  if (query !== null) {
    const computed = assignments.flatMap(({ value }) => (value === null ? [] : [value]));
    for (const { id, values, joined } of query.rows(execution, computed)) {
      execution.row = table.find(engine, id);
      const given = [...values];
      const all = assignments.map(({ value }) => (value === null ? null : (given.shift() ?? null)));
      changes.push({ id, command: newImage(plan, all, execution), joined });
    }
  }
  return changes;
}

/** The Command that makes the row `execution.row` what the assignments say; `assigned` goes with them. */
export function newImage(
  { table, assignments }: Pick<UpdatePlan, "table" | "assignments">,
  assigned: readonly Value[],
  execution: Execution,
): Command {
  const values = table.stored(execution);
  assignments.forEach(({ column, value }, at) => {
    // Mappers write back all the columns they know, and NULL is what they have read.
    if (table.columns[column]?.hidden === true && (assigned[at] ?? null) !== null) {
      throw notSupported(`UPDATE of column "${table.columns[column]?.name}" to what is not NULL`);
    }
    values[column] =
      value === null ? ((table.columns[column] as Column).fallback ?? null) : (assigned[at] as Value);
  });
  checkNotNull(table, values, (_table, _values, at) => table.columns[at]?.nullable === true);
  return table.replace(values);
}
