/** One query, with what is around and in it: WITH, a SELECT, VALUES or a set operation, ORDER BY and LIMIT. */

import { DeltatError, SqlState } from "../../errors.ts";
import { unify } from "../expressions/common-type.ts";
import type { Expression } from "../expressions/expression.ts";
import { compileIndirection } from "../expressions/indirection.ts";
import { resolveUntyped } from "../expressions/untyped.ts";
import { type Node, nameParts, nodeLocation, type ResTarget, type SelectStmt } from "../parse/ast.ts";
import { refuseOtherFields } from "../parse/unsupported.ts";
import { conjunctsOf } from "../statements/conjuncts.ts";
import type { LockingClause } from "../statements/row-locks.ts";
import { defaultName } from "../statements/targets.ts";
import { valueRows } from "../statements/values-lists.ts";
import { TEXT } from "../values/types.ts";
import { hasAggregate, hasWindowCall } from "./aggregate-calls.ts";
import { ForgetCtes, planWith } from "./cte.ts";
import { planFrom } from "./from.ts";
import { Group } from "./group.ts";
import { planGrouping } from "./group-clause.ts";
import { planJoins } from "./join-plan.ts";
import { lockingOf, lockTargets, withLockedSubqueries } from "./lock-rows.ts";
import { SlotExpression } from "./operator.ts";
import { Filter } from "./pipeline.ts";
import type { RelationalPlanner } from "./planner.ts";
import { planTail, type QueryPlan, type TargetColumn } from "./query-tail.ts";
import { QueryScope } from "./scope.ts";
import { SetCalls } from "./set-calls.ts";
import { planSetOperation } from "./set-operations.ts";
import { ValuesRows } from "./values.ts";
import { WindowCalls } from "./window-calls.ts";

const SELECT_FIELDS = new Set(
  (
    "targetList fromClause whereClause groupClause groupDistinct havingClause windowClause distinctClause sortClause " +
    "limitOffset limitCount limitOption lockingClause withClause op valuesLists larg rarg all"
  ).split(" "),
);

/** Plans a query whose names may also resolve in `parent`. */
export function planQuery(
  select: SelectStmt,
  planner: RelationalPlanner,
  parent: QueryScope | null,
): QueryPlan {
  refuseOtherFields(select, SELECT_FIELDS);
  const scope = new QueryScope(planner, parent, parent === null ? planner.compiler.changes : parent.ctes);
  const memos = select.withClause === undefined ? [] : planWith(select.withClause, scope);
  const plan = planBody(select, scope);
  if (memos.length === 0 || parent === null) return plan;
  return { ...plan, operator: new ForgetCtes(plan.operator, memos) };
}

function planBody(select: SelectStmt, scope: QueryScope): QueryPlan {
  const locking = lockingOf(select, scope);
  if (select.op !== undefined && select.op !== "SETOP_NONE") {
    return planTail(planSetOperation(select, scope), [], select, scope, null);
  }
  if (select.valuesLists !== undefined) return planTail(planValues(select, scope), [], select, scope, null);
  return planSelect(select, locking, scope);
}

function planValues(select: SelectStmt, scope: QueryScope): QueryPlan {
  scope.clause = "VALUES";
  const lists = valueRows(select.valuesLists ?? [], (location) => scope.context.position(location));
  const rows = lists.map((items) => items.map((item) => scope.compile(item)));
  const [first = []] = rows;
  const columns = first.map((only, at) => {
    // A row alone may be one to be inserted: the columns type it. In another query it is text.
    if (rows.length === 1) {
      const item = scope.parent === null ? only : resolveUntyped(only, TEXT);
      return { items: [item], type: item.type };
    }
    return unify(
      rows.map((row) => row[at] as Expression),
      "VALUES",
      (row) => scope.context.position(nodeLocation(lists[row]?.[at] as Node)),
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

/** `(row).*`: a column for each field. */
function expandRow(base: Node, steps: readonly Node[], scope: QueryScope, position: number): TargetColumn[] {
  const row = scope.compile(
    steps.length === 0 ? base : { A_Indirection: { arg: base, indirection: [...steps] } },
  );
  const { fields } = row.type;
  if (fields === undefined) {
    throw new DeltatError(SqlState.wrongObjectType, `type ${row.type.name} is not composite`, { position });
  }
  return fields.map(({ name }) => {
    const step: Node = { String: { sval: name } };
    return {
      name,
      expression: compileIndirection(row, [step], (node) => scope.compile(node), position),
      node: null,
    };
  });
}

/** FROM, WHERE, GROUP BY, HAVING, the target list, and what follows. */
function planSelect(select: SelectStmt, locking: readonly LockingClause[], scope: QueryScope): QueryPlan {
  const from = planFrom(withLockedSubqueries(select.fromClause ?? [], locking), scope);
  const locked = lockTargets(locking, from);
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
  if (grouping !== null) operator = new Group(operator, grouping);
  if (hasWindowCall(targets) || hasWindowCall(order)) {
    scope.windows = new WindowCalls(scope, select.windowClause ?? []);
  }
  const sets = new SetCalls(scope);
  scope.sets = sets;
  scope.clause = "SELECT";
  const columns = planTargets(targets, scope);
  const having = planHaving(select.havingClause, scope);
  if (having !== null) operator = new Filter(operator, having);
  const kept = () => grouping?.slots() ?? from.slots();
  const plan = { operator, columns: columns.map(({ name, expression }) => ({ name, expression })) };
  return planTail(
    plan,
    columns,
    select,
    scope,
    (inner) => {
      const windowed = scope.windows?.operator(inner, kept) ?? inner;
      return sets.isEmpty ? windowed : sets.operator(windowed);
    },
    locked,
  );
}

/** HAVING, in which neither window functions nor sets are called. */
function planHaving(node: Node | undefined, scope: QueryScope): Expression | null {
  if (node === undefined) return null;
  const { windows, sets, clause } = scope;
  scope.windows = null;
  scope.sets = null;
  scope.clause = "HAVING";
  const having = scope.condition(node, "HAVING");
  scope.windows = windows;
  scope.sets = sets;
  scope.clause = clause;
  return having;
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
        const expression = scope.readColumn(named, qualified == null ? [] : [qualified], position);
        return { name: named.name, expression, node: null };
      });
    }
  }
  if ("A_Indirection" in val) {
    const { arg, indirection = [] } = val.A_Indirection;
    const last = indirection.at(-1);
    if (arg !== undefined && last !== undefined && "A_Star" in last) {
      return expandRow(arg, indirection.slice(0, -1), scope, position);
    }
  }
  return [{ name: name ?? defaultName(val) ?? "?column?", expression: scope.compile(val), node: val }];
}
