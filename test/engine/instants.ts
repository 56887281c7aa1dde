/**
 * Time as the oracle takes it: one millisecond after another.
 */

import type { Span } from "../../src/engine/command.ts";

/** The maximal runs of `[from, to)` in which `holds` is true, found instant by instant. */
export function runsOf(holds: (t: number) => boolean, from: number, to: number): Span[] {
  const runs: Span[] = [];
  let start: number | null = null;
  for (let t = from; t < to; t++) {
    const inside = holds(t);
    if (inside && start === null) start = t;
    if (!inside && start !== null) {
      runs.push({ start, end: t });
      start = null;
    }
  }
  if (start !== null) runs.push({ start, end: to });
  return runs;
}

export function covers(span: Span, t: number): boolean {
  return span.start <= t && t < span.end;
}

export function footprint(span: Span, bufferAfterMs: number): Span {
  return { start: span.start, end: span.end + bufferAfterMs };
}

export function someInstant(span: Span, holds: (t: number) => boolean): boolean {
  for (let t = span.start; t < span.end; t++) if (holds(t)) return true;
  return false;
}
