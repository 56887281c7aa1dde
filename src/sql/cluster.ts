/** The databases of a server and who is connected to them, as SQL sees them; src/tenants/ provides both. */

import { DeltatError, SqlState } from "../errors.ts";

/** Who opens a session. */
export interface SqlClient {
  readonly user: string;
  readonly processId: number;
  /** The start-up packet's parameters as they came, without those of the protocol itself (`_pq_.`). */
  readonly startupOptions: ReadonlyMap<string, string>;
}

/** One session, as others may see and end it. */
export interface ConnectedSession {
  readonly processId: number;
  readonly user: string;
  readonly database: string;
  readonly applicationName: string;
  /** Idle, in a transaction block, in a failed one. */
  readonly status: "I" | "T" | "E";
  /** Unix milliseconds; negative before the first statement has asked for the time. */
  readonly transactionNowMs: number;
  readonly statementNowMs: number;
  /** Ends it with this as its last word. */
  disconnect(error: DeltatError): void;
  /** Cancels what it runs, if that has paused. */
  cancel(): void;
}

export interface Cluster {
  /** Names of all databases, sorted. */
  names(): readonly string[];
  sessions(): readonly ConnectedSession[];
  /** What a database takes on the disk. Throws 3D000 if it is not there. */
  sizeBytes(name: string): number;
  /** Makes a database, durably. Throws 42P04 if it is there, 22023, 54000, and as the log does. */
  create(name: string): void;
  /** Removes a database with all it holds, durably. Throws 3D000 if it is not there, 55006 while it is in use. */
  drop(name: string): void;
}

/** Of a database that stands alone. */
export function loneCluster(name: string, sessions: ReadonlySet<ConnectedSession>): Cluster {
  const refuse = (): never => {
    throw new DeltatError(SqlState.featureNotSupported, "this server has one database only");
  };
  return {
    names: () => [name],
    sessions: () => [...sessions],
    sizeBytes: () => 0,
    create: refuse,
    drop: refuse,
  };
}

/** 57P01, as a session is told that another has ended it. */
export function terminatedByCommand(): DeltatError {
  return new DeltatError(SqlState.adminShutdown, "terminating connection due to administrator command");
}
