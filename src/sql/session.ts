/**
 * One client's session: text to plans to results. The wire reads messages and decides when to commit; here
 * statements are parsed (or found by shape), planned and run, and errors abort what they must.
 */

import type { ByteWriter } from "../bytes.ts";
import { DeltatError, SqlState } from "../errors.ts";
import { DEFAULT_WORK_MEM_MB } from "../limits.ts";
import { type MemoryBudget, unlimitedMemory } from "../memory-budget.ts";
import type { SqlClient } from "./cluster.ts";
import type { Database, Listener } from "./database.ts";
import { Execution, type Plan } from "./execution.ts";
import type { Node } from "./parse/ast.ts";
import { parse } from "./parse/parser.ts";
import { type LiftedLiterals, liftLiterals } from "./parse/shape.ts";
import { KnownStatement, RecentStatements } from "./parse/shape-match.ts";
import { type CheckedPlan, PlanCache } from "./plan-cache.ts";
import { PlannedStatement, type Statement } from "./planned-statement.ts";
import { planStatement } from "./planner.ts";
import { type RowStream, type RunResult, streamOf, WrittenRows } from "./rows/row-stream.ts";
import type { PortalTable } from "./session/portals.ts";
import type { PreparedStatements } from "./session/prepared-statements.ts";
import { type Notice, SessionState } from "./session/session-state.ts";
import { StatementMemory } from "./session/statement-memory.ts";
import { useSessionTime } from "./time/session-time.ts";
import { decodeParameter } from "./values/codec.ts";
import { TEXT, typeByOid } from "./values/types.ts";
import type { Value } from "./values/value.ts";

/** One statement of a simple query, parsed unless its shape is known. */
export interface RawStatement {
  readonly text: string;
  readonly node: Node | null;
  /** The plan found by shape: nothing was parsed. */
  readonly known: CheckedPlan | null;
  readonly literals: LiftedLiterals | null;
}

const NO_VALUES: readonly Value[] = [];

/** By shape (simple queries), and by parameter types and text (prepared statements). */
const plans = new PlanCache();

/** Statements that hardly come twice, since names and values are part of their plans. */
const SELDOM_REPEATED: ReadonlySet<string> = new Set([
  "LISTEN",
  "UNLISTEN",
  "NOTIFY",
  "PREPARE",
  "DEALLOCATE",
  "SET",
  "RESET",
]);

/** What a failed block takes. */
const ENDS_FAILED_BLOCK: ReadonlySet<string> = new Set([
  "TRANS_STMT_COMMIT",
  "TRANS_STMT_ROLLBACK",
  "TRANS_STMT_ROLLBACK_TO",
]);

function keep(key: string, planned: CheckedPlan): void {
  if (!SELDOM_REPEATED.has(planned.plan.command)) plans.add(key, planned);
}

export class SqlSession {
  private readonly state: SessionState;
  private readonly recent = new RecentStatements();

  /**
   * @param workMemBytes what unfinished results of this session may hold, and
   * @param budget what all sessions may
   * Throws 42704 or 22023 for a start-up option that cannot be had.
   */
  constructor(
    private readonly database: Database,
    client: SqlClient,
    listener: Listener,
    workMemBytes: number = DEFAULT_WORK_MEM_MB * 1024 * 1024,
    budget: MemoryBudget = unlimitedMemory(),
  ) {
    this.state = new SessionState(database, client, listener, new StatementMemory(workMemBytes, budget));
  }

  /** Idle, in a transaction block, in a failed one. */
  get transactionStatus(): "I" | "T" | "E" {
    return this.state.status;
  }

  /** Output written so far may leave only when this lsn is durable. */
  get dependsOnLsn(): number {
    return this.state.dependsOnLsn;
  }

  /** Those of PREPARE and of Parse, by name. */
  get prepared(): PreparedStatements<Statement> {
    // The wire puts in only what `prepare` has made.
    return this.state.prepared as PreparedStatements<Statement>;
  }

  /** Portals and cursors, in one namespace. */
  get portals(): PortalTable {
    return this.state.portals;
  }

  /** When the statement that runs has taken too long, as `stopwatchMs` tells time; Infinity: never. */
  get statementDeadlineMs(): number {
    return this.state.deadlineMs;
  }

  /** How long this session may idle now, milliseconds; 0: for ever. */
  get idleTimeoutMs(): number {
    const { state } = this;
    return state.inBlock ? state.settings.idleInTransactionTimeoutMs : state.settings.idleTimeoutMs;
  }

  /**
   * The one statement of a simple query, `message[start, end)`, if this session has lately sent one of its shape; else
   * null, and nothing is known of it. Throws 25P02 in a failed block, and what reading a literal throws.
   */
  recall(message: Uint8Array, start: number, end: number): Statement | null {
    const { recent } = this;
    const known = recent.find(message, start, end);
    if (known === null) return null;
    return this.again(known, known.checked, recent.values);
  }

  /** The statements of a simple query; a text whose shape is cached is not parsed. Throws 42601, 54000. */
  parseScript(text: string): readonly RawStatement[] {
    const literals = liftLiterals(text);
    if (literals !== null) {
      const cached = plans.find(literals.key);
      if (cached !== undefined) {
        if (cached.known === undefined) cached.known = KnownStatement.from(text, literals, cached);
        if (cached.known !== null) this.recent.add(cached.known);
        return [{ text, node: null, known: cached, literals }];
      }
    }
    const statements = parse(text);
    const only = statements.length === 1 ? literals : null;
    return statements.map(({ node }) => ({ text, node, known: null, literals: only }));
  }

  /** Throws what planning may: 42P01, 42703, 42883, 0A000, … and 25P02 in a failed block. */
  plan(raw: RawStatement): Statement {
    const { text, node, known, literals } = raw;
    const values = literals?.values ?? NO_VALUES;
    if (known !== null) return this.again(text, known, values);
    useSessionTime(this.state);
    this.refuseNodeInFailedBlock(node as Node);
    const planned = planStatement(node as Node, text, null, literals, this.state.prepared);
    if (literals !== null && planned.isShapeSafe) keep(literals.key, planned);
    return new PlannedStatement(text, planned.plan, values, this.state);
  }

  /** Exactly one statement, or an empty one. `parameterTypes`: OIDs; 0 or missing: to be inferred. */
  prepare(text: string, parameterTypes: readonly number[]): Statement {
    useSessionTime(this.state);
    // No shape begins like this: the lexer declines texts with a zero byte.
    const key = `\0p${parameterTypes.join(",")}\0${text}`;
    const cached = plans.find(key);
    if (cached !== undefined) {
      this.refuseInFailedBlock(cached.plan);
      return new PlannedStatement(text, cached.plan, NO_VALUES, this.state);
    }
    const [first, ...others] = parse(text);
    if (first === undefined) return new PlannedStatement(text, null, NO_VALUES);
    if (others.length > 0) {
      throw new DeltatError(
        SqlState.syntaxError,
        "cannot insert multiple commands into a prepared statement",
      );
    }
    this.refuseNodeInFailedBlock(first.node);
    const planned = planStatement(first.node, text, parameterTypes, null, this.state.prepared);
    if (!planned.isOfSession) keep(key, planned);
    return new PlannedStatement(text, planned.plan, NO_VALUES, this.state);
  }

  /** Throws 22P02, 22P03, 22003, 22021. */
  decodeParameter(typeOid: number, format: number, bytes: Uint8Array, start: number, end: number): Value {
    useSessionTime(this.state);
    return decodeParameter(typeByOid(typeOid) ?? TEXT, format, bytes, start, end);
  }

  /**
   * Runs a statement of this session: writes its rows as DataRow messages and returns the command tag, or, where
   * that would take long, returns the rows as a stream to be taken in slices. On an error nothing of it is left
   * in `rows`, the transaction is aborted, and the error is thrown on.
   */
  execute(
    statement: Statement,
    parameters: readonly Value[],
    resultFormats: readonly number[],
    rows: ByteWriter,
  ): RunResult {
    const { plan, literals } = statement as PlannedStatement;
    if (plan === null) return "";
    const mark = rows.length;
    try {
      return plan.run(this.begin(plan, literals, parameters, resultFormats, rows));
    } catch (error) {
      rows.length = mark;
      this.abort(error);
      throw this.located(error, statement as PlannedStatement);
    }
  }

  /** As `execute`, for rows that are taken in parts: they always come as a stream. */
  open(
    statement: Statement,
    parameters: readonly Value[],
    resultFormats: readonly number[],
    rows: ByteWriter,
  ): RowStream {
    const { plan, literals } = statement as PlannedStatement;
    if (plan === null) return new WrittenRows(new Uint8Array(0), "", rows);
    try {
      return streamOf(plan, this.begin(plan, literals, parameters, resultFormats, rows));
    } catch (error) {
      this.abort(error);
      throw error;
    }
  }

  /** A statement of this session that had paused goes on. */
  resumes(): void {
    useSessionTime(this.state);
  }

  /** Commits the implicit transaction; does nothing in a block. Throws 40001, 53100, 58030. */
  commitImplicit(): void {
    if (!this.state.inBlock) this.state.commit();
  }

  /** Something failed: the implicit transaction is rolled back, a block becomes a failed one. */
  abort(error?: unknown): void {
    const isDiskFull = error instanceof DeltatError && error.sqlState === SqlState.diskFull;
    // The error itself may tell what others did last; that the disk is full does not, and they may wait for long.
    if (!isDiskFull) this.state.awaitLsn(this.database.appendedLsn);
    this.state.fail();
  }

  takeNotices(): readonly Notice[] {
    return this.state.takeNotices();
  }

  /** Settings that ParameterStatus has to tell: at first all it reports, later what has changed. */
  takeParameterChanges(): readonly (readonly [name: string, value: string])[] {
    return this.state.settings.takeReports();
  }

  /** The client has gone: rolls back and listens to nothing any more. */
  close(): void {
    this.state.close();
  }

  /** A statement whose plan is known; what is wrong with its literals is found before it runs, as when it was planned. */
  private again(
    source: string | KnownStatement,
    { plan, literalChecks }: CheckedPlan,
    values: readonly Value[],
  ): PlannedStatement {
    this.refuseInFailedBlock(plan);
    const statement = new PlannedStatement(source, plan, values, this.state);
    useSessionTime(this.state);
    try {
      for (const check of literalChecks) check(values);
    } catch (error) {
      throw this.located(error, statement);
    }
    return statement;
  }

  private begin(
    plan: Plan,
    literals: readonly Value[],
    parameters: readonly Value[],
    resultFormats: readonly number[],
    rows: ByteWriter,
  ): Execution {
    const { state } = this;
    this.refuseInFailedBlock(plan);
    useSessionTime(state);
    state.startTimer();
    let transaction = null;
    if (plan.usage === "read") transaction = state.enterEngine(null);
    else if (plan.usage === "write") transaction = state.enterEngine(plan.command);
    else state.openTransaction();
    return new Execution(this.database, state, parameters, literals, resultFormats, rows, transaction);
  }

  /** A literal that is wrong for a plan found by shape: planning its own text anew tells where it stands. */
  private located(error: unknown, statement: PlannedStatement): unknown {
    const { literals } = statement;
    // 42: a name in a literal that names nothing, such as 'x'::regclass. 0A, 54: an array that is not had.
    const isOfLiteral = error instanceof DeltatError && /^(0A|22|42|54)/.test(error.sqlState);
    if (!isOfLiteral || literals.length === 0 || error.fields.position !== undefined) return error;
    try {
      const { text } = statement;
      const [first] = parse(text);
      if (first !== undefined) planStatement(first.node, text, null, null, this.state.prepared);
    } catch (found) {
      if (found instanceof DeltatError && found.message === error.message) return found;
    }
    return error;
  }

  private refuseInFailedBlock(plan: Plan): void {
    if (this.state.status === "E" && plan.usage !== "end") throw failedBlock();
  }

  private refuseNodeInFailedBlock(node: Node): void {
    if (this.state.status !== "E") return;
    const kind = "TransactionStmt" in node ? node.TransactionStmt.kind : undefined;
    if (kind === undefined || !ENDS_FAILED_BLOCK.has(kind)) throw failedBlock();
  }
}

function failedBlock(): DeltatError {
  return new DeltatError(
    SqlState.inFailedSqlTransaction,
    "current transaction is aborted, commands ignored until end of transaction block",
  );
}
