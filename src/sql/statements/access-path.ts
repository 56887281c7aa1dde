/**
 * How the rows that WHERE may accept are reached: by id, by owner (the resource; the parent, for `resources`)
 * and window of time, or by looking at every row. The condition that chose the path is exact and taken out;
 * all others stay and filter what the path gives.
 */

import { MAX_INSTANT_MS } from "../../limits.ts";
import type { Execution } from "../execution.ts";
import type { Expression, Frame } from "../expressions/expression.ts";
import type { Node } from "../parse/ast.ts";
import { dependOnResource, dependOnRow } from "../rows/dependencies.ts";
import { idOf } from "../tables/field-values.ts";
import type { RelationScope } from "../tables/relation.ts";
import type { StoredTable } from "../tables/schema.ts";
import type { Value } from "../values/value.ts";
import { type ColumnCondition, columnConditions, conjunctsOf } from "./conjuncts.ts";
import type { StatementCompiler } from "./statement-compiler.ts";

export interface AccessPath {
  /** How rows are reached, for EXPLAIN. */
  readonly kind: "all" | "id" | "owner" | "window";
  /** Rows, each once, and says what the answer depends on. */
  candidates(execution: Execution): number[];
  /** Conditions the candidates still have to meet. */
  readonly rest: readonly Node[];
}

/** Values of an id column that the condition accepts; NULLs among them match nothing. */
type IdList = (frame: Frame) => readonly Value[] | null;

interface Choice {
  readonly conjunct: Node;
  readonly condition: ColumnCondition;
}

export function planAccessPath(
  table: StoredTable,
  where: Node | undefined,
  scope: RelationScope,
  compiler: StatementCompiler,
): AccessPath {
  const choices: Choice[] = conjunctsOf(where).flatMap((conjunct) => {
    const conditions = columnConditions(conjunct, scope);
    return conditions.map((condition) => ({ conjunct, condition }));
  });
  const choice = choices.find(isOn(0)) ?? choices.find(isOn(table.ownerColumn)) ?? null;
  const rest = conjunctsOf(where).filter((conjunct) => conjunct !== choice?.conjunct);
  if (choice === null) {
    return {
      kind: "all",
      rest,
      candidates(execution) {
        execution.session.dependOn(execution.database.appendedLsn);
        return table.rows(execution.engine);
      },
    };
  }
  const { condition } = choice;
  if (condition.column.index === 0)
    return { kind: "id", rest, candidates: byId(table, compiler.idList(condition, choice.conjunct)) };
  if (condition.kind === "isNull") return { kind: "owner", rest, candidates: roots(table) };
  const window = planWindow(
    choices.map((other) => other.condition),
    compiler,
  );
  const kind = window === null ? "owner" : "window";
  return {
    kind,
    rest,
    candidates: byOwner(table, compiler.idList(condition, choice.conjunct), window ?? (() => EVER)),
  };
}

/** Whether a condition accepts a list of values of the column at `index`; for a nullable one, also IS NULL. */
function isOn(index: number): (choice: Choice) => boolean {
  return ({ condition }) => {
    if (condition.column.index !== index) return false;
    if (condition.kind === "compare") return condition.by === "=";
    return condition.kind !== "isNull" || condition.column.column.nullable;
  };
}

function byId(table: StoredTable, list: IdList): (execution: Execution) => number[] {
  return (execution) => {
    const { engine } = execution;
    const rows: number[] = [];
    for (const text of list(execution) ?? []) {
      if (text === null) continue;
      const id = idOf(text);
      const row = table.find(engine, id);
      dependOnRow(execution, table, row, id);
      if (row >= 0) rows.push(row);
    }
    return rows.length > 1 ? [...new Set(rows)] : rows;
  };
}

function roots(table: StoredTable): (execution: Execution) => number[] {
  return (execution) => {
    execution.session.dependOn(execution.database.appendedLsn);
    return table.rowsOf(execution.engine, -1, 0, 0);
  };
}

function byOwner(
  table: StoredTable,
  list: IdList,
  windowOf: (frame: Frame) => TimeWindow,
): (execution: Execution) => number[] {
  return (execution) => {
    const { engine } = execution;
    const owners = new Set<number>();
    for (const id of list(execution) ?? []) {
      if (id === null) continue;
      const owner = engine.resources.find(idOf(id));
      // What is not there may have been there until the last commit; children are no part of their parent.
      if (owner < 0 || !table.ownerHoldsRows) execution.session.dependOn(execution.database.appendedLsn);
      else dependOnResource(execution, owner);
      if (owner >= 0) owners.add(owner);
    }
    const { from, to } = windowOf(execution);
    if (!(from < to)) return [];
    let rows: number[] | null = null;
    for (const owner of owners) {
      const found = table.rowsOf(engine, owner, from, to);
      if (rows === null) rows = found;
      else for (const row of found) rows.push(row);
    }
    return rows ?? [];
  };
}

/** Rows whose [start, end) does not meet [from, to) fail the conditions it was made of. */
interface TimeWindow {
  readonly from: number;
  readonly to: number;
}

/** Past every end, so that the window loses nothing. */
const FOREVER = MAX_INSTANT_MS + 1;

const EVER: TimeWindow = { from: -1, to: FOREVER };

/**
 * The widest window that the conditions on `start` and `end` leave open. Since start < end, every bound of one
 * column also bounds the other: `start >= x` means `end > x`, and `end <= y` means `start < y`. null: no bounds.
 */
function planWindow(
  conditions: readonly ColumnCondition[],
  compiler: StatementCompiler,
): ((frame: Frame) => TimeWindow) | null {
  const lower: { value: Expression; shift: number }[] = [];
  const upper: { value: Expression; shift: number }[] = [];
  for (const condition of conditions) {
    if (condition.kind !== "compare") continue;
    const { by, column } = condition;
    const isStart = column.column.name === "start";
    if (!isStart && column.column.name !== "end") continue;
    const value = compiler.integer(condition.value);
    if (value === null) continue;
    // A row meets [from, to) if end > from and start < to.
    if (by === ">" || by === ">=" || by === "=")
      lower.push({ value, shift: !isStart && by !== ">" ? -1 : 0 });
    if (by === "<" || by === "<=" || by === "=") upper.push({ value, shift: isStart && by !== "<" ? 1 : 0 });
  }
  if (lower.length === 0 && upper.length === 0) return null;
  return (frame) => {
    let from = -1;
    let to = FOREVER;
    for (const { value, shift } of lower) from = Math.max(from, boundOf(value, frame) + shift);
    for (const { value, shift } of upper) to = Math.min(to, boundOf(value, frame) + shift);
    // Rows that end after `from` and start before an earlier `to` hold the whole stretch between the two.
    return { from: Math.min(from, to - 1), to };
  };
}

/** NaN for NULL: no comparison with it is true, and the window it makes is never one. */
function boundOf(value: Expression, frame: Frame): number {
  const bound = value.evaluate(frame);
  return bound === null ? Number.NaN : Number(bound);
}
