/**
 * What a relational plan is made of. All columns that a statement has in hand lie in one array, `execution.slots`;
 * the planner gives every column that is used a slot of its own, so a column reference is one indexed load however
 * many joins lie below it, and a correlated subquery simply reads the slots of the query around it. An operator
 * fills its slots anew with each row; what must outlive the row (a sort, the built side of a hash join) copies them.
 *
 * Operators belong to the plan, which sessions share; the state of one run is in cursors. `next` may answer PAUSE
 * when the fuel of the run's slice is used up: whoever drives the run goes on by calling `next` again.
 */

import type { Execution } from "../execution.ts";
import type { ColumnOrigin, Expression, Frame } from "../expressions/expression.ts";
import { isUntyped } from "../expressions/untyped.ts";
import { type PgType, TEXT } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import type { RangeColumn } from "./range.ts";
import type { Run } from "./run.ts";

/** No more rows. */
export const DONE = 0;
/** A row is in the slots. */
export const ROW = 1;
/** The slice is used up; call again to go on. */
export const PAUSE = 2;

export type Step = typeof DONE | typeof ROW | typeof PAUSE;

export interface Cursor {
  /** Begins, or begins again from the first row, with the outer slots as they are now. */
  open(): void;
  next(): Step;
}

export interface Operator {
  cursor(run: Run): Cursor;
  /** For EXPLAIN. */
  readonly plan: PlanNode;
  /** The column, without equals, by which its rows ascend; most have none. */
  readonly ascending?: RangeColumn | undefined;
}

/** What EXPLAIN shows of an operator. */
export interface PlanNode {
  readonly label: string;
  readonly details: readonly string[];
  readonly children: readonly PlanNode[];
}

export function planNode(
  label: string,
  children: readonly Operator[] = [],
  details: readonly string[] = [],
): PlanNode {
  return { label, details, children: children.map((child) => child.plan) };
}

/** The value in a slot. */
export class SlotExpression implements Expression {
  constructor(
    readonly type: PgType,
    readonly slot: number,
    /** Holds canonical ULIDs, so what it is compared with is put into their spelling. */
    readonly isId: boolean = false,
    readonly origin: ColumnOrigin | null = null,
    readonly modifier: number | undefined = undefined,
  ) {}

  evaluate(frame: Frame): Value {
    // Every frame that slots are read through is made by the session: it is an Execution.
    return (frame as Execution).slots[this.slot] as Value;
  }
}

/** A slot for the values of an expression, with what is known of them. */
export function slotLike(expression: Expression, slot: number): SlotExpression {
  const from = expression instanceof SlotExpression ? expression : null;
  const type = isUntyped(expression) ? TEXT : expression.type;
  return new SlotExpression(type, slot, from?.isId ?? false, from?.origin ?? null, expression.modifier);
}

/** Copies of the slots named, as they are now. */
export function saveSlots(slots: readonly Value[], which: readonly number[]): Value[] {
  const saved: Value[] = [];
  for (let i = 0; i < which.length; i++) saved.push(slots[which[i] as number] as Value);
  return saved;
}

export function restoreSlots(slots: Value[], which: readonly number[], saved: readonly Value[]): void {
  for (let i = 0; i < which.length; i++) slots[which[i] as number] = saved[i] as Value;
}

export function clearSlots(slots: Value[], which: readonly number[]): void {
  for (let i = 0; i < which.length; i++) slots[which[i] as number] = null;
}
