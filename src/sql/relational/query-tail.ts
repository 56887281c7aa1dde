/** What follows the rows of a query: DISTINCT, ORDER BY, LIMIT. */

import { DeltatError, SqlState } from "../../errors.ts";
import type { Expression } from "../expressions/expression.ts";
import { resolveUntyped } from "../expressions/untyped.ts";
import {
  type Node,
  nameParts,
  nodeLocation,
  type SelectStmt,
  type SortBy,
  targetLocation,
} from "../parse/ast.ts";
import { keyOrder, planRange, type RowRange } from "../rows/row-order.ts";
import { TEXT } from "../values/types.ts";
import { nodeKey } from "./aggregate-calls.ts";
import { LockRows, type LockTarget } from "./lock-rows.ts";
import { type Operator, type SlotExpression, slotLike } from "./operator.ts";
import { Limit, Project } from "./pipeline.ts";
import { checkEquality, joinKeys } from "./row-key.ts";
import type { QueryScope } from "./scope.ts";
import { Distinct, Sort, type SortColumn } from "./sort.ts";

interface QueryColumn {
  readonly name: string;
  /** To be evaluated while the operator's row is in the slots. It may still be without a type. */
  readonly expression: Expression;
}

export interface QueryPlan {
  readonly operator: Operator;
  readonly columns: readonly QueryColumn[];
}

export interface TargetColumn extends QueryColumn {
  /** null for a column that `*` stands for. */
  readonly node: Node | null;
}

/**
 * DISTINCT, ORDER BY, LIMIT. `below` finishes the operator once everything is compiled that asks for window or
 * set-returning functions.
 */
export function planTail(
  plan: QueryPlan,
  targets: readonly TargetColumn[],
  select: SelectStmt,
  scope: QueryScope,
  below: ((operator: Operator) => Operator) | null,
  locked: readonly LockTarget[] = [],
): QueryPlan {
  const distinct = select.distinctClause;
  const isPlainDistinct = distinct !== undefined && !distinct.some((item) => Object.keys(item).length > 0);
  const order = select.sortClause ?? [];
  scope.clause = "ORDER BY";
  const mustType = order.length > 0 || distinct !== undefined;
  const outputs = plan.columns.map(({ name, expression }) => ({
    name,
    expression: mustType ? resolveUntyped(expression, TEXT) : expression,
  }));
  const keys = order.flatMap((item) =>
    "SortBy" in item ? [sortKey(item.SortBy, outputs, targets, isPlainDistinct, below !== null, scope)] : [],
  );
  const onNodes = distinct === undefined || isPlainDistinct ? [] : distinct;
  const on = onNodes.map((node) => outputOrExpression(node, outputs, targets, "SELECT DISTINCT ON", scope));
  scope.grouping = null;
  scope.clause = "LIMIT";
  const range = planRange(select.limitCount, select.limitOffset, {
    rowCount: (node: Node, clause: string) => scope.planner.compiler.rowCountIn(scope, node, clause),
  });
  let operator = below === null ? plan.operator : below(plan.operator);
  let columns: QueryColumn[] = outputs;
  if (isPlainDistinct) {
    for (const [at, { expression }] of outputs.entries()) {
      checkEquality(expression.type, scope.context.position(targetLocation(select, at)));
    }
    const projected = projectAll(operator, columns, scope);
    operator = new Distinct(
      projected.operator,
      projected.columns.map(({ expression }) => expression),
      false,
    );
    columns = projected.columns;
  }
  const sortKeys = withDistinctOn(on, keys, (at) =>
    scope.context.position(nodeLocation(onNodes[at] as Node)),
  );
  const isTied = select.limitOption === "LIMIT_OPTION_WITH_TIES";
  let keySlots: readonly Expression[] = [];
  let targetsToLock = locked;
  const isSorted = on.length === 0 && !isTied && locked.length === 0 && comesInOrder(operator, outputs, keys);
  if (sortKeys.length > 0 && !isSorted) {
    const needsAll = on.length > 0 || isTied || locked.length > 0;
    const ids = locked.map(({ id }) => id);
    const sorted = planSort(operator, columns, sortKeys, needsAll ? null : range, ids, scope);
    targetsToLock = locked.map((target, at) => ({ ...target, id: sorted.carried[at] ?? target.id }));
    operator = sorted.operator;
    columns = sorted.columns;
    keySlots = sorted.keys;
  }
  if (targetsToLock.length > 0) operator = new LockRows(operator, targetsToLock);
  if (on.length > 0) operator = new Distinct(operator, keySlots.slice(0, on.length), true);
  if (range !== null) operator = new Limit(operator, range, isTied ? tieKey(keySlots) : null);
  return { operator, columns };
}

/** Whether rows come in this order by themselves: by a column in which no two are equal, whatever keys follow. */
function comesInOrder(
  { ascending }: Operator,
  outputs: readonly QueryColumn[],
  [key]: readonly PlannedKey[],
): boolean {
  if (ascending === undefined || !ascending.isUsed || key === undefined) return false;
  const expression = typeof key.of === "number" ? outputs[key.of]?.expression : key.of;
  const isAscending = key.sort.sortby_dir !== "SORTBY_DESC" && key.sort.sortby_dir !== "SORTBY_USING";
  return isAscending && expression === ascending.expression();
}

function tieKey(keys: readonly Expression[]) {
  if (keys.length === 0)
    throw new DeltatError(SqlState.syntaxError, "WITH TIES cannot be specified without ORDER BY clause");
  return ({ execution }: { execution: Parameters<Expression["evaluate"]>[0] }): string =>
    joinKeys(
      keys.map((key) => {
        const value = key.evaluate(execution);
        return value === null ? null : String(value);
      }),
    );
}

interface PlannedKey {
  /** Position among the outputs, or an expression of its own. */
  readonly of: number | Expression;
  readonly sort: SortBy;
}

function sortKey(
  sort: SortBy,
  outputs: readonly QueryColumn[],
  targets: readonly TargetColumn[],
  isDistinct: boolean,
  mayCompute: boolean,
  scope: QueryScope,
): PlannedKey {
  const node = sort.node as Node;
  const of = outputOrExpression(node, outputs, targets, "ORDER BY", scope, mayCompute);
  if (typeof of !== "number" && isDistinct) {
    throw new DeltatError(
      SqlState.invalidColumnReference,
      "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
      { position: scope.context.position(nodeLocation(node)) },
    );
  }
  return { of, sort };
}

/** A position or a name among the outputs, else an expression over the rows. */
function outputOrExpression(
  node: Node,
  outputs: readonly QueryColumn[],
  targets: readonly TargetColumn[],
  clause: string,
  scope: QueryScope,
  mayCompute = true,
): number | Expression {
  const position = scope.context.position(nodeLocation(node));
  if ("A_Const" in node) {
    const at = node.A_Const.ival === undefined ? undefined : (node.A_Const.ival.ival ?? 0);
    if (at === undefined) {
      throw new DeltatError(SqlState.syntaxError, `non-integer constant in ${clause}`, { position });
    }
    if (outputs[at - 1] === undefined) {
      throw new DeltatError(
        SqlState.invalidColumnReference,
        `${clause} position ${at} is not in select list`,
        { position },
      );
    }
    return at - 1;
  }
  if ("ColumnRef" in node) {
    const [name, ...others] = nameParts(node.ColumnRef.fields);
    const named = others.length > 0 ? [] : [...outputs.keys()].filter((at) => outputs[at]?.name === name);
    const [first] = named;
    const differ = named.some((at) => outputs[at]?.expression !== outputs[first ?? 0]?.expression);
    if (differ) {
      throw new DeltatError(SqlState.ambiguousColumn, `${clause} "${name}" is ambiguous`, { position });
    }
    if (first !== undefined) return first;
  }
  const key = nodeKey(node);
  const repeated = targets.findIndex((target) => target.node !== null && nodeKey(target.node) === key);
  if (repeated >= 0) return repeated;
  if (!mayCompute) {
    if ("ColumnRef" in node && node.ColumnRef.fields?.length === 1) {
      const message = `column "${nameParts(node.ColumnRef.fields)[0]}" does not exist`;
      throw new DeltatError(SqlState.undefinedColumn, message, { position });
    }
    throw new DeltatError(SqlState.featureNotSupported, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause", {
      detail: "Only result column names can be used, not expressions or functions.",
      position,
    });
  }
  const expression = scope.compileTyped(node);
  const same = outputs.findIndex((output) => output.expression === expression);
  return same >= 0 ? same : expression;
}

/** DISTINCT ON sorts by its expressions first. Throws 42P10 if ORDER BY begins with others. */
function withDistinctOn(
  on: readonly (number | Expression)[],
  keys: readonly PlannedKey[],
  position: (at: number) => number,
): readonly PlannedKey[] {
  if (on.length === 0) return keys;
  const leading = keys.slice(0, on.length);
  if (!leading.every((key) => on.includes(key.of))) {
    const sorted = new Set(leading.map((key) => key.of));
    const unmatched = on.findIndex((of) => !sorted.has(of));
    throw new DeltatError(
      SqlState.invalidColumnReference,
      "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
      { position: position(Math.max(0, unmatched)) },
    );
  }
  const missing = on.filter((of) => !leading.some((key) => key.of === of)).map((of) => ({ of, sort: {} }));
  return [...leading, ...missing, ...keys.slice(on.length)];
}

/** Every column in a slot of its own. */
function projectAll(operator: Operator, columns: readonly QueryColumn[], scope: QueryScope) {
  const results = columns.map(({ name, expression }) => ({
    name,
    expression,
    slot: slotLike(expression, scope.planner.newSlot()),
  }));
  return {
    operator: new Project(operator, () =>
      results.map(({ expression, slot }) => ({ expression, slot: slot.slot })),
    ),
    columns: results.map(({ name, slot }) => ({ name, expression: slot })),
  };
}

function planSort(
  operator: Operator,
  columns: readonly QueryColumn[],
  keys: readonly PlannedKey[],
  limit: RowRange | null,
  /** What must be there besides after the sort. */
  others: readonly Expression[],
  scope: QueryScope,
): { operator: Operator; columns: QueryColumn[]; keys: Expression[]; carried: SlotExpression[] } {
  const values: Expression[] = columns.map(({ expression }) => expression);
  const sortColumns: SortColumn[] = keys.map(({ of, sort }) => {
    const at = typeof of === "number" ? of : values.push(of) - 1;
    return { at, order: keyOrder(sort, (values[at] as Expression).type) };
  });
  const firstCarried = values.push(...others) - others.length;
  const slots = values.map((value) => slotLike(value, scope.planner.newSlot()));
  return {
    carried: slots.slice(firstCarried),
    operator: new Sort(
      operator,
      values,
      slots.map(({ slot }) => slot),
      sortColumns,
      limit,
    ),
    columns: columns.map(({ name }, at) => ({ name, expression: slots[at] as SlotExpression })),
    keys: sortColumns.map(({ at }) => slots[at] as SlotExpression),
  };
}
