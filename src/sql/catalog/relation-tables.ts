/** pg_class, pg_attribute, pg_index, pg_constraint and their like: the tables as objects. */

import { SqlState } from "../../errors.ts";
import { defineNames } from "../parse/object-names.ts";
import { type Column, isStored, TABLES, type Table } from "../tables/schema.ts";
import { type PgType, REGCLASS, REGNAMESPACE } from "../values/types.ts";
import { type CatalogTable, catalogTable, emptyTable, type NamedRow } from "./catalog-table.ts";
import { operatorClassOid } from "./operator-classes.ts";
import {
  BTREE_OID,
  CONSTRAINTS,
  defaultOid,
  defaultText,
  HEAP_OID,
  INDEXES,
  INFORMATION_SCHEMA_OID,
  OWNER_OID,
  PG_CATALOG_OID,
  PUBLIC_OID,
  rowTypeOid,
  type SchemaIndex,
  visibleColumns,
} from "./schema-objects.ts";
import { collationOid } from "./type-tables.ts";

const NAMESPACES: readonly (readonly [oid: number, name: string])[] = [
  [PG_CATALOG_OID, "pg_catalog"],
  [PUBLIC_OID, "public"],
  [INFORMATION_SCHEMA_OID, "information_schema"],
];

/** The catalogs list themselves too; catalog.ts knows them all. */
let catalogs: readonly CatalogTable[] = [];

export function describeCatalogs(tables: readonly CatalogTable[]): void {
  catalogs = tables;
}

function relationNames(): (readonly [number, string])[] {
  return [
    ...TABLES.map(({ oid, name }) => [oid, name] as const),
    ...INDEXES.map(({ oid, name }) => [oid, name] as const),
    ...catalogs.map(
      ({ oid, name, schema }) => [oid, schema === "pg_catalog" ? name : `${schema}.${name}`] as const,
    ),
  ];
}

function definePairs(
  type: PgType,
  kind: string,
  missing: SqlState,
  pairs: () => readonly (readonly [number, string])[],
) {
  defineNames(type, {
    kind,
    missing,
    nameOf: (oid) => pairs().find((pair) => pair[0] === oid)?.[1],
    oidOf: (name) => pairs().find((pair) => pair[1] === name)?.[0],
  });
}

definePairs(REGCLASS, "relation", SqlState.undefinedTable, relationNames);
definePairs(REGNAMESPACE, "schema", SqlState.undefinedObject, () => NAMESPACES);

const PLAIN_RELATION: NamedRow = {
  reltype: 0,
  reloftype: 0,
  relowner: OWNER_OID,
  relam: 0,
  relfilenode: 0,
  reltablespace: 0,
  relpages: 0,
  reltuples: -1,
  relallvisible: 0,
  reltoastrelid: 0,
  relhasindex: false,
  relisshared: false,
  relpersistence: "p",
  relchecks: 0,
  relhasrules: false,
  relhastriggers: false,
  relhassubclass: false,
  relrowsecurity: false,
  relforcerowsecurity: false,
  relispopulated: true,
  relreplident: "d",
  relispartition: false,
  relrewrite: 0,
  relfrozenxid: 0,
  relminmxid: 0,
};

function classRows(): NamedRow[] {
  const tables = TABLES.map((table) => ({
    ...PLAIN_RELATION,
    oid: table.oid,
    relname: table.name,
    relnamespace: PUBLIC_OID,
    reltype: rowTypeOid(table),
    relam: isStored(table) ? HEAP_OID : 0,
    relkind: isStored(table) ? "r" : "v",
    relnatts: visibleColumns(table).length,
    relhasindex: isStored(table),
    // Foreign keys are kept by triggers in PostgreSQL, so psql looks for them only where there are some.
    relhastriggers: isStored(table),
  }));
  const indexes = INDEXES.map(({ oid, name, columns }) => ({
    ...PLAIN_RELATION,
    oid,
    relname: name,
    relnamespace: PUBLIC_OID,
    relam: BTREE_OID,
    relkind: "i",
    relnatts: columns.length,
    relreplident: "n",
  }));
  const own = catalogs.map(({ oid, name, schema, columns }) => ({
    ...PLAIN_RELATION,
    oid,
    relname: name,
    relnamespace: schema === "pg_catalog" ? PG_CATALOG_OID : INFORMATION_SCHEMA_OID,
    relkind: schema === "pg_catalog" ? "r" : "v",
    relam: schema === "pg_catalog" ? HEAP_OID : 0,
    relnatts: columns.length,
    relreplident: "n",
  }));
  return [...tables, ...indexes, ...own];
}

interface Attribute {
  readonly name: string;
  readonly type: PgType;
  readonly isRequired: boolean;
  readonly hasDefault: boolean;
}

function attributeRow(
  relation: number,
  number: number,
  { name, type, isRequired, hasDefault }: Attribute,
): NamedRow {
  return {
    attrelid: relation,
    attname: name,
    atttypid: type.oid,
    attstattarget: -1,
    attlen: type.length,
    attnum: number,
    attndims: type.arrayOf === undefined ? 0 : 1,
    attcacheoff: -1,
    atttypmod: -1,
    attbyval: type.length > 0 && type.length <= 8,
    attalign: type.length === 8 ? "d" : "i",
    attstorage: type.length > 0 ? "p" : "x",
    attcompression: "",
    attnotnull: isRequired,
    atthasdef: hasDefault,
    atthasmissing: false,
    attidentity: "",
    attgenerated: "",
    attisdropped: false,
    attislocal: true,
    attinhcount: 0,
    attcollation: collationOid(type),
  };
}

function tableAttribute(column: Column, table: Table): Attribute {
  return {
    name: column.name,
    type: column.type,
    isRequired: isStored(table) && !column.nullable,
    hasDefault: defaultText(column) !== null,
  };
}

function attributeRows(): NamedRow[] {
  const tables = TABLES.flatMap((table) =>
    visibleColumns(table).map((column, at) => attributeRow(table.oid, at + 1, tableAttribute(column, table))),
  );
  const indexes = INDEXES.flatMap(({ oid, table, columns }) =>
    columns.map((column, at) => {
      const { name, type } = table.columns[column] as Column;
      return attributeRow(oid, at + 1, { name, type, isRequired: false, hasDefault: false });
    }),
  );
  const own = catalogs.flatMap(({ oid, columns }) =>
    columns.map(({ name, type }, at) =>
      attributeRow(oid, at + 1, { name, type, isRequired: false, hasDefault: false }),
    ),
  );
  return [...tables, ...indexes, ...own];
}

function indexRow({ oid, table, columns, isPrimary }: SchemaIndex): NamedRow {
  return {
    indexrelid: oid,
    indrelid: table.oid,
    indnatts: columns.length,
    indnkeyatts: columns.length,
    indisunique: isPrimary,
    indnullsnotdistinct: false,
    indisprimary: isPrimary,
    indisexclusion: false,
    indimmediate: true,
    indisclustered: false,
    indisvalid: true,
    indcheckxmin: false,
    indisready: true,
    indislive: true,
    indisreplident: false,
    indkey: columns.map((column) => column + 1),
    indcollation: columns.map(() => 100),
    indclass: columns.map((column) => operatorClassOid((table.columns[column] as Column).type)),
    indoption: columns.map(() => 0),
  };
}

function constraintRows(): NamedRow[] {
  return CONSTRAINTS.map(({ oid, name, table, kind, column, indexOid, target, cascades }) => ({
    oid,
    conname: name,
    connamespace: PUBLIC_OID,
    contype: kind,
    condeferrable: false,
    condeferred: false,
    convalidated: true,
    conrelid: table.oid,
    contypid: 0,
    conindid: indexOid,
    conparentid: 0,
    confrelid: target?.oid ?? 0,
    confupdtype: kind === "f" ? "a" : " ",
    confdeltype: kind === "f" ? (cascades ? "c" : "a") : " ",
    confmatchtype: kind === "f" ? "s" : " ",
    conislocal: true,
    coninhcount: 0,
    connoinherit: true,
    conkey: [column + 1],
    confkey: kind === "f" ? [1] : null,
  }));
}

function descriptionRows(): NamedRow[] {
  return TABLES.flatMap((table) => [
    { objoid: table.oid, classoid: 1259, objsubid: 0, description: table.description },
    ...visibleColumns(table).map((column, at) => ({
      objoid: table.oid,
      classoid: 1259,
      objsubid: at + 1,
      description: column.description,
    })),
  ]);
}

const pg = (name: string, oid: number, columns: string, rows: () => readonly NamedRow[]) =>
  catalogTable("pg_catalog", name, oid, columns, rows);

export const RELATION_TABLES: readonly CatalogTable[] = [
  pg(
    "pg_class",
    1259,
    "oid:oid relname:name relnamespace:oid reltype:oid reloftype:oid relowner:oid relam:oid relfilenode:oid " +
      "reltablespace:oid relpages:int4 reltuples:float4 relallvisible:int4 reltoastrelid:oid relhasindex:bool " +
      "relisshared:bool relpersistence:char relkind:char relnatts:int2 relchecks:int2 relhasrules:bool " +
      "relhastriggers:bool relhassubclass:bool relrowsecurity:bool relforcerowsecurity:bool relispopulated:bool " +
      "relreplident:char relispartition:bool relrewrite:oid relfrozenxid:xid relminmxid:xid relacl:_aclitem " +
      "reloptions:_text relpartbound:pg_node_tree",
    classRows,
  ),
  pg(
    "pg_attribute",
    1249,
    "attrelid:oid attname:name atttypid:oid attstattarget:int4 attlen:int2 attnum:int2 attndims:int4 " +
      "attcacheoff:int4 atttypmod:int4 attbyval:bool attalign:char attstorage:char attcompression:char " +
      "attnotnull:bool atthasdef:bool atthasmissing:bool attidentity:char attgenerated:char attisdropped:bool " +
      "attislocal:bool attinhcount:int4 attcollation:oid attacl:_aclitem attoptions:_text attfdwoptions:_text " +
      "attmissingval:_text",
    attributeRows,
  ),
  pg("pg_attrdef", 2604, "oid:oid adrelid:oid adnum:int2 adbin:pg_node_tree", () =>
    TABLES.flatMap((table) =>
      visibleColumns(table).flatMap((column, at) => {
        const adbin = defaultText(column);
        return adbin === null
          ? []
          : [{ oid: defaultOid(table, at), adrelid: table.oid, adnum: at + 1, adbin }];
      }),
    ),
  ),
  pg(
    "pg_index",
    2610,
    "indexrelid:oid indrelid:oid indnatts:int2 indnkeyatts:int2 indisunique:bool indnullsnotdistinct:bool " +
      "indisprimary:bool indisexclusion:bool indimmediate:bool indisclustered:bool indisvalid:bool " +
      "indcheckxmin:bool indisready:bool indislive:bool indisreplident:bool indkey:int2vector " +
      "indcollation:oidvector indclass:oidvector indoption:int2vector indexprs:pg_node_tree indpred:pg_node_tree",
    () => INDEXES.map(indexRow),
  ),
  pg(
    "pg_constraint",
    2606,
    "oid:oid conname:name connamespace:oid contype:char condeferrable:bool condeferred:bool convalidated:bool " +
      "conrelid:oid contypid:oid conindid:oid conparentid:oid confrelid:oid confupdtype:char confdeltype:char " +
      "confmatchtype:char conislocal:bool coninhcount:int4 connoinherit:bool conkey:_int2 confkey:_int2 " +
      "conpfeqop:_oid conppeqop:_oid conffeqop:_oid confdelsetcols:_int2 conexclop:_oid conbin:pg_node_tree",
    constraintRows,
  ),
  pg("pg_namespace", 2615, "oid:oid nspname:name nspowner:oid nspacl:_aclitem", () =>
    NAMESPACES.map(([oid, nspname]) => ({ oid, nspname, nspowner: OWNER_OID })),
  ),
  pg("pg_description", 2609, "objoid:oid classoid:oid objsubid:int4 description", descriptionRows),
  pg("pg_am", 2601, "oid:oid amname:name amhandler:regproc amtype:char", () => [
    { oid: HEAP_OID, amname: "heap", amhandler: 0, amtype: "t" },
    { oid: BTREE_OID, amname: "btree", amhandler: 0, amtype: "i" },
  ]),
  catalogTable(
    "pg_catalog",
    "pg_tables",
    12_033,
    "schemaname:name tablename:name tableowner:name tablespace:name hasindexes:bool hasrules:bool hastriggers:bool rowsecurity:bool",
    ({ session }) =>
      TABLES.filter(isStored).map(({ name }) => ({
        schemaname: "public",
        tablename: name,
        tableowner: session.user,
        hasindexes: true,
        hasrules: false,
        hastriggers: false,
        rowsecurity: false,
      })),
  ),
  catalogTable(
    "pg_catalog",
    "pg_views",
    12_028,
    "schemaname:name viewname:name viewowner:name definition",
    ({ session }) =>
      TABLES.filter((table) => !isStored(table)).map(({ name }) => ({
        schemaname: "public",
        viewname: name,
        viewowner: session.user,
      })),
  ),
  emptyTable("pg_inherits", 2611, "inhrelid:oid inhparent:oid inhseqno:int4 inhdetachpending:bool"),
];
