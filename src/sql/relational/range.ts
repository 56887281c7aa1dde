/** What FROM brings into reach: entries with columns, and the names that a query may use for them. */

import type { ColumnOrigin, Expression } from "../expressions/expression.ts";
import type { PgType } from "../values/types.ts";
import { SlotExpression } from "./operator.ts";

export interface ColumnTraits {
  readonly isId?: boolean;
  /** Not part of `*`. */
  readonly hidden?: boolean;
  /** Not to be read. */
  readonly filterOnly?: boolean;
  readonly origin?: ColumnOrigin | null;
  readonly modifier?: number | undefined;
}

/** One column of an entry. It gets a slot when an expression first uses it, so unused columns are never read. */
export class RangeColumn {
  private slot: SlotExpression | null = null;

  constructor(
    readonly entry: RangeEntry,
    readonly name: string,
    readonly type: PgType,
    /** Position in `entry.columns`. */
    readonly index: number,
    readonly traits: ColumnTraits,
    private readonly newSlot: () => number,
  ) {}

  get isUsed(): boolean {
    return this.slot !== null;
  }

  expression(): SlotExpression {
    this.slot ??= new SlotExpression(
      this.type,
      this.newSlot(),
      this.traits.isId ?? false,
      this.traits.origin ?? null,
      this.traits.modifier,
    );
    return this.slot;
  }
}

/** One item of FROM under its name. */
export class RangeEntry {
  readonly columns: RangeColumn[] = [];
  /** What the table is called where `name` is an alias. */
  tableName: string | null = null;

  constructor(
    /** null: a join or subquery without alias, whose columns no qualifier reaches. */
    readonly name: string | null,
    readonly schema: string | null,
    /** How many queries lie around the one it belongs to. */
    readonly depth: number,
    private readonly newSlot: () => number,
  ) {}

  add(name: string, type: PgType, traits: ColumnTraits = {}): void {
    this.columns.push(new RangeColumn(this, name, type, this.columns.length, traits, this.newSlot));
  }

  /** The columns that have slots; complete once the statement is planned. */
  usedColumns(): RangeColumn[] {
    return this.columns.filter((column) => column.isUsed);
  }

  usedSlots(): number[] {
    return this.usedColumns().map((column) => column.expression().slot);
  }
}

/** A column as a query names it: one of an entry, or the merged one of a join with USING. */
export interface NamedColumn {
  readonly name: string;
  readonly hidden: boolean;
  readonly entries: readonly RangeEntry[];
  /** null for a merged column that is computed. */
  readonly column: RangeColumn | null;
  expression(): Expression;
}

export function namedColumn(column: RangeColumn, name: string = column.name): NamedColumn {
  return {
    name,
    hidden: column.traits.hidden ?? false,
    entries: [column.entry],
    column,
    expression: () => column.expression(),
  };
}

/** Names in reach: columns in the order of `*`, and entries for qualified names. */
export interface Namespace {
  readonly columns: readonly NamedColumn[];
  readonly entries: readonly {
    readonly name: string | null;
    readonly tableName?: string | null;
    readonly schema: string | null;
    readonly columns: readonly NamedColumn[];
  }[];
}

export const EMPTY_NAMESPACE: Namespace = { columns: [], entries: [] };

export function namespaceOf(entry: RangeEntry): Namespace {
  const columns = entry.columns.map((column) => namedColumn(column));
  return {
    columns,
    entries: [{ name: entry.name, tableName: entry.tableName, schema: entry.schema, columns }],
  };
}

export function joinedNamespace(left: Namespace, right: Namespace): Namespace {
  return { columns: [...left.columns, ...right.columns], entries: [...left.entries, ...right.entries] };
}
