/** Joins: nested loops whose inner side is opened anew for each outer row, and hash joins. */

import type { Expression } from "../expressions/expression.ts";
import type { Value } from "../values/value.ts";
import {
  type Cursor,
  clearSlots,
  DONE,
  type Operator,
  PAUSE,
  type PlanNode,
  planNode,
  ROW,
  restoreSlots,
  type Step,
  saveSlots,
} from "./operator.ts";
import { joinKeys, type Key, type KeyOf } from "./row-key.ts";
import type { Run } from "./run.ts";

export type JoinKind = "inner" | "left" | "full";

const KIND_WORDS: Record<JoinKind, string> = { inner: "", left: " Left", full: " Full" };

/** The slots that a side fills; asked for when a run begins, since planning goes on giving out slots. */
export type SlotList = () => readonly number[];

export class NestedLoop implements Operator {
  readonly plan: PlanNode;

  constructor(
    private readonly outer: Operator,
    private readonly inner: Operator,
    private readonly kind: "inner" | "left",
    private readonly condition: Expression | null,
    private readonly innerSlots: SlotList,
  ) {
    const details = condition === null ? [] : ["Join Filter"];
    this.plan = planNode(`Nested Loop${KIND_WORDS[kind]}`, [outer, inner], details);
  }

  cursor(run: Run): Cursor {
    return new NestedLoopCursor(
      run,
      this.outer.cursor(run),
      this.inner.cursor(run),
      this.kind === "left",
      this.condition,
      this.innerSlots(),
    );
  }
}

class NestedLoopCursor implements Cursor {
  private hasOuter = false;
  private isMatched = false;

  constructor(
    private readonly run: Run,
    private readonly outer: Cursor,
    private readonly inner: Cursor,
    private readonly keepsOuter: boolean,
    private readonly condition: Expression | null,
    private readonly innerSlots: readonly number[],
  ) {}

  open(): void {
    this.outer.open();
    this.hasOuter = false;
  }

  next(): Step {
    const { condition, run } = this;
    for (;;) {
      if (!this.hasOuter) {
        const step = this.outer.next();
        if (step !== ROW) return step;
        this.hasOuter = true;
        this.isMatched = false;
        this.inner.open();
      }
      const step = this.inner.next();
      if (step === PAUSE) return PAUSE;
      if (step === ROW) {
        if (condition !== null && condition.evaluate(run.execution) !== true) continue;
        this.isMatched = true;
        return ROW;
      }
      this.hasOuter = false;
      if (this.keepsOuter && !this.isMatched) {
        clearSlots(run.execution.slots, this.innerSlots);
        return ROW;
      }
    }
  }
}

/** One equality of a hash join. */
export interface HashKey {
  readonly probe: Expression;
  readonly build: Expression;
  readonly keyOf: KeyOf;
}

/** The right side is kept in memory by key; without keys all of it is one bucket. */
export class HashJoin implements Operator {
  readonly plan: PlanNode;

  constructor(
    readonly left: Operator,
    readonly right: Operator,
    readonly kind: JoinKind,
    readonly keys: readonly HashKey[],
    readonly condition: Expression | null,
    readonly leftSlots: SlotList,
    readonly rightSlots: SlotList,
  ) {
    const label = keys.length > 0 ? `Hash${KIND_WORDS[kind]} Join` : `Nested Loop${KIND_WORDS[kind]}`;
    this.plan = planNode(label, [left, right], condition === null ? [] : ["Join Filter"]);
  }

  cursor(run: Run): Cursor {
    return new HashJoinCursor(run, this);
  }
}

interface BuiltRow {
  readonly values: readonly Value[];
  isMatched: boolean;
}

class HashJoinCursor implements Cursor {
  private readonly left: Cursor;
  private readonly right: Cursor;
  private readonly leftSlots: readonly number[];
  private readonly rightSlots: readonly number[];
  private readonly buckets = new Map<Key, BuiltRow[]>();
  /** Every row, where those without match are wanted; rows with a NULL key are in no bucket. */
  private built: BuiltRow[] = [];
  private phase: "build" | "probe" | "unmatched" = "build";
  private bucket: readonly BuiltRow[] | null = null;
  private at = 0;
  private isMatched = false;
  private mark = 0;

  constructor(
    private readonly run: Run,
    private readonly join: HashJoin,
  ) {
    this.left = join.left.cursor(run);
    this.right = join.right.cursor(run);
    this.leftSlots = join.leftSlots();
    this.rightSlots = join.rightSlots();
  }

  open(): void {
    if (this.built.length + this.buckets.size > 0) this.run.release(this.mark);
    this.mark = this.run.mark;
    this.buckets.clear();
    this.built = [];
    this.bucket = null;
    this.phase = "build";
    this.right.open();
  }

  next(): Step {
    if (this.phase === "build") {
      const step = this.build();
      if (step !== DONE) return step;
      this.phase = "probe";
      this.left.open();
    }
    if (this.phase === "probe") {
      const step = this.probe();
      if (step !== DONE) return step;
      if (this.join.kind !== "full") return DONE;
      this.phase = "unmatched";
      this.at = 0;
      clearSlots(this.run.execution.slots, this.leftSlots);
    }
    return this.nextUnmatched();
  }

  private build(): Step {
    const { run, join } = this;
    for (;;) {
      const step = this.right.next();
      if (step !== ROW) return step;
      const row: BuiltRow = { values: saveSlots(run.execution.slots, this.rightSlots), isMatched: false };
      run.keep(row.values);
      if (join.kind === "full") this.built.push(row);
      const key = this.key(false);
      if (key === null) continue;
      const bucket = this.buckets.get(key);
      if (bucket === undefined) this.buckets.set(key, [row]);
      else bucket.push(row);
    }
  }

  private probe(): Step {
    const { run, join } = this;
    const { slots } = run.execution;
    for (;;) {
      if (this.bucket === null) {
        const step = this.left.next();
        if (step !== ROW) return step;
        const key = this.key(true);
        this.bucket = (key === null ? undefined : this.buckets.get(key)) ?? NO_ROWS;
        this.at = 0;
        this.isMatched = false;
      }
      const row = this.bucket[this.at++];
      if (row === undefined) {
        this.bucket = null;
        if (join.kind === "inner" || this.isMatched) continue;
        clearSlots(slots, this.rightSlots);
        return ROW;
      }
      if (--run.fuel < 0) {
        this.at--;
        return PAUSE;
      }
      restoreSlots(slots, this.rightSlots, row.values);
      if (join.condition !== null && join.condition.evaluate(run.execution) !== true) continue;
      row.isMatched = true;
      this.isMatched = true;
      return ROW;
    }
  }

  private nextUnmatched(): Step {
    for (; this.at < this.built.length; ) {
      if (this.run.isSpent()) return PAUSE;
      const row = this.built[this.at++] as BuiltRow;
      if (row.isMatched) continue;
      restoreSlots(this.run.execution.slots, this.rightSlots, row.values);
      return ROW;
    }
    return DONE;
  }

  /** null where a NULL keeps the row from equalling any other. */
  private key(isProbe: boolean): Key | null {
    const { keys } = this.join;
    const { execution } = this.run;
    const [only] = keys;
    if (only === undefined) return 0;
    if (keys.length === 1) {
      const value = (isProbe ? only.probe : only.build).evaluate(execution);
      return value === null ? null : only.keyOf(value);
    }
    const parts: Key[] = [];
    for (const key of keys) {
      const value = (isProbe ? key.probe : key.build).evaluate(execution);
      if (value === null) return null;
      parts.push(key.keyOf(value));
    }
    return joinKeys(parts);
  }
}

const NO_ROWS: readonly BuiltRow[] = [];
