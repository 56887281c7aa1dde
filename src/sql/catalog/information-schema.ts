/** information_schema: the SQL standard's view of the same tables (ISO/IEC 9075-11). */

import type { Execution } from "../execution.ts";
import { type Column, isStored, TABLES, type Table } from "../tables/schema.ts";
import type { Value } from "../values/value.ts";
import { type CatalogTable, catalogTable, type NamedRow } from "./catalog-table.ts";
import { CONSTRAINTS, defaultText, type SchemaConstraint, visibleColumns } from "./schema-objects.ts";

const YES = "YES";
const NO = "NO";

function place({ session }: Execution, table: Table): NamedRow {
  return { table_catalog: session.database, table_schema: "public", table_name: table.name };
}

function constraintPlace({ session }: Execution, { name }: SchemaConstraint): NamedRow {
  return { constraint_catalog: session.database, constraint_schema: "public", constraint_name: name };
}

/** Bits of a whole-number type, as `numeric_precision` with radix 2. */
const PRECISIONS: Record<string, number> = { int2: 16, int4: 32, int8: 64 };

function columnRow(execution: Execution, table: Table, column: Column, at: number): NamedRow {
  const { type } = column;
  const precision = PRECISIONS[type.typname] ?? null;
  const canWrite: Value = isStored(table) ? YES : NO;
  return {
    ...place(execution, table),
    column_name: column.name,
    ordinal_position: at + 1,
    column_default: defaultText(column),
    is_nullable: column.nullable || !isStored(table) ? YES : NO,
    data_type: type.name,
    character_octet_length: type.category === "string" ? 1024 ** 3 : null,
    numeric_precision: precision,
    numeric_precision_radix: precision === null ? null : 2,
    numeric_scale: precision === null ? null : 0,
    udt_catalog: execution.session.database,
    udt_schema: "pg_catalog",
    udt_name: type.typname,
    dtd_identifier: String(at + 1),
    is_self_referencing: NO,
    is_identity: NO,
    identity_cycle: NO,
    is_generated: "NEVER",
    is_updatable: canWrite,
  };
}

const view = (
  name: string,
  oid: number,
  columns: string,
  rows: (execution: Execution) => readonly NamedRow[],
) => catalogTable("information_schema", name, oid, columns, rows);

const foreignKeys = CONSTRAINTS.filter(({ kind }) => kind === "f");

function constrainedColumn({ table, column }: SchemaConstraint): string {
  return (table.columns[column] as Column).name;
}

export const INFORMATION_SCHEMA: readonly CatalogTable[] = [
  view(
    "schemata",
    13_382,
    "catalog_name:name schema_name:name schema_owner:name default_character_set_catalog:name " +
      "default_character_set_schema:name default_character_set_name:name sql_path",
    ({ session }) =>
      ["pg_catalog", "public", "information_schema"].map((name) => ({
        catalog_name: session.database,
        schema_name: name,
        schema_owner: session.user,
      })),
  ),
  view(
    "tables",
    13_425,
    "table_catalog:name table_schema:name table_name:name table_type self_referencing_column_name:name " +
      "reference_generation user_defined_type_catalog:name user_defined_type_schema:name " +
      "user_defined_type_name:name is_insertable_into is_typed commit_action",
    (execution) =>
      TABLES.map((table) => ({
        ...place(execution, table),
        table_type: isStored(table) ? "BASE TABLE" : "VIEW",
        is_insertable_into: isStored(table) ? YES : NO,
        is_typed: NO,
      })),
  ),
  view(
    "columns",
    13_295,
    "table_catalog:name table_schema:name table_name:name column_name:name ordinal_position:int4 column_default " +
      "is_nullable data_type character_maximum_length:int4 character_octet_length:int4 numeric_precision:int4 " +
      "numeric_precision_radix:int4 numeric_scale:int4 datetime_precision:int4 interval_type " +
      "interval_precision:int4 character_set_catalog:name character_set_schema:name character_set_name:name " +
      "collation_catalog:name collation_schema:name collation_name:name domain_catalog:name domain_schema:name " +
      "domain_name:name udt_catalog:name udt_schema:name udt_name:name scope_catalog:name scope_schema:name " +
      "scope_name:name maximum_cardinality:int4 dtd_identifier:name is_self_referencing is_identity " +
      "identity_generation identity_start identity_increment identity_maximum identity_minimum identity_cycle " +
      "is_generated generation_expression is_updatable",
    (execution) =>
      TABLES.flatMap((table) =>
        visibleColumns(table).map((column, at) => columnRow(execution, table, column, at)),
      ),
  ),
  view(
    "table_constraints",
    13_411,
    "constraint_catalog:name constraint_schema:name constraint_name:name table_catalog:name table_schema:name " +
      "table_name:name constraint_type is_deferrable initially_deferred enforced nulls_distinct",
    (execution) =>
      CONSTRAINTS.map((constraint) => ({
        ...constraintPlace(execution, constraint),
        ...place(execution, constraint.table),
        constraint_type: constraint.kind === "p" ? "PRIMARY KEY" : "FOREIGN KEY",
        is_deferrable: NO,
        initially_deferred: NO,
        enforced: YES,
      })),
  ),
  view(
    "key_column_usage",
    13_329,
    "constraint_catalog:name constraint_schema:name constraint_name:name table_catalog:name table_schema:name " +
      "table_name:name column_name:name ordinal_position:int4 position_in_unique_constraint:int4",
    (execution) =>
      CONSTRAINTS.map((constraint) => ({
        ...constraintPlace(execution, constraint),
        ...place(execution, constraint.table),
        column_name: constrainedColumn(constraint),
        ordinal_position: 1,
        position_in_unique_constraint: constraint.kind === "f" ? 1 : null,
      })),
  ),
  view(
    "referential_constraints",
    13_339,
    "constraint_catalog:name constraint_schema:name constraint_name:name unique_constraint_catalog:name " +
      "unique_constraint_schema:name unique_constraint_name:name match_option update_rule delete_rule",
    (execution) =>
      foreignKeys.map((constraint) => ({
        ...constraintPlace(execution, constraint),
        unique_constraint_catalog: execution.session.database,
        unique_constraint_schema: "public",
        unique_constraint_name: `${constraint.target?.name}_pkey`,
        match_option: "NONE",
        update_rule: "NO ACTION",
        delete_rule: constraint.cascades ? "CASCADE" : "NO ACTION",
      })),
  ),
  view(
    "constraint_column_usage",
    13_300,
    "table_catalog:name table_schema:name table_name:name column_name:name constraint_catalog:name " +
      "constraint_schema:name constraint_name:name",
    (execution) =>
      CONSTRAINTS.map((constraint) => ({
        ...constraintPlace(execution, constraint),
        ...place(execution, constraint.target ?? constraint.table),
        column_name: "id",
      })),
  ),
  view(
    "views",
    13_483,
    "table_catalog:name table_schema:name table_name:name view_definition check_option is_updatable " +
      "is_insertable_into is_trigger_updatable is_trigger_deletable is_trigger_insertable_into",
    (execution) =>
      TABLES.filter((table) => !isStored(table)).map((table) => ({
        ...place(execution, table),
        check_option: "NONE",
        is_updatable: NO,
        is_insertable_into: NO,
        is_trigger_updatable: NO,
        is_trigger_deletable: NO,
        is_trigger_insertable_into: NO,
      })),
  ),
  view(
    "sequences",
    13_414,
    "sequence_catalog:name sequence_schema:name sequence_name:name data_type numeric_precision:int4 " +
      "numeric_precision_radix:int4 numeric_scale:int4 start_value minimum_value maximum_value increment cycle_option",
    () => [],
  ),
];
