/** Hash grouping: for each grouping set one state per group, filled row by row; then one row per group. */

import type { Value } from "../values/value.ts";
import type { GroupState } from "./aggregate-plan.ts";
import type { Grouping } from "./grouping.ts";
import {
  type Cursor,
  DONE,
  type Operator,
  PAUSE,
  type PlanNode,
  planNode,
  ROW,
  type Step,
} from "./operator.ts";
import { takeIn } from "./pipeline.ts";
import { type Key, RowKey } from "./row-key.ts";
import type { Run } from "./run.ts";

export class Group implements Operator {
  readonly plan: PlanNode;

  constructor(
    private readonly child: Operator,
    private readonly grouping: Grouping,
  ) {
    const details = grouping.sets.length > 1 ? [`Grouping Sets: ${grouping.sets.length}`] : [];
    this.plan = planNode(grouping.keys.length > 0 ? "HashAggregate" : "Aggregate", [child], details);
  }

  cursor(run: Run): Cursor {
    return new GroupCursor(run, this.child.cursor(run), this.grouping);
  }
}

interface GroupRow {
  /** The key's values, NULL for what is not in the set, then those of carried columns. */
  readonly values: readonly Value[];
  readonly states: readonly GroupState[];
}

/** The groups of one grouping set. */
interface SetGroups {
  readonly positions: readonly number[];
  readonly rowKey: RowKey;
  groups: Map<Key | null, GroupRow>;
}

class GroupCursor implements Cursor {
  private pending: Iterator<GroupRow> | null = null;
  private setAt = 0;
  private mark = 0;
  private readonly sets: readonly SetGroups[];

  constructor(
    private readonly run: Run,
    private readonly child: Cursor,
    private readonly grouping: Grouping,
  ) {
    this.sets = grouping.sets.map((positions) => ({
      positions,
      rowKey: new RowKey(positions.flatMap((at) => grouping.keys[at]?.expression.type ?? [])),
      groups: new Map(),
    }));
  }

  open(): void {
    if (this.sets.some(({ groups }) => groups.size > 0)) this.run.release(this.mark);
    this.mark = this.run.mark;
    for (const set of this.sets) set.groups = new Map();
    this.pending = null;
    this.child.open();
  }

  next(): Step {
    if (this.pending === null) {
      const step = takeIn(this.child, () => this.take());
      if (step !== DONE) return step;
      // Without keys there is one group, of no rows if need be.
      for (const { positions, groups } of this.sets) {
        if (positions.length === 0 && groups.size === 0) {
          groups.set("", this.newGroup(new Array(this.grouping.keys.length).fill(null), false));
        }
      }
      this.setAt = 0;
      this.pending = this.groupsAt(0);
    }
    for (;;) {
      if (this.run.isSpent()) return PAUSE;
      const { done, value: group } = this.pending.next();
      if (done !== true) {
        this.give(group);
        return ROW;
      }
      if (this.setAt + 1 >= this.sets.length) return DONE;
      this.pending = this.groupsAt(++this.setAt);
    }
  }

  private groupsAt(set: number): Iterator<GroupRow> {
    return (this.sets[set] as SetGroups).groups.values();
  }

  private give({ values, states }: GroupRow): void {
    const { slots } = this.run.execution;
    const { keys, carried, aggregates, calls, sets } = this.grouping;
    let at = 0;
    for (const { result } of keys) slots[result.slot] = values[at++] as Value;
    for (const { result } of carried) slots[result.slot] = values[at++] ?? null;
    aggregates.forEach(({ result }, i) => {
      slots[result.slot] = states[i]?.result() ?? null;
    });
    const set = sets[this.setAt] ?? [];
    for (const { positions, result } of calls) {
      slots[result.slot] = positions.reduce(
        (bits, position) => bits * 2 + Number(!set.includes(position)),
        0,
      );
    }
  }

  private take(): void {
    const { execution } = this.run;
    const { keys } = this.grouping;
    const all: Value[] = [];
    for (let i = 0; i < keys.length; i++) all.push(keys[i]?.expression.evaluate(execution) ?? null);
    const isOnlySet = this.sets.length === 1;
    for (const set of this.sets) {
      const values = isOnlySet ? all : set.positions.map((at) => all[at] as Value);
      const key = set.positions.length === 0 ? "" : set.rowKey.of(values);
      let group = set.groups.get(key);
      if (group === undefined) {
        group = this.newGroup(
          isOnlySet ? all : all.map((value, at) => (set.positions.includes(at) ? value : null)),
          true,
        );
        set.groups.set(key, group);
      }
      const { states } = group;
      for (let i = 0; i < states.length; i++) states[i]?.add(execution);
    }
  }

  private newGroup(values: Value[], hasRow: boolean): GroupRow {
    const { execution } = this.run;
    const { carried, aggregates } = this.grouping;
    for (const { expression } of carried) values.push(hasRow ? expression.evaluate(execution) : null);
    this.run.keep(values);
    this.run.keepBytes(aggregates.length * STATE_BYTES);
    return { values, states: aggregates.map(({ call }) => call.create()) };
  }
}

/** What an aggregate's state costs, an estimate; what it gathers is counted as it comes. */
const STATE_BYTES = 64;
