/**
 * WHERE over `availability`: it names the resources and the window that are computed, so those conditions are
 * taken out of it and become arguments; what is left filters the rows that come out.
 */

import type { Engine } from "../../engine/engine.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import { formatId } from "../../id.ts";
import { MAX_AVAILABILITY_RESOURCES, MAX_INSTANT_MS } from "../../limits.ts";
import type { Execution } from "../execution.ts";
import type { Expression, Frame } from "../expressions/expression.ts";
import type { Node } from "../parse/ast.ts";
import { dependOnAvailability } from "../rows/dependencies.ts";
import { idOf } from "../tables/field-values.ts";
import type { RelationScope } from "../tables/relation.ts";
import { BOOL, INT8 } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { type ColumnCondition, columnConditions, conjunctsOf } from "./conjuncts.ts";
import type { StatementCompiler } from "./statement-compiler.ts";

/** A bound of the window: its value, and by how much an open bound is narrower. */
interface WindowBound {
  readonly value: Expression;
  readonly shift: -1 | 0 | 1;
}

interface AvailabilityArguments {
  /** One resource, by `=`: rows say which. Otherwise several, taken together. */
  single: Expression | null;
  listed: ((frame: Frame) => readonly Value[] | null) | null;
  readonly from: WindowBound[];
  readonly to: WindowBound[];
  minDuration: Expression | null;
  minAvailable: Expression | null;
  perResource: Expression | null;
}

export interface AvailabilityQuery {
  /** Fills `execution.spans` and their owners; returns how many spans there are. */
  compute(execution: Execution): number;
  /** Conditions that are not arguments. */
  readonly rest: readonly Node[];
}

/** Throws 42P10 where the filter on resource_id or a bound is missing. */
export function planAvailabilityQuery(
  where: Node | undefined,
  scope: RelationScope,
  compiler: StatementCompiler,
): AvailabilityQuery {
  const args: AvailabilityArguments = {
    single: null,
    listed: null,
    from: [],
    to: [],
    minDuration: null,
    minAvailable: null,
    perResource: null,
  };
  const judged = conjunctsOf(where).map((node) => ({ node, conditions: columnConditions(node, scope) }));
  // One resource says more than a list of them, wherever it stands: the list then filters.
  judged.sort((a, b) => Number(isOneResource(b.conditions)) - Number(isOneResource(a.conditions)));
  const rest = judged.filter(({ node, conditions }) => {
    const taken = conditions.map((condition) => takeArgument(args, condition, node, compiler));
    return conditions.length === 0 || taken.includes(false);
  });
  if (args.single === null && args.listed === null)
    throw missing(
      "a filter on resource_id",
      "resource_id = …",
      " Of several: resource_id IN (…), or a join with resources.",
    );
  if (args.from.length === 0) throw missing("a lower bound on start", "start >= …");
  if (args.to.length === 0) throw missing('an upper bound on "end"', '"end" <= …');
  return { rest: rest.map(({ node }) => node), compute: (execution) => compute(args, execution) };
}

function isOneResource([condition]: readonly ColumnCondition[]): boolean {
  return condition?.kind === "compare" && condition.by === "=" && condition.column.column.isId;
}

function missing(what: string, example: string, more = ""): DeltatError {
  return new DeltatError(SqlState.invalidColumnReference, `availability needs ${what} in WHERE`, {
    hint: `Add "AND ${example}" outside any OR.${more}`,
  });
}

/** Whether the condition has become an argument; if not, it filters rows. */
function takeArgument(
  args: AvailabilityArguments,
  condition: ColumnCondition,
  conjunct: Node,
  compiler: StatementCompiler,
): boolean {
  if (condition.column.column.isId) return takeResources(args, condition, conjunct, compiler);
  if (condition.kind !== "compare") return false;
  const { by, value } = condition;
  switch (condition.column.column.name) {
    case "start":
      if (by !== ">=" && by !== ">") return false;
      args.from.push({ value: compiler.number(value), shift: by === ">" ? 1 : 0 });
      return true;
    case "end":
      if (by !== "<=" && by !== "<") return false;
      args.to.push({ value: compiler.number(value), shift: by === "<" ? -1 : 0 });
      return true;
    case "min_duration":
      if (by !== "=" || args.minDuration !== null) return false;
      args.minDuration = compiler.number(value);
      return true;
    case "min_available":
      if (by !== "=" || args.minAvailable !== null) return false;
      args.minAvailable = compiler.typed(value, INT8, "min_available");
      return true;
    case "per_resource":
      if (by !== "=" || args.perResource !== null) return false;
      args.perResource = compiler.typed(value, BOOL, "per_resource");
      return true;
    default:
      return false;
  }
}

function takeResources(
  args: AvailabilityArguments,
  condition: ColumnCondition,
  conjunct: Node,
  compiler: StatementCompiler,
): boolean {
  if (args.single !== null || args.listed !== null) return false;
  if (condition.kind === "compare" && condition.by === "=") {
    args.single = compiler.text(condition.value, conjunct);
    return true;
  }
  if (condition.kind !== "in" && condition.kind !== "any") return false;
  args.listed = compiler.idList(condition, conjunct);
  return true;
}

/** The arguments of one run. */
interface Request {
  readonly from: number;
  readonly to: number;
  readonly minDuration: number;
  /** 0: not given. */
  readonly minAvailable: number;
  readonly perResource: boolean;
}

function compute(args: AvailabilityArguments, execution: Execution): number {
  execution.spanOwner = -1;
  execution.spanOwners = null;
  const request = readRequest(args, execution);
  if (args.single !== null) return computeSingle(args.single.evaluate(execution), request, execution);
  return computeListed(args.listed?.(execution) ?? null, request, execution);
}

/** null if an argument is NULL: what compares with NULL is never true, so there are no rows. Throws 22008, 22023. */
function readRequest(args: AvailabilityArguments, execution: Execution): Request | null {
  const from = windowBound(args.from, execution, true);
  const to = windowBound(args.to, execution, false);
  const minDuration = args.minDuration === null ? 0 : args.minDuration.evaluate(execution);
  const minAvailable = args.minAvailable === null ? 0 : args.minAvailable.evaluate(execution);
  const perResource = args.perResource === null ? false : args.perResource.evaluate(execution);
  if (minDuration !== null && Number(minDuration) < 0) throw tooSmall("min_duration", 0, minDuration);
  if (args.minAvailable !== null && minAvailable !== null && Number(minAvailable) < 1) {
    throw tooSmall("min_available", 1, minAvailable);
  }
  if (perResource === true && args.minAvailable !== null) {
    throw new DeltatError(
      SqlState.invalidParameterValue,
      "min_available and per_resource = true exclude each other",
      { detail: "One asks for times that several resources share, the other for each resource by itself." },
    );
  }
  if (from === null || to === null || minDuration === null || minAvailable === null || perResource === null) {
    return null;
  }
  return {
    from,
    to,
    minDuration: Number(minDuration),
    minAvailable: Number(minAvailable),
    perResource: perResource === true,
  };
}

/** Row -1 is a resource that does not exist: any commit may have removed it. */
function dependOn(execution: Execution, row: number): void {
  if (row < 0) execution.session.dependOn(execution.database.appendedLsn);
  else dependOnAvailability(execution, row);
}

function computeSingle(text: Value, request: Request | null, execution: Execution): number {
  if (text === null || request === null) return 0;
  const { engine } = execution;
  const row = engine.resources.find(idOf(text));
  dependOn(execution, row);
  if (row < 0 || request.minAvailable > 1) return 0;
  execution.spanOwner = row;
  const found = engine.availabilityOf(row, request.from, request.to, request.minDuration);
  execution.spans = found.spans;
  return found.count;
}

function computeListed(
  listed: readonly Value[] | null,
  request: Request | null,
  execution: Execution,
): number {
  if (listed === null) return 0;
  const { engine } = execution;
  const rows = distinctRows(engine, listed);
  for (const row of rows) dependOn(execution, row);
  if (rows.length === 0 || request === null) return 0;
  const { from, to, minDuration } = request;
  if (request.perResource) return computeEach(rows, request, execution);
  const needed = request.minAvailable === 0 ? rows.length : request.minAvailable;
  if (needed > rows.length) return 0;
  const found = engine.availability(rows, from, to, minDuration, needed);
  execution.spans = found.spans;
  return found.count;
}

/** How often a list of many resources looks at the time; a power of two. */
const RESOURCES_PER_TIMEOUT_CHECK = 128;

/** The spans of each resource by itself, one resource after the other as they were listed. */
function computeEach(
  rows: readonly number[],
  { from, to, minDuration }: Request,
  execution: Execution,
): number {
  let spans = new Float64Array(1024);
  let owners = new Int32Array(512);
  let count = 0;
  let computed = 0;
  for (const row of rows) {
    if ((++computed & (RESOURCES_PER_TIMEOUT_CHECK - 1)) === 0) execution.session.checkTimeout();
    const found = execution.engine.availabilityOf(row, from, to, minDuration);
    const needed = count + found.count;
    if (needed > owners.length) {
      const grown = new Float64Array(needed * 4);
      grown.set(spans);
      spans = grown;
      const grownOwners = new Int32Array(needed * 2);
      grownOwners.set(owners);
      owners = grownOwners;
    }
    spans.set(found.spans.subarray(0, found.count * 2), count * 2);
    owners.fill(row, count, needed);
    count = needed;
  }
  execution.spans = spans;
  execution.spanOwners = owners;
  return count;
}

/** The narrowest of the bounds given; null if one of them is NULL. Throws 22008. */
function windowBound(bounds: readonly WindowBound[], execution: Execution, isLower: boolean): number | null {
  let narrowest = isLower ? -1 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < bounds.length; i++) {
    const { value, shift } = bounds[i] as WindowBound;
    const given = value.evaluate(execution);
    if (given === null) return null;
    const instant = typeof given === "number" ? given : Number(given);
    if (!(instant >= 0 && instant <= MAX_INSTANT_MS)) throw outOfRange(given, isLower);
    // Only whole instants exist: an open bound excludes one, a fraction rounds into the window.
    const whole = isLower ? Math.ceil(instant) : Math.floor(instant);
    const bound = whole === instant ? whole + shift : whole;
    if (isLower ? bound > narrowest : bound < narrowest) narrowest = bound;
  }
  return narrowest;
}

function outOfRange(given: Value, isLower: boolean): DeltatError {
  return new DeltatError(
    SqlState.datetimeFieldOverflow,
    `instant out of range: ${isLower ? "start" : "end"} ${isLower ? ">=" : "<="} ${String(given)}`,
    { detail: `An instant is a count of Unix milliseconds from 0 to ${MAX_INSTANT_MS}.` },
  );
}

function tooSmall(column: string, least: number, value: Value): DeltatError {
  return new DeltatError(
    SqlState.invalidParameterValue,
    `${column} must be at least ${least}, not ${String(value)}`,
  );
}

/** Rows of the resources listed, each once, -1 for each that does not exist. Throws 22P02, 54000. */
function distinctRows(engine: Engine, listed: readonly Value[]): number[] {
  const rows: number[] = [];
  const seen = new Set<number | string>();
  for (const item of listed) {
    if (item === null) continue;
    const id = idOf(item);
    const row = engine.resources.find(id);
    const mark = row < 0 ? formatId(id) : row;
    if (seen.has(mark)) continue;
    seen.add(mark);
    rows.push(row);
    if (rows.length > MAX_AVAILABILITY_RESOURCES) {
      throw new DeltatError(
        SqlState.programLimitExceeded,
        `limit exceeded: resources of one availability query: ${MAX_AVAILABILITY_RESOURCES}`,
      );
    }
  }
  return rows;
}
