/** An aggregate call compiled: its arguments, and what feeds its accumulator with which rows in which order. */

import { DeltatError, SqlState } from "../../errors.ts";
import type { Execution } from "../execution.ts";
import { tryCast } from "../expressions/casts.ts";
import type { Expression } from "../expressions/expression.ts";
import { type FuncCall, type Node, nodeLocation } from "../parse/ast.ts";
import { notSupported } from "../parse/unsupported.ts";
import { keyOrder } from "../rows/row-order.ts";
import type { PgType } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { type Accumulator, type AggregateFunction, chooseAggregate } from "./accumulators.ts";
import { firstSetCall, functionName, nodeKey } from "./aggregate-calls.ts";
import { planOrderedSet } from "./ordered-set.ts";
import type { RangeEntry } from "./range.ts";
import { RowKey } from "./row-key.ts";
import type { QueryScope } from "./scope.ts";
import { rowComparator, type SortColumn } from "./sort.ts";

export interface AggregateCall {
  readonly type: PgType;
  /** The state of one group. */
  create(): GroupState;
}

/** Takes in the row at hand, and says what it comes to. */
export interface GroupState {
  add(execution: Execution): void;
  result(): Value;
}

/** Throws 42883 for arguments that the aggregate does not take. */
export function planAggregateCall(call: FuncCall, scope: QueryScope, position: number): AggregateCall {
  if (call.func_variadic === true) throw notSupported("VARIADIC");
  const name = functionName(call) ?? "";
  if (call.agg_within_group === true) {
    const filter = call.agg_filter === undefined ? null : scope.condition(call.agg_filter, "FILTER");
    return planOrderedSet(name, call, filter, scope, position);
  }
  if (name === "mode" || name.startsWith("percentile_")) {
    throw new DeltatError(
      SqlState.wrongObjectType,
      `WITHIN GROUP is required for ordered-set aggregate ${name}`,
      {
        position,
      },
    );
  }
  const set = firstSetCall(call.args);
  if (set !== null) {
    throw new DeltatError(
      SqlState.featureNotSupported,
      "aggregate function calls cannot contain set-returning function calls",
      { position: scope.context.position(set.location) },
    );
  }
  const { value: given, references } = scope.planner.track(() =>
    (call.args ?? []).map((arg) => scope.compile(arg)),
  );
  refuseOuter(references, scope, position);
  const chosen = chooseAggregate(name, given, call.agg_star === true, position);
  const args = given.map((arg, at) => tryCast(arg, chosen.parameters[at] as PgType, "implicit") ?? arg);
  const filter = call.agg_filter === undefined ? null : scope.condition(call.agg_filter, "FILTER");
  const order = planOrder(call.agg_order ?? [], args, scope);
  const distinct = call.agg_distinct === true;
  if (distinct) checkDistinctOrder(call, scope);
  if (distinct && args.length === 0) {
    throw new DeltatError(SqlState.syntaxError, "DISTINCT specified, but there is no argument", { position });
  }
  return { type: chosen.type, create: stateMaker(chosen, args, filter, distinct, order) };
}

/** An aggregate that reads columns of a query around and none of its own is one of that query. */
function refuseOuter(references: ReadonlySet<RangeEntry>, scope: QueryScope, position: number): void {
  const depths = [...references].map((entry) => entry.depth);
  if (depths.length === 0 || depths.includes(scope.depth)) return;
  throw new DeltatError(
    SqlState.featureNotSupported,
    "an aggregate over columns of an outer query is not supported",
    {
      position,
    },
  );
}

/** What is sorted by must be among what is distinct. */
function checkDistinctOrder({ args = [], agg_order = [] }: FuncCall, scope: QueryScope): void {
  const keys = args.map(nodeKey);
  for (const item of agg_order) {
    const node = "SortBy" in item ? item.SortBy.node : undefined;
    if (node === undefined || keys.includes(nodeKey(node))) continue;
    throw new DeltatError(
      SqlState.invalidColumnReference,
      "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
      { position: scope.context.position(nodeLocation(node)) },
    );
  }
}

interface PlannedOrder {
  /** The arguments, and after them what else is sorted by. */
  readonly values: readonly Expression[];
  readonly columns: readonly SortColumn[];
}

function planOrder(clause: readonly Node[], args: readonly Expression[], scope: QueryScope): PlannedOrder {
  const values = [...args];
  const columns: SortColumn[] = [];
  for (const item of clause) {
    if (!("SortBy" in item) || item.SortBy.node === undefined) continue;
    const expression = scope.compileTyped(item.SortBy.node);
    columns.push({ at: values.length, order: keyOrder(item.SortBy, expression.type) });
    values.push(expression);
  }
  return { values, columns };
}

function stateMaker(
  chosen: AggregateFunction,
  args: readonly Expression[],
  filter: Expression | null,
  distinct: boolean,
  { values, columns }: PlannedOrder,
): () => GroupState {
  if (distinct || columns.length > 0) {
    const types = args.map(({ type }) => type);
    const sorted = columns.length > 0 ? columns : distinctOrder(types);
    return () =>
      new GatheringState(chosen, values, filter, distinct ? new RowKey(types) : null, args.length, sorted);
  }
  const [first, second] = args;
  if (filter === null && first === undefined) return () => new CountState();
  const keeps = chosen.gathers === true;
  return () => new PlainState(chosen.create(), first ?? null, second ?? null, filter, keeps);
}

/** DISTINCT goes through a sort in PostgreSQL, and array_agg(DISTINCT x) shows it. */
function distinctOrder(types: readonly PgType[]): SortColumn[] {
  return types.map((type, at) => ({ at, order: keyOrder({}, type) }));
}

/** count(*). */
class CountState implements GroupState {
  private count = 0;

  add(): void {
    this.count++;
  }

  result(): Value {
    return this.count;
  }
}

class PlainState implements GroupState {
  constructor(
    private readonly accumulator: Accumulator,
    private readonly first: Expression | null,
    private readonly second: Expression | null,
    private readonly filter: Expression | null,
    /** What is added stays in memory. */
    private readonly keeps: boolean,
  ) {}

  add(execution: Execution): void {
    const { filter, first, second } = this;
    if (filter !== null && filter.evaluate(execution) !== true) return;
    const value = first === null ? null : first.evaluate(execution);
    const other = second === null ? null : second.evaluate(execution);
    if (this.keeps) execution.run?.keep([value, other]);
    this.accumulator.add(value, other);
  }

  result(): Value {
    return this.accumulator.result();
  }
}

/** Keeps the rows until they can be put in order. */
class GatheringState implements GroupState {
  private readonly rows: Value[][] = [];
  private readonly seen = new Set<unknown>();

  constructor(
    private readonly chosen: AggregateFunction,
    private readonly values: readonly Expression[],
    private readonly filter: Expression | null,
    private readonly distinct: RowKey | null,
    private readonly argumentCount: number,
    private readonly columns: readonly SortColumn[],
  ) {}

  add(execution: Execution): void {
    if (this.filter !== null && this.filter.evaluate(execution) !== true) return;
    const row = this.values.map((value) => value.evaluate(execution));
    if (this.distinct !== null) {
      const key = this.distinct.of(row.slice(0, this.argumentCount));
      if (this.seen.has(key)) return;
      this.seen.add(key);
    }
    execution.run?.keep(row);
    this.rows.push(row);
  }

  result(): Value {
    const accumulator = this.chosen.create();
    const rows = [...this.rows].sort(rowComparator(this.columns));
    for (const [first = null, second = null] of rows) {
      accumulator.add(this.argumentCount > 0 ? first : null, this.argumentCount > 1 ? second : null);
    }
    return accumulator.result();
  }
}
