/**
 * One resource's intervals of one sort (allocations, open rules or blocking rules) as two independently sorted
 * columns, starts and ends. What covers an instant is then a difference of two ranks,
 * `used(t) = rank(starts, t) - rank(ends + buffer, t)`, however long the intervals are. The buffer is one
 * constant per resource, so it shifts the ends when they are read and never moves an entry.
 */

import { peak } from "../../kernels/occupancy.ts";
import { runsAtLeast, runsBelow } from "../../kernels/runs.ts";
import type { Arena } from "./arena.ts";
import { ColumnSlice } from "./column-slice.ts";
import { SortedColumn } from "./sorted-column.ts";

/** The two arenas all timelines of an engine share. */
export interface TimelineArenas {
  readonly starts: Arena;
  readonly ends: Arena;
}

/** Interleaved spans `[start, end, …]` and how many; the buffer grows and is reused. */
export class SpanList {
  spans: Float64Array = new Float64Array(64);
  count = 0;

  reserve(spanCount: number): void {
    if (this.spans.length >= spanCount * 2) return;
    const grown = new Float64Array(spanCount * 4);
    grown.set(this.spans.subarray(0, this.count * 2));
    this.spans = grown;
  }
}

// One window is read at a time, so all timelines share the slices that describe it.
const startsSlice = new ColumnSlice();
const endsSlice = new ColumnSlice();

export class Timeline {
  private readonly starts: SortedColumn;
  private readonly ends: SortedColumn;
  /** No interval is longer than this: an interval meeting `t` starts after `t - longestMs`. */
  private longestMs = 0;

  constructor(arenas: TimelineArenas) {
    this.starts = new SortedColumn(arenas.starts);
    this.ends = new SortedColumn(arenas.ends);
  }

  get count(): number {
    return this.starts.length;
  }

  add(start: number, end: number, row: number): void {
    this.starts.insert(start, row, startsSlice);
    this.ends.insert(end, 0, endsSlice);
    this.longestMs = Math.max(this.longestMs, end - start);
  }

  /**
   * Fills a timeline that is empty with `count` intervals from `from`: rows `from`, `from + 1`, … by start, and the
   * same ends once more in their own order.
   */
  fill(
    starts: Float64Array,
    ends: Float64Array,
    sortedEnds: Float64Array,
    from: number,
    count: number,
  ): void {
    this.starts.fill(starts, from, count);
    this.ends.fill(sortedEnds, from, count);
    let longestMs = 0;
    for (let i = from; i < from + count; i++) {
      longestMs = Math.max(longestMs, (ends[i] as number) - (starts[i] as number));
    }
    this.longestMs = longestMs;
  }

  /** Writes all ends, in order, from `at` on. */
  copyEnds(into: Float64Array, at: number): void {
    this.ends.copyKeys(into, at);
  }

  remove(start: number, end: number, row: number): void {
    this.starts.remove(start, row);
    this.ends.remove(end, 0);
    if (this.starts.length === 0) this.longestMs = 0;
  }

  /** The highest number of footprints at any instant of [from, to); each reaches to its end + bufferMs. */
  peakIn(from: number, to: number, bufferMs: number): number {
    this.seek(from, bufferMs);
    const used = this.window(from, to, bufferMs);
    if (startsSlice.count === 0) return used;
    return peak(
      startsSlice.keys,
      startsSlice.offset,
      startsSlice.count,
      endsSlice.keys,
      endsSlice.offset,
      endsSlice.count,
      bufferMs,
      used,
    );
  }

  /** The maximal runs of [from, to) with fewer than `capacity` footprints, into `out`. */
  runsBelow(capacity: number, from: number, to: number, bufferMs: number, out: SpanList): void {
    this.seek(from, bufferMs);
    this.starts.askFor(from, to, startsSlice);
    this.ends.askFor(from - bufferMs, to - bufferMs, endsSlice);
    const used = this.window(from, to, bufferMs);
    out.reserve(endsSlice.count + 1);
    out.count = runsBelow(
      startsSlice.keys,
      startsSlice.offset,
      startsSlice.count,
      endsSlice.keys,
      endsSlice.offset,
      endsSlice.count,
      bufferMs,
      used,
      capacity,
      from,
      to,
      out.spans,
      0,
    );
  }

  /** The maximal runs of [from, to) that at least one interval covers, into `out`. */
  coveredRuns(from: number, to: number, out: SpanList): void {
    this.seek(from, 0);
    const used = this.window(from, to, 0);
    out.reserve(endsSlice.count + 1);
    out.count = runsAtLeast(
      startsSlice.keys,
      startsSlice.offset,
      startsSlice.count,
      endsSlice.keys,
      endsSlice.offset,
      endsSlice.count,
      0,
      used,
      1,
      from,
      to,
      out.spans,
      0,
    );
  }

  /** Visits the rows of intervals whose own [start, end) may meet [from, to), by start; the caller checks the ends. */
  visitCandidates(from: number, to: number, visit: (row: number) => void): void {
    this.starts.visitRows(from - this.longestMs, to, visit);
  }

  /** The first end of all, Infinity where there is no interval. */
  get firstEnd(): number {
    return this.ends.firstKey;
  }

  /** Visits the rows of intervals that start in [from, to), by start, until `visit` says false. */
  visitWhile(from: number, to: number, visit: (row: number) => boolean): void {
    this.starts.visitRowsWhile(from, to, visit);
  }

  /** The row of the last interval that starts at or before `t`, or -1. */
  lastStartedBy(t: number): number {
    return this.starts.rowAtMost(t);
  }

  dispose(): void {
    this.starts.dispose();
    this.ends.dispose();
  }

  /** Finds where both columns reach `from`, each without waiting for the other's memory. */
  private seek(from: number, bufferMs: number): void {
    this.starts.seek(from, startsSlice);
    this.ends.seek(from - bufferMs, endsSlice);
  }

  /** After `seek`, sets the shared slices to what starts and ends strictly inside (from, to); returns the occupancy at `from`. */
  private window(from: number, to: number, bufferMs: number): number {
    this.starts.between(from, to, startsSlice);
    this.ends.between(from - bufferMs, to - bufferMs, endsSlice);
    return startsSlice.rank - endsSlice.rank;
  }
}
