/** The errors that a session itself has for its client, in PostgreSQL's words where it has such an error. */

import { DeltatError, SqlState } from "../errors.ts";
import { MAX_LISTENER_QUEUE_BYTES, READ_TIMEOUT_SECONDS } from "../limits.ts";

/** What the client is shown of an error; one that only a bug can cause is told to `report` alone. */
export function shownError(error: unknown, report: (error: unknown) => void): DeltatError {
  if (error instanceof DeltatError) return error;
  report(error);
  return new DeltatError(SqlState.internalError, "internal error");
}

/** 57014 for a client that has not proved who it is in time. */
export function authenticationTimedOut(): DeltatError {
  return new DeltatError(SqlState.queryCanceled, "canceling authentication due to timeout");
}

/** 57P03 for a client that comes while the server stops. */
export function serverStopped(): DeltatError {
  return new DeltatError(SqlState.cannotConnectNow, "the database system is shutting down");
}

/** 57014 for a statement that a cancel request has ended. */
export function canceledByUser(): DeltatError {
  return new DeltatError(SqlState.queryCanceled, "canceling statement due to user request");
}

/** 57P01 for a session that the server's stop ends. */
export function serverStops(): DeltatError {
  return new DeltatError(SqlState.adminShutdown, "terminating connection due to administrator command");
}

/** 58030 for a session whose last changes may or may not be durable. */
export function outcomeUnknown(): DeltatError {
  return new DeltatError(SqlState.ioError, "the log failed: the outcome of the transaction is unknown");
}

/** 25P03 in a transaction block, else 57P05. */
export function idledTooLong(inTransaction: boolean): DeltatError {
  return inTransaction
    ? new DeltatError(
        SqlState.idleInTransactionSessionTimeout,
        "terminating connection due to idle-in-transaction timeout",
      )
    : new DeltatError(SqlState.idleSessionTimeout, "terminating connection due to idle-session timeout");
}

/** 55000 for a client whose queue of notifications is overfull. */
export function slowListener(): DeltatError {
  return new DeltatError(
    SqlState.objectNotInPrerequisiteState,
    `too slow a listener: more than ${MAX_LISTENER_QUEUE_BYTES} bytes of notifications are waiting`,
    { hint: "Read notifications as they come, and do not keep transactions open while listening." },
  );
}

/** 53300 for a client for which there is no place. */
export function tooManyClients(): DeltatError {
  return new DeltatError(SqlState.tooManyConnections, "sorry, too many clients already");
}

/** 53300 for a client whose place a newcomer took. */
export function gaveWay(): DeltatError {
  return new DeltatError(SqlState.tooManyConnections, "sorry, too many clients already", {
    detail: "The connection was not authenticated yet when the place was needed for another.",
  });
}

/** 57P05 for a client that does not read what it is sent. */
export function readsNothing(): DeltatError {
  return new DeltatError(
    SqlState.idleSessionTimeout,
    `terminating connection: the client has read nothing for ${READ_TIMEOUT_SECONDS} seconds`,
  );
}

/** 53200 for the client whose buffers hold the most when all together hold too much. */
export function holdsTooMuch(bytes: number): DeltatError {
  return new DeltatError(SqlState.outOfMemory, "out of memory", {
    detail: `The buffers of this connection hold ${bytes} bytes, more than those of any other, and all together hold too much.`,
    hint: "Read results and notifications as they come, send large messages at once, or raise DELTAT_MEMORY_MB.",
  });
}
