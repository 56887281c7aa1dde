/** Catalogs of what this server does not have: drivers and tools join them all the same. */

import { type CatalogTable, emptyTable } from "./catalog-table.ts";

export const EMPTY_TABLES: readonly CatalogTable[] = [
  emptyTable(
    "pg_policy",
    3256,
    "oid:oid polname:name polrelid:oid polcmd:char polpermissive:bool polroles:_oid polqual:pg_node_tree polwithcheck:pg_node_tree",
  ),
  emptyTable(
    "pg_statistic_ext",
    3381,
    "oid:oid stxrelid:oid stxname:name stxnamespace:oid stxowner:oid stxstattarget:int4 stxkeys:int2vector stxkind:_char stxexprs:pg_node_tree",
  ),
  emptyTable(
    "pg_publication",
    6104,
    "oid:oid pubname:name pubowner:oid puballtables:bool pubinsert:bool pubupdate:bool pubdelete:bool pubtruncate:bool pubviaroot:bool",
  ),
  emptyTable("pg_publication_namespace", 6237, "oid:oid pnpubid:oid pnnspid:oid"),
  emptyTable(
    "pg_publication_rel",
    6106,
    "oid:oid prpubid:oid prrelid:oid prqual:pg_node_tree prattrs:int2vector",
  ),
  emptyTable(
    "pg_trigger",
    2620,
    "oid:oid tgrelid:oid tgparentid:oid tgname:name tgfoid:oid tgtype:int2 tgenabled:char tgisinternal:bool " +
      "tgconstrrelid:oid tgconstrindid:oid tgconstraint:oid tgdeferrable:bool tginitdeferred:bool tgnargs:int2 " +
      "tgattr:int2vector tgargs tgqual:pg_node_tree tgoldtable:name tgnewtable:name",
  ),
  emptyTable(
    "pg_sequence",
    2224,
    "seqrelid:oid seqtypid:oid seqstart:int8 seqincrement:int8 seqmax:int8 seqmin:int8 seqcache:int8 seqcycle:bool",
  ),
  emptyTable(
    "pg_depend",
    2608,
    "classid:oid objid:oid objsubid:int4 refclassid:oid refobjid:oid refobjsubid:int4 deptype:char",
  ),
  emptyTable(
    "pg_extension",
    3079,
    "oid:oid extname:name extowner:oid extnamespace:oid extrelocatable:bool extversion extconfig:_oid extcondition:_text",
  ),
  emptyTable(
    "pg_matviews",
    12_038,
    "schemaname:name matviewname:name matviewowner:name tablespace:name hasindexes:bool ispopulated:bool definition",
  ),
  emptyTable("pg_foreign_table", 3118, "ftrelid:oid ftserver:oid ftoptions:_text"),
  emptyTable(
    "pg_rewrite",
    2618,
    "oid:oid rulename:name ev_class:oid ev_type:char ev_enabled:char is_instead:bool ev_qual:pg_node_tree ev_action:pg_node_tree",
  ),
  emptyTable(
    "pg_language",
    2612,
    "oid:oid lanname:name lanowner:oid lanispl:bool lanpltrusted:bool lanplcallfoid:oid laninline:oid lanvalidator:oid lanacl:_aclitem",
  ),
];
