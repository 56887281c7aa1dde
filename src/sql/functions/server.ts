/** Functions that tell of the session and the server, or set something of them. */

import { DeltatError, SqlState } from "../../errors.ts";
import { type ConnectedSession, terminatedByCommand } from "../cluster.ts";
import type { SessionContext } from "../session/session-context.ts";
import { BOOL, INT4, INT8, NAME, NAME_ARRAY, OID, TEXT, UUID, VOID } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { type FunctionBody, fn, number, type SqlFunction, text } from "./signature.ts";

function setting(session: SessionContext, name: string, missingIsNull: boolean): Value {
  const value = session.getSetting(name);
  if (value === null && !missingIsNull) {
    throw new DeltatError(SqlState.undefinedObject, `unrecognized configuration parameter "${name}"`);
  }
  return value;
}

/** Whether there is such a session; what there is not is a warning, as in PostgreSQL. */
function onSession(
  session: SessionContext,
  processId: number,
  act: (found: ConnectedSession) => void,
): boolean {
  const found = session.cluster.sessions().find((each) => each.processId === processId);
  if (found === undefined) {
    session.warn(SqlState.warning, `PID ${processId} is not a PostgreSQL server process`);
    return false;
  }
  act(found);
  return true;
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

  // Where a consumer of the table events begins that has read the tables.
  fn("last_event_seq", [], INT8, (_, s) => s.lastEventSeq()),
  fn("pg_database_size", [NAME], INT8, ([name], s) => s.cluster.sizeBytes(text(name))),
  fn("pg_tablespace_location", [OID], TEXT, () => ""),
  fn("pg_tablespace_size", [OID], INT8, (_, s) =>
    s.cluster.names().reduce((sum, name) => sum + s.cluster.sizeBytes(name), 0),
  ),
  fn("pg_cancel_backend", [INT4], BOOL, ([pid], s) => onSession(s, number(pid), (found) => found.cancel())),
  fn("pg_terminate_backend", [INT4], BOOL, ([pid], s) =>
    onSession(s, number(pid), (found) => found.disconnect(terminatedByCommand())),
  ),
  fn("pg_notify", [TEXT, TEXT], VOID, notify, { isStrict: false }),
  // Pools call it to clean up a session. There are no advisory locks, so none is held.
];
