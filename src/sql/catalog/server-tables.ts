/** Databases, roles, settings and sessions, as far as the session that asks may know of them. */

import { SqlState } from "../../errors.ts";
import type { ConnectedSession } from "../cluster.ts";
import { defineNames } from "../parse/object-names.ts";
import { REGROLE } from "../values/types.ts";
import { type CatalogTable, catalogTable, emptyTable } from "./catalog-table.ts";
import { OWNER_OID } from "./schema-objects.ts";

const UTF8_ENCODING = 6;
const FIRST_DATABASE_OID = 16_384;

/** Databases have no numbers of their own: theirs follow from their names, so that each keeps its own. */
function databaseOid(name: string): number {
  return FIRST_DATABASE_OID + (Number(Bun.hash.crc32(name)) % 1_000_000_000);
}

function stateOf({ status }: ConnectedSession, isAsking: boolean): string {
  if (isAsking) return "active";
  if (status === "I") return "idle";
  return status === "T" ? "idle in transaction" : "idle in transaction (aborted)";
}

// The user's name is the session's to say: here it has only its number.
defineNames(REGROLE, {
  kind: "role",
  missing: SqlState.undefinedObject,
  nameOf: () => undefined,
  oidOf: () => undefined,
});

const ROLE = {
  rolsuper: false,
  rolinherit: true,
  rolcreaterole: false,
  rolcreatedb: true,
  rolcanlogin: true,
  rolreplication: false,
  rolconnlimit: -1,
  rolpassword: "********",
  rolbypassrls: false,
  oid: OWNER_OID,
};

export const SERVER_TABLES: readonly CatalogTable[] = [
  catalogTable(
    "pg_catalog",
    "pg_database",
    1262,
    "oid:oid datname:name datdba:oid encoding:int4 datlocprovider:char datistemplate:bool datallowconn:bool " +
      "datconnlimit:int4 datfrozenxid:xid datminmxid:xid dattablespace:oid datcollate datctype daticulocale " +
      "datcollversion datacl:_aclitem",
    ({ database }) =>
      database.cluster.names().map((name) => ({
        oid: databaseOid(name),
        datname: name,
        datdba: OWNER_OID,
        encoding: UTF8_ENCODING,
        datlocprovider: "c",
        datistemplate: false,
        datallowconn: true,
        datconnlimit: -1,
        datfrozenxid: 0,
        datminmxid: 0,
        dattablespace: 1663,
        datcollate: "C",
        datctype: "C",
      })),
  ),
  catalogTable(
    "pg_catalog",
    "pg_roles",
    12_000,
    "rolname:name rolsuper:bool rolinherit:bool rolcreaterole:bool rolcreatedb:bool rolcanlogin:bool " +
      "rolreplication:bool rolconnlimit:int4 rolpassword rolvaliduntil:timestamptz rolbypassrls:bool " +
      "rolconfig:_text oid:oid",
    ({ session }) => [{ ...ROLE, rolname: session.user }],
  ),
  catalogTable(
    "pg_catalog",
    "pg_user",
    12_014,
    "usename:name usesysid:oid usecreatedb:bool usesuper:bool userepl:bool usebypassrls:bool passwd valuntil:timestamptz useconfig:_text",
    ({ session }) => [
      {
        usename: session.user,
        usesysid: OWNER_OID,
        usecreatedb: true,
        usesuper: false,
        userepl: false,
        usebypassrls: false,
        passwd: "********",
      },
    ],
  ),
  catalogTable(
    "pg_catalog",
    "pg_settings",
    12_104,
    "name setting unit category short_desc extra_desc context vartype source min_val max_val enumvals:_text " +
      "boot_val reset_val sourcefile sourceline:int4 pending_restart:bool",
    ({ session }) =>
      session.settings.all().map(([name, setting, description]) => ({
        name,
        setting,
        category: "Settings",
        short_desc: description,
        context: "user",
        vartype: "string",
        source: "default",
        boot_val: setting,
        reset_val: setting,
        pending_restart: false,
      })),
  ),
  catalogTable(
    "pg_catalog",
    "pg_stat_activity",
    12_222,
    "datid:oid datname:name pid:int4 leader_pid:int4 usesysid:oid usename:name application_name client_addr " +
      "client_hostname client_port:int4 backend_start:timestamptz xact_start:timestamptz query_start:timestamptz " +
      "state_change:timestamptz wait_event_type wait_event state backend_xid:xid backend_xmin:xid query_id:int8 " +
      "query backend_type",
    ({ database, session }) =>
      database.cluster.sessions().map((each) => ({
        datid: databaseOid(each.database),
        datname: each.database,
        pid: each.processId,
        usesysid: OWNER_OID,
        usename: each.user,
        application_name: each.applicationName,
        xact_start: each.transactionNowMs < 0 ? null : each.transactionNowMs * 1000,
        query_start: each.statementNowMs === 0 ? null : each.statementNowMs * 1000,
        state: stateOf(each, each.processId === session.processId),
        backend_type: "client backend",
      })),
  ),
  catalogTable(
    "pg_catalog",
    "pg_tablespace",
    1213,
    "oid:oid spcname:name spcowner:oid spcacl:_aclitem spcoptions:_text",
    () => [{ oid: 1663, spcname: "pg_default", spcowner: OWNER_OID }],
  ),
  emptyTable("pg_auth_members", 1261, "roleid:oid member:oid grantor:oid admin_option:bool"),
  emptyTable("pg_shdescription", 2396, "objoid:oid classoid:oid description"),
];
