/**
 * What the wire asks of the rooms below it: a database by name, and on it one SQL session per client. It is
 * written down here as interfaces, so that protocol and durability can be driven with a scripted session.
 */

import type { ByteWriter } from "../bytes.ts";
import type { SqlClient } from "../sql/cluster.ts";
import type { DurabilityWaiter, Listener } from "../sql/database.ts";
import type { Statement } from "../sql/planned-statement.ts";
import type { RowStream, RunResult } from "../sql/rows/row-stream.ts";
import type { PortalTable } from "../sql/session/portals.ts";
import type { PreparedStatements } from "../sql/session/prepared-statements.ts";
import type { Notice } from "../sql/session/session-state.ts";
import type { Value } from "../sql/values/value.ts";

/** Status of a session's transaction: none is open, in a transaction block, in a failed one. */
export type TransactionStatus = "I" | "T" | "E";

export interface SqlConnection {
  readonly transactionStatus: TransactionStatus;
  /** lsn that must be durable before what was written so far may leave. */
  readonly dependsOnLsn: number;
  /** Prepared statements by name, those of SQL's PREPARE among them. */
  readonly prepared: PreparedStatements<Statement>;
  /** Portals and cursors, in one namespace; those of a transaction are closed when it ends. */
  readonly portals: PortalTable;
  /** When the statement that runs has taken too long, as `stopwatchMs` tells time; Infinity: never. */
  readonly statementDeadlineMs: number;
  /** How long the session may idle as it is now, milliseconds; 0: for ever. */
  readonly idleTimeoutMs: number;

  /**
   * The simple query `message[start, end)`, planned, if it is a statement like one that this session has sent lately;
   * else null. What is returned is executed before another message is read. Throws 25P02 in a failed block.
   */
  recall(message: Uint8Array, start: number, end: number): Statement | null;
  /** The statements of a simple query, parsed but not planned. Throws 42601 and the like. */
  parseScript(text: string): readonly unknown[];
  plan(raw: unknown): Statement;
  /** Exactly one statement, or an empty one. @param parameterTypes OIDs; 0 or missing: to be inferred */
  prepare(text: string, parameterTypes: readonly number[]): Statement;
  /** The value of `bytes[start, end)`. @param format 0 text or 1 binary. Throws 22P02, 22P03, 22021. */
  decodeParameter(typeOid: number, format: number, bytes: Uint8Array, start: number, end: number): Value;
  /**
   * Writes the result as DataRow messages and returns the command tag; a long result is returned as a stream, a COPY
   * FROM as what takes its data.
   * @param resultFormats one per column, 0 text or 1 binary; empty: all are text
   */
  execute(
    statement: Statement,
    parameters: readonly Value[],
    resultFormats: readonly number[],
    rows: ByteWriter,
  ): RunResult;
  /** As `execute`, but the rows always come as a stream. */
  open(
    statement: Statement,
    parameters: readonly Value[],
    resultFormats: readonly number[],
    rows: ByteWriter,
  ): RowStream;
  /** A statement that had paused goes on: other sessions have run meanwhile. */
  resumes(): void;
  /** Commits the implicit transaction; does nothing in a transaction block. */
  commitImplicit(): void;
  /** A statement failed: the implicit transaction is rolled back, a transaction block becomes a failed one. */
  abort(error: unknown): void;
  takeNotices(): readonly Notice[];
  /** What ParameterStatus has to tell: at first everything it reports, later what has changed. */
  takeParameterChanges(): readonly (readonly [name: string, value: string])[];
  /** The client has gone: rolls back, and listens to nothing any more. */
  close(): void;
}

/** How far a database's log has got. */
export interface Durability {
  readonly durableLsn: number;
  whenDurable(lsn: number, waiter: DurabilityWaiter): void;
}

interface ServedDatabase {
  readonly log: Durability;
  /** Opens one client's session. Throws what a start-up option may cause: 22023, 42704. */
  connect(client: SqlClient, listener: Listener): SqlConnection;
}

/** Finds the database called `name`. Throws 3D000 when there is none, 22023 for a name that cannot be one. */
export type FindDatabase = (name: string) => ServedDatabase;
