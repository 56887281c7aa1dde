/**
 * What a transaction expects of rows that it does not change. Nothing ever waits here: a lock remembers the row it
 * was taken on, a serializable read remembers the resource, and both are compared when the transaction is entered
 * again and when it commits. What differs then is 40001.
 *
 * A lock is also known to the others. When a transaction that changed something commits, the locks that conflict with
 * its own, by PostgreSQL's table of row locks, are lost: their owners looked before it and would write after it. So
 * two that lock the same row, whatever they then change, come one after the other or not at all.
 */

import { assert } from "../errors.ts";
import { formatId, type Id } from "../id.ts";
import { MAX_TRACKED_READS, MAX_TRANSACTION_LOCKS } from "../limits.ts";
import { isUnchanged } from "./apply.ts";
import type { EngineState } from "./state.ts";
import type { Effect, Transaction } from "./transaction.ts";
import { limitExceeded, lostRace } from "./violations.ts";

/** FOR KEY SHARE, FOR SHARE, FOR NO KEY UPDATE, FOR UPDATE: two conflict if their numbers add up to 3 or more. */
export const LockStrength = { keyShare: 0, share: 1, noKeyUpdate: 2, update: 3 } as const;
export type LockStrength = (typeof LockStrength)[keyof typeof LockStrength];

/** The tables whose rows can be locked. */
export type LockableTable = "resource" | "rule" | "booking" | "hold";

type RowEffect = Exclude<Effect, { table: "expiredHold" }>;

/** A row as it was when it was locked. */
export interface RowLock {
  readonly owner: Transaction;
  readonly key: string;
  /** Its `before` is the image seen. */
  readonly seen: RowEffect;
  readonly id: Id;
  readonly strength: LockStrength;
  /** `changedLsn` of a resource locked FOR UPDATE: nothing on its timelines may change; -1 for all others. */
  readonly timelineLsn: number;
  /** A transaction whose own lock conflicts has committed. */
  isLost: boolean;
}

/** What a serializable transaction has read. */
export interface ReadSet {
  /** Resources by id, with the `changedLsn` seen: themselves and all that is on their timelines. */
  readonly resources: Map<string, { readonly id: Id; readonly lsn: number }>;
  /** Ids that were asked for and not there. */
  readonly absences: Map<string, { readonly table: LockableTable; readonly id: Id }>;
  /** The version of the tables when something was read that no resource stands for; -1: nothing. */
  everythingAt: number;
}

const NO_LOCKS: readonly RowLock[] = [];

export class Isolation {
  /** Raised by everything that changes what others see. */
  private version = 0;
  private readonly locksOf = new Map<string, Set<RowLock>>();

  constructor(private readonly state: EngineState) {}

  /** The tables as everyone sees them have changed. */
  tablesChanged(): void {
    this.version++;
  }

  /**
   * Locks a row of an engine table. As the rows of bookings, holds and rules refer to their resource, FOR UPDATE of
   * a resource locks its timelines too, as PostgreSQL's does through foreign keys; weaker locks do not.
   * Throws 54000 past MAX_TRANSACTION_LOCKS.
   */
  lock(transaction: Transaction, table: LockableTable, row: number, strength: LockStrength): void {
    const seen = this.effectOf(table, row);
    const id = seen.before?.id;
    assert(id !== undefined, "a row that is locked exists");
    const key = keyOf(table, id);
    const holders = this.locksOf.get(key) ?? new Set();
    for (const lock of holders) if (lock.owner === transaction && lock.strength >= strength) return;
    transaction.locks ??= [];
    if (transaction.locks.length >= MAX_TRANSACTION_LOCKS) {
      throw limitExceeded("locks of one transaction", MAX_TRANSACTION_LOCKS);
    }
    const timelineLsn =
      table === "resource" && strength === LockStrength.update
        ? (this.state.resources.changedLsn[row] as number)
        : -1;
    const lock: RowLock = { owner: transaction, key, seen, id, strength, timelineLsn, isLost: false };
    transaction.locks.push(lock);
    holders.add(lock);
    this.locksOf.set(key, holders);
  }

  /** Whether another open transaction holds a lock on the row that conflicts with `strength`. */
  isLocked(transaction: Transaction, table: LockableTable, id: Id, strength: LockStrength): boolean {
    for (const lock of this.locksOf.get(keyOf(table, id)) ?? []) {
      if (lock.owner !== transaction && conflicts(lock.strength, strength)) return true;
    }
    return false;
  }

  /** Gives back the locks taken after the transaction had `mark` of them; all, if it is over. */
  release(transaction: Transaction, mark = 0): void {
    const { locks } = transaction;
    if (locks === null) return;
    for (const lock of locks.splice(mark)) {
      const holders = this.locksOf.get(lock.key);
      holders?.delete(lock);
      if (holders?.size === 0) this.locksOf.delete(lock.key);
    }
  }

  /** The transaction has committed: the locks of others that conflict with its own are lost. */
  committed(transaction: Transaction): void {
    const { locks, changes } = transaction;
    if (changes.length > 0) {
      this.version++;
      for (const { key, strength } of locks ?? NO_LOCKS) {
        for (const other of this.locksOf.get(key) ?? []) {
          if (other.owner !== transaction && conflicts(other.strength, strength)) other.isLost = true;
        }
      }
    }
    if (locks !== null) this.release(transaction);
  }

  /** Notes that a serializable transaction has read a resource, or anything on its timelines. */
  readResource(transaction: Transaction, row: number): void {
    const { resources } = this.state;
    const reads = readsOf(transaction);
    const id = resources.idAt(row);
    const key = formatId(id);
    if (reads.everythingAt >= 0 || reads.resources.has(key)) return;
    if (reads.resources.size + reads.absences.size >= MAX_TRACKED_READS) this.readEverything(transaction);
    else reads.resources.set(key, { id, lsn: resources.changedLsn[row] as number });
  }

  /** As `readResource`, for what the resource inherits: its ancestors too. */
  readResourceAndAncestors(transaction: Transaction, row: number): void {
    for (let at = row; at >= 0; at = this.state.resources.parent[at] as number) {
      this.readResource(transaction, at);
    }
  }

  /** Notes that a serializable transaction has found nothing under an id. */
  readAbsence(transaction: Transaction, table: LockableTable, id: Id): void {
    const reads = readsOf(transaction);
    if (reads.everythingAt >= 0) return;
    if (reads.resources.size + reads.absences.size >= MAX_TRACKED_READS) this.readEverything(transaction);
    else reads.absences.set(keyOf(table, id), { table, id });
  }

  /** Notes that a serializable transaction has read what may depend on any row. */
  readEverything(transaction: Transaction): void {
    const reads = readsOf(transaction);
    // What was read before stays as it was seen then: it has been checked at this turn.
    if (reads.everythingAt < 0) reads.everythingAt = this.version;
  }

  /** Throws 40001 unless all that the transaction locked or read is as it was. Its own changes are not in the tables. */
  check(transaction: Transaction): void {
    const { locks, reads } = transaction;
    if ((locks === null && reads === null) || transaction.checkedVersion === this.version) return;
    for (const lock of locks ?? []) this.checkLock(lock);
    if (reads !== null) this.checkReads(transaction, reads);
    transaction.checkedVersion = this.version;
  }

  private checkLock(lock: RowLock): void {
    const { seen, strength, owner, id, timelineLsn } = lock;
    if (lock.isLost)
      throw lostRace(`${describe(lock)} was locked by a transaction that has committed since.`);
    const isAsSeen =
      strength === LockStrength.keyShare ? this.find(seen.table, id) >= 0 : isUnchanged(this.state, seen);
    // A row that the transaction itself has changed is checked when that change is applied again.
    if (!isAsSeen && !touches(owner, seen.table, id)) {
      throw lostRace(`${describe(lock)} was changed or removed after it was locked.`);
    }
    if (timelineLsn < 0) return;
    const row = this.state.resources.find(id);
    if (row >= 0 && this.state.resources.changedLsn[row] !== timelineLsn) {
      throw lostRace(`${describe(lock)} has other bookings, holds or rules than when it was locked.`);
    }
  }

  private checkReads(transaction: Transaction, { resources, absences, everythingAt }: ReadSet): void {
    if (everythingAt >= 0 && everythingAt !== this.version) {
      throw lostRace("The database was changed after this serializable transaction had read from it.");
    }
    for (const [text, { id, lsn }] of resources) {
      const row = this.state.resources.find(id);
      const isAsSeen =
        row < 0 ? touches(transaction, "resource", id) : this.state.resources.changedLsn[row] === lsn;
      if (!isAsSeen) {
        throw lostRace(`Resource ${text} was changed after this serializable transaction had read it.`);
      }
    }
    for (const { table, id } of absences.values()) {
      if (this.find(table, id) >= 0 && !touches(transaction, table, id)) {
        throw lostRace(`${formatId(id)} was created after this serializable transaction had looked for it.`);
      }
    }
  }

  private find(table: LockableTable, id: Id): number {
    const { resources, rules, allocations } = this.state;
    if (table === "resource") return resources.find(id);
    if (table === "rule") return rules.find(id);
    return table === "booking" ? allocations.findBooking(id) : allocations.findHold(id);
  }

  private effectOf(table: LockableTable, row: number): RowEffect {
    const { state } = this;
    if (table === "resource") return { table, before: state.resources.image(row), after: null };
    if (table === "rule") return { table, before: state.ruleImage(row), after: null };
    if (table === "booking") return { table, before: state.bookingImage(row), after: null };
    return { table, before: state.holdImage(row), after: null };
  }
}

function keyOf(table: LockableTable, id: Id): string {
  return `${table} ${formatId(id)}`;
}

function describe({ key }: RowLock): string {
  return key.charAt(0).toUpperCase() + key.slice(1);
}

function conflicts(a: LockStrength, b: LockStrength): boolean {
  return a + b >= LockStrength.update;
}

function readsOf(transaction: Transaction): ReadSet {
  transaction.reads ??= { resources: new Map(), absences: new Map(), everythingAt: -1 };
  return transaction.reads;
}

/** Whether one of the transaction's own staged changes is about the row. */
function touches({ changes }: Transaction, table: LockableTable, id: Id): boolean {
  const key = formatId(id);
  return changes.some(({ effects }) =>
    effects.some((effect) => {
      if (effect.table !== table) return false;
      const image = effect.before ?? effect.after;
      return image !== null && formatId(image.id) === key;
    }),
  );
}
