/** Hash grouping: one state per group, filled row by row; then one row per group. */

import type { Value } from "../value.ts";
import type { GroupState } from "./aggregate-plan.ts";
import type { Grouping } from "./grouping.ts";
import { type Cursor, DONE, type Operator, type PlanNode, planNode, ROW, type Step } from "./operator.ts";
import { takeIn } from "./pipeline.ts";
import { type Key, RowKey } from "./row-key.ts";
import type { Run } from "./run.ts";

export class Group implements Operator {
  readonly plan: PlanNode;

  constructor(
    private readonly child: Operator,
    private readonly grouping: Grouping,
  ) {
    this.plan = planNode(grouping.keys.length > 0 ? "HashAggregate" : "Aggregate", [child]);
  }

  cursor(run: Run): Cursor {
    return new GroupCursor(run, this.child.cursor(run), this.grouping);
  }
}

interface GroupRow {
  /** The key's values, then those of carried columns. */
  readonly values: readonly Value[];
  readonly states: readonly GroupState[];
}

class GroupCursor implements Cursor {
  private groups = new Map<Key | null, GroupRow>();
  private pending: Iterator<GroupRow> | null = null;
  private mark = 0;
  private readonly rowKey: RowKey;
  private readonly keyCount: number;

  constructor(
    private readonly run: Run,
    private readonly child: Cursor,
    private readonly grouping: Grouping,
  ) {
    this.rowKey = new RowKey(grouping.keys.map(({ expression }) => expression.type));
    this.keyCount = grouping.keys.length;
  }

  open(): void {
    if (this.groups.size > 0) this.run.release(this.mark);
    this.mark = this.run.mark;
    this.groups = new Map();
    this.pending = null;
    this.child.open();
  }

  next(): Step {
    if (this.pending === null) {
      const step = takeIn(this.child, () => this.take());
      if (step !== DONE) return step;
      // Without keys there is one group, of no rows if need be.
      if (this.keyCount === 0 && this.groups.size === 0) this.groups.set("", this.newGroup([]));
      this.pending = this.groups.values();
    }
    const { done, value: group } = this.pending.next();
    if (done === true) return DONE;
    const { slots } = this.run.execution;
    const { keys, carried, aggregates } = this.grouping;
    let at = 0;
    for (const { result } of keys) slots[result.slot] = group.values[at++] as Value;
    for (const { result } of carried) slots[result.slot] = group.values[at++] ?? null;
    aggregates.forEach(({ result }, i) => {
      slots[result.slot] = group.states[i]?.result() ?? null;
    });
    return ROW;
  }

  private take(): void {
    const { execution } = this.run;
    const { keys } = this.grouping;
    const values: Value[] = [];
    for (let i = 0; i < this.keyCount; i++) values.push(keys[i]?.expression.evaluate(execution) ?? null);
    const key = this.keyCount === 0 ? "" : this.rowKey.of(values);
    let group = this.groups.get(key);
    if (group === undefined) {
      group = this.newGroup(values);
      this.groups.set(key, group);
    }
    const { states } = group;
    for (let i = 0; i < states.length; i++) states[i]?.add(execution);
  }

  private newGroup(values: Value[]): GroupRow {
    const { execution } = this.run;
    for (const { expression } of this.grouping.carried) values.push(expression.evaluate(execution));
    this.run.keep(values);
    return { values, states: this.grouping.aggregates.map(({ call }) => call.create()) };
  }
}
