/**
 * What a session keeps from statement to statement: its transaction, its settings, the channels it listens on,
 * and what its output waits for. Statements outside a block share an implicit transaction up to the end of the
 * simple query or the Sync; BEGIN makes a block of it, with all it holds, as in PostgreSQL.
 */

import { stopwatchMs } from "../../clock.ts";
import type { Transaction } from "../../engine/transaction.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import { STAGED_CHANGE_BYTES } from "../../limits.ts";
import type { Cluster, ConnectedSession, SqlClient } from "../cluster.ts";
import type { Database, Listener } from "../database.ts";
import type { SessionControl } from "../execution.ts";
import type { PlannedStatement } from "../planned-statement.ts";
import { ChannelChanges } from "./channel-changes.ts";
import { PortalTable } from "./portals.ts";
import { PreparedStatements } from "./prepared-statements.ts";
import { Savepoints } from "./savepoints.ts";
import { Settings } from "./settings.ts";
import { StagedNotifications } from "./staged-notifications.ts";
import type { StatementMemory } from "./statement-memory.ts";
import { applyModes, checkModeChange, type TransactionModes } from "./transaction-modes.ts";

/** A NoticeResponse to come. */
export interface Notice {
  readonly severity: string;
  readonly sqlState: string;
  readonly message: string;
}

/** How far a transaction had got when a savepoint was set. */
interface TransactionMark {
  readonly changes: number;
  readonly locks: number;
  readonly notifications: number;
  readonly settings: number;
  readonly channels: number;
  readonly portals: number;
}

export class SessionState implements SessionControl, ConnectedSession {
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
  /** When the statement that runs has taken too long, as `stopwatchMs` tells time; Infinity: never. */
  deadlineMs = Number.POSITIVE_INFINITY;
  private block: "none" | "open" | "failed" = "none";
  private inTransaction = false;
  private notices: Notice[] = [];
  private readonly channels: ChannelChanges;
  private readonly notifications = new StagedNotifications();
  private readonly savepoints = new Savepoints<TransactionMark>();
  /** A statement of the transaction has asked the engine for something. */
  private hasQueried = false;
  /** By PREPARE and by the protocol's Parse. */
  readonly prepared = new PreparedStatements<PlannedStatement>(() => this.clockNowMs());

  constructor(
    private readonly store: Database,
    client: SqlClient,
    private readonly listener: Listener,
    readonly memory: StatementMemory,
  ) {
    this.settings = new Settings(client.user, client.startupOptions);
    this.channels = new ChannelChanges(store, listener);
    this.user = client.user;
    this.processId = client.processId;
    this.database = store.name;
    store.sessions.add(this);
  }

  get applicationName(): string {
    return this.settings.get("application_name");
  }

  disconnect(error: DeltatError): void {
    this.listener.disconnect?.(error);
  }

  cancel(): void {
    this.listener.cancelStatement?.();
  }

  get status(): "I" | "T" | "E" {
    if (this.block === "none") return "I";
    return this.block === "open" ? "T" : "E";
  }

  get inBlock(): boolean {
    return this.block !== "none";
  }

  get tracked(): Transaction | null {
    return this.settings.isSerializable ? this.transaction : null;
  }

  awaitLsn(lsn: number): void {
    if (lsn > this.dependsOnLsn) this.dependsOnLsn = lsn;
  }

  dependOn(lsn: number): void {
    this.awaitLsn(lsn);
    if (this.settings.isSerializable && this.transaction !== null) {
      this.store.engine.isolation.readEverything(this.transaction);
    }
  }

  /**
   * Brings the engine to the present for a statement; `writes` names one that changes rows (`INSERT`). Throws
   * 25006 in a transaction that only reads, 40001, 58030.
   */
  enterEngine(writes: string | null): Transaction | null {
    if (writes !== null) this.store.refuseIfFailed();
    this.openTransaction();
    this.hasQueried = true;
    if (this.transaction === null && (writes !== null || this.settings.isSerializable)) {
      this.transaction = this.store.engine.begin();
    }
    this.memory.stage((this.transaction?.changes.length ?? 0) * STAGED_CHANGE_BYTES);
    this.store.enter(this.transaction);
    // Whatever a write replies, it was checked against all that others have changed.
    if (writes !== null) this.awaitLsn(this.store.appendedLsn);
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
    this.hasQueried = false;
    this.transactionNowMs = -1;
    const { settings } = this;
    if (settings.startsReadOnly) settings.set("transaction_read_only", "on", true);
    if (settings.startsIsolation !== "read committed") {
      settings.set("transaction_isolation", settings.startsIsolation, true);
    }
  }

  beginBlock(modes: TransactionModes): void {
    if (this.block === "open") {
      this.warn(SqlState.activeSqlTransaction, "there is already a transaction in progress");
    }
    this.block = "open";
    this.setTransactionModes(modes);
  }

  setTransactionModes(modes: TransactionModes): void {
    const { isolation, readOnly, deferrable } = modes;
    if (isolation !== null) this.checkSetting("transaction_isolation", isolation);
    if (readOnly !== null) this.checkSetting("transaction_read_only", readOnly ? "on" : "off");
    if (deferrable !== null) this.checkSetting("transaction_deferrable", deferrable ? "on" : "off");
    applyModes(this.settings, modes, "transaction");
  }

  /** Throws 25001 where it is too late in the transaction to set a setting of its own to `value`. */
  checkSetting(name: string, value: string): void {
    const progress = { hasQueried: this.hasQueried, inSavepoint: !this.savepoints.isEmpty };
    checkModeChange(this.settings, name, value, progress);
  }

  commitBlock(chain: boolean): string {
    if (this.block === "failed") return this.rollbackBlock(chain);
    const modes = this.chainedModes(chain, "COMMIT AND CHAIN");
    if (this.block === "none") {
      this.warn(SqlState.noActiveSqlTransaction, "there is no transaction in progress");
    }
    this.commit();
    if (modes !== null) this.beginChained(modes);
    return "COMMIT";
  }

  rollbackBlock(chain: boolean): string {
    const modes = this.chainedModes(chain, "ROLLBACK AND CHAIN");
    if (this.block === "none") {
      this.warn(SqlState.noActiveSqlTransaction, "there is no transaction in progress");
    }
    this.rollback();
    if (modes !== null) this.beginChained(modes);
    return "ROLLBACK";
  }

  setSavepoint(name: string): void {
    this.requireBlock("SAVEPOINT");
    this.savepoints.set(name, {
      changes: this.transaction?.changes.length ?? 0,
      locks: this.transaction?.locks?.length ?? 0,
      notifications: this.notifications.count,
      settings: this.settings.mark,
      channels: this.channels.mark,
      portals: this.portals.mark,
    });
  }

  releaseSavepoint(name: string): void {
    this.requireBlock("RELEASE SAVEPOINT");
    this.savepoints.release(name);
  }

  rollbackToSavepoint(name: string): void {
    this.requireBlock("ROLLBACK TO SAVEPOINT");
    this.takeBack(this.savepoints.returnTo(name));
    this.block = "open";
  }

  /** Commits what is open, block or not. Throws 40001, 53100, 58030; it is rolled back then. */
  commit(): void {
    const { transaction } = this;
    let lsn = -1;
    try {
      if (transaction !== null && (transaction.changes.length > 0 || transaction.locks !== null)) {
        lsn = this.store.commit(transaction);
        this.awaitLsn(lsn);
      } else if (transaction !== null) {
        // One that only read saw, at its last statement, that all it had read was still so.
        this.store.rollback(transaction);
      }
    } catch (error) {
      this.rollback();
      throw error;
    }
    this.endTransaction();
    this.settings.commit();
    this.channels.commit();
    this.portals.endTransaction(true);
    if (this.notifications.count === 0) return;
    this.store.notify(this.notifications.take(), this.processId, lsn < 0 ? this.store.appendedLsn : lsn);
  }

  rollback(): void {
    const { transaction } = this;
    this.endTransaction();
    this.settings.rollback();
    this.channels.rollback();
    this.notifications.rollbackTo(0);
    this.portals.endTransaction(false);
    if (transaction !== null) this.store.rollback(transaction);
  }

  /**
   * A statement failed: a block becomes a failed one, all else is over. What was staged is gone either way, in a
   * block with savepoints back to the innermost.
   */
  fail(): void {
    const wasBlock = this.block !== "none";
    const mark = this.savepoints.innermost;
    if (mark === undefined) this.rollback();
    else {
      // The error has told something of the database, and ROLLBACK TO does not make it untold.
      this.dependOn(this.store.appendedLsn);
      this.takeBack(mark);
    }
    if (wasBlock) this.block = "failed";
  }

  notice(message: string): void {
    this.notices.push({ severity: "NOTICE", sqlState: SqlState.successfulCompletion, message });
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

  notify(channel: string, payload: string): void {
    this.notifications.add(channel, payload);
  }

  close(): void {
    this.rollback();
    this.portals.closeAll();
    this.memory.close();
    this.store.unlistenAll(this.listener);
    this.store.sessions.delete(this);
  }

  get timeZone(): string {
    return this.settings.timeZone;
  }

  get cluster(): Cluster {
    return this.store.cluster;
  }

  lastEventSeq(): number {
    this.dependOn(this.store.appendedLsn);
    return this.store.engine.eventCount;
  }

  clockNowMs(): number {
    return this.store.engine.now;
  }

  getSetting(name: string): string | null {
    return this.settings.find(name) ?? null;
  }

  setSetting(name: string, value: string, isLocal: boolean): string {
    this.checkSetting(name, value);
    this.settings.set(name, value, isLocal);
    return this.settings.get(name);
  }

  private endTransaction(): void {
    this.memory.endTransaction();
    this.transaction = null;
    this.block = "none";
    this.inTransaction = false;
    this.savepoints.clear();
  }

  private takeBack(mark: TransactionMark): void {
    const { transaction, store } = this;
    if (transaction !== null) {
      store.engine.rollbackTo(transaction, mark.changes);
      store.engine.isolation.release(transaction, mark.locks);
    }
    this.notifications.rollbackTo(mark.notifications);
    this.settings.rollbackTo(mark.settings);
    this.channels.rollbackTo(mark.channels);
    this.portals.rollbackTo(mark.portals);
  }

  private requireBlock(statement: string): void {
    if (this.block !== "none") return;
    throw new DeltatError(
      SqlState.noActiveSqlTransaction,
      `${statement} can only be used in transaction blocks`,
    );
  }

  /** AND CHAIN: the modes that the next transaction takes over; null without it. */
  private chainedModes(chain: boolean, statement: string): TransactionModes | null {
    if (!chain) return null;
    this.requireBlock(statement);
    return {
      isolation: this.settings.get("transaction_isolation"),
      readOnly: this.settings.isReadOnly,
      deferrable: this.settings.get("transaction_deferrable") === "on",
    };
  }

  private beginChained(modes: TransactionModes): void {
    this.openTransaction();
    this.beginBlock(modes);
  }
}

/** 57014 for a statement past its statement_timeout. */
export function statementTimedOut(): DeltatError {
  return new DeltatError(SqlState.queryCanceled, "canceling statement due to statement timeout");
}
