/** ORDER BY and DISTINCT over the rows of a query. */

import type { Expression } from "../expressions/expression.ts";
import { compareKeys, type KeyOrder, type RowRange } from "../rows/row-order.ts";
import { SlicedSort } from "../rows/sliced-sort.ts";
import type { Value } from "../values/value.ts";
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

/** A key of the rows that a sort keeps: which of their values, and how it is ordered. */
export interface SortColumn {
  readonly at: number;
  readonly order: KeyOrder;
}

/** Rows beyond LIMIT that a sort gathers before it throws them away. */
const TOP_SLACK_ROWS = 1024;

export class Sort implements Operator {
  readonly plan: PlanNode;

  constructor(
    private readonly child: Operator,
    /** What is kept of a row, and the slots it goes to again. */
    readonly values: readonly Expression[],
    readonly slots: readonly number[],
    readonly columns: readonly SortColumn[],
    /** The LIMIT above, if nothing in between needs more rows. */
    readonly limit: RowRange | null,
  ) {
    this.plan = planNode(limit === null ? "Sort" : "Sort (top rows only)", [child]);
  }

  cursor(run: Run): Cursor {
    return new SortCursor(run, this, this.child.cursor(run));
  }
}

/** Compares rows by several keys. */
export function rowComparator(
  columns: readonly SortColumn[],
): (a: readonly Value[], b: readonly Value[]) => number {
  const [first] = columns;
  if (columns.length === 1 && first !== undefined) {
    const { at, order } = first;
    return (a, b) => compareKeys(a[at] as Value, b[at] as Value, order);
  }
  return (a, b) => {
    for (const { at, order } of columns) {
      const difference = compareKeys(a[at] as Value, b[at] as Value, order);
      if (difference !== 0) return difference;
    }
    return 0;
  };
}

class SortCursor implements Cursor {
  private rows: (readonly Value[])[] = [];
  /** The order of the rows, being made or, once `isSorted`, made. */
  private order: SlicedSort | null = null;
  private isSorted = false;
  private at = 0;
  private most = Number.POSITIVE_INFINITY;
  private mark = 0;
  private readonly compare: (a: readonly Value[], b: readonly Value[]) => number;

  constructor(
    private readonly run: Run,
    private readonly sort: Sort,
    private readonly child: Cursor,
  ) {
    this.compare = rowComparator(sort.columns);
  }

  open(): void {
    const { run, sort } = this;
    if (this.rows.length > 0) run.release(this.mark);
    this.mark = run.mark;
    this.rows = [];
    this.order = null;
    this.isSorted = false;
    this.at = 0;
    if (sort.limit !== null) {
      const { skip, take } = sort.limit(run.execution);
      this.most = skip + take;
    }
    this.child.open();
  }

  next(): Step {
    const { run, sort } = this;
    if (!this.isSorted) {
      if (this.order === null) {
        const step = takeIn(this.child, () => this.take());
        if (step !== DONE) return step;
        this.order = new SlicedSort(this.rows.length, (a, b) =>
          this.compare(this.rows[a] as readonly Value[], this.rows[b] as readonly Value[]),
        );
      }
      if (!this.order.advance(run)) return PAUSE;
      this.isSorted = true;
    }
    const row = this.rows[this.order?.order[this.at] ?? -1];
    if (row === undefined) return DONE;
    if (run.isSpent()) return PAUSE;
    this.at++;
    const { slots } = run.execution;
    for (let i = 0; i < sort.slots.length; i++) slots[sort.slots[i] as number] = row[i] as Value;
    return ROW;
  }

  private take(): void {
    const { run, sort } = this;
    const row: Value[] = [];
    for (const value of sort.values) row.push(value.evaluate(run.execution));
    run.keep(row);
    this.rows.push(row);
    if (this.rows.length <= this.most * 2 + TOP_SLACK_ROWS) return;
    this.rows.sort(this.compare);
    this.rows.length = this.most;
    run.release(this.mark);
    for (const kept of this.rows) run.keep(kept);
  }
}

/** Rows whose values did not come before; with `adjacent`, than the row before them (the input is sorted). */
export class Distinct implements Operator {
  readonly plan: PlanNode;

  constructor(
    private readonly child: Operator,
    private readonly values: readonly Expression[],
    private readonly adjacent: boolean,
  ) {
    this.plan = planNode(adjacent ? "Unique" : "HashAggregate (distinct)", [child]);
  }

  cursor(run: Run): Cursor {
    const child = this.child.cursor(run);
    const { values, adjacent } = this;
    const rowKey = new RowKey(values.map(({ type }) => type));
    let seen = new Set<Key | null>();
    let mark = run.mark;
    return {
      open: () => {
        if (seen.size > 0) run.release(mark);
        mark = run.mark;
        seen = new Set();
        child.open();
      },
      next: () => {
        for (;;) {
          const step = child.next();
          if (step !== ROW) return step;
          const row = values.map((value) => value.evaluate(run.execution));
          const key = rowKey.of(row);
          if (seen.has(key)) continue;
          if (adjacent) seen.clear();
          else run.keep(row);
          seen.add(key);
          return ROW;
        }
      },
    };
  }
}
