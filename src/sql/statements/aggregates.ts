/**
 * Aggregates over all rows of a SELECT without GROUP BY. Each call is taken out of the target list and gets a
 * place among `execution.aggregates`; what is left of the expression reads it from there.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import type { Execution } from "../execution.ts";
import type { Expression, Frame } from "../expressions/expression.ts";
import { type ColumnRef, type FuncCall, type Node, nameParts, nodeLocation } from "../parse/ast.ts";
import { notSupported, refuseOtherFields } from "../parse/unsupported.ts";
import { firstAggregate } from "../relational/aggregate-calls.ts";
import { ROWS_PER_TIMEOUT_CHECK } from "../rows/row-source.ts";
import { RelationScope } from "../tables/relation.ts";
import { INT8, type PgType } from "../values/types.ts";
import type { StatementCompiler } from "./statement-compiler.ts";
import type { Target } from "./targets.ts";

const AGGREGATE_NAMES: ReadonlySet<string> = new Set([
  "count",
  "sum",
  "min",
  "max",
  "avg",
  "array_agg",
  "string_agg",
  "bool_and",
  "bool_or",
  "every",
  "json_agg",
  "jsonb_agg",
]);

const CALL_FIELDS = new Set(["funcname", "args", "agg_star", "funcformat", "location"]);

/** count(*), argument null, or count(expression). */
interface Count {
  readonly argument: Expression | null;
}

/** What stands where the call stood. */
class AggregateResult implements Expression {
  readonly type: PgType = INT8;

  constructor(private readonly index: number) {}

  evaluate(frame: Frame): number {
    return (frame as Execution).aggregates[this.index] as number;
  }
}

function isAggregate(call: FuncCall): boolean {
  return AGGREGATE_NAMES.has(nameParts(call.funcname).at(-1) ?? "");
}

/** Whether an aggregate is called anywhere in the tree. */
export function callsAggregate(tree: unknown): boolean {
  if (Array.isArray(tree)) return tree.some(callsAggregate);
  if (typeof tree !== "object" || tree === null) return false;
  for (const [key, inner] of Object.entries(tree)) {
    if (key === "FuncCall" && isAggregate(inner as FuncCall)) return true;
    if (typeof inner === "object" && callsAggregate(inner)) return true;
  }
  return false;
}

function firstColumn(tree: unknown): ColumnRef | null {
  if (typeof tree !== "object" || tree === null) return null;
  for (const [key, inner] of Object.entries(tree)) {
    if (key === "ColumnRef" && !RelationScope.isBound(nameParts((inner as ColumnRef).fields))) return inner;
    const found = firstColumn(inner);
    if (found !== null) return found;
  }
  return null;
}

export class AggregatePlan {
  private readonly counts: Count[] = [];

  constructor(
    private readonly scope: RelationScope,
    private readonly compiler: StatementCompiler,
  ) {}

  /** ORDER BY, where bare names of output columns stand, as `rewrite` does it. */
  rewriteOrder(clause: readonly Node[], targets: readonly Target[]): Node[] {
    return clause.map((item) => {
      if (!("SortBy" in item) || item.SortBy.node === undefined) return item;
      const { node } = item.SortBy;
      const [name, ...others] = "ColumnRef" in node ? nameParts(node.ColumnRef.fields) : [];
      if (others.length === 0 && targets.some((target) => target.name === name)) return item;
      return { SortBy: { ...item.SortBy, node: this.rewrite(node) } };
    });
  }

  /** The expression with its aggregate calls taken out. Throws 42803 for a column outside of them. */
  rewrite(node: Node): Node {
    const rewritten = this.replaceCalls(node) as Node;
    this.refuseUngrouped(rewritten);
    return rewritten;
  }

  compute(rows: readonly number[], execution: Execution): void {
    execution.aggregates = this.counts.map(({ argument }) => {
      if (argument === null) return rows.length;
      let count = 0;
      for (let at = 0; at < rows.length; at++) {
        if ((at & (ROWS_PER_TIMEOUT_CHECK - 1)) === 0) execution.session.checkTimeout();
        execution.row = rows[at] as number;
        if (argument.evaluate(execution) !== null) count++;
      }
      return count;
    });
    execution.row = -1;
  }

  private replaceCalls(tree: unknown): unknown {
    if (Array.isArray(tree)) return tree.map((inner) => this.replaceCalls(inner));
    if (typeof tree !== "object" || tree === null) return tree;
    if ("FuncCall" in tree && isAggregate(tree.FuncCall as FuncCall))
      return this.takeOut(tree.FuncCall as FuncCall);
    return Object.fromEntries(Object.entries(tree).map(([key, inner]) => [key, this.replaceCalls(inner)]));
  }

  private takeOut(call: FuncCall): Node {
    const name = nameParts(call.funcname).at(-1) ?? "";
    if (name !== "count") throw notSupported(`the aggregate ${name}`);
    refuseOtherFields(call, CALL_FIELDS);
    const [argument, ...others] = call.args ?? [];
    if (others.length > 0 || (argument === undefined && call.agg_star !== true)) {
      const types = (call.args ?? []).map((arg) => this.compiler.output(arg).type.name);
      throw new DeltatError(
        SqlState.undefinedFunction,
        `function count(${types.join(", ")}) does not exist`,
        {
          position: this.compiler.position(call.location),
        },
      );
    }
    if (argument !== undefined && callsAggregate(argument)) {
      const nested = firstAggregate(argument);
      throw new DeltatError(SqlState.groupingError, "aggregate function calls cannot be nested", {
        position: this.compiler.position(nested === null ? 0 : nodeLocation(nested)),
      });
    }
    this.counts.push({ argument: argument === undefined ? null : this.compiler.output(argument) });
    return this.scope.bind(new AggregateResult(this.counts.length - 1), call.location ?? 0);
  }

  private refuseUngrouped(node: Node): void {
    const column = firstColumn(node);
    if (column === null) return;
    const position = this.compiler.position(column.location);
    const found = this.scope.resolve(nameParts(column.fields), position);
    throw new DeltatError(
      SqlState.groupingError,
      `column "${this.scope.relation?.name}.${found.column.name}" must appear in the GROUP BY clause or be used in an aggregate function`,
      { position },
    );
  }
}
