/** VALUES with several rows: the expressions of one row after the other. */

import type { Expression } from "../expressions/expression.ts";
import type { Value } from "../values/value.ts";
import { type Cursor, DONE, type Operator, PAUSE, planNode, ROW } from "./operator.ts";
import type { Run } from "./run.ts";

export class ValuesRows implements Operator {
  readonly plan = planNode("Values Scan");

  constructor(
    private readonly rows: readonly (readonly Expression[])[],
    private readonly slots: readonly number[],
  ) {}

  cursor(run: Run): Cursor {
    const { rows, slots } = this;
    let at = 0;
    return {
      open: () => {
        at = 0;
      },
      next: () => {
        const row = rows[at];
        if (row === undefined) return DONE;
        if (--run.fuel < 0) return PAUSE;
        at++;
        const { execution } = run;
        const values: Value[] = row.map((expression) => expression.evaluate(execution));
        for (let i = 0; i < slots.length; i++) execution.slots[slots[i] as number] = values[i] ?? null;
        return ROW;
      },
    };
  }
}
