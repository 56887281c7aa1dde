/** EXPLAIN: how the rows of a statement are reached, in the shape of PostgreSQL's text format without costs. */

import type { ExplainStmt, Node, RangeVar, SelectStmt } from "../ast.ts";
import { type Execution, outputColumn, type Plan } from "../execution.ts";
import { expandFormats, RowWriter } from "../row-writer.ts";
import type { StatementCompiler } from "../statement-compiler.ts";
import { TEXT } from "../types.ts";
import { notSupported } from "../unsupported.ts";
import type { PlanNode } from "./operator.ts";
import { planRelationalQuery } from "./select-plan.ts";

/** Options that change nothing here: there are no costs to show. */
const IGNORED_OPTIONS: ReadonlySet<string> = new Set(["costs", "verbose", "summary", "settings", "timing"]);

export function planExplain(node: ExplainStmt, compiler: StatementCompiler): Plan {
  for (const option of node.options ?? []) checkOption(option);
  if (node.query === undefined) throw notSupported("EXPLAIN of nothing");
  const lines = render(explained(node.query, compiler));
  return {
    command: "EXPLAIN",
    usage: "read",
    parameterTypes: compiler.parameterTypes(),
    columns: [outputColumn("QUERY PLAN", TEXT)],
    run: (execution) => writeLines(lines, execution),
  };
}

function checkOption(option: Node): void {
  if (!("DefElem" in option)) return;
  const { defname = "", arg } = option.DefElem;
  if (IGNORED_OPTIONS.has(defname)) return;
  const isText = arg !== undefined && "String" in arg && arg.String.sval?.toLowerCase() === "text";
  if (defname === "format" && isText) return;
  throw notSupported(`EXPLAIN (${defname.toUpperCase()})`);
}

function explained(query: Node, compiler: StatementCompiler): PlanNode {
  if ("SelectStmt" in query) return planOf(query.SelectStmt, compiler);
  if ("InsertStmt" in query) {
    const { relation, selectStmt } = query.InsertStmt;
    const select = selectStmt !== undefined && "SelectStmt" in selectStmt ? selectStmt.SelectStmt : null;
    const isValues = select?.valuesLists !== undefined;
    const source = select === null || isValues ? RESULT : planOf(select, compiler);
    return { label: `Insert on ${relation?.relname ?? ""}`, details: [], children: [source] };
  }
  if ("UpdateStmt" in query) {
    const { relation, fromClause, whereClause } = query.UpdateStmt;
    return changed("Update", relation, fromClause, whereClause, compiler);
  }
  if ("DeleteStmt" in query) {
    const { relation, usingClause, whereClause } = query.DeleteStmt;
    return changed("Delete", relation, usingClause, whereClause, compiler);
  }
  throw notSupported("EXPLAIN of this statement");
}

const RESULT: PlanNode = { label: "Result", details: [], children: [] };

function planOf(select: SelectStmt, compiler: StatementCompiler): PlanNode {
  return planRelationalQuery(select, compiler).operator.plan;
}

/** The query that finds the rows to change. */
function changed(
  verb: string,
  relation: RangeVar | undefined,
  others: readonly Node[] | undefined,
  where: Node | undefined,
  compiler: StatementCompiler,
): PlanNode {
  if (relation === undefined) throw notSupported(`${verb} without a table`);
  const select: SelectStmt = {
    targetList: [{ ResTarget: { val: { A_Const: { ival: { ival: 1 }, location: -1 } } } }],
    fromClause: [{ RangeVar: relation }, ...(others ?? [])],
    ...(where === undefined ? {} : { whereClause: where }),
  };
  return { label: `${verb} on ${relation.relname ?? ""}`, details: [], children: [planOf(select, compiler)] };
}

function render(plan: PlanNode): string[] {
  const lines = [plan.label, ...plan.details.map((detail) => `  ${detail}`)];
  for (const child of plan.children) {
    const [first = "", ...rest] = render(child);
    lines.push(`  ->  ${first}`, ...rest.map((line) => `      ${line}`));
  }
  return lines;
}

function writeLines(lines: readonly string[], execution: Execution): string {
  const writer = new RowWriter(execution.out, [TEXT], expandFormats(execution.formats, 1));
  for (const line of lines) {
    writer.beginRow(1);
    writer.text(line);
    writer.endRow();
  }
  return "EXPLAIN";
}
