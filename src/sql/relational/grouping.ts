/**
 * GROUP BY while a query is planned: which expressions name a group, which aggregates are asked for, and what may
 * be said of a group besides (columns that the primary key decides).
 */

import { DeltatError, SqlState } from "../../errors.ts";
import type { Expression } from "../expressions/expression.ts";
import { type FuncCall, type GroupingFunc, type Node, nodeLocation } from "../parse/ast.ts";
import { INT4 } from "../values/types.ts";
import { nodeKey } from "./aggregate-calls.ts";
import { type AggregateCall, planAggregateCall } from "./aggregate-plan.ts";
import { SlotExpression, slotLike } from "./operator.ts";
import type { NamedColumn } from "./range.ts";
import { checkEquality } from "./row-key.ts";
import { AGGREGATE_ARGUMENTS, type QueryScope } from "./scope.ts";

interface GroupKey {
  readonly expression: Expression;
  readonly result: SlotExpression;
  /** null: not a plain column. */
  readonly named: NamedColumn | null;
  readonly key: string;
}

/** A column that is the same for all rows of a group. */
interface CarriedColumn {
  readonly expression: Expression;
  readonly result: SlotExpression;
}

export class Grouping {
  readonly keys: GroupKey[] = [];
  readonly carried: CarriedColumn[] = [];
  readonly aggregates: { readonly call: AggregateCall; readonly result: SlotExpression }[] = [];
  /** Positions of the keys that rows are grouped by, once for each set. */
  sets: readonly (readonly number[])[] = [[]];
  readonly calls: { readonly positions: readonly number[]; readonly result: SlotExpression }[] = [];
  private readonly byKey = new Map<string, SlotExpression>();
  private readonly carriedOf = new Map<unknown, SlotExpression>();
  private inAggregate = false;

  constructor(private readonly scope: QueryScope) {}

  /**
   * Gives the position of the key. Before `scope.grouping` is set, so that it is compiled over the rows that are grouped.
   */
  addKey(node: Node): number {
    const { scope } = this;
    const expression = scope.compileTyped(node);
    checkEquality(expression.type, scope.context.position(nodeLocation(node)));
    const isColumn = "ColumnRef" in node;
    const named = isColumn ? scope.planner.namedColumn(node, scope) : null;
    const key = nodeKey(node);
    const known = this.keys.findIndex((other) => isSameKey(other, key, named));
    if (known >= 0) return known;
    const result = slotLike(expression, scope.planner.newSlot());
    this.byKey.set(key, result);
    return this.keys.push({ expression, result, named, key }) - 1;
  }

  /** `GROUPING(a, b)`: a bit for each argument, set in groups that are not made by it. Throws 42803. */
  groupingCall({ args = [] }: GroupingFunc): Expression {
    const { scope } = this;
    const positions = args.map((node) => {
      const named = "ColumnRef" in node ? scope.planner.namedColumn(node, scope) : null;
      const key = nodeKey(node);
      return this.keys.findIndex((other) => isSameKey(other, key, named));
    });
    if (positions.includes(-1)) {
      throw new DeltatError(
        SqlState.groupingError,
        "arguments to GROUPING must be grouping expressions of the associated query level",
        { position: scope.context.position(nodeLocation(args[positions.indexOf(-1)] as Node)) },
      );
    }
    const result = new SlotExpression(INT4, scope.planner.newSlot());
    this.calls.push({ positions, result });
    return result;
  }

  /** The result of the grouping expression that `node` repeats, or null. */
  match(node: Node): Expression | null {
    if (this.inAggregate || "ColumnRef" in node || this.keys.every(({ named }) => named !== null))
      return null;
    return this.byKey.get(nodeKey(node)) ?? null;
  }

  /** @param isFromInside whether a subquery asks */
  column(named: NamedColumn, fields: readonly string[], position: number, isFromInside = false): Expression {
    if (this.inAggregate) return named.expression();
    const key = this.keys.find(
      (candidate) => candidate.named !== null && isSameColumn(candidate.named, named),
    );
    if (key !== undefined) return key.result;
    if (this.isDecided(named)) return this.carry(named);
    const [entry] = named.entries;
    const shown = fields.length > 1 || !entry?.name ? fields.join(".") : `${entry.name}.${named.name}`;
    const message = isFromInside
      ? `subquery uses ungrouped column "${shown}" from outer query`
      : `column "${shown}" must appear in the GROUP BY clause or be used in an aggregate function`;
    throw new DeltatError(SqlState.groupingError, message, { position });
  }

  aggregate(call: FuncCall, position: number): Expression {
    if (this.inAggregate) {
      throw new DeltatError(SqlState.groupingError, "aggregate function calls cannot be nested", {
        position,
      });
    }
    this.inAggregate = true;
    const clause = this.scope.clause;
    this.scope.clause = AGGREGATE_ARGUMENTS;
    const windows = this.scope.windows;
    this.scope.windows = null;
    try {
      const planned = planAggregateCall(call, this.scope, position);
      const result = new SlotExpression(planned.type, this.scope.planner.newSlot());
      this.aggregates.push({ call: planned, result });
      return result;
    } finally {
      this.inAggregate = false;
      this.scope.clause = clause;
      this.scope.windows = windows;
    }
  }

  /** The slots that a group fills. */
  slots(): number[] {
    return [...this.keys, ...this.carried, ...this.aggregates, ...this.calls].map(
      ({ result }) => result.slot,
    );
  }

  /** Whether the id of the column's table is a grouping column: it decides all others. */
  private isDecided({ column }: NamedColumn): boolean {
    if (column === null || column.traits.origin == null) return false;
    return this.keys.some(
      ({ named }, at) =>
        this.sets.every((set) => set.includes(at)) &&
        named?.column?.entry === column.entry &&
        named.column.index === 0 &&
        named.column.traits.isId === true,
    );
  }

  private carry(named: NamedColumn): Expression {
    const known = this.carriedOf.get(named.column);
    if (known !== undefined) return known;
    const expression = named.expression();
    const result = slotLike(expression, this.scope.planner.newSlot());
    this.carried.push({ expression, result });
    this.carriedOf.set(named.column, result);
    return result;
  }
}

function isSameKey(other: GroupKey, key: string, named: NamedColumn | null): boolean {
  if (other.named !== null && named !== null) return isSameColumn(other.named, named);
  return other.key === key;
}

function isSameColumn(a: NamedColumn, b: NamedColumn): boolean {
  return a === b || (a.column !== null && a.column === b.column);
}
