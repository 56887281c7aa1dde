/** pg_type and what goes with it: the types of values/types.ts, their functions' names, and none of the kinds not had. */

import { SqlState } from "../../errors.ts";
import { defineNames } from "../parse/object-names.ts";
import {
  allTypes,
  arrayTypeOf,
  isVector,
  type PgType,
  RECORD,
  REGPROC,
  REGTYPE,
  typeByName,
  typeByOid,
} from "../values/types.ts";
import { type CatalogTable, catalogTable, emptyTable, type NamedRow } from "./catalog-table.ts";
import { OWNER_OID, PG_CATALOG_OID } from "./schema-objects.ts";

const CATEGORY_LETTERS: Record<PgType["category"], string> = {
  array: "A",
  boolean: "B",
  composite: "P",
  "date/time": "D",
  internal: "Z",
  numeric: "N",
  string: "S",
  timespan: "T",
  unknown: "X",
  user: "U",
};

/** `typispreferred`: the type of its category that implicit conversions prefer. */
const PREFERRED: ReadonlySet<string> = new Set(["bool", "float8", "oid", "text", "timestamptz"]);

/** Passed by value: fixed in length and no longer than a word. */
const BY_VALUE_LENGTHS: ReadonlySet<number> = new Set([1, 2, 4, 8]);

const DEFAULT_COLLATION_OID = 100;
const C_COLLATION_OID = 950;

function category(type: PgType): string {
  return isVector(type) ? "A" : CATEGORY_LETTERS[type.category];
}

/** The functions that read and write a type are named after it; some with an underscore. */
const UNDERSCORED: ReadonlySet<string> = new Set([
  "json",
  "jsonb",
  "numeric",
  "timestamptz",
  "record",
  "pg_node_tree",
  "array",
]);

const functionNames: string[] = [];

/** OIDs of those functions: above all that PostgreSQL itself gives out. */
const FUNCTION_BASE = 15_000;

function functionOid(base: string, suffix: string): number {
  const name = UNDERSCORED.has(base) ? `${base}_${suffix}` : `${base}${suffix}`;
  const known = functionNames.indexOf(name);
  return FUNCTION_BASE + (known >= 0 ? known : functionNames.push(name) - 1);
}

function typeRow(type: PgType): NamedRow {
  const isArray = type.arrayOf !== undefined && !isVector(type);
  const base = isArray ? "array" : type.typname;
  const isPseudo = type.category === "composite" || type.category === "unknown";
  return {
    oid: type.oid,
    typname: type.typname,
    typnamespace: PG_CATALOG_OID,
    typowner: OWNER_OID,
    typlen: type.length,
    typbyval: BY_VALUE_LENGTHS.has(type.length),
    typtype: isPseudo ? "p" : "b",
    typcategory: category(type),
    typispreferred: PREFERRED.has(type.typname),
    typisdefined: true,
    typdelim: ",",
    typrelid: 0,
    typsubscript: 0,
    typelem: type.arrayOf?.oid ?? 0,
    typarray: isArray ? 0 : (arrayTypeOf(type)?.oid ?? 0),
    typinput: functionOid(base, "in"),
    typoutput: functionOid(base, "out"),
    typreceive: functionOid(base, "recv"),
    typsend: functionOid(base, "send"),
    typmodin: 0,
    typmodout: 0,
    typanalyze: 0,
    typalign: type.length === 8 ? "d" : type.length === 2 ? "s" : type.length === 1 ? "c" : "i",
    typstorage: type.length > 0 ? "p" : "x",
    typnotnull: false,
    typbasetype: 0,
    typtypmod: -1,
    typndims: 0,
    typcollation: collationOid(type),
  };
}

const TYPE_ROWS: readonly NamedRow[] = allTypes().map(typeRow);

/** `typcollation` of a type. */
export function collationOid(type: PgType): number {
  if (type.typname === "name") return C_COLLATION_OID;
  return (type.arrayOf ?? type).category === "string" ? DEFAULT_COLLATION_OID : 0;
}

/** The name SQL gives a type, its modifier included (format_type). */
export function formatType(oid: number, modifier: number | null): string {
  const type = typeByOid(oid);
  if (type === undefined) return oid === 0 ? "-" : "???";
  if (modifier === null || modifier < 4) return type.name;
  if (type.typname === "varchar" || type.typname === "bpchar") return `${type.name}(${modifier - 4})`;
  if (type.typname === "numeric") return `numeric(${(modifier - 4) >> 16},${(modifier - 4) & 0x7ff})`;
  return type.name;
}

/** By the name in pg_type or the one SQL writes. */
function namedType(name: string): PgType | undefined {
  return typeByName(name) ?? allTypes().find((type) => type.name === name);
}

defineNames(REGTYPE, {
  kind: "type",
  missing: SqlState.undefinedObject,
  nameOf: (oid) => typeByOid(oid)?.name,
  oidOf: (name) => {
    if (name.endsWith("[]")) return arrayTypeOf(namedType(name.slice(0, -2)) ?? RECORD)?.oid;
    return namedType(name)?.oid;
  },
});

defineNames(REGPROC, {
  kind: "function",
  missing: SqlState.undefinedFunction,
  nameOf: (oid) => functionNames[oid - FUNCTION_BASE],
  oidOf: (name) => {
    const at = functionNames.indexOf(name);
    return at < 0 ? undefined : FUNCTION_BASE + at;
  },
});

export const TYPE_TABLES: readonly CatalogTable[] = [
  catalogTable(
    "pg_catalog",
    "pg_type",
    1247,
    "oid:oid typname:name typnamespace:oid typowner:oid typlen:int2 typbyval:bool typtype:char typcategory:char " +
      "typispreferred:bool typisdefined:bool typdelim:char typrelid:oid typsubscript:regproc typelem:oid " +
      "typarray:oid typinput:regproc typoutput:regproc typreceive:regproc typsend:regproc typmodin:regproc " +
      "typmodout:regproc typanalyze:regproc typalign:char typstorage:char typnotnull:bool typbasetype:oid " +
      "typtypmod:int4 typndims:int4 typcollation:oid typdefaultbin:pg_node_tree typdefault typacl:_aclitem",
    () => TYPE_ROWS,
  ),
  catalogTable(
    "pg_catalog",
    "pg_proc",
    1255,
    "oid:oid proname:name pronamespace:oid proowner:oid prolang:oid procost:float4 prorows:float4 provariadic:oid " +
      "prosupport:regproc prokind:char prosecdef:bool proleakproof:bool proisstrict:bool proretset:bool " +
      "provolatile:char proparallel:char pronargs:int2 pronargdefaults:int2 prorettype:oid proargtypes:oidvector " +
      "proallargtypes:_oid proargmodes:_char proargnames:_text proargdefaults:pg_node_tree protrftypes:_oid prosrc " +
      "probin prosqlbody:pg_node_tree proconfig:_text proacl:_aclitem",
    () =>
      functionNames.map((name, at) => ({
        oid: FUNCTION_BASE + at,
        proname: name,
        pronamespace: PG_CATALOG_OID,
        proowner: OWNER_OID,
        prolang: 12,
        procost: 1,
        prorows: 0,
        provariadic: 0,
        prosupport: 0,
        prokind: "f",
        prosecdef: false,
        proleakproof: false,
        proisstrict: true,
        proretset: false,
        provolatile: "i",
        proparallel: "s",
        pronargs: 1,
        pronargdefaults: 0,
        prorettype: 0,
        proargtypes: [],
        prosrc: name,
      })),
  ),
  catalogTable(
    "pg_catalog",
    "pg_collation",
    3456,
    "oid:oid collname:name collnamespace:oid collowner:oid collprovider:char collisdeterministic:bool " +
      "collencoding:int4 collcollate collctype colliculocale collversion",
    () =>
      [
        [DEFAULT_COLLATION_OID, "default", "d", ""],
        [C_COLLATION_OID, "C", "c", "C"],
        [951, "POSIX", "c", "POSIX"],
      ].map(([oid = 0, name = "", provider = "", locale = ""]) => ({
        oid,
        collname: name,
        collnamespace: PG_CATALOG_OID,
        collowner: OWNER_OID,
        collprovider: provider,
        collisdeterministic: true,
        collencoding: -1,
        collcollate: locale === "" ? null : locale,
        collctype: locale === "" ? null : locale,
      })),
  ),
  emptyTable(
    "pg_range",
    3541,
    "rngtypid:oid rngsubtype:oid rngmultitypid:oid rngcollation:oid rngsubopc:oid rngcanonical:regproc rngsubdiff:regproc",
  ),
  emptyTable("pg_enum", 3501, "oid:oid enumtypid:oid enumsortorder:float4 enumlabel:name"),
  emptyTable(
    "pg_cast",
    2605,
    "oid:oid castsource:oid casttarget:oid castfunc:oid castcontext:char castmethod:char",
  ),
];
