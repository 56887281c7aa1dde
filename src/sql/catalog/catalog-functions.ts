/** The functions by which psql and drivers ask about catalog objects. */

import type { SqlFunction } from "../functions/signature.ts";
import { isStored, TABLES } from "../tables/schema.ts";
import { BOOL, INT4, INT8, NAME, NODE_TREE, OID, type PgType, REGCLASS, TEXT } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import {
  CONSTRAINTS,
  constraintText,
  INDEXES,
  indexText,
  OWNER_OID,
  visibleColumns,
} from "./schema-objects.ts";
import { formatType } from "./type-tables.ts";

function fn(
  name: string,
  parameters: readonly PgType[],
  result: PgType,
  body: SqlFunction["body"],
  isStrict = true,
): SqlFunction {
  return { name, parameters, result, body, isStrict, isVariadic: false };
}

const number = (value: Value | undefined): number => Number(value);

function constraintDefinition(oid: Value | undefined): Value {
  const found = CONSTRAINTS.find((constraint) => constraint.oid === number(oid));
  return found === undefined ? null : constraintText(found);
}

function indexDefinition(oid: Value | undefined, column: number, isPretty: boolean): Value {
  const found = INDEXES.find((index) => index.oid === number(oid));
  return found === undefined ? null : indexText(found, column, isPretty);
}

function tableDescription(oid: Value | undefined): Value {
  return TABLES.find((table) => table.oid === number(oid))?.description ?? null;
}

function columnDescription(oid: Value | undefined, column: Value | undefined): Value {
  const table = TABLES.find((candidate) => candidate.oid === number(oid));
  return (table === undefined ? undefined : visibleColumns(table)[number(column) - 1])?.description ?? null;
}

/** 8192 bytes: the tables live in memory, and their share of the log is not told apart. */
const relationSize = (oid: Value | undefined): number =>
  TABLES.some((table) => table.oid === number(oid) && isStored(table)) ? 8192 : 0;

const SIZE_UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** pg_size_pretty: the unit changes from 10 of the next one on. */
function prettySize(bytes: number): string {
  let unit = 0;
  let size = bytes;
  while (Math.abs(size) >= 10_240 && unit < SIZE_UNITS.length - 1) {
    size = Math.round(size / 1024);
    unit++;
  }
  return `${size} ${SIZE_UNITS[unit]}`;
}

const PRIVILEGED =
  "any column database foreign_data_wrapper function language schema sequence server table tablespace type";

/** The one user may do everything; the object is named or numbered, with or without a user before it. */
const PRIVILEGE_FUNCTIONS: readonly SqlFunction[] = PRIVILEGED.split(" ").flatMap((kind) => {
  const name = kind === "any" ? "has_any_column_privilege" : `has_${kind}_privilege`;
  const objects = [OID, TEXT];
  const shapes = objects.flatMap((object) => [
    [object, TEXT],
    [NAME, object, TEXT],
    [OID, object, TEXT],
  ]);
  const columns =
    kind === "column"
      ? objects.flatMap((object) => [
          [object, TEXT, TEXT],
          [object, INT4, TEXT],
        ])
      : shapes;
  return columns.map((parameters) => fn(name, parameters, BOOL, () => true));
});

const yes = (name: string): SqlFunction => fn(name, [OID], BOOL, () => true);

export const CATALOG_FUNCTIONS: readonly SqlFunction[] = [
  ...PRIVILEGE_FUNCTIONS,
  fn(
    "format_type",
    [OID, INT4],
    TEXT,
    ([oid = null, modifier = null]) =>
      oid === null ? null : formatType(number(oid), modifier as number | null),
    false,
  ),
  fn("pg_get_userbyid", [OID], NAME, ([oid], session) =>
    number(oid) === OWNER_OID ? session.user : `unknown (OID=${String(oid)})`,
  ),
  ...[
    "pg_type_is_visible",
    "pg_function_is_visible",
    "pg_operator_is_visible",
    "pg_collation_is_visible",
    "pg_opclass_is_visible",
  ].map(yes),
  fn("pg_relation_is_publishable", [REGCLASS], BOOL, () => false),
  fn("pg_get_expr", [NODE_TREE, OID], TEXT, ([tree]) => tree as Value),
  fn("pg_get_expr", [NODE_TREE, OID, BOOL], TEXT, ([tree]) => tree as Value),
  fn("pg_get_constraintdef", [OID], TEXT, ([oid]) => constraintDefinition(oid)),
  fn("pg_get_constraintdef", [OID, BOOL], TEXT, ([oid]) => constraintDefinition(oid)),
  fn("pg_get_indexdef", [OID], TEXT, ([oid]) => indexDefinition(oid, 0, false)),
  fn("pg_get_indexdef", [OID, INT4, BOOL], TEXT, ([oid, column, pretty]) =>
    indexDefinition(oid, number(column), pretty === true),
  ),
  ...["pg_get_viewdef", "pg_get_triggerdef", "pg_get_ruledef", "pg_get_functiondef"].flatMap((name) => [
    fn(name, [OID], TEXT, () => null),
    fn(name, [OID, BOOL], TEXT, () => null),
  ]),
  fn("pg_get_statisticsobjdef_columns", [OID], TEXT, () => null),
  fn("pg_get_function_result", [OID], TEXT, () => null),
  fn("pg_get_function_arguments", [OID], TEXT, () => ""),
  fn("pg_get_function_identity_arguments", [OID], TEXT, () => ""),
  fn("pg_get_serial_sequence", [TEXT, TEXT], TEXT, () => null),
  fn("obj_description", [OID], TEXT, ([oid]) => tableDescription(oid)),
  fn("obj_description", [OID, NAME], TEXT, ([oid, catalog]) =>
    catalog === "pg_class" ? tableDescription(oid) : null,
  ),
  fn("shobj_description", [OID, NAME], TEXT, () => null),
  fn("col_description", [OID, INT4], TEXT, ([oid, column]) => columnDescription(oid, column)),
  fn("pg_encoding_to_char", [INT4], NAME, ([encoding]) => (encoding === 6 ? "UTF8" : "")),
  fn("pg_char_to_encoding", [NAME], INT4, ([name]) => (/^utf-?8$/i.test(String(name)) ? 6 : -1)),
  fn("pg_table_size", [REGCLASS], INT8, ([oid]) => relationSize(oid)),
  fn("pg_relation_size", [REGCLASS], INT8, ([oid]) => relationSize(oid)),
  fn("pg_total_relation_size", [REGCLASS], INT8, ([oid]) => relationSize(oid)),
  fn("pg_size_pretty", [INT8], TEXT, ([bytes]) => prettySize(number(bytes))),
  fn("pg_has_role", [OID, TEXT], BOOL, () => true),
  fn("pg_has_role", [NAME, TEXT], BOOL, () => true),
  fn("pg_has_role", [NAME, OID, TEXT], BOOL, () => true),
  fn("inet_server_addr", [], TEXT, () => null),
  fn("inet_server_port", [], INT4, () => null),
  fn("inet_client_addr", [], TEXT, () => null),
];
