/** What one window function comes to for each row of a partition whose rows are in order. */

import { DeltatError, SqlState } from "../../errors.ts";
import type { Value } from "../value.ts";
import type { Accumulator } from "./accumulators.ts";
import type { Run } from "./run.ts";
import type { CallRow } from "./window.ts";
import type { WindowCall } from "./window-calls.ts";
import type { PartitionFrames, PeerGroups } from "./window-frame.ts";

export class PartitionResults {
  private running: Accumulator | null = null;
  private addedFrom = 0;
  private addedTo = 0;

  constructor(
    private readonly rows: readonly CallRow[],
    private readonly call: WindowCall,
    private readonly peers: PeerGroups,
    private readonly frames: PartitionFrames,
    private readonly run: Run,
  ) {}

  /** Yields where the run is to pause. */
  *valueAt(at: number): Generator<void, Value> {
    const { function: chosen } = this.call;
    switch (chosen.kind) {
      case "rank":
        return this.rank(chosen.name, at);
      case "shift":
        return this.shifted(chosen.direction, at);
      case "pick":
        return this.picked(chosen.name, at);
      case "aggregate":
        return yield* this.aggregated(chosen.create, at);
    }
  }

  private rank(name: string, at: number): Value {
    const count = this.rows.length;
    const group = this.peers.numberOf(at);
    const first = this.peers.startOf(group);
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
        return this.peers.endOf(group) / count;
      default:
        return this.tile(at, count);
    }
  }

  /** ntile: the first buckets take one row more where they do not come out even. */
  private tile(at: number, count: number): Value {
    const buckets = this.argument(0, 0);
    if (buckets === null) return null;
    const n = Number(buckets);
    if (n <= 0) {
      throw new DeltatError(SqlState.invalidArgumentForNtile, "argument of ntile must be greater than zero");
    }
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
    const stretches = this.frames.stretches(at);
    if (name === "nth_value") return this.nth(at, stretches);
    const isFirst = name === "first_value";
    const stretch = isFirst ? stretches[0] : stretches.at(-1);
    if (stretch === undefined) return null;
    return this.argument(isFirst ? stretch[0] : stretch[1] - 1, 0);
  }

  private nth(at: number, stretches: ReturnType<PartitionFrames["stretches"]>): Value {
    const nth = this.argument(at, 1);
    if (nth === null) return null;
    let left = Number(nth);
    if (left <= 0) {
      throw new DeltatError(
        SqlState.invalidArgumentForNthValue,
        "argument of nth_value must be greater than zero",
      );
    }
    for (const [from, to] of stretches) {
      if (left <= to - from) return this.argument(from + left - 1, 0);
      left -= to - from;
    }
    return null;
  }

  /** A frame that only grows at its end goes on from the row before; any other is added up anew. */
  private *aggregated(create: () => Accumulator, at: number): Generator<void, Value> {
    const { frames } = this;
    if (!frames.growsOnly) return yield* this.addedUp(create, frames.stretches(at));
    const [from, to] = frames.whole(at);
    if (this.running === null || to < this.addedTo) {
      this.running = create();
      this.addedFrom = from;
      this.addedTo = from;
    }
    for (; this.addedTo < to; this.addedTo++) {
      if (this.run.isSpent()) yield;
      this.add(this.running, this.addedTo);
    }
    return this.running.result();
  }

  /** The frame of the row before, moved on: what a sum can give back is taken out, else all is added up anew. */
  private *addedUp(
    create: () => Accumulator,
    stretches: ReturnType<PartitionFrames["stretches"]>,
  ): Generator<void, Value> {
    const [only] = stretches;
    if (only !== undefined && stretches.length === 1) {
      const [from, to] = only;
      const { running } = this;
      if (
        running?.remove !== undefined &&
        from >= this.addedFrom &&
        to >= this.addedTo &&
        from <= this.addedTo
      ) {
        for (; this.addedFrom < from; this.addedFrom++) this.take(running, this.addedFrom);
      } else {
        this.running = create();
        this.addedFrom = from;
        this.addedTo = from;
      }
      for (; this.addedTo < to; this.addedTo++) {
        if (this.run.isSpent()) yield;
        this.add(this.running as Accumulator, this.addedTo);
      }
      return (this.running as Accumulator).result();
    }
    const accumulator = create();
    for (const [from, to] of stretches) {
      for (let row = from; row < to; row++) {
        if (this.run.isSpent()) yield;
        this.add(accumulator, row);
      }
    }
    return accumulator.result();
  }

  private add(accumulator: Accumulator, at: number): void {
    const row = this.rows[at];
    if (row?.counts === true) accumulator.add(row.args[0] ?? null, row.args[1] ?? null);
  }

  private take(accumulator: Accumulator, at: number): void {
    const row = this.rows[at];
    if (row?.counts === true) accumulator.remove?.(row.args[0] ?? null);
  }

  private argument(at: number, argument: number): Value {
    return this.rows[at]?.args[argument] ?? null;
  }
}
