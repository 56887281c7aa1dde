/**
 * What is free: `open and not blocked and used < capacity`, as maximal runs in a window. Each of the three is a
 * sweep over two sorted columns; span-list kernels combine them. All lists are scratch, reused from call to call.
 */

import { dropShort, intersectSpans, subtractSpans } from "../../kernels/spans.ts";
import type { EngineState } from "./state.ts";
import { SpanList } from "./timeline.ts";

const opened = new SpanList();
const blocked = new SpanList();
const unblocked = new SpanList();
const below = new SpanList();

/** Replaces `list` by `other` and leaves the old contents to be overwritten: buffers change hands, nothing is copied. */
function swap(list: SpanList, other: SpanList): void {
  const { spans, count } = list;
  list.spans = other.spans;
  list.count = other.count;
  other.spans = spans;
  other.count = count;
}

/** The maximal runs of [from, to) that are open and not blocked, into `out`. */
function openRuns(state: EngineState, resourceRow: number, from: number, to: number, out: SpanList): void {
  const { openRules, blockingRules, parent } = state.resources;
  let decider = resourceRow;
  while (decider >= 0 && (openRules[decider]?.count ?? 0) === 0) decider = parent[decider] as number;
  out.count = 0;
  if (decider < 0) return;
  openRules[decider]?.coveredRuns(from, to, out);
  for (let row = resourceRow; row >= 0 && out.count > 0; row = parent[row] as number) {
    const rules = blockingRules[row];
    if (!rules || rules.count === 0) continue;
    rules.coveredRuns(from, to, blocked);
    if (blocked.count === 0) continue;
    unblocked.reserve(out.count + blocked.count);
    unblocked.count = subtractSpans(
      out.spans,
      0,
      out.count,
      blocked.spans,
      0,
      blocked.count,
      unblocked.spans,
      0,
    );
    swap(out, unblocked);
  }
}

/** The maximal free runs of one resource in [from, to), into `out`; the window is not empty. */
export function freeRuns(
  state: EngineState,
  resourceRow: number,
  from: number,
  to: number,
  out: SpanList,
): void {
  openRuns(state, resourceRow, from, to, opened);
  out.count = 0;
  if (opened.count === 0) return;
  const { resources } = state;
  const capacity = resources.capacity[resourceRow] as number;
  const bufferMs = resources.bufferAfterMs[resourceRow] as number;
  const timeline = resources.allocations[resourceRow];
  if (!timeline || timeline.count === 0) {
    swap(out, opened);
    return;
  }
  // Only what lies within the open runs matters; one open run, the usual case, needs no intersection.
  const first = opened.spans[0] as number;
  const last = opened.spans[opened.count * 2 - 1] as number;
  if (opened.count === 1) {
    timeline.runsBelow(capacity, first, last, bufferMs, out);
    return;
  }
  timeline.runsBelow(capacity, first, last, bufferMs, below);
  out.reserve(opened.count + below.count);
  out.count = intersectSpans(opened.spans, 0, opened.count, below.spans, 0, below.count, out.spans, 0);
}

/** Drops the runs of `list` shorter than `minDurationMs`, in place. */
export function keepLasting(list: SpanList, minDurationMs: number): void {
  if (minDurationMs > 1) list.count = dropShort(list.spans, 0, list.count, minDurationMs, list.spans, 0);
}

/** The first part of [start, end) that is closed or blocked, as [s, e), or null when all of it is open. */
export function firstRefused(
  state: EngineState,
  resourceRow: number,
  start: number,
  end: number,
): { readonly start: number; readonly end: number } | null {
  openRuns(state, resourceRow, start, end, opened);
  if (opened.count === 0) return { start, end };
  const firstStart = opened.spans[0] as number;
  const firstEnd = opened.spans[1] as number;
  if (firstStart > start) return { start, end: firstStart };
  if (firstEnd === end) return null;
  return { start: firstEnd, end: opened.count > 1 ? (opened.spans[2] as number) : end };
}
