/** Functions that tell of the session and the server, or set something of them. */

import { DeltatError, SqlState } from "../../errors.ts";
import type { SessionContext } from "../session-context.ts";
import { BOOL, INT4, NAME, NAME_ARRAY, TEXT, UUID, VOID } from "../types.ts";
import type { Value } from "../value.ts";
import { type FunctionBody, fn, type SqlFunction, text } from "./signature.ts";

function setting(session: SessionContext, name: string, missingIsNull: boolean): Value {
  const value = session.getSetting(name);
  if (value === null && !missingIsNull) {
    throw new DeltatError(SqlState.undefinedObject, `unrecognized configuration parameter "${name}"`);
  }
  return value;
}

const notify: FunctionBody = ([channel, payload], s) => {
  s.notify(text(channel ?? ""), text(payload ?? ""));
  return "";
};

export const SERVER_FUNCTIONS: readonly SqlFunction[] = [
  // Pools call it to clean up a session. There are no advisory locks, so none is held.
  fn("pg_advisory_unlock_all", [], VOID, () => ""),
  fn("gen_random_uuid", [], UUID, () => crypto.randomUUID()),
  fn("version", [], TEXT, (_, s) => `PostgreSQL ${s.getSetting("server_version") ?? ""} (deltat)`),
  fn("current_database", [], NAME, (_, s) => s.database),
  fn("current_catalog", [], NAME, (_, s) => s.database),
  fn("current_schema", [], NAME, () => "public"),
  fn("current_schemas", [BOOL], NAME_ARRAY, ([all]) =>
    all === true ? ["pg_catalog", "public"] : ["public"],
  ),
  fn("current_user", [], NAME, (_, s) => s.user),
  fn("current_role", [], NAME, (_, s) => s.user),
  fn("session_user", [], NAME, (_, s) => s.user),
  fn("user", [], NAME, (_, s) => s.user),
  fn("pg_backend_pid", [], INT4, (_, s) => s.processId),
  fn("pg_is_in_recovery", [], BOOL, () => false),
  fn("pg_client_encoding", [], NAME, () => "UTF8"),
  fn("current_setting", [TEXT], TEXT, ([name], s) => setting(s, text(name), false)),
  fn("current_setting", [TEXT, BOOL], TEXT, ([name, ok], s) => setting(s, text(name), ok === true)),
  fn("set_config", [TEXT, TEXT, BOOL], TEXT, ([name, value, local], s) =>
    s.setSetting(text(name), text(value), local === true),
  ),

  fn("pg_notify", [TEXT, TEXT], VOID, notify, { isStrict: false }),
  // Pools call it to clean up a session. There are no advisory locks, so none is held.
];
