/**
 * One run of one statement: the frame that expressions are evaluated against, and what a plan needs of the
 * session that runs it. Plans are shared by all sessions and databases, so whatever differs stands here.
 */

import type { ByteWriter } from "../bytes.ts";
import type { Engine } from "../engine/engine.ts";
import type { Transaction } from "../engine/transaction.ts";
import type { Database } from "./database.ts";
import type { Frame } from "./expressions/expression.ts";
import type { PlannedStatement } from "./planned-statement.ts";
import type { Run } from "./relational/run.ts";
import type { RowStream, RunResult } from "./rows/row-stream.ts";
import type { PortalTable } from "./session/portals.ts";
import type { PreparedStatements } from "./session/prepared-statements.ts";
import type { SessionContext } from "./session/session-context.ts";
import type { Settings } from "./session/settings.ts";
import type { StatementMemory } from "./session/statement-memory.ts";
import type { TransactionModes } from "./session/transaction-modes.ts";
import type { RowOutput } from "./statements/targets.ts";
import type { TableView } from "./tables/table-view.ts";
import type { PgType } from "./values/types.ts";
import type { Value } from "./values/value.ts";

/** A column of a result, as RowDescription tells it. */
export interface OutputColumn {
  readonly name: string;
  readonly tableOid: number;
  readonly columnNumber: number;
  readonly typeOid: number;
  /** Bytes; negative for a type of varying length. */
  readonly typeLength: number;
  readonly typeModifier: number;
}

/** What statements may ask of, and do to, the session that runs them. */
export interface SessionControl extends SessionContext {
  readonly settings: Settings;
  /** BEGIN, with the modes it says. */
  beginBlock(modes: TransactionModes): void;
  /** SET TRANSACTION. Throws 25001 for what comes too late. */
  setTransactionModes(modes: TransactionModes): void;
  /** COMMIT [AND CHAIN]; returns the tag, which is ROLLBACK for a failed block. */
  commitBlock(chain: boolean): string;
  rollbackBlock(chain: boolean): string;
  /** Throws 25P01 outside a block. */
  setSavepoint(name: string): void;
  /** Throws 25P01 outside a block, 3B001 for a savepoint that is not there. */
  releaseSavepoint(name: string): void;
  rollbackToSavepoint(name: string): void;
  readonly inBlock: boolean;
  /** The transaction if what it reads is remembered, since it is serializable; else null. */
  readonly tracked: Transaction | null;
  readonly prepared: PreparedStatements<PlannedStatement>;
  /** Tells the client something that is no warning. */
  notice(message: string): void;
  listen(channel: string): void;
  /** null: every channel. */
  unlisten(channel: string | null): void;
  /** Portals and cursors. */
  readonly portals: PortalTable;
  /** What unfinished results may hold. */
  readonly memory: StatementMemory;
  /** To be called now and then by what works long without a pause. Throws 57014 past statement_timeout. */
  checkTimeout(): void;
  /** Raises the lsn that must be durable before the session's output may leave. */
  awaitLsn(lsn: number): void;
  /** The same for what was read and may depend on any row: see rows/dependencies.ts for what is known better. */
  dependOn(lsn: number): void;
}

const NO_SPANS = new Float64Array(0);
const NO_VALUES: readonly Value[] = [];

/** What the plan that an Execution runs was given. */
export interface PlanInput {
  readonly parameters: readonly Value[];
  readonly literals: readonly Value[];
}

export class Execution implements Frame {
  row = -1;
  /** Spans of `availability`, interleaved start and end. */
  spans: Float64Array = NO_SPANS;
  /** Row in `resources` of all spans, or -1. */
  spanOwner = -1;
  /** The same for each span, where they differ. */
  spanOwners: Int32Array | null = null;
  /** Results of the aggregates of the target list. */
  aggregates: readonly Value[] = NO_VALUES;
  /** Values of the columns that a relational plan has in hand, by slot (see relational/operator.ts). */
  slots: Value[] = [];
  /** Rows of the changes in WITH, by their query, where the statement has some. */
  changedRows: ReadonlyMap<object, readonly (readonly Value[])[]> | null = null;
  /** Between the reading and the changing of a write: brings in the other changes of its statement. */
  beforeChanges: (() => void) | null = null;
  /** What was read with the row that a write returns (see relational/joined-returning.ts). */
  joined: readonly Value[] = NO_VALUES;
  /** The row that an id in use kept from being inserted, by column (see statements/on-conflict.ts). */
  excluded: readonly Value[] = NO_VALUES;
  /** Takes the rows of RETURNING in place of the client. */
  returned: Value[][] | null = null;
  /** The run of a relational plan, once there is one. */
  run: Run | null = null;
  readonly engine: Engine;
  /** What columns read: the engine, or a copy of what a result in slices still needs of it. */
  tables: TableView;

  constructor(
    readonly database: Database,
    readonly session: SessionControl,
    readonly parameters: readonly Value[],
    readonly literals: readonly Value[],
    /** Result format codes: none (all text), one for all, or one per column. */
    public formats: readonly number[],
    public out: ByteWriter,
    /** What a write stages into; null for reads outside any transaction. */
    readonly transaction: Transaction | null,
  ) {
    this.engine = database.engine;
    this.tables = database.engine;
  }

  /** The same run of another plan, with what that one was given: EXECUTE. */
  withInput({ parameters, literals }: PlanInput): Execution {
    const { database, session, formats, out, transaction } = this;
    return new Execution(database, session, parameters, literals, formats, out, transaction);
  }
}

/** A planned statement: depends on the schema only and keeps no state between runs. */
export interface Plan {
  /** As PostgreSQL names it in messages: "INSERT". */
  readonly command: string;
  /**
   * How the session prepares the engine: `read` sees the present, `write` stages into a transaction,
   * `control` touches the session alone, `end` also runs in a failed block.
   */
  readonly usage: "read" | "write" | "control" | "end";
  readonly parameterTypes: readonly number[];
  readonly columns: readonly OutputColumn[] | null;
  /** Writes the rows and returns the command tag; a long result is returned as a stream, nothing written yet. */
  run(execution: Execution): RunResult;
  /** As `run`, but the rows always come as a stream. Without it they are all written before the first is taken. */
  readonly open?: (execution: Execution) => RowStream;
  /** What RETURNING gives, for who reads it as a query. */
  readonly returning?: RowOutput | null;
  /** The columns, where they depend on the session; else they are `columns`. */
  readonly describe?: (session: SessionControl) => readonly OutputColumn[] | null;
}

/** A plan of a kind that takes no parameters and gives no rows. */
export function controlPlan(command: string, run: (execution: Execution) => RunResult): Plan {
  return { command, usage: "control", parameterTypes: [], columns: null, run };
}

export function outputColumn(
  name: string,
  type: PgType,
  tableOid = 0,
  columnNumber = 0,
  typeModifier = -1,
): OutputColumn {
  return { name, tableOid, columnNumber, typeOid: type.oid, typeLength: type.length, typeModifier };
}
