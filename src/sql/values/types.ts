/**
 * The types of PostgreSQL that values here can have, with the numbers that drivers know them by
 * (https://www.postgresql.org/docs/current/datatype.html; OIDs from the catalog pg_type).
 */

/** `typcategory` of pg_type, as far as it occurs here: it decides which implicit conversions are tried. */
type TypeCategory =
  | "array"
  | "boolean"
  | "composite"
  | "date/time"
  | "internal"
  | "numeric"
  | "string"
  | "timespan"
  | "unknown"
  | "user";

export interface PgType {
  readonly oid: number;
  /** The name PostgreSQL prints in messages: `bigint`. */
  readonly name: string;
  /** The name in pg_type: `int8`. */
  readonly typname: string;
  /** Bytes of a fixed-length value; -1 where the length varies. */
  readonly length: number;
  readonly category: TypeCategory;
  /** The element type, for arrays only. */
  readonly arrayOf?: PgType;
  /** Names and types of the parts, for records only. */
  readonly fields?: readonly { readonly name: string; readonly type: PgType }[];
}

const byOid = new Map<number, PgType>();
const byName = new Map<string, PgType>();
const arrayByElement = new Map<PgType, PgType>();

function scalar(oid: number, name: string, typname: string, length: number, category: TypeCategory): PgType {
  const type: PgType = { oid, name, typname, length, category };
  byOid.set(oid, type);
  byName.set(typname, type);
  return type;
}

function array(oid: number, element: PgType): PgType {
  const type: PgType = {
    oid,
    name: `${element.name}[]`,
    typname: `_${element.typname}`,
    length: -1,
    category: "array",
    arrayOf: element,
  };
  byOid.set(oid, type);
  byName.set(type.typname, type);
  arrayByElement.set(element, type);
  return type;
}

/** An array that is written `1 2 3` and counted from 0, as the catalogs have it. */
function vector(oid: number, element: PgType): PgType {
  const name = `${element.typname}vector`;
  const type: PgType = { oid, name, typname: name, length: -1, category: "array", arrayOf: element };
  byOid.set(oid, type);
  byName.set(name, type);
  return type;
}

export const BOOL = scalar(16, "boolean", "bool", 1, "boolean");
export const INT2 = scalar(21, "smallint", "int2", 2, "numeric");
export const INT4 = scalar(23, "integer", "int4", 4, "numeric");
export const INT8 = scalar(20, "bigint", "int8", 8, "numeric");
export const OID = scalar(26, "oid", "oid", 4, "numeric");
export const FLOAT4 = scalar(700, "real", "float4", 4, "numeric");
export const FLOAT8 = scalar(701, "double precision", "float8", 8, "numeric");
export const NUMERIC = scalar(1700, "numeric", "numeric", -1, "numeric");
export const TEXT = scalar(25, "text", "text", -1, "string");
export const VARCHAR = scalar(1043, "character varying", "varchar", -1, "string");
export const BPCHAR = scalar(1042, "character", "bpchar", -1, "string");
export const NAME = scalar(19, "name", "name", 64, "string");
/** The one-byte type `"char"` of the catalogs. */
export const CHAR = scalar(18, '"char"', "char", 1, "internal");
export const DATE = scalar(1082, "date", "date", 4, "date/time");
export const TIME = scalar(1083, "time without time zone", "time", 8, "date/time");
export const TIMESTAMP = scalar(1114, "timestamp without time zone", "timestamp", 8, "date/time");
export const INTERVAL = scalar(1186, "interval", "interval", 16, "timespan");
export const TIMESTAMPTZ = scalar(1184, "timestamp with time zone", "timestamptz", 8, "date/time");
export const UUID = scalar(2950, "uuid", "uuid", 16, "user");
/** What a function gives that gives nothing: an empty text. */
export const VOID = scalar(2278, "void", "void", 4, "internal");
export const JSON_TYPE = scalar(114, "json", "json", -1, "user");
export const JSONB = scalar(3802, "jsonb", "jsonb", -1, "user");
/** Names of catalog objects: the value is their OID. */
export const REGCLASS = scalar(2205, "regclass", "regclass", 4, "numeric");
export const REGTYPE = scalar(2206, "regtype", "regtype", 4, "numeric");
export const REGPROC = scalar(24, "regproc", "regproc", 4, "numeric");
export const REGNAMESPACE = scalar(4089, "regnamespace", "regnamespace", 4, "numeric");
export const REGROLE = scalar(4096, "regrole", "regrole", 4, "numeric");
/** What the catalogs hold as parse trees: the value is its SQL. */
export const NODE_TREE = scalar(194, "pg_node_tree", "pg_node_tree", -1, "internal");
const ACLITEM = scalar(1033, "aclitem", "aclitem", 12, "user");
export const XID = scalar(28, "xid", "xid", 4, "user");
export const RECORD = scalar(2249, "record", "record", -1, "composite");
/** Parameters of functions that take arguments of any type, or arrays of any. */
export const ANY = scalar(2276, '"any"', "any", 4, "composite");
export const ANY_ELEMENT = scalar(2283, "anyelement", "anyelement", 4, "composite");
export const ANY_ARRAY = scalar(2277, "anyarray", "anyarray", -1, "composite");
export const UNKNOWN = scalar(705, "unknown", "unknown", -2, "unknown");

export const BOOL_ARRAY = array(1000, BOOL);
array(1005, INT2);
export const INT4_ARRAY = array(1007, INT4);
export const INT8_ARRAY = array(1016, INT8);
array(1028, OID);
const INT2VECTOR = vector(22, INT2);
const OIDVECTOR = vector(30, OID);
array(1021, FLOAT4);
array(1022, FLOAT8);
export const NUMERIC_ARRAY = array(1231, NUMERIC);
export const TEXT_ARRAY = array(1009, TEXT);
array(1015, VARCHAR);
array(1014, BPCHAR);
export const NAME_ARRAY = array(1003, NAME);
const CHAR_ARRAY = array(1002, CHAR);
array(2951, UUID);
array(1182, DATE);
array(1183, TIME);
array(1115, TIMESTAMP);
array(1187, INTERVAL);
array(1185, TIMESTAMPTZ);
array(199, JSON_TYPE);
array(3807, JSONB);
array(2210, REGCLASS);
array(2211, REGTYPE);
array(1034, ACLITEM);
array(2287, RECORD);

/** Spellings that reach the catalog lookup although the grammar does not rewrite them (as `"bigint"` quoted would not). */
const ALIASES: readonly (readonly [string, PgType])[] = [
  ["timestamp with time zone", TIMESTAMPTZ],
  ["timestamp without time zone", TIMESTAMP],
  ["_char", CHAR_ARRAY],
];
for (const [name, type] of ALIASES) byName.set(name, type);

/** The type with this OID, or undefined if the server has none. */
export function typeByOid(oid: number): PgType | undefined {
  return byOid.get(oid);
}

/** The type that pg_type calls `name` (`int8`, `_text`), or undefined. */
export function typeByName(name: string): PgType | undefined {
  return byName.get(name);
}

/** The array type over `element`, or undefined where there is none. */
export function arrayTypeOf(element: PgType): PgType | undefined {
  return arrayByElement.get(element);
}

/** Every type that pg_type lists, scalars first. */
export function allTypes(): readonly PgType[] {
  return [...byOid.values()];
}

/** A record with these parts. */
export function recordType(fields: NonNullable<PgType["fields"]>): PgType {
  return { ...RECORD, fields };
}

/** oid and the types whose values are OIDs. */
export function isOid(type: PgType): boolean {
  return (
    type === OID ||
    type === REGCLASS ||
    type === REGTYPE ||
    type === REGPROC ||
    type === REGNAMESPACE ||
    type === REGROLE
  );
}

export function isVector(type: PgType): boolean {
  return type === INT2VECTOR || type === OIDVECTOR;
}

/** The subscript of an array's first element. */
export function firstSubscript(type: PgType): number {
  return isVector(type) ? 0 : 1;
}

/** smallint, integer, bigint: values are exact whole numbers. */
export function isInteger(type: PgType): boolean {
  return type === INT4 || type === INT8 || type === INT2;
}

export function isFloat(type: PgType): boolean {
  return type === FLOAT8 || type === FLOAT4;
}

export function isString(type: PgType): boolean {
  return type.category === "string" || type === CHAR;
}

/** Dates, clock times, instants and intervals, and arrays of them. */
export function isTimeType(type: PgType): boolean {
  const { category } = type.arrayOf ?? type;
  return category === "date/time" || category === "timespan";
}

/** What a date or timestamp where an instant is wanted should have been. */
export const INSTANT_HINT =
  "Instants are Unix milliseconds: date.getTime() of JavaScript, extract(epoch from …) * 1000 of SQL.";

/** `typispreferred` of pg_type: what is chosen among several types of one category. */
export function isPreferred(type: PgType): boolean {
  return PREFERRED.has(type);
}

const PREFERRED: ReadonlySet<PgType> = new Set([BOOL, OID, FLOAT8, TEXT, TIMESTAMPTZ, INTERVAL]);
