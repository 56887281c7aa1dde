/** Window function calls while a query is planned: function, arguments, partition, order and frame. */

import { DeltatError, SqlState } from "../../errors.ts";
import { tryCast } from "../expressions/casts.ts";
import { sharedType, unify } from "../expressions/common-type.ts";
import type { Expression } from "../expressions/expression.ts";
import { compileCall, undeterminedType } from "../expressions/function-call.ts";
import { isUntyped } from "../expressions/untyped.ts";
import type { FuncCall, Node, WindowDef } from "../parse/ast.ts";
import { type KeyOrder, keyOrder } from "../rows/row-order.ts";
import { FLOAT8, INT4, INT8, type PgType } from "../values/types.ts";
import { chooseAggregate } from "./accumulators.ts";
import { functionName, isAggregateCall, isWindowFunction } from "./aggregate-calls.ts";
import { type Operator, SlotExpression } from "./operator.ts";
import { type QueryScope, WINDOW_ARGUMENTS } from "./scope.ts";
import { Window, type WindowFunction } from "./window.ts";
import type { FrameDefinition } from "./window-frame.ts";
import { frameKey, planFrame } from "./window-frame-plan.ts";

export interface WindowCall {
  readonly function: WindowFunction;
  readonly args: readonly Expression[];
  readonly filter: Expression | null;
  readonly partition: readonly Expression[];
  readonly order: readonly { readonly expression: Expression; readonly order: KeyOrder }[];
  readonly frame: FrameDefinition;
  readonly result: SlotExpression;
}

export class WindowCalls {
  private readonly calls: WindowCall[] = [];
  private readonly named = new Map<string, WindowDef>();

  constructor(
    private readonly scope: QueryScope,
    clause: readonly Node[],
  ) {
    for (const item of clause)
      if ("WindowDef" in item) this.named.set(item.WindowDef.name ?? "", item.WindowDef);
  }

  add(call: FuncCall, position: number): Expression {
    const { scope } = this;
    // A window function's arguments hold none.
    scope.windows = null;
    const clause = scope.clause;
    scope.clause = WINDOW_ARGUMENTS;
    try {
      const definition = this.resolve(call.over ?? {});
      const given = (call.args ?? []).map((arg) => scope.compile(arg));
      const { type, args, function: windowFunction } = chooseFunction(call, given, position);
      const result = new SlotExpression(type, scope.planner.newSlot());
      if (call.agg_distinct === true || call.agg_order !== undefined) {
        const what = call.agg_distinct === true ? "DISTINCT" : "aggregate ORDER BY";
        throw new DeltatError(
          SqlState.featureNotSupported,
          `${what} is not implemented for window functions`,
          { position },
        );
      }
      scope.clause = "window definitions";
      const order = (definition.orderClause ?? []).flatMap((item) => {
        if (!("SortBy" in item) || item.SortBy.node === undefined) return [];
        const expression = frameKey(scope.compileTyped(item.SortBy.node), definition);
        return [{ expression, order: keyOrder(item.SortBy, expression.type) }];
      });
      const frame = planFrame(definition, order, scope, position);
      this.calls.push({
        function: windowFunction,
        args,
        filter: call.agg_filter === undefined ? null : scope.condition(call.agg_filter, "FILTER"),
        partition: (definition.partitionClause ?? []).map((node) => scope.compileTyped(node)),
        order,
        frame,
        result,
      });
      return result;
    } finally {
      scope.windows = this;
      scope.clause = clause;
    }
  }

  operator(child: Operator, kept: () => readonly number[]): Operator {
    return this.calls.length === 0 ? child : new Window(child, this.calls, kept);
  }

  /** `OVER name`, and what a definition takes over from the one it names. Throws 42704 and 42P20. */
  private resolve(definition: WindowDef): WindowDef {
    const name = definition.name ?? definition.refname;
    if (name === undefined) return definition;
    const base = this.named.get(name);
    if (base === undefined) {
      throw this.refusal(SqlState.undefinedObject, `window "${name}" does not exist`, definition);
    }
    const { name: _, refname, ...own } = base;
    const resolved = refname === undefined ? own : this.resolve({ ...own, refname });
    if (definition.name !== undefined) return resolved;
    this.checkCopy(name, definition, resolved);
    return {
      ...definition,
      partitionClause: resolved.partitionClause ?? [],
      orderClause: definition.orderClause ?? resolved.orderClause ?? [],
    };
  }

  /** What a definition takes over it may not say again (transformWindowDefinitions in parse_clause.c). */
  private checkCopy(name: string, definition: WindowDef, base: WindowDef): void {
    const problem =
      definition.partitionClause !== undefined
        ? `cannot override PARTITION BY clause of window "${name}"`
        : definition.orderClause !== undefined && base.orderClause !== undefined
          ? `cannot override ORDER BY clause of window "${name}"`
          : ((base.frameOptions ?? 0) & FRAME_IS_GIVEN) !== 0
            ? `cannot copy window "${name}" because it has a frame clause`
            : null;
    if (problem !== null) throw this.refusal(SqlState.windowingError, problem, definition);
  }

  private refusal(code: SqlState, message: string, definition: WindowDef): DeltatError {
    return new DeltatError(code, message, { position: this.scope.context.position(definition.location) });
  }
}

/** FRAMEOPTION_NONDEFAULT of parsenodes.h. */
const FRAME_IS_GIVEN = 1;

interface ChosenFunction {
  readonly type: PgType;
  readonly args: readonly Expression[];
  readonly function: WindowFunction;
}

/** Throws 42883 for a function that is no window function, or not of these arguments. */
function chooseFunction(call: FuncCall, given: readonly Expression[], position: number): ChosenFunction {
  const name = functionName(call) ?? "";
  if (isAggregateCall({ ...call, over: undefined } as unknown as FuncCall)) {
    const chosen = chooseAggregate(name, given, call.agg_star === true, position);
    const args = given.map((arg, at) => tryCast(arg, chosen.parameters[at] as PgType, "implicit") ?? arg);
    return { type: chosen.type, args, function: { kind: "aggregate", create: chosen.create } };
  }
  const rank = RANKS.get(name);
  if (rank !== undefined && given.length === 0) {
    return { type: rank, args: [], function: { kind: "rank", name } };
  }
  const [value] = given;
  if (name === "ntile" && value !== undefined && given.length === 1) {
    const buckets = tryCast(value, INT4, "implicit");
    if (buckets !== null) return { type: INT4, args: [buckets], function: { kind: "rank", name } };
  }
  if ((name === "lag" || name === "lead") && value !== undefined && given.length <= 3) {
    const [, offset, fallback] = given;
    if (fallback === undefined && isUntyped(value)) throw undeterminedType();
    const compatible = fallback === undefined ? [value] : [value, fallback];
    const isCompatible = sharedType(compatible) !== null;
    const { type, items } = unify(isCompatible ? compatible : [value], name, () => position);
    const by = offset === undefined ? undefined : tryCast(offset, INT4, "implicit");
    if (isCompatible && by !== null) {
      const args = [items[0] as Expression, ...[by ?? [], items[1] ?? []].flat()];
      return { type, args, function: { kind: "shift", direction: name === "lag" ? -1 : 1 } };
    }
  }
  const isEdge = name === "first_value" || name === "last_value";
  if (
    value !== undefined &&
    ((isEdge && given.length === 1) || (name === "nth_value" && given.length === 2))
  ) {
    if (isUntyped(value)) throw undeterminedType();
    const { type, items } = unify([value], name, () => position);
    const nth = given[1] === undefined ? [] : tryCast(given[1], INT4, "implicit");
    if (nth !== null) {
      return { type, args: [items[0] as Expression, ...[nth].flat()], function: { kind: "pick", name } };
    }
  }
  if (!isWindowFunction(name)) {
    compileCall(name, given, position);
    const message = `OVER specified, but ${name} is not a window function nor an aggregate function`;
    throw new DeltatError(SqlState.wrongObjectType, message, { position });
  }
  throw new DeltatError(
    SqlState.undefinedFunction,
    `function ${name}(${given.map((arg) => arg.type.name).join(", ")}) does not exist`,
    { position },
  );
}

/** Functions of a row's place in its partition, and their types. */
const RANKS: ReadonlyMap<string, PgType> = new Map([
  ["row_number", INT8],
  ["rank", INT8],
  ["dense_rank", INT8],
  ["percent_rank", FLOAT8],
  ["cume_dist", FLOAT8],
]);
