/** Statistics of input and output by table. Tables live in memory: no block of theirs is ever read from a disk. */

import { isStored, TABLES } from "../tables/schema.ts";
import { type CatalogTable, catalogTable } from "./catalog-table.ts";

const COUNTERS =
  "heap_blks_read heap_blks_hit idx_blks_read idx_blks_hit toast_blks_read toast_blks_hit tidx_blks_read tidx_blks_hit";

const NO_BLOCKS = Object.fromEntries(COUNTERS.split(" ").map((counter) => [counter, 0]));

function blocks(name: string, oid: number): CatalogTable {
  const columns = `relid:oid schemaname:name relname:name ${COUNTERS.replaceAll(/\w+/g, "$&:int8")}`;
  return catalogTable("pg_catalog", name, oid, columns, () =>
    TABLES.filter(isStored).map((table) => ({
      ...NO_BLOCKS,
      relid: table.oid,
      schemaname: "public",
      relname: table.name,
    })),
  );
}

export const STATISTICS_TABLES: readonly CatalogTable[] = [
  blocks("pg_statio_all_tables", 12_170),
  blocks("pg_statio_user_tables", 12_179),
];
