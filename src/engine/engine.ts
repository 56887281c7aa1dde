/**
 * The state machine. Commands and instants go in; changed tables, changes (from which events follow) or typed
 * errors come out. Synchronous, no I/O, no clock of its own: the same commands at the same instants give the
 * same result.
 *
 * Transactions are overlays. Staged changes lie in the tables themselves while their transaction is the one
 * entered; as soon as anyone else enters, they are undone, and applied anew, with every check, when their
 * transaction enters again. So each reads its own writes at the full speed of the tables, nobody sees another's,
 * a transaction alone on the engine never pays, and COMMIT is a check that has already been made.
 */

import { assert, DeltatError, SqlState } from "../errors.ts";
import { MAX_TRANSACTION_CHANGES } from "../limits.ts";
import { applyCommand, stillApplies, undoChange } from "./apply.ts";
import { freeRuns, keepLasting } from "./availability.ts";
import type { BookingImage, Command, HoldImage, ResourceImage, RuleImage } from "./command.ts";
import { commonFreeRuns } from "./common-availability.ts";
import { countEvents } from "./events.ts";
import { Isolation } from "./isolation.ts";
import { newestLsnAbove, stampChanges } from "./stamps.ts";
import { EngineState } from "./state.ts";
import { SpanList } from "./timeline.ts";
import { type Change, Transaction } from "./transaction.ts";
import { limitExceeded, lostRace } from "./violations.ts";

/** Who reads the tables bit by bit, and has paused. */
export interface PausedReader {
  /**
   * The tables are about to change: reads what it still needs. Must not throw.
   * @param share the part that it may use of the time that a change may be kept waiting
   */
  settle(share: number): void;
}

export class Engine {
  private readonly state: EngineState;
  /** The transaction whose staged changes lie in the tables. */
  private entered: Transaction | null = null;
  private readonly pausedReaders = new Set<PausedReader>();
  /** Expiries not yet taken by `takeExpired`. */
  private expired: Change[] = [];
  private readonly found = new SpanList();
  /** Row locks, and what serializable transactions have read. */
  readonly isolation: Isolation;

  constructor(options: { readonly enforceRulesByDefault?: boolean } = {}) {
    this.state = new EngineState(options.enforceRulesByDefault ?? false);
    this.isolation = new Isolation(this.state);
  }

  get now(): number {
    return this.state.now;
  }

  get resources() {
    return this.state.resources;
  }

  get rules() {
    return this.state.rules;
  }

  get allocations() {
    return this.state.allocations;
  }

  /** When the next live hold expires, Unix milliseconds; Infinity when there is none. */
  get nextExpiry(): number {
    return this.state.expiry.nextAt();
  }

  /** `reader` is told before anything changes, once, unless it wakes before. */
  pause(reader: PausedReader): void {
    this.pausedReaders.add(reader);
  }

  wake(reader: PausedReader): void {
    this.pausedReaders.delete(reader);
  }

  /** Reads the state as everyone sees it. */
  inspect<Result>(read: (state: EngineState) => Result): Result {
    this.leave();
    return read(this.state);
  }

  /** Fills an engine that has never held anything; `at` is the present then. */
  load(at: number, fill: (state: EngineState) => void): void {
    assert(this.state.resources.limit === 0, "only an empty engine is loaded");
    fill(this.state);
    this.state.now = at;
  }

  begin(): Transaction {
    return new Transaction();
  }

  /**
   * Makes the engine show what `transaction` sees (null: what everyone sees) at `now`, which counts only if it
   * is later than before. Due holds expire first; `takeExpired` tells which. Throws DeltatError 40001 when what
   * others committed, or an expiry, no longer lets a staged change, a lock or a serializable read stand. The
   * transaction is left as it was, to be rolled back, or back to a savepoint.
   */
  enter(transaction: Transaction | null, now: number): void {
    this.advance(now);
    if (this.entered === transaction) return;
    this.leave();
    if (transaction !== null) this.reapply(transaction);
    this.entered = transaction;
  }

  /**
   * Brings the present to `now`, if that is later, and expires what is due. Whoever stamps expiries does so between
   * this and `enter`, so that an expiry counts as a change of what the transaction entered has locked or read.
   */
  advance(now: number): void {
    const { entered, state } = this;
    if (now <= state.now) return;
    if (entered !== null && (state.expiry.nextAt() <= now || entered.earliestExpiry <= now)) this.leave();
    state.now = now;
    if (state.expiry.nextAt() <= now) this.expireDue();
  }

  /** Stages a command in the transaction that is entered. Throws DeltatError with everything as it was. */
  apply(transaction: Transaction, command: Command): void {
    assert(this.entered === transaction, "a transaction is entered before it applies commands");
    if (transaction.changes.length >= MAX_TRANSACTION_CHANGES) {
      throw limitExceeded("changes of one transaction", MAX_TRANSACTION_CHANGES);
    }
    this.applyUnbounded(transaction, command);
  }

  /** Takes back what the transaction staged after it had `mark` changes. */
  rollbackTo(transaction: Transaction, mark: number): void {
    const { changes } = transaction;
    if (this.entered === transaction) {
      if (changes.length > mark) this.settleReaders();
      for (let i = changes.length - 1; i >= mark; i--) undoChange(this.state, changes[i] as Change);
    }
    changes.length = Math.min(changes.length, mark);
  }

  rollback(transaction: Transaction): void {
    this.rollbackTo(transaction, 0);
    this.isolation.release(transaction);
    if (this.entered === transaction) this.entered = null;
  }

  /** Makes what the entered transaction staged everyone's, and returns it; the transaction is over. */
  commit(transaction: Transaction): readonly Change[] {
    assert(this.entered === transaction, "a transaction is entered before it commits");
    this.entered = null;
    this.isolation.committed(transaction);
    return transaction.changes;
  }

  /** Takes back changes that were just committed, because they could not be logged. */
  revert(changes: readonly Change[]): void {
    assert(this.entered === null, "nothing is staged on top of what is reverted");
    this.settleReaders();
    for (let i = changes.length - 1; i >= 0; i--) undoChange(this.state, changes[i] as Change);
    this.isolation.tablesChanged();
  }

  /**
   * Takes back everything that came after `durableLsn`: `changes` are all commits and expiries since then, in their order.
   * What is due by now expires again, and no resource says any more that it waits for one of those commits.
   */
  takeBack(changes: readonly Change[], durableLsn: number): void {
    const { state } = this;
    this.leave();
    this.revert(changes);
    if (state.expiry.nextAt() <= state.now) this.expireDue();
    this.expired = [];
    state.resources.forgetStampsAfter(durableLsn);
  }

  /** Applies commands as one transaction at `now`. Throws DeltatError with everything as it was. */
  execute(commands: readonly Command[], now: number): readonly Change[] {
    const transaction = this.begin();
    this.enter(transaction, now);
    try {
      for (const command of commands) this.apply(transaction, command);
    } catch (error) {
      this.rollback(transaction);
      throw error;
    }
    return this.commit(transaction);
  }

  /**
   * Applies again what a log says was committed at `at`, whatever `enforce_rules` would say today.
   * @param firstEvent `seq` of its first event, where the log says it
   */
  replay(commands: readonly Command[], at: number, firstEvent: number | null = null): void {
    const { state } = this;
    state.replaying = true;
    try {
      const changes = this.execute(commands, at);
      if (firstEvent !== null) state.eventCount = firstEvent - 1;
      state.eventCount += countEvents(this.expired) + countEvents(changes);
    } finally {
      state.replaying = false;
    }
    this.expired = [];
  }

  /** `seq` of the last event of all commits so far; 0 before the first. */
  get eventCount(): number {
    return this.state.eventCount;
  }

  /** Gives the events of changes that were logged their numbers; returns how many there are. */
  countEvents(changes: readonly Change[]): number {
    const count = countEvents(changes);
    this.state.eventCount += count;
    return count;
  }

  /** Takes back the numbers of the last events, whose commits never became durable. */
  uncountEvents(count: number): void {
    this.state.eventCount -= count;
  }

  /** Expires what is due at `now`. */
  expire(now: number): void {
    this.enter(null, now);
  }

  /** The holds that have expired since this was last asked, in order of expiry. */
  takeExpired(): readonly Change[] {
    const { expired } = this;
    if (expired.length > 0) this.expired = [];
    return expired;
  }

  /** Records that the commit `lsn` made these changes, for `changedLsn` and `availabilityLsn`. */
  stamp(changes: readonly Change[], lsn: number): void {
    stampChanges(this.state.resources, changes, lsn);
  }

  /** lsn of the last commit that touched the resource or anything on its timelines. */
  changedLsn(resourceRow: number): number {
    return this.state.resources.changedLsn[resourceRow] as number;
  }

  /** lsn of the last commit that availability of the resource may reflect: its own or an ancestor's. */
  availabilityLsn(resourceRow: number): number {
    return newestLsnAbove(this.state.resources, resourceRow);
  }

  resourceImage(row: number): ResourceImage {
    return this.state.resources.image(row);
  }

  ruleImage(row: number): RuleImage {
    return this.state.ruleImage(row);
  }

  bookingImage(row: number): BookingImage {
    return this.state.bookingImage(row);
  }

  holdImage(row: number): HoldImage {
    return this.state.holdImage(row);
  }

  enforcesRules(resourceRow: number): boolean {
    return this.state.enforcesRules(resourceRow);
  }

  /**
   * Lets `visit` read a hold that had expired when it was placed as if it were a row: it is in the table, and
   * nowhere else, during the call only.
   */
  showExpiredHold(hold: HoldImage, visit: (row: number) => void): void {
    const { allocations, resources } = this.state;
    const row = allocations.addHold(hold, resources.find(hold.resourceId));
    try {
      visit(row);
    } finally {
      allocations.remove(row);
    }
  }

  /** Rows of a resource's children; of the roots for -1. */
  childRows(resourceRow: number): number[] {
    return this.state.resources.childRows(resourceRow);
  }

  /** Rows of the rules of a resource itself: the open ones by start, then the blocking ones by start. */
  ruleRows(resourceRow: number): number[] {
    const rows: number[] = [];
    const { openRules, blockingRules } = this.state.resources;
    for (const timeline of [openRules[resourceRow], blockingRules[resourceRow]]) {
      timeline?.visitCandidates(0, Number.POSITIVE_INFINITY, (row) => rows.push(row));
    }
    return rows;
  }

  /** Rows of the bookings and live holds of a resource whose [start, end) meets [from, to), by start. */
  allocationRows(resourceRow: number, from: number, to: number): number[] {
    const rows: number[] = [];
    const { end } = this.state.allocations;
    this.state.resources.allocations[resourceRow]?.visitCandidates(from, to, (row) => {
      if ((end[row] as number) > from) rows.push(row);
    });
    return rows;
  }

  /**
   * The maximal runs of [from, to) in which the resource is free, none shorter than `minDurationMs`. Row -1 is
   * never free. The result is valid until the next call.
   */
  availabilityOf(resourceRow: number, from: number, to: number, minDurationMs: number): SpanList {
    const { found } = this;
    found.count = 0;
    if (resourceRow < 0 || from >= to) return found;
    freeRuns(this.state, resourceRow, from, to, found);
    keepLasting(found, minDurationMs);
    return found;
  }

  /**
   * The maximal runs of [from, to) in which at least `minAvailable` of the distinct `resourceRows` are free,
   * none shorter than `minDurationMs`. Row -1 is never free. The result is valid until the next call.
   */
  availability(
    resourceRows: readonly number[],
    from: number,
    to: number,
    minDurationMs: number,
    minAvailable: number,
  ): SpanList {
    const { found } = this;
    found.count = 0;
    if (from >= to) return found;
    commonFreeRuns(this.state, resourceRows, from, to, minAvailable, found);
    keepLasting(found, minDurationMs);
    return found;
  }

  private applyUnbounded(transaction: Transaction, command: Command): void {
    this.settleReaders();
    const effects = applyCommand(this.state, command);
    transaction.changes.push({ command, effects });
    for (const effect of effects) {
      if (effect.table === "hold" && effect.before !== null) {
        transaction.earliestExpiry = Math.min(transaction.earliestExpiry, effect.before.expiresAt);
      }
    }
  }

  /** Undoes what the entered transaction staged; it keeps its changes for its next turn. */
  private leave(): void {
    if (this.entered === null) return;
    const { changes } = this.entered;
    if (changes.length > 0) this.settleReaders();
    for (let i = changes.length - 1; i >= 0; i--) undoChange(this.state, changes[i] as Change);
    this.entered = null;
  }

  /** Applies a transaction's changes anew on what has been committed meanwhile. */
  private reapply(transaction: Transaction): void {
    this.isolation.check(transaction);
    const staged = transaction.changes;
    transaction.changes = [];
    transaction.earliestExpiry = Number.POSITIVE_INFINITY;
    try {
      for (const change of staged) {
        if (!stillApplies(this.state, change))
          throw lostRace("A row that this transaction changes was changed or removed.");
        this.applyUnbounded(transaction, change.command);
      }
    } catch (error) {
      for (let i = transaction.changes.length - 1; i >= 0; i--) {
        undoChange(this.state, transaction.changes[i] as Change);
      }
      transaction.changes = staged;
      throw error instanceof DeltatError && error.sqlState !== SqlState.serializationFailure
        ? lostRace(error.message)
        : error;
    }
  }

  /** To be called before anything changes: a comparison, as long as nobody has paused. */
  private settleReaders(): void {
    if (this.pausedReaders.size === 0) return;
    const readers = [...this.pausedReaders];
    this.pausedReaders.clear();
    for (const reader of readers) reader.settle(1 / readers.length);
  }

  private expireDue(): void {
    this.settleReaders();
    const { state } = this;
    this.isolation.tablesChanged();
    while (state.expiry.nextAt() <= state.now) {
      const row = state.expiry.first();
      const before = state.holdImage(row);
      state.dropAllocation(row);
      this.expired.push({
        command: { kind: "releaseHold", id: before.id },
        effects: [{ table: "hold", before, after: null }],
      });
    }
  }
}
