/** Operators at the leaves: the one row of a query without FROM, the rows of stored tables, and of `availability`. */

import type { Expression } from "../expressions/expression.ts";
import type { AccessPath } from "../statements/access-path.ts";
import type { AvailabilityQuery } from "../statements/availability-query.ts";
import type { Column, StoredTable, Table } from "../tables/schema.ts";
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

/** The one row of a query without FROM. */
export class OneRow implements Operator {
  readonly plan = planNode("Result");

  cursor(): Cursor {
    let isGiven = false;
    return {
      open: () => {
        isGiven = false;
      },
      next: () => {
        if (isGiven) return DONE;
        isGiven = true;
        return ROW;
      },
    };
  }
}

/** Reads the used columns of an entry into their slots, from `execution.row`. */
class RowLoader {
  private readonly columns: Column[] = [];
  private readonly slots: number[] = [];

  constructor(entry: RangeEntry, table: Table) {
    for (const used of entry.usedColumns()) {
      this.columns.push(table.columns[used.index] as Column);
      this.slots.push(used.expression().slot);
    }
  }

  load(run: Run): void {
    const { execution } = run;
    for (let i = 0; i < this.columns.length; i++) {
      execution.slots[this.slots[i] as number] = (this.columns[i] as Column).read(execution);
    }
  }
}

/** Rows of a stored table by an access path, of which those that pass the filter. */
export class StoredScan implements Operator {
  readonly plan: PlanNode;

  constructor(
    private readonly entry: RangeEntry,
    private readonly table: StoredTable,
    private readonly path: AccessPath,
    /** Over `execution.row`, so that what it refuses is never loaded. */
    private readonly filter: Expression | null,
  ) {
    const details = filter === null ? [] : ["Filter"];
    this.plan = planNode(scanLabel(entry, table, path.kind), [], details);
  }

  cursor(run: Run): Cursor {
    return new StoredCursor(run, this.path, this.filter, new RowLoader(this.entry, this.table));
  }
}

function scanLabel({ name }: RangeEntry, table: StoredTable, kind: AccessPath["kind"]): string {
  const shown = name === table.name ? name : `${table.name} ${name}`;
  if (kind === "all") return `Seq Scan on ${shown}`;
  if (kind === "id") return `Index Scan using ${table.name}_pkey on ${shown}`;
  const owner = table.columns[table.ownerColumn]?.name ?? "";
  return `Index Scan using ${table.name}_${owner}${kind === "window" ? "_span" : ""}_idx on ${shown}`;
}

class StoredCursor implements Cursor {
  private rows: readonly number[] = [];
  private at = 0;

  constructor(
    private readonly run: Run,
    private readonly path: AccessPath,
    private readonly filter: Expression | null,
    private readonly loader: RowLoader,
  ) {}

  open(): void {
    this.rows = this.path.candidates(this.run.execution);
    this.at = 0;
  }

  next(): Step {
    const { run, rows, filter } = this;
    const { execution } = run;
    while (this.at < rows.length) {
      if (--run.fuel < 0) return PAUSE;
      execution.row = rows[this.at++] as number;
      if (filter !== null && filter.evaluate(execution) !== true) continue;
      this.loader.load(run);
      return ROW;
    }
    return DONE;
  }
}

/** The spans of `availability`, computed when opened: the engine's own buffer is used again by the next question. */
export class AvailabilityScan implements Operator {
  readonly plan: PlanNode;

  constructor(
    private readonly entry: RangeEntry,
    private readonly table: Table,
    private readonly query: AvailabilityQuery,
    private readonly filter: Expression | null,
  ) {
    this.plan = planNode(`Availability Scan on ${entry.name}`, [], filter === null ? [] : ["Filter"]);
  }

  cursor(run: Run): Cursor {
    const { query, filter } = this;
    const loader = new RowLoader(this.entry, this.table);
    let spans = new Float64Array(0);
    let owners: Int32Array | null = null;
    let owner = -1;
    let count = 0;
    let at = 0;
    return {
      open: () => {
        const { execution } = run;
        count = query.compute(execution);
        spans = execution.spans.slice(0, count * 2);
        owners = execution.spanOwners?.slice(0, count) ?? null;
        owner = execution.spanOwner;
        at = 0;
      },
      next: () => {
        const { execution } = run;
        while (at < count) {
          if (--run.fuel < 0) return PAUSE;
          execution.spans = spans;
          execution.spanOwners = owners;
          execution.spanOwner = owner;
          execution.row = at++;
          if (filter !== null && filter.evaluate(execution) !== true) continue;
          loader.load(run);
          return ROW;
        }
        return DONE;
      },
    };
  }
}
