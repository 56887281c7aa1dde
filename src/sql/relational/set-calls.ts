/** Set-returning functions in the target list: a row for each value, the longest set deciding how many. */

import type { Expression } from "../expressions/expression.ts";
import type { FuncCall } from "../parse/ast.ts";
import { recordType } from "../values/types.ts";
import { functionName, isSetFunction } from "./aggregate-calls.ts";
import {
  type Cursor,
  type Operator,
  PAUSE,
  type PlanNode,
  planNode,
  ROW,
  SlotExpression,
} from "./operator.ts";
import type { Run } from "./run.ts";
import type { QueryScope } from "./scope.ts";
import { planSetFunction, type RowList, type SetFunction } from "./set-functions.ts";

interface SetCall {
  readonly set: SetFunction;
  readonly isRecord: boolean;
  readonly result: SlotExpression;
}

export class SetCalls {
  private readonly calls: SetCall[] = [];

  constructor(private readonly scope: QueryScope) {}

  get isEmpty(): boolean {
    return this.calls.length === 0;
  }

  /** null if the call is of an ordinary function. */
  add(call: FuncCall, position: number): Expression | null {
    const name = functionName(call);
    if (name === null || !isSetFunction(name)) return null;
    const args = (call.args ?? []).map((arg) => this.scope.compile(arg));
    const set = planSetFunction(name, args, position);
    const [column, ...others] = set.columns;
    if (column === undefined) return null;
    // Several columns are one record here.
    const isRecord = others.length > 0;
    const type = isRecord
      ? recordType(set.columns.map((each) => ({ name: each.name ?? name, type: each.type })))
      : column.type;
    const result = new SlotExpression(type, this.scope.planner.newSlot());
    this.calls.push({ set, isRecord, result });
    return result;
  }

  operator(child: Operator): Operator {
    return new ProjectSet(child, this.calls);
  }
}

class ProjectSet implements Operator {
  readonly plan: PlanNode;

  constructor(
    private readonly child: Operator,
    private readonly calls: readonly SetCall[],
  ) {
    this.plan = planNode("ProjectSet", [child]);
  }

  cursor(run: Run): Cursor {
    const child = this.child.cursor(run);
    const { calls } = this;
    let sets: RowList[] = [];
    let at = 0;
    let length = 0;
    return {
      open: () => {
        child.open();
        at = 0;
        length = 0;
      },
      next: () => {
        while (at >= length) {
          const step = child.next();
          if (step !== ROW) return step;
          sets = calls.map(({ set }) => set.rows(run.execution));
          length = Math.max(...sets.map((rows) => rows.length));
          at = 0;
        }
        if (run.isSpent()) return PAUSE;
        for (const [i, { isRecord, result }] of calls.entries()) {
          const row = sets[i]?.at(at);
          run.execution.slots[result.slot] = (isRecord ? row : row?.[0]) ?? null;
        }
        at++;
        return ROW;
      },
    };
  }
}
