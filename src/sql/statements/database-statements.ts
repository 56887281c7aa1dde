/**
 * CREATE DATABASE and DROP DATABASE. Neither can be taken back, so neither runs in a transaction block. Of the options
 * of PostgreSQL those that say what is so anyway are taken: encoding, template, owner, byte order of texts.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { terminatedByCommand } from "../cluster.ts";
import { controlPlan, type Execution, type Plan } from "../execution.ts";
import type { CreatedbStmt, DropdbStmt, Node } from "../parse/ast.ts";
import { notSupported } from "../parse/unsupported.ts";

const BYTE_ORDER = /^(C|POSIX|default)(\.UTF-?8)?$/i;

/** Options that may be given, and the values that each may have. */
const OPTIONS: Readonly<Record<string, RegExp>> = {
  owner: /^/,
  template: /^(template0|template1|default)$/i,
  encoding: /^(UTF-?8|UNICODE|6|-1|default)$/i,
  locale: BYTE_ORDER,
  lc_collate: BYTE_ORDER,
  lc_ctype: BYTE_ORDER,
  locale_provider: /^libc$/i,
  strategy: /^(wal_log|file_copy)$/i,
  tablespace: /^(pg_default|default)$/i,
  allow_connections: /^(true|on|1)$/i,
  connection_limit: /^-1$/,
  is_template: /^(false|off|0)$/i,
};

export function planCreateDatabase({ dbname = "", options = [] }: CreatedbStmt): Plan {
  for (const option of options) checkOption(option);
  return controlPlan("CREATE DATABASE", ({ database, session }) => {
    refuseInBlock(session, "CREATE DATABASE");
    database.cluster.create(dbname);
    return "CREATE DATABASE";
  });
}

export function planDropDatabase({ dbname = "", missing_ok, options = [] }: DropdbStmt): Plan {
  const isForced = options.some((option) => "DefElem" in option && option.DefElem.defname === "force");
  return controlPlan("DROP DATABASE", ({ database, session }) => {
    refuseInBlock(session, "DROP DATABASE");
    const { cluster } = database;
    if (missing_ok === true && !cluster.names().includes(dbname)) {
      session.notice(`database "${dbname}" does not exist, skipping`);
      return "DROP DATABASE";
    }
    if (dbname === session.database) {
      throw new DeltatError(SqlState.objectInUse, "cannot drop the currently open database");
    }
    if (isForced) endSessions(dbname, database.cluster.sessions());
    cluster.drop(dbname);
    return "DROP DATABASE";
  });
}

function refuseInBlock(session: Execution["session"], statement: string): void {
  if (!session.inBlock) return;
  throw new DeltatError(SqlState.activeSqlTransaction, `${statement} cannot run inside a transaction block`);
}

function endSessions(name: string, sessions: ReturnType<Execution["database"]["cluster"]["sessions"]>): void {
  for (const session of sessions) {
    if (session.database === name) session.disconnect(terminatedByCommand());
  }
}

function checkOption(option: Node): void {
  if (!("DefElem" in option)) return;
  const { defname = "", arg } = option.DefElem;
  const allowed = OPTIONS[defname];
  if (allowed === undefined) throw notSupported(`the option ${defname} of CREATE DATABASE`);
  const value = optionValue(arg);
  if (value !== null && !allowed.test(value)) {
    throw notSupported(`${defname.toUpperCase()} ${value} of CREATE DATABASE`);
  }
}

function optionValue(arg: Node | undefined): string | null {
  if (arg === undefined) return null;
  if ("String" in arg) return arg.String.sval ?? "";
  if ("Integer" in arg) return String(arg.Integer.ival ?? 0);
  if ("Boolean" in arg) return String(arg.Boolean.boolval ?? false);
  return null;
}
