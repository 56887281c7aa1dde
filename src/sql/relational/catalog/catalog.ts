/** The tables of pg_catalog and information_schema, by name. */

import type { Execution } from "../../execution.ts";
import type { PgType } from "../../types.ts";
import type { Value } from "../../value.ts";

export interface CatalogTable {
  readonly schema: "pg_catalog" | "information_schema";
  readonly name: string;
  readonly oid: number;
  readonly columns: readonly { readonly name: string; readonly type: PgType }[];
  rows(execution: Execution): readonly (readonly Value[])[];
}

const TABLES: readonly CatalogTable[] = [];

const BY_NAME: ReadonlyMap<string, CatalogTable> = new Map(
  TABLES.map((table) => [`${table.schema}.${table.name}`, table]),
);

/** The table that FROM names; without a schema only pg_catalog is searched. */
export function findCatalogTable(schema: string | undefined, name: string): CatalogTable | null {
  return BY_NAME.get(`${schema ?? "pg_catalog"}.${name}`) ?? null;
}
