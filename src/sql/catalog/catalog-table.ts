/** How a table of the catalogs is described here: its columns in one line, its rows as named values. */

import type { Execution } from "../execution.ts";
import { type PgType, TEXT, typeByName } from "../values/types.ts";
import type { Value } from "../values/value.ts";

export interface CatalogTable {
  readonly schema: "pg_catalog" | "information_schema";
  readonly name: string;
  readonly oid: number;
  readonly columns: readonly { readonly name: string; readonly type: PgType }[];
  rows(execution: Execution): readonly (readonly Value[])[];
}

/** A row by column names; a column left out is NULL. */
export type NamedRow = Readonly<Record<string, Value>>;

/**
 * `columns` names each column and its type as pg_type does: `oid:oid relname:name`; text where no type is given.
 * Rows are made anew for each query: few are, and what a session may see differs.
 */
export function catalogTable(
  schema: CatalogTable["schema"],
  name: string,
  oid: number,
  columns: string,
  rows: (execution: Execution) => readonly NamedRow[],
): CatalogTable {
  const described = columns.split(" ").map((column) => {
    const [columnName = "", typeName = "text"] = column.split(":");
    return { name: columnName, type: typeByName(typeName) ?? TEXT };
  });
  return {
    schema,
    name,
    oid,
    columns: described,
    rows: (execution) => rows(execution).map((row) => described.map((column) => row[column.name] ?? null)),
  };
}

/** A table of pg_catalog that has no rows here. */
export function emptyTable(name: string, oid: number, columns: string): CatalogTable {
  return catalogTable("pg_catalog", name, oid, columns, () => []);
}
