/**
 * Rows of the table `events`, in the order of `seq`, from the lowest that the conditions on `seq` leave open. They are
 * read from the log while the query asks for more, so LIMIT ends the reading.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import type { HistoryEvent } from "../event-history.ts";
import type { Expression, Frame } from "../expressions/expression.ts";
import type { Node } from "../parse/ast.ts";
import { columnConditions } from "../statements/conjuncts.ts";
import type { StatementCompiler } from "../statements/statement-compiler.ts";
import { EVENT_COLUMNS, SEQ_COLUMN } from "../tables/events-table.ts";
import type { RelationScope } from "../tables/relation.ts";
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
import type { RangeColumn, RangeEntry } from "./range.ts";
import type { Run } from "./run.ts";

interface Bound {
  readonly value: Expression;
  /** What makes the bound one that belongs to the rows wanted. */
  readonly shift: number;
}

/** The rows from `lower` to `upper`, both included; of each list, the narrowest counts. */
export interface SeqBounds {
  readonly lower: readonly Bound[];
  readonly upper: readonly Bound[];
}

/** What conditions say of `seq`; all of them still have to be tested. */
export function planSeqBounds(
  conjuncts: readonly Node[],
  scope: RelationScope,
  compiler: StatementCompiler,
): SeqBounds {
  const lower: Bound[] = [];
  const upper: Bound[] = [];
  for (const condition of conjuncts.flatMap((node) => columnConditions(node, scope))) {
    if (condition.kind !== "compare" || condition.column.index !== SEQ_COLUMN) continue;
    const value = compiler.integer(condition.value);
    if (value === null) continue;
    const { by } = condition;
    if (by === ">" || by === ">=" || by === "=") lower.push({ value, shift: by === ">" ? 1 : 0 });
    if (by === "<" || by === "<=" || by === "=") upper.push({ value, shift: by === "<" ? -1 : 0 });
  }
  return { lower, upper };
}

/** NaN for NULL, which no row is equal to, above or below. */
function boundOf({ value, shift }: Bound, frame: Frame): number {
  const bound = value.evaluate(frame);
  return bound === null ? Number.NaN : Number(bound) + shift;
}

export class EventsScan implements Operator {
  readonly plan: PlanNode;
  readonly ascending: RangeColumn;

  constructor(
    private readonly entry: RangeEntry,
    private readonly bounds: SeqBounds,
  ) {
    const isBounded = bounds.lower.length + bounds.upper.length > 0;
    const shown = entry.name === "events" ? "events" : `events ${entry.name}`;
    const label = isBounded ? `Index Scan using events_seq on ${shown}` : `Seq Scan on ${shown}`;
    this.plan = planNode(label);
    this.ascending = entry.columns[SEQ_COLUMN] as RangeColumn;
  }

  cursor(run: Run): Cursor {
    return new EventsCursor(run, this.entry, this.bounds);
  }
}

class EventsCursor implements Cursor {
  private events: Iterator<HistoryEvent | null, void> | null = null;
  private last = 0;
  private readonly columns: (readonly [slot: number, index: number])[];

  constructor(
    private readonly run: Run,
    entry: RangeEntry,
    private readonly bounds: SeqBounds,
  ) {
    this.columns = entry.usedColumns().map((column) => [column.expression().slot, column.index]);
  }

  open(): void {
    const { execution } = this.run;
    const { database, session } = execution;
    // It tells of every change, and of those only that are durable.
    session.dependOn(database.appendedLsn);
    const { lower, upper } = this.bounds;
    const from = Math.max(...lower.map((bound) => boundOf(bound, execution)));
    this.last = Math.min(...upper.map((bound) => boundOf(bound, execution)));
    this.events = null;
    if (Number.isNaN(from) || Number.isNaN(this.last) || from > this.last) return;
    if (database.history === null) throw withoutHistory();
    this.events = database.history.read(lower.length === 0 ? null : Math.max(from, 1));
  }

  next(): Step {
    const { run, events, columns } = this;
    const { execution } = run;
    if (events !== null) {
      if (--run.fuel < 0) return PAUSE;
      const { value: event, done } = events.next();
      if (done === true) return DONE;
      if (event === null) return PAUSE;
      if (event.seq > this.last) return DONE;
      for (const [slot, index] of columns) {
        execution.slots[slot] = EVENT_COLUMNS[index]?.tell(event) ?? null;
      }
      return ROW;
    }
    return DONE;
  }
}

function withoutHistory(): DeltatError {
  return new DeltatError(SqlState.featureNotSupported, "this database has no log that could be read back");
}
