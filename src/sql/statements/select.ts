/** SELECT: over one table, or none, here; anything more goes to the relational planner. */

import { DeltatError, SqlState } from "../../errors.ts";
import type { Execution, Plan } from "../execution.ts";
import { type ColumnRef, type FuncCall, type Node, nameParts, type SelectStmt } from "../parse/ast.ts";
import {
  functionName,
  hasAggregate,
  hasSubLink,
  isAggregateCall,
  isSetFunction,
  someNode,
} from "../relational/aggregate-calls.ts";
import { planRelationalSelect } from "../relational/select-plan.ts";
import { planOrder, planRange, sortRows } from "../rows/row-order.ts";
import { acceptedRows, planRowSource } from "../rows/row-source.ts";
import { type RunResult, SHORT_RESULT_ROWS } from "../rows/row-stream.ts";
import { AggregateStream, type Selection, SelectStream } from "../rows/select-stream.ts";
import { planSpanStream } from "../rows/span-stream.ts";
import { EVENTS } from "../tables/events-table.ts";
import { type Relation, RelationScope, resolveRelation } from "../tables/relation.ts";
import { findTable } from "../tables/schema.ts";
import { AggregatePlan, callsAggregate } from "./aggregates.ts";
import { planRowLocks, type RowLocks } from "./row-locks.ts";
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
  "lockingClause",
  "op",
]);

export function planSelect(node: SelectStmt, compiler: StatementCompiler): Plan {
  if (!isPlain(node, compiler)) return planRelationalSelect(node, compiler);
  const scope = new RelationScope(fromRelation(node, compiler.statementText));
  compiler.enter(scope);
  const locks = planRowLocks(node.lockingClause, scope.relation, compiler.statementText);
  if (callsAggregate(node.targetList)) {
    if (locks !== null) {
      const message = `${locks.command.slice(7)} is not allowed with aggregate functions`;
      throw new DeltatError(SqlState.featureNotSupported, message);
    }
    return planAggregate(node, scope, compiler);
  }
  const source = planRowSource(node.whereClause, scope, compiler);
  const output = new RowOutput(planTargets(node.targetList ?? [], scope, compiler));
  const order = planOrder(node.sortClause ?? [], output.targets, compiler);
  const range = planRange(node.limitCount, node.limitOffset, compiler);
  const selection: Selection = { source, order, range, output };
  const spans = order === null && range === null && locks === null ? planSpanStream(source, output) : null;
  return {
    command: locks?.command ?? "SELECT",
    usage: locks === null ? "read" : "write",
    parameterTypes: compiler.parameterTypes(),
    columns: output.columns,
    run:
      locks !== null
        ? (execution) => writeRows(selection, source.candidates(execution), locks, execution)
        : (spans ?? ((execution) => runSelect(selection, execution))),
    // What locks runs as a whole: rows are locked as they were seen.
    ...(locks === null && {
      open: (execution: Execution) => new SelectStream(selection, source.candidates(execution), execution),
    }),
  };
}

/**
 * Whether the query reads one table of ours, or none, row by row: then it is planned without slots and operators.
 * All else is for the relational planner.
 */
function isPlain(node: SelectStmt, compiler: StatementCompiler): boolean {
  // The name of a table may be that of a change in WITH.
  if (compiler.changes !== null) return false;
  for (const field in node) if (!SELECT_FIELDS.has(field)) return false;
  if (node.op !== undefined && node.op !== "SETOP_NONE") return false;
  if (node.limitOption === "LIMIT_OPTION_WITH_TIES") return false;
  if (hasSubLink([node.limitCount, node.limitOffset])) return false;
  const [from, ...others] = node.fromClause ?? [];
  if (from === undefined) return !needsQuery([withoutStars(node), node.whereClause, node.sortClause], null);
  if (others.length > 0 || !("RangeVar" in from)) return false;
  const { relname, schemaname, alias } = from.RangeVar;
  if ((schemaname !== undefined && schemaname !== "public") || alias?.colnames !== undefined) return false;
  const table = findTable(relname ?? "");
  if (table === undefined || table === EVENTS) return false;
  if (hasAggregate(node.whereClause)) return false;
  return !needsQuery(
    [withoutStars(node), node.whereClause, node.sortClause],
    alias?.aliasname ?? relname ?? "",
  );
}

const PLAIN_COUNT_FIELDS = new Set(["funcname", "args", "agg_star", "funcformat", "location"]);

/** The targets but for `*` and `b.*`, which in any other place is a row. */
function withoutStars({ targetList = [] }: SelectStmt): Node[] {
  return targetList.filter((item) => {
    const val = "ResTarget" in item ? item.ResTarget.val : undefined;
    return val === undefined || !("ColumnRef" in val) || nameParts(val.ColumnRef.fields).at(-1) !== "*";
  });
}

/** Whether an expression holds what only a query's scope compiles; `table`: its name as a value is such a thing. */
function needsQuery(tree: unknown, table: string | null): boolean {
  return someNode(tree, (kind, inner) => {
    if (kind === "SubLink" || kind === "RowExpr" || kind === "GroupingFunc") return true;
    if (kind === "ColumnRef") {
      const [name, ...rest] = nameParts((inner as ColumnRef).fields);
      return name === table && (rest.length === 0 || rest[0] === "*");
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

function runSelect(selection: Selection, execution: Execution): RunResult {
  const candidates = selection.source.candidates(execution);
  if (candidates.length > SHORT_RESULT_ROWS) return new SelectStream(selection, candidates, execution);
  return writeRows(selection, candidates, null, execution);
}

/** Writes, and with `locks` locks, all that is asked for in one go. */
function writeRows(
  { source, order, range, output }: Selection,
  candidates: number[],
  locks: RowLocks | null,
  execution: Execution,
): string {
  let rows: readonly number[] = acceptedRows(source, candidates, execution);
  if (locks !== null) rows = locks.selectable(rows, execution);
  if (order !== null) rows = sortRows(rows, order, execution);
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
    if (locks !== null) locks.lock(execution.row, execution);
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
  planOrder(aggregates.rewriteOrder(node.sortClause ?? [], output.targets), output.targets, compiler);
  const range = planRange(node.limitCount, node.limitOffset, compiler);
  /** Writes the one row; returns how many that are. */
  const finish = (rows: readonly number[], execution: Execution): number => {
    aggregates.compute(rows, execution);
    const { skip, take } = range === null ? { skip: 0, take: 1 } : range(execution);
    if (skip > 0 || take < 1) return 0;
    output.write(output.open(execution), execution);
    return 1;
  };
  return {
    command: "SELECT",
    usage: "read",
    parameterTypes: compiler.parameterTypes(),
    columns: output.columns,
    run(execution) {
      const candidates = source.candidates(execution);
      if (source.filter !== null && candidates.length > SHORT_RESULT_ROWS) {
        return new AggregateStream(source, candidates, (rows) => finish(rows, execution), execution);
      }
      return `SELECT ${finish(acceptedRows(source, candidates, execution), execution)}`;
    },
  };
}
