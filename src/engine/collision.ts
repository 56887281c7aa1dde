/** Whether an allocation fits: the peak of footprints over its own footprint must stay below capacity. */

import { assert, DeltatError, SqlState } from "../errors.ts";
import { formatId } from "../id.ts";
import { firstRefused } from "./availability.ts";
import type { Span } from "./command.ts";
import type { EngineState } from "./state.ts";

/** Throws 23514 where the resource enforces its rules and the span is not open throughout, 23P01 on a collision. */
export function checkAllocation(
  state: EngineState,
  table: "bookings" | "holds",
  resourceRow: number,
  span: Span,
): void {
  if (!state.replaying && state.enforcesRules(resourceRow)) checkRules(state, table, resourceRow, span);
  const timeline = state.resources.allocations[resourceRow];
  if (!timeline || timeline.count === 0) return;
  const capacity = state.resources.capacity[resourceRow] as number;
  const bufferMs = state.resources.bufferAfterMs[resourceRow] as number;
  const peak = timeline.peakIn(span.start, span.end + bufferMs, bufferMs);
  if (peak + 1 > capacity)
    throw collision(state, table, resourceRow, capacity, span.start, span.end + bufferMs, bufferMs);
}

/** Throws 23P01 where the resource's allocations would not fit a new capacity and buffer. */
export function checkResize(
  state: EngineState,
  resourceRow: number,
  capacity: number,
  bufferMs: number,
): void {
  const { resources } = state;
  const loosens =
    capacity >= (resources.capacity[resourceRow] as number) &&
    bufferMs <= (resources.bufferAfterMs[resourceRow] as number);
  const timeline = resources.allocations[resourceRow];
  if (loosens || !timeline || timeline.count === 0) return;
  const peak = timeline.peakIn(-1, Number.POSITIVE_INFINITY, bufferMs);
  if (peak > capacity) throw tooTight(state, resourceRow, capacity, bufferMs);
}

function checkRules(state: EngineState, table: string, resourceRow: number, span: Span): void {
  const refused = firstRefused(state, resourceRow, span.start, span.end);
  if (refused === null) return;
  throw new DeltatError(SqlState.checkViolation, `not available: [${refused.start}, ${refused.end})`, {
    detail: `Resource ${formatId(state.resources.idAt(resourceRow))} enforces its rules, which close or block that time.`,
    table,
    constraint: "enforce_rules",
  });
}

function collision(
  state: EngineState,
  table: string,
  resourceRow: number,
  capacity: number,
  from: number,
  to: number,
  bufferMs: number,
): DeltatError {
  const resource = formatId(state.resources.idAt(resourceRow));
  if (capacity > 1) {
    return exclusion(
      table,
      `capacity ${capacity} exceeded: all slots occupied`,
      `Resource ${resource} has an instant in [${from}, ${to}) that ${capacity} allocations already take.`,
    );
  }
  const { allocations } = state;
  // Footprints are disjoint, so the last one to start before `to` is the last to meet [from, to).
  const taken = state.resources.allocations[resourceRow]?.lastStartedBy(to - 1) ?? -1;
  assert(taken >= 0, "what collides is on the timeline");
  const start = allocations.start[taken] as number;
  const end = allocations.end[taken] as number;
  return exclusion(
    table,
    `conflict with allocation: ${formatId(allocations.idAt(taken))}`,
    `Resource ${resource} is taken during [${start}, ${end + bufferMs}), and [${from}, ${to}) was wanted, buffers included.`,
  );
}

/** A lowered capacity or a longer buffer that existing allocations break: names the first that would collide. */
function tooTight(state: EngineState, resourceRow: number, capacity: number, bufferMs: number): DeltatError {
  const resource = formatId(state.resources.idAt(resourceRow));
  const detail = `Resource ${resource} has more than ${capacity} allocations at one instant with buffer_after = ${bufferMs}.`;
  if (capacity > 1)
    return exclusion("resources", `capacity ${capacity} exceeded: all slots occupied`, detail);
  const { allocations } = state;
  let latestEnd = -1;
  let colliding = -1;
  state.resources.allocations[resourceRow]?.visitCandidates(0, Number.POSITIVE_INFINITY, (row) => {
    if (colliding < 0 && (allocations.start[row] as number) < latestEnd) colliding = row;
    latestEnd = Math.max(latestEnd, (allocations.end[row] as number) + bufferMs);
  });
  return exclusion("resources", `conflict with allocation: ${formatId(allocations.idAt(colliding))}`, detail);
}

function exclusion(table: string, message: string, detail: string): DeltatError {
  return new DeltatError(SqlState.exclusionViolation, message, { detail, table, constraint: "no_collision" });
}
