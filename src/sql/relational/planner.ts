/** What planning one statement gives out and notes: slots, places for what a run remembers, references. */

import { type Node, nameParts } from "../parse/ast.ts";
import type { LockingClause } from "../statements/row-locks.ts";
import type { StatementCompiler } from "../statements/statement-compiler.ts";
import type { QueryPlan } from "./query-tail.ts";
import type { NamedColumn, RangeEntry } from "./range.ts";
import type { QueryScope } from "./scope.ts";

export class RelationalPlanner {
  slotCount = 0;
  /** Whether the statement reads what may change while it pauses: not so what happened. */
  readsTables = false;
  private memoCount = 0;
  private readonly tracks: Set<RangeEntry>[] = [];

  /** The locking clauses of the statement, those of its subqueries included. */
  readonly lockingClauses: LockingClause[] = [];

  /** By subquery, what it gives if it reads nothing of the FROM around it: nested ones would be planned 2, 4, 8, … times. */
  readonly givenAlone = new WeakMap<Node, QueryPlan["columns"] | null>();

  constructor(readonly compiler: StatementCompiler) {}

  readonly newSlot = (): number => this.slotCount++;

  /** An index into `Run.memo`. */
  newMemo(): number {
    return this.memoCount++;
  }

  /** Notes that rows are locked. */
  locks(clauses: readonly LockingClause[]): void {
    this.lockingClauses.push(...clauses);
  }

  /** Says that an expression reads a column of `entry`. */
  noteReference(entry: RangeEntry): void {
    for (const track of this.tracks) track.add(entry);
  }

  /** Plans something and tells which entries it reads, at whatever depth they stand. */
  track<T>(plan: () => T): { value: T; references: ReadonlySet<RangeEntry> } {
    const references = new Set<RangeEntry>();
    this.tracks.push(references);
    try {
      return { value: plan(), references };
    } finally {
      this.tracks.pop();
    }
  }

  /** The column that a node names, without using it; null if it is no plain column in reach. */
  namedColumn(node: Node, scope: QueryScope): NamedColumn | null {
    if (!("ColumnRef" in node)) return null;
    const fields = nameParts(node.ColumnRef.fields);
    if (fields.at(-1) === "*") return null;
    return scope.find(fields, this.compiler.position(node.ColumnRef.location))?.named ?? null;
  }
}
