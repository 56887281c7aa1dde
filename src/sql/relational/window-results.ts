/** What one window function comes to for each row of a partition whose rows are in order. */

import { DeltatError, SqlState } from "../../errors.ts";
import type { Value } from "../values/value.ts";
import type { Accumulator } from "./accumulators.ts";
import type { Run } from "./run.ts";
import type { CallRow } from "./window.ts";
import type { WindowCall } from "./window-calls.ts";
import type { PartitionFrames, PeerGroups, Stretch } from "./window-frame.ts";

export class PartitionResults {
  /** What the function came to for the row that `advance` was last done with. */
  value: Value = null;
  /** The row whose frame is being added up, and what is added of it. */
  private current = -1;
  private running: Accumulator | null = null;
  private addedFrom = 0;
  private addedTo = 0;
  /** The parts of a frame with gaps that are still to be added. */
  private parts: Stretch[] = [];

  constructor(
    private readonly rows: readonly CallRow[],
    private readonly call: WindowCall,
    private readonly peers: PeerGroups,
    private readonly frames: PartitionFrames,
    private readonly run: Run,
  ) {}

  /** Works out `value` for a row, rows in order; false: the slice is used up, call again to go on. */
  advance(at: number): boolean {
    const { function: chosen } = this.call;
    if (chosen.kind === "aggregate") {
      return this.frames.hasGaps ? this.addUp(at, chosen.create) : this.moveOn(at, chosen.create);
    }
    if (chosen.kind === "rank") this.value = this.rank(chosen.name, at);
    else if (chosen.kind === "shift") this.value = this.shifted(chosen.direction, at);
    else this.value = this.picked(chosen.name, at);
    return true;
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

  private nth(at: number, stretches: readonly Stretch[]): Value {
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

  /** The frame of the row before, moved on: what has left it is taken out where that is exact, else it begins anew. */
  private moveOn(at: number, create: () => Accumulator): boolean {
    const from = this.frames.startOf(at);
    const to = this.frames.endOf(at);
    if (from >= to) {
      this.value = create().result();
      return true;
    }
    if (this.current !== at) this.enterFrame(at, from, to, create);
    const running = this.running as Accumulator;
    for (; this.addedTo < to; this.addedTo++) {
      if (this.run.isSpent()) return false;
      this.add(running, this.addedTo);
    }
    this.value = running.result();
    return true;
  }

  private enterFrame(at: number, from: number, to: number, create: () => Accumulator): void {
    this.current = at;
    const { running } = this;
    const canLeave = from === this.addedFrom || (running?.remove !== undefined && from > this.addedFrom);
    if (running === null || !canLeave || from > this.addedTo || to < this.addedTo) {
      this.running = create();
      this.addedFrom = from;
      this.addedTo = from;
      return;
    }
    for (; this.addedFrom < from; this.addedFrom++) this.take(running, this.addedFrom);
  }

  /** A frame with rows left out is added up by itself. */
  private addUp(at: number, create: () => Accumulator): boolean {
    if (this.current !== at) {
      this.current = at;
      this.running = create();
      this.parts = [...this.frames.stretches(at)];
    }
    const running = this.running as Accumulator;
    for (let part = this.parts.shift(); part !== undefined; part = this.parts.shift()) {
      const [from, to] = part;
      for (let row = from; row < to; row++) {
        if (this.run.isSpent()) {
          this.parts.unshift([row, to]);
          return false;
        }
        this.add(running, row);
      }
    }
    this.value = running.result();
    return true;
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
