/** What a session may read of its own: its prepared statements. */

import { type CatalogTable, catalogTable } from "./catalog-table.ts";

export const PREPARED_STATEMENTS_TABLE: CatalogTable = catalogTable(
  "pg_catalog",
  "pg_prepared_statements",
  12_095,
  "name statement prepare_time:timestamptz parameter_types:_regtype from_sql:bool generic_plans:int8 custom_plans:int8",
  ({ session }) =>
    session.prepared.named().map(({ name, statement, preparedAtMs, isFromSql }) => ({
      name,
      statement: statement.text,
      prepare_time: preparedAtMs * 1000,
      parameter_types: statement.parameterTypes,
      from_sql: isFromSql,
      // Plans are made once and are the same for all parameters, but uses are not counted.
      generic_plans: 0,
      custom_plans: 0,
    })),
);
