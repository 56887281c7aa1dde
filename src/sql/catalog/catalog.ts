/** The tables of pg_catalog and information_schema, by name. */

import type { CatalogTable } from "./catalog-table.ts";
import { EMPTY_TABLES } from "./empty-tables.ts";
import { INFORMATION_SCHEMA } from "./information-schema.ts";
import { OPERATOR_CLASS_TABLE } from "./operator-classes.ts";
import { describeCatalogs, RELATION_TABLES } from "./relation-tables.ts";
import { SERVER_TABLES } from "./server-tables.ts";
import { PREPARED_STATEMENTS_TABLE } from "./session-tables.ts";
import { STATISTICS_TABLES } from "./statistics-tables.ts";
import { TYPE_TABLES } from "./type-tables.ts";

const TABLES: readonly CatalogTable[] = [
  ...RELATION_TABLES,
  ...TYPE_TABLES,
  ...SERVER_TABLES,
  OPERATOR_CLASS_TABLE,
  PREPARED_STATEMENTS_TABLE,
  ...STATISTICS_TABLES,
  ...EMPTY_TABLES,
  ...INFORMATION_SCHEMA,
];

describeCatalogs(TABLES);

const BY_NAME: ReadonlyMap<string, CatalogTable> = new Map(
  TABLES.map((table) => [`${table.schema}.${table.name}`, table]),
);

/** The table that FROM names; without a schema only pg_catalog is searched. */
export function findCatalogTable(schema: string | undefined, name: string): CatalogTable | null {
  return BY_NAME.get(`${schema ?? "pg_catalog"}.${name}`) ?? null;
}
