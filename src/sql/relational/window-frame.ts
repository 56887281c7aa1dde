/** The frame of a row: which rows of its partition a window function sees, by count of rows, of peer groups, or by value. */

import { DeltatError, SqlState } from "../../errors.ts";
import type { Execution } from "../execution.ts";
import type { Expression } from "../expressions/expression.ts";
import type { KeyOrder } from "../rows/row-order.ts";
import type { Value } from "../values/value.ts";
import type { SlotExpression } from "./operator.ts";

/** One end of a frame; null in its place: the edge of the partition. */
export interface FrameBound {
  readonly sign: -1 | 0 | 1;
  /** null: the current row. */
  readonly offset: Expression | null;
}

/** How RANGE with an offset compares: the key of a row, and the furthest key that is still inside. */
export interface RangeKey {
  readonly order: KeyOrder;
  /** From the key and the offset in two slots: what an earlier and a later row may have at most. */
  readonly base: SlotExpression;
  readonly offset: SlotExpression;
  readonly before: Expression;
  readonly after: Expression;
}

export interface FrameDefinition {
  readonly unit: "rows" | "groups" | "range";
  readonly start: FrameBound | null;
  readonly end: FrameBound | null;
  readonly exclusion: "none" | "row" | "group" | "ties";
  /** For RANGE with an offset. */
  readonly range: RangeKey | null;
}

/** A stretch of rows, from the first to before the last. */
export type Stretch = readonly [from: number, to: number];

/** Peers of a partition whose rows are in order: rows that ORDER BY does not tell apart. */
export class PeerGroups {
  private readonly groupOf: number[] = [];
  private readonly starts: number[] = [];

  /** Takes the next row in order. */
  add(isNew: boolean): void {
    if (isNew) this.starts.push(this.groupOf.length);
    this.groupOf.push(this.starts.length - 1);
  }

  get rowCount(): number {
    return this.groupOf.length;
  }

  numberOf(row: number): number {
    return this.groupOf[row] as number;
  }

  startOf(group: number): number {
    return group < 0 ? 0 : (this.starts[group] ?? this.rowCount);
  }

  endOf(group: number): number {
    return group < 0 ? 0 : (this.starts[group + 1] ?? this.rowCount);
  }
}

/** The offset of a bound as a run has it. Throws 22013, 22004. */
export function boundOffset(
  { start, end, unit }: FrameDefinition,
  isStart: boolean,
  execution: Execution,
): Value {
  const bound = isStart ? start : end;
  if (bound === null || bound.offset === null) return null;
  const value = bound.offset.evaluate(execution);
  const which = isStart ? "starting" : "ending";
  if (value === null) {
    throw new DeltatError(SqlState.nullValueNotAllowed, `frame ${which} offset must not be null`);
  }
  const isNegative = typeof value === "string" ? value.trimStart().startsWith("-") : Number(value) < 0;
  if (!isNegative) return value;
  if (unit === "range") {
    throw new DeltatError(
      SqlState.invalidPrecedingOrFollowing,
      "invalid preceding or following size in window function",
    );
  }
  throw new DeltatError(SqlState.invalidPrecedingOrFollowing, `frame ${which} offset must not be negative`);
}

export class PartitionFrames {
  constructor(
    private readonly definition: FrameDefinition,
    private readonly peers: PeerGroups,
    /** Offsets of both ends, evaluated. */
    private readonly offsets: readonly [start: Value, end: Value],
    /** The key that RANGE compares, of a row. */
    private readonly keyAt: (row: number) => Value,
    private readonly execution: Execution,
  ) {}

  /** Whether rows are left out of the middle of frames. */
  get hasGaps(): boolean {
    return this.definition.exclusion !== "none";
  }

  /** The frame without what EXCLUDE leaves out. */
  stretches(row: number): readonly Stretch[] {
    const from = this.startOf(row);
    const to = this.endOf(row);
    if (from >= to) return [];
    const { exclusion } = this.definition;
    if (exclusion === "none") return [[from, to]];
    const group = this.peers.numberOf(row);
    const isRow = exclusion === "row";
    const first = isRow ? row : this.peers.startOf(group);
    const last = isRow ? row + 1 : this.peers.endOf(group);
    const parts: Stretch[] = [[from, Math.min(to, first)]];
    if (exclusion === "ties") parts.push([Math.max(from, row), Math.min(to, row + 1)]);
    parts.push([Math.max(from, last), to]);
    return parts.filter(([begin, end]) => begin < end);
  }

  /** First row of the frame before anything is left out. */
  startOf(row: number): number {
    const { start, unit } = this.definition;
    if (start === null) return 0;
    if (unit === "rows") return Math.min(this.peers.rowCount, Math.max(0, row + this.step(start, 0)));
    const group = this.peers.numberOf(row);
    if (unit === "groups" || start.sign === 0) return this.peers.startOf(group + this.step(start, 0));
    return this.rangeBound(row, start.sign, this.offsets[0], true);
  }

  /** The row after its last. */
  endOf(row: number): number {
    const { end, unit } = this.definition;
    const { rowCount } = this.peers;
    if (end === null) return rowCount;
    if (unit === "rows") return Math.min(rowCount, Math.max(0, row + this.step(end, 1) + 1));
    const group = this.peers.numberOf(row);
    if (unit === "groups" || end.sign === 0) return this.peers.endOf(group + this.step(end, 1));
    return this.rangeBound(row, end.sign, this.offsets[1], false);
  }

  private step({ sign }: FrameBound, at: 0 | 1): number {
    return sign === 0 ? 0 : sign * Number(this.offsets[at]);
  }

  /** The first row that is not before the bound or, at the end of a frame, the first that is beyond it. */
  private rangeBound(row: number, sign: -1 | 1, offset: Value, isStart: boolean): number {
    const range = this.definition.range as RangeKey;
    const key = this.keyAt(row);
    const group = this.peers.numberOf(row);
    // NULLs have no neighbours but each other.
    if (key === null) return isStart ? this.peers.startOf(group) : this.peers.endOf(group);
    const { slots } = this.execution;
    slots[range.base.slot] = key;
    slots[range.offset.slot] = offset;
    const bound = (sign < 0 ? range.before : range.after).evaluate(this.execution) as Value;
    let low = 0;
    let high = this.peers.rowCount;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.isBelow(this.keyAt(middle), bound, range.order, isStart)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private isBelow(
    key: Value,
    bound: Value,
    { compare, direction, nullsFirst }: KeyOrder,
    isStart: boolean,
  ): boolean {
    if (key === null) return nullsFirst;
    const difference = compare(key, bound) * direction;
    return isStart ? difference < 0 : difference <= 0;
  }
}
