/** Commands on resources and rules: each checks everything, then changes the state, then says what it did. */

import { DeltatError, SqlState } from "../errors.ts";
import { formatId, type Id } from "../id.ts";
import { MAX_BUFFER_MS, MAX_CAPACITY, MAX_TREE_DEPTH } from "../limits.ts";
import { checkResize } from "./collision.ts";
import type { ResourceImage, RuleImage } from "./command.ts";
import type { EngineState } from "./state.ts";
import type { Timeline } from "./timeline.ts";
import type { Effect } from "./transaction.ts";
import { alreadyExists, checkSpan, checkText, limitExceeded, notFound } from "./violations.ts";

export function createResource(state: EngineState, resource: ResourceImage): Effect[] {
  checkFields(resource);
  if (state.resources.find(resource.id) >= 0) throw alreadyExists("resources", resource.id);
  const parentRow = parentRowOf(state, resource);
  if (state.resources.depth(parentRow) >= MAX_TREE_DEPTH) throw limitExceeded("tree depth", MAX_TREE_DEPTH);
  state.putResource(resource);
  return [{ table: "resource", before: null, after: resource }];
}

export function updateResource(state: EngineState, resource: ResourceImage): Effect[] {
  const { resources } = state;
  const row = resources.find(resource.id);
  if (row < 0) throw notFound("resources", "id", resource.id);
  checkFields(resource);
  const parentRow = parentRowOf(state, resource);
  if (parentRow !== resources.parent[row]) checkNewParent(state, row, parentRow);
  checkResize(state, row, resource.capacity, resource.bufferAfterMs);
  const before = resources.image(row);
  state.putResource(resource);
  return [{ table: "resource", before, after: resource }];
}

/** Deletes the resource and all that lies on its timelines; refused while it has children. */
export function deleteResource(state: EngineState, id: Id): Effect[] {
  const { resources } = state;
  const row = resources.find(id);
  if (row < 0) throw notFound("resources", "id", id);
  if (resources.hasChildren(row)) {
    throw new DeltatError(
      SqlState.foreignKeyViolation,
      `cannot delete resource ${formatId(id)}: has children`,
      {
        detail: `Key (id)=(${formatId(id)}) is still referenced from table "resources".`,
        hint: "Delete or move its children first.",
        table: "resources",
        constraint: "resources_parent_id_fkey",
      },
    );
  }
  const effects: Effect[] = [];
  for (const rule of rowsOf(resources.openRules[row]).concat(rowsOf(resources.blockingRules[row]))) {
    effects.push({ table: "rule", before: state.ruleImage(rule), after: null });
    state.dropRule(rule);
  }
  for (const allocation of rowsOf(resources.allocations[row])) {
    effects.push(
      state.allocations.isBooking(allocation)
        ? { table: "booking", before: state.bookingImage(allocation), after: null }
        : { table: "hold", before: state.holdImage(allocation), after: null },
    );
    state.dropAllocation(allocation);
  }
  const changedLsn = resources.changedLsn[row] as number;
  effects.push({ table: "resource", before: resources.image(row), after: null, changedLsn });
  state.dropResource(id);
  return effects;
}

export function addRule(state: EngineState, rule: RuleImage): Effect[] {
  checkSpan(rule);
  if (state.rules.find(rule.id) >= 0) throw alreadyExists("rules", rule.id);
  requireResourceOf(state, "rules", rule.resourceId);
  state.putRule(rule);
  return [{ table: "rule", before: null, after: rule }];
}

export function updateRule(state: EngineState, rule: RuleImage): Effect[] {
  const row = state.rules.find(rule.id);
  if (row < 0) throw notFound("rules", "id", rule.id);
  checkSpan(rule);
  requireResourceOf(state, "rules", rule.resourceId);
  const before = state.ruleImage(row);
  state.dropRule(row);
  state.putRule(rule);
  return [{ table: "rule", before, after: rule }];
}

export function removeRule(state: EngineState, id: Id): Effect[] {
  const row = state.rules.find(id);
  if (row < 0) throw notFound("rules", "id", id);
  const before = state.ruleImage(row);
  state.dropRule(row);
  return [{ table: "rule", before, after: null }];
}

/** Row of the resource that a row of `table` refers to; 23503 when there is none. */
export function requireResourceOf(state: EngineState, table: string, resourceId: Id): number {
  const row = state.resources.find(resourceId);
  if (row < 0) throw notFound(table, "resource_id", resourceId);
  return row;
}

function parentRowOf(state: EngineState, resource: ResourceImage): number {
  if (resource.parentId === null) return -1;
  const row = state.resources.find(resource.parentId);
  if (row < 0) throw notFound("resources", "parent_id", resource.parentId);
  return row;
}

function checkNewParent(state: EngineState, row: number, parentRow: number): void {
  const { resources } = state;
  if (resources.isAncestorOrSelf(row, parentRow)) {
    throw new DeltatError(
      SqlState.checkViolation,
      `cycle detected at resource: ${formatId(resources.idAt(row))}`,
      {
        detail: "A resource cannot be its own ancestor.",
        table: "resources",
        constraint: "resources_parent_id_check",
      },
    );
  }
  if (resources.depth(parentRow) + resources.height(row) > MAX_TREE_DEPTH) {
    throw limitExceeded("tree depth", MAX_TREE_DEPTH);
  }
}

function checkFields(resource: ResourceImage): void {
  checkText("name", resource.name);
  checkLowerBound("capacity", resource.capacity, 1);
  checkLowerBound("buffer_after", resource.bufferAfterMs, 0);
  if (resource.capacity > MAX_CAPACITY) throw limitExceeded("capacity", MAX_CAPACITY);
  if (resource.bufferAfterMs > MAX_BUFFER_MS) throw limitExceeded("buffer_after", MAX_BUFFER_MS);
}

function checkLowerBound(column: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new DeltatError(
    SqlState.checkViolation,
    `new row for relation "resources" violates check constraint "resources_${column}_check"`,
    {
      detail: `${column} is ${value}; it must be a whole number, at least ${least}.`,
      table: "resources",
      constraint: `resources_${column}_check`,
    },
  );
}

function rowsOf(timeline: Timeline | null | undefined): number[] {
  const rows: number[] = [];
  timeline?.visitCandidates(0, Number.POSITIVE_INFINITY, (row) => rows.push(row));
  return rows;
}
