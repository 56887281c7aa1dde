/**
 * One run of one statement: the frame that expressions are evaluated against, and what a plan needs of the
 * session that runs it. Plans are shared by all sessions and databases, so whatever differs stands here.
 */

import type { ByteWriter } from "../bytes.ts";
import type { Engine } from "../engine/engine.ts";
import type { Transaction } from "../engine/transaction.ts";
import type { Database } from "./database.ts";
import type { Frame } from "./expression.ts";
import type { Run } from "./relational/run.ts";
import type { SessionContext } from "./session-context.ts";
import type { Settings } from "./settings.ts";
import type { PgType } from "./types.ts";
import type { Value } from "./value.ts";

/** A column of a result, as RowDescription tells it. */
export interface OutputColumn {
  readonly name: string;
  readonly tableOid: number;
  readonly columnNumber: number;
  readonly typeOid: number;
  readonly typeLength: number;
  readonly typeModifier: number;
}

/** What statements may ask of, and do to, the session that runs them. */
export interface SessionControl extends SessionContext {
  readonly settings: Settings;
  /** BEGIN; `readOnly` null: as the session's default says. */
  beginBlock(isolation: string | null, readOnly: boolean | null): void;
  /** COMMIT; returns the tag, which is ROLLBACK for a failed block. */
  commitBlock(): string;
  rollbackBlock(): string;
  readonly inBlock: boolean;
  warn(sqlState: string, message: string): void;
  listen(channel: string): void;
  /** null: every channel. */
  unlisten(channel: string | null): void;
  /** DISCARD ALL: asks the wire to drop prepared statements and portals. */
  discardPrepared(): void;
  /** Raises the lsn that must be durable before the session's output may leave. */
  dependOn(lsn: number): void;
}

const NO_SPANS = new Float64Array(0);

export class Execution implements Frame {
  row = -1;
  /** Spans of `availability`, interleaved start and end. */
  spans: Float64Array = NO_SPANS;
  /** Row in `resources` of all spans, or -1. */
  spanOwner = -1;
  /** The same for each span, where they differ. */
  spanOwners: Int32Array | null = null;
  /** Results of the aggregates of the target list. */
  aggregates: readonly Value[] = [];
  /** Values of the columns that a relational plan has in hand, by slot (see relational/operator.ts). */
  slots: Value[] = [];
  /** The run of a relational plan, once there is one. */
  run: Run | null = null;
  readonly engine: Engine;

  constructor(
    readonly database: Database,
    readonly session: SessionControl,
    readonly parameters: readonly Value[],
    readonly literals: readonly Value[],
    /** Result format codes: none (all text), one for all, or one per column. */
    readonly formats: readonly number[],
    readonly out: ByteWriter,
    /** What a write stages into; null for reads outside any transaction. */
    readonly transaction: Transaction | null,
  ) {
    this.engine = database.engine;
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
  /** Writes the rows and returns the command tag. */
  run(execution: Execution): string;
}

/** A plan of a kind that takes no parameters and gives no rows. */
export function controlPlan(command: string, run: (execution: Execution) => string): Plan {
  return { command, usage: "control", parameterTypes: [], columns: null, run };
}

export function outputColumn(name: string, type: PgType, tableOid = 0, columnNumber = 0): OutputColumn {
  return { name, tableOid, columnNumber, typeOid: type.oid, typeLength: type.length, typeModifier: -1 };
}
