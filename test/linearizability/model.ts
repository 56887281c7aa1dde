/**
 * The sequential model: a few resources with capacity and buffer, bookings and live holds on them, and the instant. Time is
 * counted in units from 0 to HORIZON, and everything is decided by looking at each unit: slow, and plainly the contract.
 * States never change; an action makes a new one.
 */

import type { ModelState } from "./checker.ts";

/** Units of time in which allocations lie. */
export const HORIZON = 24;

/** The open rule of every resource, and the blocking one of the first. */
export const OPEN = { start: 1, end: HORIZON - 1 } as const;
export const BLOCKED = { start: 10, end: 12 } as const;

export interface Line {
  readonly capacity: number;
  readonly buffer: number;
}

export interface Allocation {
  readonly resource: number;
  readonly start: number;
  readonly end: number;
  /** Unix milliseconds; null for a booking. */
  readonly expiresAt: number | null;
}

export interface Placement {
  readonly id: string;
  readonly resource: number;
  readonly start: number;
  readonly end: number;
}

export type Action =
  | ({ readonly kind: "book"; readonly ifUsed: "refuse" | "skip" | "move" } & Placement)
  | { readonly kind: "batch"; readonly rows: readonly Placement[] }
  | ({ readonly kind: "hold"; readonly expiresAt: number } & Placement)
  | { readonly kind: "confirm"; readonly id: string; readonly holdId: string }
  | ({ readonly kind: "move" } & Placement)
  | { readonly kind: "cancel"; readonly id: string }
  | { readonly kind: "clear"; readonly resource: number }
  | { readonly kind: "release"; readonly id: string }
  | { readonly kind: "prolong"; readonly id: string; readonly expiresAt: number }
  | { readonly kind: "configure"; readonly resource: number; readonly line: Line }
  | { readonly kind: "find"; readonly id: string }
  | { readonly kind: "list" }
  /** `atLeast` null: the runs of each resource by itself. */
  | {
      readonly kind: "free";
      readonly resources: readonly number[];
      readonly atLeast: number | null;
      readonly shortest: number;
    };

/** What an action came to. */
export type Outcome =
  | { readonly kind: "done"; readonly count: number }
  /** `named`: the allocation or the capacity of the message, where it is one of a collision. */
  | { readonly kind: "refused"; readonly code: string; readonly named: string | null }
  | { readonly kind: "rows"; readonly rows: string };

/** What the model answers: one outcome, or any of several refusals. */
interface Judged {
  readonly state: State;
  readonly outcomes: readonly Outcome[];
}

const EXCLUSION = "23P01";
const USED_ID = "23505";
const NOT_FOUND = "23503";

export class State implements ModelState {
  readonly key: string;

  /** @param allocations by `b` or `h` and id */
  constructor(
    readonly lines: readonly Line[],
    readonly allocations: ReadonlyMap<string, Allocation>,
    readonly now: number,
  ) {
    const rows = [...allocations].map(([id, { resource, start, end, expiresAt }]) =>
      [id, resource, start, end, expiresAt ?? ""].join(),
    );
    this.key = `${now}|${lines.map(({ capacity, buffer }) => `${capacity},${buffer}`).join(";")}|${rows.sort().join(";")}`;
  }

  /** A copy in which the allocation is there, or is not. */
  with(changes: Iterable<readonly [string, Allocation | null]>): State {
    const allocations = new Map(this.allocations);
    for (const [id, allocation] of changes) {
      if (allocation === null) allocations.delete(id);
      else allocations.set(id, allocation);
    }
    return new State(this.lines, allocations, this.now);
  }

  /** Time passes: what is due by then is gone. */
  at(now: number): State {
    if (now <= this.now) return this;
    const live = [...this.allocations].filter(([, { expiresAt }]) => expiresAt === null || expiresAt > now);
    return new State(this.lines, new Map(live), now);
  }

  /** Ids of footprints that cover a unit of a resource. */
  covering(resource: number, unit: number): string[] {
    const buffer = this.lines[resource]?.buffer ?? 0;
    return [...this.allocations]
      .filter(([, row]) => row.resource === resource && row.start <= unit && unit < row.end + buffer)
      .map(([id]) => id);
  }

  capacityOf(resource: number): number {
    return this.lines[resource]?.capacity ?? 0;
  }
}

/** The state in which time is `now`, of empty resources. */
export function emptyState(lines: readonly Line[]): State {
  return new State(lines, new Map(), 0);
}

/**
 * The state behind an action that had this outcome, or null where the model would not have answered so. Without an outcome,
 * whatever the model makes of the action, if it does not refuse it.
 */
export function afterAction(state: State, action: Action, outcome: Outcome | null): State | null {
  const judged = judge(state, action);
  if (outcome === null) return judged.outcomes.some(({ kind }) => kind === "refused") ? null : judged.state;
  return judged.outcomes.some((possible) => isSame(possible, outcome)) ? judged.state : null;
}

function isSame(possible: Outcome, seen: Outcome): boolean {
  if (possible.kind === "done") return seen.kind === "done" && seen.count === possible.count;
  if (possible.kind === "rows") return seen.kind === "rows" && seen.rows === possible.rows;
  return seen.kind === "refused" && seen.code === possible.code && seen.named === possible.named;
}

function done(state: State, count = 1): Judged {
  return { state, outcomes: [{ kind: "done", count }] };
}

function refused(state: State, code: string): Judged {
  return { state, outcomes: [{ kind: "refused", code, named: null }] };
}

function judge(state: State, action: Action): Judged {
  switch (action.kind) {
    case "book":
      return book(state, action, action.ifUsed);
    case "batch":
      return batch(state, action.rows);
    case "hold":
      return hold(state, action, action.expiresAt);
    case "confirm":
      return confirm(state, action.id, action.holdId);
    case "move": {
      const id = `b${action.id}`;
      if (!state.allocations.has(id)) return done(state, 0);
      return place(state, id, { ...spanOf(action), expiresAt: null });
    }
    case "cancel":
    case "release": {
      const id = `${action.kind === "cancel" ? "b" : "h"}${action.id}`;
      return state.allocations.has(id) ? done(state.with([[id, null]])) : done(state, 0);
    }
    case "clear": {
      const ids = [...state.allocations]
        .filter(([, { resource, expiresAt }]) => resource === action.resource && expiresAt === null)
        .map(([id]) => id);
      return done(ids.length === 0 ? state : state.with(ids.map((id) => [id, null] as const)), ids.length);
    }
    case "prolong": {
      const id = `h${action.id}`;
      const row = state.allocations.get(id);
      if (row === undefined) return done(state, 0);
      const isLive = action.expiresAt > state.now;
      return done(state.with([[id, isLive ? { ...row, expiresAt: action.expiresAt } : null]]));
    }
    case "configure":
      return configure(state, action.resource, action.line);
    default:
      return { state, outcomes: [{ kind: "rows", rows: read(state, action) }] };
  }
}

function spanOf({ resource, start, end }: Placement): Omit<Allocation, "expiresAt"> {
  return { resource, start, end };
}

/** Puts an allocation where it does not collide with others than itself. */
function place(state: State, id: string, allocation: Allocation): Judged {
  const { resource, start, end } = allocation;
  const buffer = state.lines[resource]?.buffer ?? 0;
  const capacity = state.capacityOf(resource);
  const others = state.with([[id, null]]);
  const colliding = new Set<string>();
  for (let unit = start; unit < end + buffer; unit++) {
    const there = others.covering(resource, unit);
    if (there.length >= capacity) for (const other of there) colliding.add(other);
  }
  if (colliding.size === 0) return done(state.with([[id, allocation]]));
  const names = capacity === 1 ? [...colliding].map((other) => other.slice(1)) : [`capacity ${capacity}`];
  return { state, outcomes: names.map((named) => ({ kind: "refused", code: EXCLUSION, named })) };
}

function book(state: State, row: Placement, ifUsed: "refuse" | "skip" | "move"): Judged {
  const id = `b${row.id}`;
  const isUsed = state.allocations.has(id);
  if (isUsed && ifUsed === "skip") return done(state, 0);
  if (isUsed && ifUsed === "refuse") return refused(state, USED_ID);
  return place(state, id, { ...spanOf(row), expiresAt: null });
}

/** All of them or none; refused as the first that does not fit is. */
function batch(state: State, rows: readonly Placement[]): Judged {
  let staged = state;
  for (const row of rows) {
    const judged = book(staged, row, "refuse");
    if (judged.state === staged) return { state, outcomes: judged.outcomes };
    staged = judged.state;
  }
  return done(staged, rows.length);
}

/** One that has expired already is accepted, and gone. */
function hold(state: State, row: Placement, expiresAt: number): Judged {
  const id = `h${row.id}`;
  if (state.allocations.has(id)) return refused(state, USED_ID);
  if (expiresAt <= state.now) return done(state);
  return place(state, id, { ...spanOf(row), expiresAt });
}

function confirm(state: State, bookingId: string, holdId: string): Judged {
  if (state.allocations.has(`b${bookingId}`)) return refused(state, USED_ID);
  const row = state.allocations.get(`h${holdId}`);
  if (row === undefined) return refused(state, NOT_FOUND);
  return done(
    state.with([
      [`h${holdId}`, null],
      [`b${bookingId}`, { ...row, expiresAt: null }],
    ]),
  );
}

function configure(state: State, resource: number, line: Line): Judged {
  const lines = state.lines.with(resource, line);
  const changed = new State(lines, state.allocations, state.now);
  for (let unit = 0; unit < HORIZON * 2; unit++) {
    if (changed.covering(resource, unit).length > line.capacity) {
      // Which of them is named is not part of the contract.
      return { state, outcomes: [{ kind: "refused", code: EXCLUSION, named: null }] };
    }
  }
  return done(changed);
}

function read(state: State, action: Extract<Action, { readonly kind: "find" | "list" | "free" }>): string {
  if (action.kind === "find") {
    const row = state.allocations.get(`b${action.id}`);
    return row === undefined ? "" : `${row.resource},${row.start},${row.end}`;
  }
  if (action.kind === "list") {
    const rows = [...state.allocations].map(
      ([id, { resource, start, end }]) => `${id},${resource},${start},${end}`,
    );
    return rows.sort().join(";");
  }
  const { resources, atLeast, shortest } = action;
  if (atLeast !== null) return freeRuns(state, resources, atLeast, shortest, "").join(";");
  return resources
    .flatMap((resource) => freeRuns(state, [resource], 1, shortest, `${resource},`))
    .sort()
    .join(";");
}

function isFree(state: State, resource: number, unit: number): boolean {
  const isOpen = OPEN.start <= unit && unit < OPEN.end;
  const isBlocked = resource === 0 && BLOCKED.start <= unit && unit < BLOCKED.end;
  return isOpen && !isBlocked && state.covering(resource, unit).length < state.capacityOf(resource);
}

/** Maximal runs of units in which so many are free, each behind a prefix. */
function freeRuns(
  state: State,
  resources: readonly number[],
  atLeast: number,
  shortest: number,
  prefix: string,
): string[] {
  const runs: string[] = [];
  let start = -1;
  for (let unit = 0; unit <= HORIZON; unit++) {
    const free = resources.filter((resource) => isFree(state, resource, unit)).length;
    const isRun = unit < HORIZON && free >= atLeast;
    if (isRun && start < 0) start = unit;
    if (!isRun && start >= 0) {
      if (unit - start >= shortest) runs.push(`${prefix}${start},${unit}`);
      start = -1;
    }
  }
  return runs.sort();
}
