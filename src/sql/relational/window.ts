/** Window functions: all rows are taken in, put in order per window, and each is given what its frame comes to. */

import { DeltatError, SqlState } from "../../errors.ts";
import { compareKeys } from "../row-order.ts";
import type { Value } from "../value.ts";
import type { Accumulator } from "./accumulators.ts";
import {
  type Cursor,
  DONE,
  type Operator,
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
import type { FrameBound, WindowCall } from "./window-calls.ts";

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

interface CallRow {
  readonly args: readonly Value[];
  readonly partition: Key | null;
  readonly order: readonly Value[];
  /** Whether FILTER lets it into the frame. */
  readonly counts: boolean;
}

class WindowCursor implements Cursor {
  private rows: WindowRow[] = [];
  private isReady = false;
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
    this.isReady = false;
    this.at = 0;
    this.child.open();
  }

  next(): Step {
    if (!this.isReady) {
      const step = takeIn(this.child, () => this.take());
      if (step !== DONE) return step;
      for (const [index, call] of this.calls.entries()) this.compute(index, call);
      this.isReady = true;
    }
    const row = this.rows[this.at++];
    if (row === undefined) return DONE;
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
    this.rows.push({ saved, calls, results: [] });
  }

  /** Leaves the rows in the order of this window, as PostgreSQL does. */
  private compute(index: number, call: WindowCall): void {
    const partitions = new Map<Key | null, WindowRow[]>();
    for (const row of this.rows) {
      const key = row.calls[index]?.partition ?? null;
      const partition = partitions.get(key);
      if (partition === undefined) partitions.set(key, [row]);
      else partition.push(row);
    }
    const compare = (a: WindowRow, b: WindowRow): number => {
      for (const [at, { order }] of call.order.entries()) {
        const x = a.calls[index]?.order[at] ?? null;
        const y = b.calls[index]?.order[at] ?? null;
        const difference = compareKeys(x, y, order);
        if (difference !== 0) return difference;
      }
      return 0;
    };
    this.rows = [];
    for (const partition of partitions.values()) {
      partition.sort(compare);
      const bounds = [call.start, call.end].map((bound) => this.offset(bound));
      new PartitionResults(partition, index, call, compare, bounds[0] ?? null, bounds[1] ?? null).fill();
      for (const row of partition) this.rows.push(row);
    }
  }

  private offset(bound: FrameBound | null): number | null {
    if (bound === null) return null;
    if (bound.offset === null) return 0;
    const value = bound.offset.evaluate(this.run.execution);
    if (value === null || Number(value) < 0) {
      throw new DeltatError(
        SqlState.invalidParameterValue,
        "frame starting or ending offset must not be negative or null",
      );
    }
    return bound.sign * Number(value);
  }
}

/** The results of one call in one partition, whose rows are in order. */
class PartitionResults {
  /** For each row the number of its peer group, and where each group begins. */
  private readonly groupOf: number[] = [];
  private readonly groupStarts: number[] = [];

  constructor(
    private readonly rows: readonly WindowRow[],
    private readonly index: number,
    private readonly call: WindowCall,
    compare: (a: WindowRow, b: WindowRow) => number,
    private readonly start: number | null,
    private readonly end: number | null,
  ) {
    for (const [at, row] of rows.entries()) {
      const before = rows[at - 1];
      if (before === undefined || compare(before, row) !== 0) this.groupStarts.push(at);
      this.groupOf.push(this.groupStarts.length - 1);
    }
  }

  fill(): void {
    const { call, rows, index } = this;
    const value = this.valueOf(call.function);
    for (const [at, row] of rows.entries()) row.results[index] = value(at);
  }

  private valueOf(chosen: WindowFunction): (at: number) => Value {
    switch (chosen.kind) {
      case "rank":
        return (at) => this.rank(chosen.name, at);
      case "shift":
        return (at) => this.shifted(chosen.direction, at);
      case "pick":
        return (at) => this.picked(chosen.name, at);
      case "aggregate":
        return this.aggregated(chosen.create);
    }
  }

  private rank(name: string, at: number): Value {
    const count = this.rows.length;
    const group = this.groupOf[at] as number;
    const first = this.groupStarts[group] as number;
    switch (name) {
      case "row_number":
        return at + 1;
      case "rank":
        return first + 1;
      case "dense_rank":
        return group + 1;
      case "percent_rank":
        return count === 1 ? 0 : first / (count - 1);
      case "cume_dist":
        return this.groupEnd(group) / count;
      default:
        return this.tile(at, count);
    }
  }

  /** ntile: the first buckets take one row more where they do not come out even. */
  private tile(at: number, count: number): Value {
    const buckets = this.argument(0, 0);
    if (buckets === null) return null;
    const n = Number(buckets);
    if (n <= 0)
      throw new DeltatError(SqlState.invalidParameterValue, "argument of ntile must be greater than zero");
    const small = Math.floor(count / n);
    const larger = count % n;
    const inLarger = larger * (small + 1);
    return at < inLarger
      ? Math.floor(at / (small + 1)) + 1
      : larger + Math.floor((at - inLarger) / small) + 1;
  }

  private shifted(direction: 1 | -1, at: number): Value {
    const args = this.call.args.length;
    const offset = args > 1 ? this.argument(at, 1) : 1;
    if (offset === null) return null;
    const target = at + direction * Number(offset);
    if (target >= 0 && target < this.rows.length) return this.argument(target, 0);
    return args > 2 ? this.argument(at, 2) : null;
  }

  private picked(name: string, at: number): Value {
    const [from, to] = this.frame(at);
    if (from >= to) return null;
    if (name === "first_value") return this.argument(from, 0);
    if (name === "last_value") return this.argument(to - 1, 0);
    const nth = this.argument(at, 1);
    if (nth === null) return null;
    if (Number(nth) <= 0) {
      throw new DeltatError(
        SqlState.invalidParameterValue,
        "argument of nth_value must be greater than zero",
      );
    }
    const target = from + Number(nth) - 1;
    return target < to ? this.argument(target, 0) : null;
  }

  /** A frame that only grows at its end goes on from the row before; any other is added up anew. */
  private aggregated(create: () => Accumulator): (at: number) => Value {
    let running = create();
    let added = 0;
    return (at) => {
      const [from, to] = this.frame(at);
      if (this.start !== null || to < added) {
        running = create();
        added = Math.max(from, 0);
      }
      for (; added < to; added++) {
        const row = this.rows[added]?.calls[this.index];
        if (row?.counts === true) running.add(row.args[0] ?? null, row.args[1] ?? null);
      }
      return running.result();
    };
  }

  /** First row of the frame, and the one after its last. */
  private frame(at: number): readonly [number, number] {
    const { start, end, rows } = this;
    if (this.call.unit === "rows") {
      return [
        start === null ? 0 : Math.max(0, at + start),
        end === null ? rows.length : Math.min(rows.length, at + end + 1),
      ];
    }
    const group = this.groupOf[at] as number;
    return [
      start === null ? 0 : this.groupStart(group + start),
      end === null ? rows.length : this.groupEnd(group + end),
    ];
  }

  private groupStart(group: number): number {
    return group < 0 ? 0 : (this.groupStarts[group] ?? this.rows.length);
  }

  private groupEnd(group: number): number {
    return group < 0 ? 0 : (this.groupStarts[group + 1] ?? this.rows.length);
  }

  private argument(at: number, argument: number): Value {
    return this.rows[at]?.calls[this.index]?.args[argument] ?? null;
  }
}
