/**
 * pg_opclass: by which operators an index orders a type. Only B-trees are shown, of the types that columns have; the
 * OIDs are PostgreSQL's (pg_opclass.dat, pg_opfamily.dat).
 */

import { BOOL, INT4, INT8, type PgType, TEXT } from "../values/types.ts";
import { type CatalogTable, catalogTable } from "./catalog-table.ts";
import { BTREE_OID, OWNER_OID, PG_CATALOG_OID } from "./schema-objects.ts";

interface OperatorClass {
  readonly oid: number;
  readonly name: string;
  readonly family: number;
  readonly type: PgType;
}

const OPERATOR_CLASSES: readonly OperatorClass[] = [
  { oid: 10003, name: "bool_ops", family: 424, type: BOOL },
  { oid: 1978, name: "int4_ops", family: 1976, type: INT4 },
  { oid: 3124, name: "int8_ops", family: 1976, type: INT8 },
  { oid: 3126, name: "text_ops", family: 1994, type: TEXT },
];

/** The class by which a B-tree orders values of this type; 0 if it is none of those listed. */
export function operatorClassOid(type: PgType): number {
  return OPERATOR_CLASSES.find((candidate) => candidate.type === type)?.oid ?? 0;
}

export const OPERATOR_CLASS_TABLE: CatalogTable = catalogTable(
  "pg_catalog",
  "pg_opclass",
  2616,
  "oid:oid opcmethod:oid opcname:name opcnamespace:oid opcowner:oid opcfamily:oid opcintype:oid opcdefault:bool " +
    "opckeytype:oid",
  () =>
    OPERATOR_CLASSES.map(({ oid, name, family, type }) => ({
      oid,
      opcmethod: BTREE_OID,
      opcname: name,
      opcnamespace: PG_CATALOG_OID,
      opcowner: OWNER_OID,
      opcfamily: family,
      opcintype: type.oid,
      opcdefault: true,
      opckeytype: 0,
    })),
);
