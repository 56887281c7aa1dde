/**
 * The schema as objects with OIDs: relations, indexes, constraints, defaults. All of it follows from the tables'
 * own column lists (tables/schema.ts); what the catalogs show and what functions say of an OID both read it here.
 */

import { type Column, isStored, type StoredTable, TABLES, type Table } from "../tables/schema.ts";

/** Namespaces. */
export const PG_CATALOG_OID = 11;
export const PUBLIC_OID = 2200;
export const INFORMATION_SCHEMA_OID = 13_000;

/** The one user. */
export const OWNER_OID = 10;

export const HEAP_OID = 2;
export const BTREE_OID = 403;

export interface SchemaIndex {
  readonly oid: number;
  readonly name: string;
  readonly table: StoredTable;
  /** Positions in `table.columns`. */
  readonly columns: readonly number[];
  readonly isPrimary: boolean;
}

export interface SchemaConstraint {
  readonly oid: number;
  readonly name: string;
  readonly table: StoredTable;
  readonly kind: "p" | "f";
  readonly column: number;
  readonly indexOid: number;
  /** For a foreign key: what it refers to, and whether deleting that deletes this. */
  readonly target: StoredTable | null;
  readonly cascades: boolean;
}

const stored: readonly StoredTable[] = TABLES.filter(isStored);

/** The columns that exist for catalogs: those that `*` shows. */
export function visibleColumns(table: Table): readonly Column[] {
  return table.columns.filter((column) => !column.hidden);
}

const resources = stored.find(({ name }) => name === "resources") as StoredTable;

/** OIDs of what belongs to a table follow from the table's own. */
const INDEX_BASE = 100;
const OWNER_INDEX_BASE = 200;
const PRIMARY_KEY_BASE = 300;
const FOREIGN_KEY_BASE = 400;
const ROW_TYPE_BASE = 500;
const DEFAULT_BASE = 1000;
const DEFAULTS_PER_TABLE = 32;

export const INDEXES: readonly SchemaIndex[] = stored.flatMap((table) => [
  { oid: table.oid + INDEX_BASE, name: `${table.name}_pkey`, table, columns: [0], isPrimary: true },
  {
    oid: table.oid + OWNER_INDEX_BASE,
    name: `${table.name}_${ownerName(table)}_idx`,
    table,
    columns: [table.ownerColumn],
    isPrimary: false,
  },
]);

export const CONSTRAINTS: readonly SchemaConstraint[] = stored.flatMap((table) => [
  {
    oid: table.oid + PRIMARY_KEY_BASE,
    name: `${table.name}_pkey`,
    table,
    kind: "p" as const,
    column: 0,
    indexOid: table.oid + INDEX_BASE,
    target: null,
    cascades: false,
  },
  {
    oid: table.oid + FOREIGN_KEY_BASE,
    name: `${table.name}_${ownerName(table)}_fkey`,
    table,
    kind: "f" as const,
    column: table.ownerColumn,
    indexOid: resources.oid + INDEX_BASE,
    target: resources,
    cascades: table !== resources,
  },
]);

function ownerName(table: StoredTable): string {
  return (table.columns[table.ownerColumn] as Column).name;
}

export function rowTypeOid(table: Table): number {
  return table.oid + ROW_TYPE_BASE;
}

export function defaultOid(table: Table, column: number): number {
  return DEFAULT_BASE + table.oid + (table.oid % 100) * DEFAULTS_PER_TABLE + column;
}

/** What an INSERT that leaves a column out puts there, in SQL; null for nothing. */
export function defaultText(column: Column): string | null {
  return column.fallbackText;
}

/** A name as SQL writes it. */
function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && name !== "end" ? name : `"${name.replaceAll('"', '""')}"`;
}

export function constraintText({ table, kind, column, target, cascades }: SchemaConstraint): string {
  const name = quoteName((table.columns[column] as Column).name);
  if (kind === "p" || target === null) return `PRIMARY KEY (${name})`;
  return `FOREIGN KEY (${name}) REFERENCES ${target.name}(id)${cascades ? " ON DELETE CASCADE" : ""}`;
}

/** The statement that would make the index; `column` above 0: only the name of that column. */
export function indexText(
  { name, table, columns, isPrimary }: SchemaIndex,
  column: number,
  isPretty: boolean,
): string {
  const names = columns.map((at) => quoteName((table.columns[at] as Column).name));
  if (column > 0) return names[column - 1] ?? "";
  const on = isPretty ? table.name : `public.${table.name}`;
  return `CREATE ${isPrimary ? "UNIQUE " : ""}INDEX ${name} ON ${on} USING btree (${names.join(", ")})`;
}
