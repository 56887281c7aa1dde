/**
 * Window functions: all rows are taken in, put in order per window, and each is given what its frame comes to. As that
 * is most of the work and begins when the last row is in, it goes on in steps of its own between which a run can pause.
 */

import { SlicedSort } from "../rows/sliced-sort.ts";
import type { Value } from "../values/value.ts";
import type { Accumulator } from "./accumulators.ts";
import {
  type Cursor,
  DONE,
  type Operator,
  PAUSE,
  type PlanNode,
  planNode,
  ROW,
  restoreSlots,
  type Step,
  saveSlots,
} from "./operator.ts";
import { takeIn } from "./pipeline.ts";
import { type Key, RowKey } from "./row-key.ts";
import type { Run } from "./run.ts";
import { rowComparator } from "./sort.ts";
import type { WindowCall } from "./window-calls.ts";
import { boundOffset, PartitionFrames, PeerGroups } from "./window-frame.ts";
import { PartitionResults } from "./window-results.ts";

export type WindowFunction =
  | { readonly kind: "aggregate"; create(): Accumulator }
  | { readonly kind: "rank"; readonly name: string }
  | { readonly kind: "shift"; readonly direction: 1 | -1 }
  | { readonly kind: "pick"; readonly name: string };

export class Window implements Operator {
  readonly plan: PlanNode;

  constructor(
    private readonly child: Operator,
    readonly calls: readonly WindowCall[],
    private readonly kept: () => readonly number[],
  ) {
    this.plan = planNode("WindowAgg", [child]);
  }

  cursor(run: Run): Cursor {
    return new WindowCursor(run, this.child.cursor(run), this.calls, this.kept());
  }
}

/** One input row: what the query reads of it, and what each call reads of it. */
interface WindowRow {
  readonly saved: readonly Value[];
  readonly calls: readonly CallRow[];
  readonly results: Value[];
}

/** What one call reads of a row. */
export interface CallRow {
  readonly args: readonly Value[];
  readonly partition: Key | null;
  readonly order: readonly Value[];
  /** Whether FILTER lets it into the frame. */
  readonly counts: boolean;
}

class WindowCursor implements Cursor {
  private rows: WindowRow[] = [];
  private phase: "input" | "compute" | "output" = "input";
  private work: Iterator<void> | null = null;
  private at = 0;
  private mark = 0;
  private readonly partitionKeys: readonly RowKey[];

  constructor(
    private readonly run: Run,
    private readonly child: Cursor,
    private readonly calls: readonly WindowCall[],
    private readonly kept: readonly number[],
  ) {
    this.partitionKeys = calls.map(({ partition }) => new RowKey(partition.map(({ type }) => type)));
  }

  open(): void {
    if (this.rows.length > 0) this.run.release(this.mark);
    this.mark = this.run.mark;
    this.rows = [];
    this.phase = "input";
    this.at = 0;
    this.child.open();
  }

  next(): Step {
    if (this.phase === "input") {
      const step = takeIn(this.child, () => this.take());
      if (step !== DONE) return step;
      this.phase = "compute";
      this.work = this.computeAll();
    }
    if (this.phase === "compute") {
      if (this.work?.next().done !== true) return PAUSE;
      this.phase = "output";
    }
    const row = this.rows[this.at];
    if (row === undefined) return DONE;
    if (this.run.isSpent()) return PAUSE;
    this.at++;
    const { slots } = this.run.execution;
    restoreSlots(slots, this.kept, row.saved);
    for (const [index, { result }] of this.calls.entries()) slots[result.slot] = row.results[index] ?? null;
    return ROW;
  }

  private take(): void {
    const { execution } = this.run;
    const saved = saveSlots(execution.slots, this.kept);
    this.run.keep(saved);
    const calls = this.calls.map(
      ({ args, partition, order, filter }, index): CallRow => ({
        args: args.map((arg) => arg.evaluate(execution)),
        partition: this.partitionKeys[index]?.of(partition.map((key) => key.evaluate(execution))) ?? null,
        order: order.map(({ expression }) => expression.evaluate(execution)),
        counts: filter === null || filter.evaluate(execution) === true,
      }),
    );
    for (const { args, order } of calls) {
      if (args.length > 0) this.run.keep(args);
      if (order.length > 0) this.run.keep(order);
    }
    this.rows.push({ saved, calls, results: [] });
  }

  /** Yields where the run is to pause. */
  private *computeAll(): Generator<void, void> {
    for (const [index, call] of this.calls.entries()) yield* this.compute(index, call);
  }

  /** Leaves the rows in the order of this window, as PostgreSQL does. */
  private *compute(index: number, call: WindowCall): Generator<void, void> {
    const partitions = new Map<Key | null, WindowRow[]>();
    for (const row of this.rows) {
      if (this.run.isSpent()) yield;
      const key = (row.calls[index] as CallRow).partition;
      const partition = partitions.get(key);
      if (partition === undefined) partitions.set(key, [row]);
      else partition.push(row);
    }
    const { execution } = this.run;
    const offsets = [
      boundOffset(call.frame, true, execution),
      boundOffset(call.frame, false, execution),
    ] as const;
    const compare = rowComparator(call.order.map(({ order }, at) => ({ at, order })));
    this.rows = [];
    for (const partition of partitions.values()) {
      const sorted = yield* this.sorted(partition, index, compare);
      const peers = new PeerGroups();
      for (const [at, row] of sorted.entries()) {
        if (this.run.isSpent()) yield;
        const before = sorted[at - 1]?.calls[index]?.order;
        peers.add(before === undefined || compare(before, (row.calls[index] as CallRow).order) !== 0);
        this.rows.push(row);
      }
      const callRows = sorted.map((row) => row.calls[index] as CallRow);
      const frames = new PartitionFrames(
        call.frame,
        peers,
        offsets,
        (at) => callRows[at]?.order[0] ?? null,
        execution,
      );
      const results = new PartitionResults(callRows, call, peers, frames, this.run);
      for (const [at, row] of sorted.entries()) {
        if (this.run.isSpent()) yield;
        while (!results.advance(at)) yield;
        row.results[index] = results.value;
      }
    }
  }

  private *sorted(
    rows: readonly WindowRow[],
    index: number,
    compare: ReturnType<typeof rowComparator>,
  ): Generator<void, WindowRow[]> {
    const keys = rows.map((row) => (row.calls[index] as CallRow).order);
    const sort = new SlicedSort(rows.length, (a, b) =>
      compare(keys[a] as readonly Value[], keys[b] as readonly Value[]),
    );
    while (!sort.advance(this.run)) yield;
    return Array.from(sort.order, (at) => rows[at] as WindowRow);
  }
}
