/** Operators that pass rows on one by one: a filter, computed columns, LIMIT, rows kept in a list. */

import type { Expression } from "../expressions/expression.ts";
import type { RowRange } from "../rows/row-order.ts";
import type { Value } from "../values/value.ts";
import { type Cursor, DONE, type Operator, type PlanNode, planNode, ROW, type Step } from "./operator.ts";
import type { RangeColumn } from "./range.ts";
import type { Run } from "./run.ts";

export class Filter implements Operator {
  readonly plan: PlanNode;
  readonly ascending: RangeColumn | undefined;

  constructor(
    private readonly child: Operator,
    private readonly condition: Expression,
  ) {
    this.ascending = child.ascending;
    this.plan = { ...child.plan, details: [...child.plan.details, "Filter"] };
  }

  cursor(run: Run): Cursor {
    const child = this.child.cursor(run);
    const { condition } = this;
    return {
      open: () => child.open(),
      next: () => {
        for (;;) {
          const step = child.next();
          if (step !== ROW || condition.evaluate(run.execution) === true) return step;
        }
      },
    };
  }
}

/** Values computed into slots; which ones are wanted is known when the run begins. */
export class Project implements Operator {
  readonly plan: PlanNode;

  constructor(
    private readonly child: Operator,
    private readonly outputs: () => readonly { readonly expression: Expression; readonly slot: number }[],
    label: string | null = null,
  ) {
    this.plan = label === null ? child.plan : planNode(label, [child]);
  }

  cursor(run: Run): Cursor {
    const child = this.child.cursor(run);
    const outputs = this.outputs();
    const values: Value[] = new Array(outputs.length).fill(null);
    return {
      open: () => child.open(),
      next: () => {
        const step = child.next();
        if (step !== ROW) return step;
        const { execution } = run;
        for (let i = 0; i < outputs.length; i++)
          values[i] = outputs[i]?.expression.evaluate(execution) ?? null;
        for (let i = 0; i < outputs.length; i++) execution.slots[outputs[i]?.slot ?? 0] = values[i] ?? null;
        return ROW;
      },
    };
  }
}

export class Limit implements Operator {
  readonly plan: PlanNode;

  constructor(
    private readonly child: Operator,
    private readonly range: RowRange,
    /** WITH TIES: the sort key of the current row, to be compared with that of the last row within the limit. */
    private readonly tieKey: ((run: Run) => string) | null,
  ) {
    this.plan = planNode("Limit", [child]);
  }

  cursor(run: Run): Cursor {
    const child = this.child.cursor(run);
    const { range, tieKey } = this;
    let skip = 0;
    let take = 0;
    let lastKey: string | null = null;
    let isOver = false;
    return {
      open: () => {
        ({ skip, take } = range(run.execution));
        lastKey = null;
        isOver = take <= 0;
        if (!isOver) child.open();
      },
      next: () => {
        while (!isOver) {
          const step = child.next();
          if (step !== ROW) return step;
          if (skip > 0) {
            skip--;
            continue;
          }
          if (take > 0) {
            take--;
            if (take === 0) {
              if (tieKey === null) isOver = true;
              else lastKey = tieKey(run);
            }
            return ROW;
          }
          if (lastKey !== null && tieKey?.(run) === lastKey) return ROW;
          isOver = true;
        }
        return DONE;
      },
    };
  }
}

/** Rows as a list, all of them, outside of any slice. */
export function collectRows(
  run: Run,
  cursor: Cursor,
  outputs: readonly Expression[],
  each: (row: readonly Value[]) => void,
): void {
  cursor.open();
  run.drain(cursor, () => {
    const row = outputs.map((output) => output.evaluate(run.execution));
    run.keep(row);
    each(row);
    return true;
  });
}

/** A step that is not a row, for operators that first take in all of their input. */
export function takeIn(child: Cursor, each: () => void): Exclude<Step, typeof ROW> {
  for (;;) {
    const step = child.next();
    if (step !== ROW) return step;
    each();
  }
}
