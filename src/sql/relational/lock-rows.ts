/**
 * FOR UPDATE and the like in a query of several tables: which tables it means, and an operator that locks their rows as
 * they come out, in their final order and before LIMIT counts them. A subquery in FROM locks its own.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import type { Node, SelectStmt } from "../parse/ast.ts";
import { type LockingClause, locksOf, parseLocking, type RowLocks } from "../statements/row-locks.ts";
import { idOf } from "../tables/field-values.ts";
import type { StoredTable } from "../tables/schema.ts";
import { hasAggregate, hasWindowCall } from "./aggregate-calls.ts";
import type { FromPlan, FromTree, FromUnit } from "./from.ts";
import { type Cursor, type Operator, type PlanNode, planNode, ROW, type SlotExpression } from "./operator.ts";
import type { Run } from "./run.ts";
import type { QueryScope } from "./scope.ts";

/** A table whose rows are locked, and the slot that holds the id of the row at hand. */
export interface LockTarget {
  readonly table: StoredTable;
  readonly locks: RowLocks;
  readonly id: SlotExpression;
}

/** The locking clauses of a query. Throws 0A000 for a query whose rows are not those of its tables. */
export function lockingOf(select: SelectStmt, scope: QueryScope): readonly LockingClause[] {
  const clauses = parseLocking(select.lockingClause, scope.planner.compiler.statementText);
  const [first] = clauses;
  if (first === undefined) return clauses;
  scope.planner.locks(clauses);
  const refused = refusal(select);
  if (refused === null) return clauses;
  throw new DeltatError(SqlState.featureNotSupported, `${first.words} is not allowed with ${refused}`);
}

function refusal(select: SelectStmt): string | null {
  if (select.op !== undefined && select.op !== "SETOP_NONE") return "UNION/INTERSECT/EXCEPT";
  if (select.valuesLists !== undefined) return "VALUES";
  if (select.distinctClause !== undefined) return "DISTINCT clause";
  if (select.groupClause !== undefined) return "GROUP BY clause";
  if (select.havingClause !== undefined) return "HAVING clause";
  if (hasAggregate(select.targetList)) return "aggregate functions";
  return hasWindowCall(select.targetList) ? "window functions" : null;
}

/** FROM with the locking clauses handed down to the subqueries that they mean. */
export function withLockedSubqueries(
  from: readonly Node[],
  clauses: readonly LockingClause[],
): readonly Node[] {
  return clauses.length === 0 ? from : from.map((item) => withLocks(item, clauses));
}

function withLocks(item: Node, clauses: readonly LockingClause[]): Node {
  if ("JoinExpr" in item) {
    const { larg, rarg } = item.JoinExpr;
    return {
      JoinExpr: {
        ...item.JoinExpr,
        ...(larg === undefined ? {} : { larg: withLocks(larg, clauses) }),
        ...(rarg === undefined ? {} : { rarg: withLocks(rarg, clauses) }),
      },
    };
  }
  if (!("RangeSubselect" in item)) return item;
  const { subquery, alias } = item.RangeSubselect;
  if (subquery === undefined || !("SelectStmt" in subquery)) return item;
  const handed = clauses
    .filter(({ of }) => of === null || of.some(({ name }) => name === alias?.aliasname))
    .map(({ node: { lockedRels: _, ...node } }): Node => ({ LockingClause: node }));
  if (handed.length === 0 || subquery.SelectStmt.valuesLists !== undefined) return item;
  const lockingClause = [...(subquery.SelectStmt.lockingClause ?? []), ...handed];
  return {
    RangeSubselect: {
      ...item.RangeSubselect,
      subquery: { SelectStmt: { ...subquery.SelectStmt, lockingClause } },
    },
  };
}

/** Throws 42P01 for a name after OF that FROM does not have, 0A000 for what cannot be locked. */
export function lockTargets(clauses: readonly LockingClause[], from: FromPlan): LockTarget[] {
  for (const clause of clauses) checkNames(clause, from);
  return from.trees.flatMap((tree) => targetsOf(tree, clauses, false));
}

function targetsOf(tree: FromTree, clauses: readonly LockingClause[], mayMiss: boolean): LockTarget[] {
  if (tree.kind === "join") {
    return [
      ...targetsOf(tree.left, clauses, mayMiss || tree.type === "full"),
      ...targetsOf(tree.right, clauses, mayMiss || tree.type !== "inner"),
    ];
  }
  const { entry, source } = tree;
  const own = clauses.filter(({ of }) => of === null || of.some(({ name }) => name === entry.name));
  const [first] = own;
  if (first === undefined) return [];
  if (source.kind === "availability" || source.kind === "events") {
    throw new DeltatError(
      SqlState.featureNotSupported,
      `${first.words} on "${source.table.name}" is not supported`,
    );
  }
  if (source.kind !== "stored") return [];
  if (mayMiss) {
    throw new DeltatError(
      SqlState.featureNotSupported,
      `${first.words} cannot be applied to the nullable side of an outer join`,
    );
  }
  const id = entry.columns[0]?.expression();
  return id === undefined ? [] : [{ table: source.table, locks: locksOf(source.table, own), id }];
}

function checkNames({ of, words }: LockingClause, from: FromPlan): void {
  const units = from.trees.flatMap(unitsOf);
  for (const { name, position } of of ?? []) {
    const unit = units.find(({ entry }) => entry.name === name);
    if (unit === undefined) {
      throw new DeltatError(
        SqlState.undefinedTable,
        `relation "${name}" in ${words} clause not found in FROM clause`,
        {
          position,
        },
      );
    }
    if (unit.source.kind === "rows" && unit.source.operator.plan.label.startsWith("CTE Scan")) {
      throw new DeltatError(SqlState.featureNotSupported, `${words} cannot be applied to a WITH query`, {
        position,
      });
    }
    if (unit.source.kind === "rows" && unit.source.operator.plan.label.startsWith("Function Scan")) {
      throw new DeltatError(SqlState.featureNotSupported, `${words} cannot be applied to a function`, {
        position,
      });
    }
  }
}

function unitsOf(tree: FromTree): FromUnit[] {
  return tree.kind === "unit" ? [tree] : [...unitsOf(tree.left), ...unitsOf(tree.right)];
}

export class LockRows implements Operator {
  readonly plan: PlanNode;

  constructor(
    private readonly child: Operator,
    private readonly targets: readonly LockTarget[],
  ) {
    this.plan = planNode("LockRows", [child]);
  }

  cursor(run: Run): Cursor {
    const child = this.child.cursor(run);
    const { targets } = this;
    const { execution } = run;
    return {
      open: () => child.open(),
      next: () => {
        for (;;) {
          const step = child.next();
          if (step !== ROW) return step;
          const rows = targets.map(({ table, id }) =>
            table.find(execution.engine, idOf(id.evaluate(execution))),
          );
          // SKIP LOCKED: a row of which any part is taken is passed over, and none of it locked.
          const isFree = targets.every(
            ({ locks }, at) => locks.selectable([rows[at] as number], execution).length > 0,
          );
          if (!isFree) continue;
          for (const [at, { locks }] of targets.entries()) locks.lock(rows[at] as number, execution);
          return ROW;
        }
      },
    };
  }
}
