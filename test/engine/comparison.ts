/**
 * The engine and the oracle side by side: what each holds, as sorted lines of text that compare and print well,
 * and whether the engine's answer to a command is one that the oracle allows.
 */

import { expect } from "bun:test";
import type {
  BookingImage,
  Command,
  HoldImage,
  ResourceImage,
  RuleImage,
  Span,
} from "../../src/engine/command.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { DeltatError } from "../../src/errors.ts";
import { formatId, type Id } from "../../src/id.ts";
import { runsOf } from "./instants.ts";
import type { Oracle } from "./oracle.ts";
import { allResourceIds, HORIZON } from "./stories.ts";
import type { Violation } from "./violations.ts";

/** Runs `action` and returns the user's error it threw, or null. Anything else thrown is a bug and goes on. */
export function errorOf(action: () => unknown): DeltatError | null {
  try {
    action();
    return null;
  } catch (error) {
    if (error instanceof DeltatError) return error;
    throw error;
  }
}

/** Fails unless the engine's answer is one of those the oracle allows. */
export function expectVerdict(error: DeltatError | null, allowed: readonly Violation[], what: unknown): void {
  const answer = error === null ? "accepted" : `${error.sqlState} ${error.message}`;
  const fits =
    error === null
      ? allowed.length === 0
      : allowed.some((one) => one.sqlState === error.sqlState && error.message.startsWith(one.messageStart));
  if (fits) return;
  const wanted =
    allowed.length === 0 ? ["accepted"] : allowed.map((one) => `${one.sqlState} ${one.messageStart}`);
  throw new Error(
    `${JSON.stringify(what)}\n  engine: ${answer}\n  contract: ${wanted.join("\n        or: ")}`,
  );
}

/** Judges and applies one after another; the verdict of the first that must be refused, nothing applied then. */
export function judgeAll(
  oracle: Oracle,
  commands: readonly Command[],
): { after: Oracle; verdict: Violation[] } {
  const after = oracle.clone();
  for (const command of commands) {
    const verdict = after.judge(command);
    if (verdict.length > 0) return { after: oracle, verdict };
    after.apply(command);
  }
  return { after, verdict: [] };
}

function resourceLine(row: ResourceImage): string {
  const parent = row.parentId === null ? "-" : formatId(row.parentId);
  const { name, capacity, bufferAfterMs, enforceRules } = row;
  return `resource ${formatId(row.id)} ${JSON.stringify({ parent, name, capacity, bufferAfterMs, enforceRules })}`;
}

function ruleLine(row: RuleImage): string {
  return `rule ${formatId(row.id)} of ${formatId(row.resourceId)} [${row.start}, ${row.end}) ${row.blocking}`;
}

function bookingLine(row: BookingImage): string {
  const label = JSON.stringify(row.label);
  return `booking ${formatId(row.id)} of ${formatId(row.resourceId)} [${row.start}, ${row.end}) ${label}`;
}

function holdLine(row: HoldImage): string {
  return `hold ${formatId(row.id)} of ${formatId(row.resourceId)} [${row.start}, ${row.end}) until ${row.expiresAt}`;
}

/** Every row the oracle holds. */
function rowsOfOracle(oracle: Oracle): string[] {
  return [
    ...[...oracle.resources.values()].map(resourceLine),
    ...[...oracle.rules.values()].map(ruleLine),
    ...[...oracle.bookings.values()].map(bookingLine),
    ...[...oracle.holds.values()].map(holdLine),
  ].sort();
}

/** Every row the engine holds, found by walking its tables from the first row to the last. */
export function rowsOfEngine(engine: Engine): string[] {
  const lines: string[] = [];
  for (let row = 0; row < engine.resources.limit; row++) {
    if (engine.resources.isLive(row)) lines.push(resourceLine(engine.resourceImage(row)));
  }
  for (let row = 0; row < engine.rules.limit; row++) {
    if (engine.rules.isLive(row)) lines.push(ruleLine(engine.ruleImage(row)));
  }
  const { allocations } = engine;
  for (let row = 0; row < allocations.limit; row++) {
    if (allocations.isLive(row)) lines.push(allocationLine(engine, row));
  }
  return lines.sort();
}

function allocationLine(engine: Engine, row: number): string {
  if (engine.allocations.isBooking(row)) return bookingLine(engine.bookingImage(row));
  return holdLine(engine.holdImage(row));
}

/** Every row the engine holds, found the way a query finds them: down the tree, then along each timeline. */
export function rowsByWalking(engine: Engine): string[] {
  const lines: string[] = [];
  const pending = [...engine.childRows(-1)];
  for (let row = pending.pop(); row !== undefined; row = pending.pop()) {
    pending.push(...engine.childRows(row));
    lines.push(resourceLine(engine.resourceImage(row)));
    for (const rule of engine.ruleRows(row)) lines.push(ruleLine(engine.ruleImage(rule)));
    for (const one of engine.allocationRows(row, 0, Number.MAX_SAFE_INTEGER))
      lines.push(allocationLine(engine, one));
  }
  return lines.sort();
}

/** Fails unless both hold the same rows, each reachable by its id, by its table and along its timeline. */
export function expectSameRows(engine: Engine, oracle: Oracle): void {
  const wanted = rowsOfOracle(oracle);
  expect(rowsOfEngine(engine)).toEqual(wanted);
  expect(rowsByWalking(engine)).toEqual(wanted);
  for (const { id } of oracle.resources.values()) {
    expect(formatId(engine.resourceImage(engine.resources.find(id)).id)).toBe(formatId(id));
  }
  for (const row of oracle.rules.values()) {
    expect(ruleLine(engine.ruleImage(engine.rules.find(row.id)))).toBe(ruleLine(row));
  }
  for (const row of oracle.bookings.values()) {
    expect(bookingLine(engine.bookingImage(engine.allocations.findBooking(row.id)))).toBe(bookingLine(row));
  }
  for (const row of oracle.holds.values()) {
    expect(holdLine(engine.holdImage(engine.allocations.findHold(row.id)))).toBe(holdLine(row));
  }
}

/** The engine's answer for several resources, as spans. */
export function engineAvailability(
  engine: Engine,
  ids: readonly Id[],
  from: number,
  to: number,
  minDurationMs = 0,
  minAvailable = ids.length,
): Span[] {
  const rows = ids.map((id) => engine.resources.find(id));
  const { spans, count } = engine.availability(rows, from, to, minDurationMs, minAvailable);
  return spanList(spans, count);
}

/** The engine's answer for one resource that exists, by its own path. */
export function engineAvailabilityOf(
  engine: Engine,
  id: Id,
  from: number,
  to: number,
  minDurationMs = 0,
): Span[] {
  const { spans, count } = engine.availabilityOf(engine.resources.find(id), from, to, minDurationMs);
  return spanList(spans, count);
}

function spanList(spans: Float64Array, count: number): Span[] {
  return Array.from({ length: count }, (_, n) => ({
    start: spans[2 * n] as number,
    end: spans[2 * n + 1] as number,
  }));
}

/** Which resources are free when, sampled once per state, so that many windows can be asked of it. */
export class FreeTimes {
  private readonly free = new Map<string, Uint8Array>();
  readonly from: number;
  readonly to: number;

  constructor(oracle: Oracle, base: number) {
    this.from = base === 0 ? 0 : base - 3;
    this.to = base + HORIZON + 8;
    for (const id of allResourceIds) {
      const column = new Uint8Array(this.to - this.from);
      const free = oracle.freeAt(id);
      for (let t = this.from; t < this.to; t++) column[t - this.from] = free(t) ? 1 : 0;
      this.free.set(formatId(id), column);
    }
  }

  /** As `Oracle.availability`, from the samples. */
  runs(ids: readonly Id[], from: number, to: number, minDurationMs: number, minAvailable: number): Span[] {
    const columns = ids.map((id) => this.free.get(formatId(id)));
    const enough = (t: number) =>
      columns.reduce((count, column) => count + (column?.[t - this.from] ?? 0), 0) >= minAvailable;
    return runsOf(enough, from, to).filter((run) => run.end - run.start >= minDurationMs);
  }
}

/** Fails unless every resource, alone and all together, is free at the same times in both, for any k of n. */
export function expectSameAvailability(engine: Engine, times: FreeTimes): void {
  const { from, to } = times;
  const live = allResourceIds.filter((id) => engine.resources.find(id) >= 0);
  for (const id of allResourceIds) {
    expect(engineAvailability(engine, [id], from, to)).toEqual(times.runs([id], from, to, 0, 1));
  }
  for (const id of live) {
    expect(engineAvailabilityOf(engine, id, from, to)).toEqual(times.runs([id], from, to, 0, 1));
  }
  for (let k = 1; k <= live.length + 1; k++) {
    expect(engineAvailability(engine, live, from, to, 0, k)).toEqual(times.runs(live, from, to, 0, k));
  }
}

/** Fails if, at any instant, a resource has more live footprints than its capacity. */
export function expectInvariant(engine: Engine, from: number, to: number): void {
  for (let row = 0; row < engine.resources.limit; row++) {
    if (!engine.resources.isLive(row)) continue;
    const { capacity, bufferAfterMs } = engine.resourceImage(row);
    const footprints = [...engine.allocationRows(row, 0, Number.MAX_SAFE_INTEGER)].map((one) => {
      const image = engine.allocations.isBooking(one) ? engine.bookingImage(one) : engine.holdImage(one);
      return { start: image.start, end: image.end + bufferAfterMs };
    });
    const used = new Int32Array(to - from);
    for (const { start, end } of footprints) {
      for (let t = Math.max(start, from); t < Math.min(end, to); t++)
        used[t - from] = (used[t - from] as number) + 1;
    }
    expect(Math.max(0, ...used)).toBeLessThanOrEqual(capacity);
  }
}
