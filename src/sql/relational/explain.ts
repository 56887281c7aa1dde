/** EXPLAIN: how the rows of a statement are reached, in the shape of PostgreSQL's text or JSON format without costs. */

import { type Execution, outputColumn, type Plan } from "../execution.ts";
import type { ExecuteStmt, ExplainStmt, Node, RangeVar, SelectStmt } from "../parse/ast.ts";
import { parse } from "../parse/parser.ts";
import { notSupported } from "../parse/unsupported.ts";
import type { PlannedStatement } from "../planned-statement.ts";
import { expandFormats, RowWriter } from "../rows/row-writer.ts";
import type { PreparedStatements } from "../session/prepared-statements.ts";
import { StatementCompiler } from "../statements/statement-compiler.ts";
import { JSON_TYPE, TEXT } from "../values/types.ts";
import type { PlanNode } from "./operator.ts";
import { planRelationalQuery } from "./select-plan.ts";

/** Options that change nothing here: there are no costs to show. */
const IGNORED_OPTIONS: ReadonlySet<string> = new Set(["costs", "verbose", "summary", "settings", "timing"]);

/** @param prepared what EXPLAIN EXECUTE may name */
export function planExplain(
  node: ExplainStmt,
  compiler: StatementCompiler,
  prepared: PreparedStatements<PlannedStatement>,
): Plan {
  const { query, options = [] } = node;
  if (query === undefined) throw notSupported("EXPLAIN of nothing");
  const isJson = options.map(isJsonOption).includes(true);
  const plan = "ExecuteStmt" in query ? ofPrepared(query.ExecuteStmt, prepared) : explained(query, compiler);
  const type = isJson ? JSON_TYPE : TEXT;
  const lines = isJson ? [JSON.stringify([{ Plan: asObject(plan) }], null, 2)] : render(plan);
  return {
    command: "EXPLAIN",
    usage: "read",
    parameterTypes: compiler.parameterTypes(),
    columns: [outputColumn("QUERY PLAN", type)],
    run: (execution) => writeLines(lines, execution),
  };
}

/** What EXECUTE would run, planned anew: plans do not keep their trees. */
function ofPrepared({ name = "" }: ExecuteStmt, prepared: PreparedStatements<PlannedStatement>): PlanNode {
  const { text, parameterTypes } = prepared.get(name);
  const [statement] = parse(text);
  if (statement === undefined) return RESULT;
  const { node } = statement;
  const query = "PrepareStmt" in node ? node.PrepareStmt.query : node;
  if (query === undefined) return RESULT;
  return explained(query, new StatementCompiler(text, parameterTypes, null));
}

/** Whether an option asks for JSON. Throws 0A000 for one that asks for what there is not. */
function isJsonOption(option: Node): boolean {
  if (!("DefElem" in option)) return false;
  const { defname = "", arg } = option.DefElem;
  if (IGNORED_OPTIONS.has(defname)) return false;
  const format = arg !== undefined && "String" in arg ? arg.String.sval?.toLowerCase() : undefined;
  if (defname === "format" && (format === "text" || format === "json")) return format === "json";
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

/** As the JSON format has it; what the text says behind the kind of node is its label. */
function asObject({ label, details, children }: PlanNode): Record<string, unknown> {
  const [kind = ""] = label.split(/ (?:using|on) /);
  return {
    "Node Type": kind,
    Label: label,
    ...(details.length > 0 && { Details: details }),
    ...(children.length > 0 && { Plans: children.map(asObject) }),
  };
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
