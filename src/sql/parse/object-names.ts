/**
 * Values of regclass, regtype and their like: OIDs that are written and read by name
 * (https://www.postgresql.org/docs/current/datatype-oid.html). The catalogs say which names there are; they do
 * not change while the server runs.
 */

import { DeltatError, type SqlState } from "../../errors.ts";
import type { PgType } from "../values/types.ts";

interface NameTable {
  /** What an object of this type is called in messages: `relation`. */
  readonly kind: string;
  readonly missing: SqlState;
  nameOf(oid: number): string | undefined;
  oidOf(name: string): number | undefined;
}

const tables = new Map<PgType, NameTable>();

export function defineNames(type: PgType, table: NameTable): void {
  tables.set(type, table);
}

/** The name of the object, its number if it has none, `-` for 0; null for a type that is not written by name. */
export function objectName(type: PgType, oid: number): string | null {
  const table = tables.get(type);
  if (table === undefined) return null;
  return oid === 0 ? "-" : (table.nameOf(oid) ?? String(oid));
}

/** As `objectOid`, for names only: null where there is no such object. */
export function findObject(type: PgType, name: string): number | null {
  return tables.get(type)?.oidOf(plainName(name.trim())) ?? null;
}

/** The OID that `text` names; null for a type that is not read by name. Throws 42P01, 42704 or 42883. */
export function objectOid(type: PgType, text: string): number | null {
  const table = tables.get(type);
  if (table === undefined) return null;
  const trimmed = text.trim();
  if (trimmed === "-") return 0;
  if (/^\d+$/.test(trimmed)) return Number(trimmed);
  const oid = table.oidOf(plainName(trimmed));
  if (oid === undefined) throw new DeltatError(table.missing, `${table.kind} "${trimmed}" does not exist`);
  return oid;
}

/**
 * Parts joined by dots, unquoted, the schemas that are searched anyway left out. The first of three is a database: only
 * its own can be meant, and all have the same objects.
 */
function plainName(text: string): string {
  const parts = text.match(/"(?:[^"]|"")*"|[^."]+/g) ?? [text];
  const names = parts.map((part) =>
    part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part.trim().toLowerCase(),
  );
  if (names.length === 3) names.shift();
  if (names.length > 1 && (names[0] === "pg_catalog" || names[0] === "public")) names.shift();
  return names.join(".");
}
