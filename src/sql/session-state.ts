/**
 * What a session keeps from statement to statement: its transaction, its settings, the channels it listens on,
 * and what its output waits for. Statements outside a block share an implicit transaction up to the end of the
 * simple query or the Sync; BEGIN makes a block of it, with all it holds, as in PostgreSQL.
 */

import { stopwatchMs } from "../clock.ts";
import type { Transaction } from "../engine/transaction.ts";
import { DeltatError, SqlState } from "../errors.ts";
import { ChannelChanges } from "./channel-changes.ts";
import type { Database, Listener } from "./database.ts";
import type { SessionControl } from "./execution.ts";
import { PortalTable } from "./portals.ts";
import { Settings } from "./settings.ts";
import { StatementMemory } from "./statement-memory.ts";

/** A NoticeResponse to come. */
export interface Notice {
  readonly severity: string;
  readonly sqlState: string;
  readonly message: string;
}

export interface SqlClient {
  readonly user: string;
  readonly processId: number;
  readonly startupOptions: ReadonlyMap<string, string>;
}

export class SessionState implements SessionControl {
  readonly settings: Settings;
  readonly user: string;
  readonly processId: number;
  readonly database: string;
  dependsOnLsn = 0;
  /** Of the first statement that entered the engine; -1 before it: only entering tells the time. */
  transactionNowMs = -1;
  statementNowMs = 0;
  /** What writes stage into; begun by the first of them. */
  transaction: Transaction | null = null;
  readonly portals = new PortalTable();
  readonly memory: StatementMemory;
  /** When the statement that runs has taken too long, as `stopwatchMs` tells time; Infinity: never. */
  deadlineMs = Number.POSITIVE_INFINITY;
  private block: "none" | "open" | "failed" = "none";
  private inTransaction = false;
  private notices: Notice[] = [];
  private readonly channels: ChannelChanges;
  private prepared = 0;

  constructor(
    private readonly store: Database,
    client: SqlClient,
    private readonly listener: Listener,
    workMemBytes: number,
  ) {
    this.memory = new StatementMemory(workMemBytes);
    this.settings = new Settings(client.user, client.startupOptions);
    this.channels = new ChannelChanges(store, listener);
    this.user = client.user;
    this.processId = client.processId;
    this.database = store.name;
  }

  get status(): "I" | "T" | "E" {
    if (this.block === "none") return "I";
    return this.block === "open" ? "T" : "E";
  }

  get inBlock(): boolean {
    return this.block !== "none";
  }

  /** Raised by DISCARD ALL: whoever keeps prepared statements compares. */
  get discardCount(): number {
    return this.prepared;
  }

  dependOn(lsn: number): void {
    if (lsn > this.dependsOnLsn) this.dependsOnLsn = lsn;
  }

  /**
   * Brings the engine to the present for a statement; `writes` names one that changes rows (`INSERT`). Throws
   * 25006 in a transaction that only reads, 40001, 58030.
   */
  enterEngine(writes: string | null): Transaction | null {
    if (writes !== null && this.transaction === null) this.transaction = this.store.engine.begin();
    this.store.enter(this.transaction);
    this.openTransaction();
    this.statementNowMs = this.store.engine.now;
    if (this.transactionNowMs < 0) this.transactionNowMs = this.statementNowMs;
    if (writes !== null && this.settings.isReadOnly) {
      throw new DeltatError(
        SqlState.readOnlySqlTransaction,
        `cannot execute ${writes} in a read-only transaction`,
      );
    }
    return this.transaction;
  }

  /** A statement begins: statement_timeout counts from here. */
  startTimer(): void {
    const { statementTimeoutMs } = this.settings;
    this.deadlineMs =
      statementTimeoutMs === 0 ? Number.POSITIVE_INFINITY : stopwatchMs() + statementTimeoutMs;
  }

  checkTimeout(): void {
    if (this.deadlineMs !== Number.POSITIVE_INFINITY && stopwatchMs() >= this.deadlineMs) {
      throw statementTimedOut();
    }
  }

  /** Every statement runs in a transaction; the first opens it with the session's defaults. */
  openTransaction(): void {
    if (this.inTransaction) return;
    this.inTransaction = true;
    this.transactionNowMs = -1;
    if (this.settings.startsReadOnly) this.settings.set("transaction_read_only", "on", true);
  }

  beginBlock(isolation: string | null, readOnly: boolean | null): void {
    if (this.block === "open") {
      this.warn(SqlState.activeSqlTransaction, "there is already a transaction in progress");
    }
    this.block = "open";
    if (isolation !== null) this.settings.set("transaction_isolation", isolation, true);
    if (readOnly !== null) this.settings.set("transaction_read_only", readOnly ? "on" : "off", true);
  }

  commitBlock(): string {
    if (this.block === "failed") return this.rollbackBlock();
    if (this.block === "none") {
      this.warn(SqlState.noActiveSqlTransaction, "there is no transaction in progress");
    }
    this.commit();
    return "COMMIT";
  }

  rollbackBlock(): string {
    if (this.block === "none") {
      this.warn(SqlState.noActiveSqlTransaction, "there is no transaction in progress");
    }
    this.rollback();
    return "ROLLBACK";
  }

  /** Commits what is open, block or not. Throws 40001, 53100, 58030; it is rolled back then. */
  commit(): void {
    const { transaction } = this;
    try {
      if (transaction !== null && transaction.changes.length > 0) {
        this.dependOn(this.store.commit(transaction));
      } else if (transaction !== null) {
        this.store.rollback(transaction);
      }
    } catch (error) {
      this.rollback();
      throw error;
    }
    this.transaction = null;
    this.block = "none";
    this.inTransaction = false;
    this.settings.commit();
    this.channels.commit();
    this.portals.endTransaction(true);
  }

  rollback(): void {
    const { transaction } = this;
    this.transaction = null;
    this.block = "none";
    this.inTransaction = false;
    this.settings.rollback();
    this.channels.rollback();
    this.portals.endTransaction(false);
    if (transaction !== null) this.store.rollback(transaction);
  }

  /** A statement failed: a block becomes a failed one, all else is over. What was staged is gone either way. */
  fail(): void {
    const wasBlock = this.block !== "none";
    this.rollback();
    if (wasBlock) this.block = "failed";
  }

  warn(sqlState: string, message: string): void {
    if (this.settings.get("client_min_messages") === "error") return;
    this.notices.push({ severity: "WARNING", sqlState, message });
  }

  takeNotices(): readonly Notice[] {
    const { notices } = this;
    if (notices.length > 0) this.notices = [];
    return notices;
  }

  listen(channel: string): void {
    this.channels.listen(channel);
  }

  unlisten(channel: string | null): void {
    this.channels.unlisten(channel);
  }

  discardPrepared(): void {
    this.prepared++;
    this.portals.closeAll();
  }

  close(): void {
    this.rollback();
    this.portals.closeAll();
    this.store.unlistenAll(this.listener);
  }

  clockNowMs(): number {
    return this.store.engine.now;
  }

  getSetting(name: string): string | null {
    return this.settings.find(name) ?? null;
  }

  setSetting(name: string, value: string, isLocal: boolean): string {
    this.settings.set(name, value, isLocal);
    return this.settings.get(name);
  }
}

/** 57014 for a statement past its statement_timeout. */
export function statementTimedOut(): DeltatError {
  return new DeltatError(SqlState.queryCanceled, "canceling statement due to statement timeout");
}
