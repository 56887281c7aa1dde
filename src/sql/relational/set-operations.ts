/** UNION, INTERSECT and EXCEPT, with and without ALL. */

import { DeltatError, SqlState } from "../../errors.ts";
import { unify } from "../expressions/common-type.ts";
import type { Expression } from "../expressions/expression.ts";
import { type SelectStmt, targetLocation } from "../parse/ast.ts";
import type { Value } from "../values/value.ts";
import {
  type Cursor,
  DONE,
  type Operator,
  type PlanNode,
  planNode,
  ROW,
  SlotExpression,
  type Step,
} from "./operator.ts";
import { takeIn } from "./pipeline.ts";
import { planQuery } from "./query.ts";
import type { QueryPlan } from "./query-tail.ts";
import { checkEquality, type Key, RowKey } from "./row-key.ts";
import type { Run } from "./run.ts";
import type { QueryScope } from "./scope.ts";

type Kind = "UNION" | "INTERSECT" | "EXCEPT";

const KINDS: Record<string, Kind> = {
  SETOP_UNION: "UNION",
  SETOP_INTERSECT: "INTERSECT",
  SETOP_EXCEPT: "EXCEPT",
};

export function planSetOperation(select: SelectStmt, scope: QueryScope): QueryPlan {
  const kind = KINDS[select.op ?? ""] ?? "UNION";
  // Columns of VALUES have no place.
  const place = (side: SelectStmt = {}, at: number): number =>
    side.valuesLists === undefined ? scope.context.position(targetLocation(side, at)) : 0;
  const left = planQuery(select.larg ?? {}, scope.planner, scope);
  const right = planQuery(select.rarg ?? {}, scope.planner, scope);
  if (left.columns.length !== right.columns.length) {
    throw new DeltatError(SqlState.syntaxError, `each ${kind} query must have the same number of columns`, {
      position: scope.context.position(targetLocation(select.rarg ?? {}, 0)),
    });
  }
  const pairs = left.columns.map(({ expression }, at) =>
    unify([expression, (right.columns[at] as { expression: Expression }).expression], kind, (side) =>
      place(side === 0 ? select.larg : select.rarg, at),
    ),
  );
  if (kind !== "UNION" || select.all !== true) {
    for (const [at, { type }] of pairs.entries()) checkEquality(type, place(select.larg, at));
  }
  const results = pairs.map(({ type, items }) => {
    const areIds = items.every((item) => item instanceof SlotExpression && item.isId);
    return new SlotExpression(type, scope.planner.newSlot(), areIds);
  });
  const side = (at: 0 | 1) => pairs.map(({ items }) => items[at] as Expression);
  return {
    operator: new SetOperation(
      kind,
      select.all === true,
      left.operator,
      right.operator,
      side(0),
      side(1),
      results,
    ),
    columns: left.columns.map(({ name }, at) => ({ name, expression: results[at] as SlotExpression })),
  };
}

class SetOperation implements Operator {
  readonly plan: PlanNode;

  constructor(
    readonly kind: Kind,
    readonly keepsAll: boolean,
    readonly left: Operator,
    readonly right: Operator,
    readonly leftOutputs: readonly Expression[],
    readonly rightOutputs: readonly Expression[],
    readonly results: readonly SlotExpression[],
  ) {
    const label = kind === "UNION" ? (keepsAll ? "Append" : "HashAggregate (union)") : `HashSetOp ${kind}`;
    this.plan = planNode(label, [left, right]);
  }

  cursor(run: Run): Cursor {
    return new SetOperationCursor(run, this);
  }
}

class SetOperationCursor implements Cursor {
  private readonly left: Cursor;
  private readonly right: Cursor;
  private readonly rowKey: RowKey;
  /** How often a row has come, or may still come. */
  private counts = new Map<Key | null, number>();
  private phase: "counting" | "left" | "right" = "left";
  private mark = 0;

  constructor(
    private readonly run: Run,
    private readonly operation: SetOperation,
  ) {
    this.left = operation.left.cursor(run);
    this.right = operation.right.cursor(run);
    this.rowKey = new RowKey(operation.results.map(({ type }) => type));
  }

  open(): void {
    if (this.counts.size > 0) this.run.release(this.mark);
    this.mark = this.run.mark;
    this.counts = new Map();
    const isUnion = this.operation.kind === "UNION";
    this.phase = isUnion ? "left" : "counting";
    if (isUnion) this.left.open();
    else this.right.open();
  }

  next(): Step {
    const { operation } = this;
    if (this.phase === "counting") {
      const step = takeIn(this.right, () => this.count(this.row(operation.rightOutputs), 1));
      if (step !== DONE) return step;
      this.phase = "left";
      this.left.open();
    }
    if (this.phase === "left") {
      const step = this.nextOf(this.left, operation.leftOutputs);
      if (step !== DONE || operation.kind !== "UNION") return step;
      this.phase = "right";
      this.right.open();
    }
    return this.nextOf(this.right, operation.rightOutputs);
  }

  private nextOf(cursor: Cursor, outputs: readonly Expression[]): Step {
    for (;;) {
      const step = cursor.next();
      if (step !== ROW) return step;
      const row = this.row(outputs);
      if (!this.isWanted(row)) continue;
      const { slots } = this.run.execution;
      for (const [at, { slot }] of this.operation.results.entries()) slots[slot] = row[at] as Value;
      return ROW;
    }
  }

  private isWanted(row: readonly Value[]): boolean {
    const { kind, keepsAll } = this.operation;
    if (kind === "UNION") return keepsAll || this.count(row, 1) === 1;
    const key = this.rowKey.of(row);
    const left = this.counts.get(key);
    if (kind === "INTERSECT") {
      if (left === undefined || left === 0) return false;
      this.counts.set(key, keepsAll ? left - 1 : 0);
      return true;
    }
    // Without ALL, a row that was given once is as good as one of the right side.
    if (left !== undefined && left > 0) {
      if (keepsAll) this.counts.set(key, left - 1);
      return false;
    }
    if (!keepsAll) this.count(row, 1);
    return true;
  }

  private count(row: readonly Value[], by: number): number {
    const key = this.rowKey.of(row);
    const before = this.counts.get(key);
    if (before === undefined) this.run.keep(row);
    const now = (before ?? 0) + by;
    this.counts.set(key, now);
    return now;
  }

  private row(outputs: readonly Expression[]): Value[] {
    const { execution } = this.run;
    return outputs.map((output) => output.evaluate(execution));
  }
}
