/** SELECT: over one table, or none, here; anything more goes to the relational planner. */

import { AggregatePlan, callsAggregate } from "./aggregates.ts";
import { type ColumnRef, type FuncCall, nameParts, type SelectStmt } from "./ast.ts";
import type { Execution, Plan } from "./execution.ts";
import { type Relation, RelationScope, resolveRelation } from "./relation.ts";
import { functionName, hasAggregate, isAggregateCall, someNode } from "./relational/aggregate-calls.ts";
import { planRelationalSelect } from "./relational/select-plan.ts";
import { isSetFunction } from "./relational/set-functions.ts";
import { planOrder, planRange, type RowRange } from "./row-order.ts";
import { filteredRows, planRowSource, type RowSource } from "./row-source.ts";
import { findTable } from "./schema.ts";
import { planSpanStream } from "./span-stream.ts";
import type { StatementCompiler } from "./statement-compiler.ts";
import { planTargets, RowOutput } from "./targets.ts";

const SELECT_FIELDS = new Set([
  "targetList",
  "fromClause",
  "whereClause",
  "sortClause",
  "limitOffset",
  "limitCount",
  "limitOption",
  "op",
]);

export function planSelect(node: SelectStmt, compiler: StatementCompiler): Plan {
  if (!isPlain(node)) return planRelationalSelect(node, compiler);
  const scope = new RelationScope(fromRelation(node, compiler.statementText));
  compiler.enter(scope);
  if (callsAggregate(node.targetList)) return planAggregate(node, scope, compiler);
  const source = planRowSource(node.whereClause, scope, compiler);
  const output = new RowOutput(planTargets(node.targetList ?? [], scope, compiler));
  const order = planOrder(node.sortClause ?? [], output.targets, compiler);
  const range = planRange(node.limitCount, node.limitOffset, compiler);
  const stream = order === null && range === null ? planSpanStream(source, output) : null;
  const run = stream ?? ((execution: Execution) => runSelect(source, order, range, output, execution));
  return {
    command: "SELECT",
    usage: "read",
    parameterTypes: compiler.parameterTypes(),
    columns: output.columns,
    run,
  };
}

/**
 * Whether the query reads one table of ours, or none, row by row: then it is planned without slots and operators.
 * All else is for the relational planner.
 */
function isPlain(node: SelectStmt): boolean {
  for (const field in node) if (!SELECT_FIELDS.has(field)) return false;
  if (node.op !== undefined && node.op !== "SETOP_NONE") return false;
  if (node.limitOption === "LIMIT_OPTION_WITH_TIES") return false;
  const [from, ...others] = node.fromClause ?? [];
  if (from === undefined) return !needsQuery([node.targetList, node.whereClause, node.sortClause], null);
  if (others.length > 0 || !("RangeVar" in from)) return false;
  const { relname, schemaname, alias } = from.RangeVar;
  if ((schemaname !== undefined && schemaname !== "public") || alias?.colnames !== undefined) return false;
  if (findTable(relname ?? "") === undefined) return false;
  if (hasAggregate(node.whereClause)) return false;
  return !needsQuery([node.targetList, node.whereClause, node.sortClause], alias?.aliasname ?? relname ?? "");
}

const PLAIN_COUNT_FIELDS = new Set(["funcname", "args", "agg_star", "funcformat", "location"]);

/** Whether an expression holds what only a query's scope compiles; `table`: its name as a value is such a thing. */
function needsQuery(tree: unknown, table: string | null): boolean {
  return someNode(tree, (kind, inner) => {
    if (kind === "SubLink" || kind === "RowExpr") return true;
    if (kind === "ColumnRef") {
      const [name, ...rest] = nameParts((inner as ColumnRef).fields);
      return name === table && rest.length === 0;
    }
    if (kind !== "FuncCall") return false;
    const call = inner as FuncCall;
    const name = functionName(call) ?? "";
    if (call.over !== undefined || isSetFunction(name)) return true;
    if (!isAggregateCall(call)) return false;
    return name !== "count" || Object.keys(call).some((field) => !PLAIN_COUNT_FIELDS.has(field));
  });
}

function fromRelation(node: SelectStmt, text: string): Relation | null {
  const [from] = node.fromClause ?? [];
  return from !== undefined && "RangeVar" in from ? resolveRelation(from.RangeVar, text) : null;
}

function runSelect(
  source: RowSource,
  order: ReturnType<typeof planOrder>,
  range: RowRange | null,
  output: RowOutput,
  execution: Execution,
): string {
  let rows = filteredRows(source, execution);
  if (order !== null) rows = order(rows, execution);
  let first = 0;
  let end = rows.length;
  if (range !== null) {
    const { skip, take } = range(execution);
    first = Math.min(skip, end);
    end = Math.min(first + take, end);
  }
  const out = output.open(execution);
  for (let at = first; at < end; at++) {
    execution.row = rows[at] as number;
    output.write(out, execution);
  }
  return `SELECT ${end - first}`;
}

/** One row, about all that WHERE accepts. */
function planAggregate(node: SelectStmt, scope: RelationScope, compiler: StatementCompiler): Plan {
  const source = planRowSource(node.whereClause, scope, compiler);
  const aggregates = new AggregatePlan(scope, compiler);
  const rewrite = (target: Parameters<typeof aggregates.rewrite>[0]) => aggregates.rewrite(target);
  const output = new RowOutput(planTargets(node.targetList ?? [], scope, compiler, rewrite));
  // With one row every order is the same; the names are checked all the same.
  planOrder(node.sortClause ?? [], output.targets, compiler);
  const range = planRange(node.limitCount, node.limitOffset, compiler);
  return {
    command: "SELECT",
    usage: "read",
    parameterTypes: compiler.parameterTypes(),
    columns: output.columns,
    run(execution) {
      aggregates.compute(filteredRows(source, execution), execution);
      const { skip, take } = range === null ? { skip: 0, take: 1 } : range(execution);
      if (skip > 0 || take < 1) return "SELECT 0";
      output.write(output.open(execution), execution);
      return "SELECT 1";
    },
  };
}
