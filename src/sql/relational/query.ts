/** One query, with what is around and in it: WITH, a SELECT, VALUES or a set operation, ORDER BY and LIMIT. */

import { DeltatError, SqlState } from "../../errors.ts";
import { type Node, nameParts, nodeLocation, type ResTarget, type SelectStmt, type SortBy } from "../ast.ts";
import { unify } from "../common-type.ts";
import { conjunctsOf } from "../conjuncts.ts";
import type { Expression } from "../expression.ts";
import { keyOrder, planRange, type RowRange } from "../row-order.ts";
import { defaultName } from "../targets.ts";
import { TEXT } from "../types.ts";
import { notSupported, refuseOtherFields } from "../unsupported.ts";
import { isUntyped, resolveUntyped } from "../untyped.ts";
import { valueRows } from "../values-lists.ts";
import { hasAggregate, hasWindowCall, nodeKey } from "./aggregate-calls.ts";
import { ForgetCtes, planWith } from "./cte.ts";
import { planFrom } from "./from.ts";
import { Group } from "./group.ts";
import { Grouping } from "./grouping.ts";
import { planJoins } from "./join-plan.ts";
import { type Operator, SlotExpression } from "./operator.ts";
import { Filter, Limit, Project } from "./pipeline.ts";
import type { RelationalPlanner } from "./planner.ts";
import { joinKeys } from "./row-key.ts";
import { QueryScope } from "./scope.ts";
import { SetCalls } from "./set-calls.ts";
import { planSetOperation } from "./set-operations.ts";
import { Distinct, Sort, type SortColumn } from "./sort.ts";
import { ValuesRows } from "./values.ts";
import { WindowCalls } from "./window-calls.ts";

interface QueryColumn {
  readonly name: string;
  /** To be evaluated while the operator's row is in the slots. It may still be without a type. */
  readonly expression: Expression;
}

export interface QueryPlan {
  readonly operator: Operator;
  readonly columns: readonly QueryColumn[];
}

const SELECT_FIELDS = new Set(
  (
    "targetList fromClause whereClause groupClause havingClause windowClause distinctClause sortClause " +
    "limitOffset limitCount limitOption withClause op valuesLists larg rarg all"
  ).split(" "),
);

/** Plans a query whose names may also resolve in `parent`. */
export function planQuery(
  select: SelectStmt,
  planner: RelationalPlanner,
  parent: QueryScope | null,
): QueryPlan {
  refuseOtherFields(select, SELECT_FIELDS);
  const scope = new QueryScope(planner, parent, parent?.ctes ?? null);
  const memos = select.withClause === undefined ? [] : planWith(select.withClause, scope);
  const plan = planBody(select, scope);
  if (memos.length === 0 || parent === null) return plan;
  return { ...plan, operator: new ForgetCtes(plan.operator, memos) };
}

function planBody(select: SelectStmt, scope: QueryScope): QueryPlan {
  if (select.op !== undefined && select.op !== "SETOP_NONE") {
    return planTail(planSetOperation(select, scope), [], select, scope, null);
  }
  if (select.valuesLists !== undefined) return planTail(planValues(select, scope), [], select, scope, null);
  return planSelect(select, scope);
}

function planValues(select: SelectStmt, scope: QueryScope): QueryPlan {
  scope.clause = "VALUES";
  const rows = valueRows(select.valuesLists ?? []).map((items) => items.map((item) => scope.compile(item)));
  const [first = []] = rows;
  const columns = first.map((only, at) => {
    if (rows.length === 1) return { items: [only], type: only.type };
    return unify(
      rows.map((row) => row[at] as Expression),
      "VALUES",
      1,
    );
  });
  if (rows.length === 1) {
    const operator = planFrom([], scope).operator;
    return {
      operator,
      columns: columns.map(({ items: [only] }, at) => ({
        name: `column${at + 1}`,
        expression: only as Expression,
      })),
    };
  }
  const results = columns.map(({ type }) => new SlotExpression(type, scope.planner.newSlot()));
  const operator = new ValuesRows(
    rows.map((_, row) => columns.map(({ items }) => items[row] as Expression)),
    results.map(({ slot }) => slot),
  );
  return {
    operator,
    columns: results.map((expression, at) => ({ name: `column${at + 1}`, expression })),
  };
}

/** FROM, WHERE, GROUP BY, HAVING, the target list, and what follows. */
function planSelect(select: SelectStmt, scope: QueryScope): QueryPlan {
  const from = planFrom(select.fromClause ?? [], scope);
  scope.namespace = from.namespace;
  scope.clause = "WHERE";
  let operator = planJoins(from, conjunctsOf(select.whereClause), scope);
  const targets = select.targetList ?? [];
  const order = select.sortClause ?? [];
  const isGrouped =
    select.groupClause !== undefined ||
    select.havingClause !== undefined ||
    hasAggregate(targets) ||
    hasAggregate(order);
  const grouping = isGrouped ? planGrouping(select, scope) : null;
  scope.grouping = grouping;
  scope.clause = "HAVING";
  const having = select.havingClause === undefined ? null : scope.condition(select.havingClause, "HAVING");
  if (grouping !== null) operator = new Group(operator, grouping);
  if (having !== null) operator = new Filter(operator, having);
  if (hasWindowCall(targets) || hasWindowCall(order)) {
    scope.windows = new WindowCalls(scope, select.windowClause ?? []);
  }
  const sets = new SetCalls(scope);
  scope.sets = sets;
  scope.clause = "SELECT";
  const columns = planTargets(targets, scope);
  const kept = () => grouping?.slots() ?? from.slots();
  const plan = { operator, columns: columns.map(({ name, expression }) => ({ name, expression })) };
  return planTail(plan, columns, select, scope, (inner) => {
    const windowed = scope.windows?.operator(inner, kept) ?? inner;
    return sets.isEmpty ? windowed : sets.operator(windowed);
  });
}

interface TargetColumn extends QueryColumn {
  /** null for a column that `*` stands for. */
  readonly node: Node | null;
}

const TARGET_FIELDS = new Set(["name", "val", "location"]);

function planTargets(targets: readonly Node[], scope: QueryScope): TargetColumn[] {
  return targets.flatMap((item) => {
    if (!("ResTarget" in item)) return [];
    refuseOtherFields(item.ResTarget, TARGET_FIELDS);
    return planTarget(item.ResTarget, scope);
  });
}

function planTarget({ name, val }: ResTarget, scope: QueryScope): TargetColumn[] {
  if (val === undefined) return [];
  const position = scope.context.position(nodeLocation(val));
  if ("ColumnRef" in val) {
    const fields = nameParts(val.ColumnRef.fields);
    if (fields.at(-1) === "*") {
      const columns = scope.star(fields.slice(0, -1), position);
      if (columns.length === 0 && scope.namespace.entries.length === 0) {
        throw new DeltatError(SqlState.syntaxError, "SELECT * with no tables specified is not valid", {
          position,
        });
      }
      return columns.map((named) => {
        const qualified = named.column?.entry.name;
        for (const entry of named.entries) scope.planner.noteReference(entry);
        const expression =
          scope.grouping?.column(
            named,
            qualified == null ? [named.name] : [qualified, named.name],
            position,
          ) ?? named.expression();
        return { name: named.name, expression, node: null };
      });
    }
  }
  return [{ name: name ?? defaultName(val) ?? "?column?", expression: scope.compile(val), node: val }];
}

/** The grouping expressions: positions and names of targets stand for what those are. */
function planGrouping(select: SelectStmt, scope: QueryScope): Grouping {
  const grouping = new Grouping(scope);
  scope.clause = "GROUP BY";
  for (const item of select.groupClause ?? []) {
    // GROUP BY () makes one group of all rows.
    if ("GroupingSet" in item && item.GroupingSet.kind === "GROUPING_SET_EMPTY") continue;
    if ("GroupingSet" in item) throw notSupported("GROUPING SETS, ROLLUP or CUBE");
    const items =
      "RowExpr" in item && item.RowExpr.row_format === "COERCE_IMPLICIT_CAST" ? item.RowExpr.args : [item];
    for (const node of items ?? []) grouping.addKey(groupNode(node, select, scope));
  }
  return grouping;
}

function groupNode(node: Node, select: SelectStmt, scope: QueryScope): Node {
  const targets = (select.targetList ?? []).flatMap((item) => ("ResTarget" in item ? [item.ResTarget] : []));
  const position = scope.context.position(nodeLocation(node));
  if ("A_Const" in node) {
    const at = node.A_Const.ival?.ival;
    if (at === undefined) {
      throw new DeltatError(SqlState.syntaxError, "non-integer constant in GROUP BY", { position });
    }
    const target = targets[at - 1]?.val;
    if (target === undefined) {
      throw new DeltatError(
        SqlState.invalidColumnReference,
        `GROUP BY position ${at} is not in select list`,
        { position },
      );
    }
    if (hasAggregate(target)) {
      throw new DeltatError(SqlState.groupingError, "aggregate functions are not allowed in GROUP BY", {
        position,
      });
    }
    return target;
  }
  if (!("ColumnRef" in node)) return node;
  const [name, ...others] = nameParts(node.ColumnRef.fields);
  if (name === undefined || others.length > 0) return node;
  // A column of FROM comes before a name of the target list.
  if (scope.namespace.columns.some((column) => column.name === name)) return node;
  return targets.find((target) => target.name === name)?.val ?? node;
}

/**
 * DISTINCT, ORDER BY, LIMIT. `below` finishes the operator once everything is compiled that asks for window or
 * set-returning functions.
 */
function planTail(
  plan: QueryPlan,
  targets: readonly TargetColumn[],
  select: SelectStmt,
  scope: QueryScope,
  below: ((operator: Operator) => Operator) | null,
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
    const projected = projectAll(operator, columns, scope);
    operator = new Distinct(
      projected.operator,
      projected.columns.map(({ expression }) => expression),
      false,
    );
    columns = projected.columns;
  }
  const sortKeys = withDistinctOn(on, keys);
  const isTied = select.limitOption === "LIMIT_OPTION_WITH_TIES";
  let keySlots: readonly Expression[] = [];
  if (sortKeys.length > 0) {
    const sorted = planSort(operator, columns, sortKeys, on.length > 0 || isTied ? null : range, scope);
    operator = sorted.operator;
    columns = sorted.columns;
    keySlots = sorted.keys;
  }
  if (on.length > 0) operator = new Distinct(operator, keySlots.slice(0, on.length), true);
  if (range !== null) operator = new Limit(operator, range, isTied ? tieKey(keySlots) : null);
  return { operator, columns };
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
): readonly PlannedKey[] {
  if (on.length === 0) return keys;
  const leading = keys.slice(0, on.length);
  const matches = leading.every((key) => on.includes(key.of));
  if (!matches) {
    throw new DeltatError(
      SqlState.invalidColumnReference,
      "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
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
    slot: slotLike(expression, scope),
  }));
  return {
    operator: new Project(operator, () =>
      results.map(({ expression, slot }) => ({ expression, slot: slot.slot })),
    ),
    columns: results.map(({ name, slot }) => ({ name, expression: slot })),
  };
}

/** A new slot that keeps what is known of the expression. */
function slotLike(expression: Expression, scope: QueryScope): SlotExpression {
  const from = expression instanceof SlotExpression ? expression : null;
  const type = isUntyped(expression) ? TEXT : expression.type;
  return new SlotExpression(type, scope.planner.newSlot(), from?.isId ?? false, from?.origin ?? null);
}

function planSort(
  operator: Operator,
  columns: readonly QueryColumn[],
  keys: readonly PlannedKey[],
  limit: RowRange | null,
  scope: QueryScope,
): { operator: Operator; columns: QueryColumn[]; keys: Expression[] } {
  const values: Expression[] = columns.map(({ expression }) => expression);
  const sortColumns: SortColumn[] = keys.map(({ of, sort }) => {
    const at = typeof of === "number" ? of : values.push(of) - 1;
    return { at, order: keyOrder(sort, (values[at] as Expression).type) };
  });
  const slots = values.map((value) => slotLike(value, scope));
  return {
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
