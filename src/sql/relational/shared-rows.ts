/**
 * Rows that come from elsewhere than a table of the engine: lists (catalogs, functions), and those of WITH, which several
 * places of a query may read, and which are made when the first of them asks for them and kept for the others.
 */

import type { Value } from "../values/value.ts";
import {
  type Cursor,
  DONE,
  type Operator,
  PAUSE,
  type PlanNode,
  planNode,
  ROW,
  type Step,
} from "./operator.ts";
import type { RangeEntry } from "./range.ts";
import type { Run } from "./run.ts";
import type { RowList } from "./set-functions.ts";

export type Rows = readonly (readonly Value[])[];

/** Makes one row after the other. */
export interface RowProducer {
  next(): Step;
  /** The row that `next` has answered ROW for. */
  row(): readonly Value[];
}

/** Rows that may still be in the making. */
export interface RowFeed {
  readonly rows: RowList;
  /** Makes one more: ROW, or PAUSE, or DONE where there is none. */
  more(): Step;
}

/** Rows that are all there. */
export class ListFeed implements RowFeed {
  constructor(readonly rows: RowList) {}

  more(): Step {
    return DONE;
  }
}

export class SharedRows implements RowFeed {
  readonly rows: (readonly Value[])[] = [];
  private isDone = false;
  /** It was broken off in the middle of a row, and cannot be gone on with. */
  isBroken = false;
  /** Of the rows, in the run's count. */
  keptBytes = 0;

  constructor(
    private readonly run: Run,
    private readonly producer: RowProducer,
  ) {}

  more(): Step {
    if (this.isDone) return DONE;
    // Only what is set here again after all has gone well can be gone on with.
    this.isBroken = true;
    const step = this.producer.next();
    if (step === DONE) this.isDone = true;
    if (step === ROW) {
      const row = this.producer.row();
      const { mark } = this.run;
      this.run.keep(row);
      this.keptBytes += this.run.mark - mark;
      this.rows.push(row);
    }
    this.isBroken = false;
    return step;
  }
}

/** Reads a feed from its first row. */
export class FeedScan implements Operator {
  readonly plan: PlanNode;

  constructor(
    label: string,
    private readonly entry: RangeEntry,
    private readonly source: (run: Run) => RowFeed,
  ) {
    this.plan = planNode(label);
  }

  cursor(run: Run): Cursor {
    const used = this.entry.usedColumns();
    const indexes = used.map((column) => column.index);
    const slots = used.map((column) => column.expression().slot);
    let feed: RowFeed = new ListFeed([]);
    let at = 0;
    return {
      open: () => {
        feed = this.source(run);
        at = 0;
      },
      next: () => {
        if (at >= feed.rows.length) {
          const step = feed.more();
          if (step !== ROW) return step;
        }
        if (run.isSpent()) return PAUSE;
        const row = feed.rows.at(at++) as readonly Value[];
        const { slots: values } = run.execution;
        for (let i = 0; i < slots.length; i++) {
          values[slots[i] as number] = row[indexes[i] as number] as Value;
        }
        return ROW;
      },
    };
  }
}
