/**
 * One database as the contract has it: the commits in their order, the state they lead to, and what clients were told.
 * It shares nothing with the server; it is told when a statement ran, decides what the answer must be, and after a crash
 * says which states may be found.
 */

import type { Command, HoldImage } from "../../src/engine/command.ts";
import { formatId } from "../../src/id.ts";
import { Oracle } from "../engine/oracle.ts";
import { EventLedger, type Instant, settle } from "./event-ledger.ts";
import { applyAndTell, type EventGroup, expiryEvents, type Notices } from "./expected-events.ts";
import { check } from "./violation.ts";

/** One commit; without commands: the moment at which holds were seen to have expired. */
interface Commit extends Instant {
  readonly commands: readonly Command[];
}

/** Something a client was told that need not have changed anything: what a crash undoes must not show in it. */
export interface Told {
  /** Commits that had been made when it was worked out. */
  readonly version: number;
  /** The same answer, from the state that was found after a crash; throws where it would be another. */
  readonly again: (state: Oracle) => void;
}

/** Events that are told together. */
export interface ToldGroup {
  /** They come in this order. */
  readonly order: number;
  /** The commit that they are of. */
  readonly version: number;
  readonly told: Notices;
}

/** Whoever is told of events. */
export interface ModelListener {
  readonly channels: ReadonlySet<string>;
  expect(group: ToldGroup): void;
  /** Events of commits after `version` never were. */
  forgetAfter(version: number): void;
  /** A transaction block is open: it has to know what others change. */
  readonly isInBlock: boolean;
  touch(rows: ReadonlySet<string>): void;
}

const KEPT_COMMITS = 64;

export class TenantModel {
  current: Oracle;
  readonly listeners = new Set<ModelListener>();
  readonly ledger = new EventLedger();
  /** How often what happened, for the summary. */
  readonly tally = {
    "commits of clients": 0,
    "holds expired": 0,
    "commits that a crash undid, all unacknowledged": 0,
    "answers compared with what a crash left": 0,
    "notifications told": 0,
  };

  private base: Oracle;
  private baseVersion = 0;
  private commits: Commit[] = [];
  /** Clients were told of every commit up to this one. */
  private acknowledged = 0;
  private told: Told[] = [];
  private failedAt: number | null = null;
  /** Events of commits that nobody may have been told of yet. */
  underWay: ToldGroup[] = [];
  private order = 0;

  constructor(
    readonly name: string,
    enforceRulesByDefault: boolean,
  ) {
    this.base = new Oracle(enforceRulesByDefault);
    this.current = new Oracle(enforceRulesByDefault);
  }

  /** How many commits there have been. */
  get version(): number {
    return this.baseVersion + this.commits.length;
  }

  get acknowledgedVersion(): number {
    return this.acknowledged;
  }

  /** The last commit that the current state holds: once the log has failed, the last durable one. */
  get shownVersion(): number {
    return this.failedAt ?? this.version;
  }

  /** The log has failed: what was not durable is taken back, and nothing is accepted. */
  get hasFailed(): boolean {
    return this.failedAt !== null;
  }

  /** The holds that are over at `now`. */
  dueBy(now: number): HoldImage[] {
    return [...this.current.holds.values()].filter((hold) => hold.expiresAt <= now);
  }

  /** Time passes; `isLogged`: the log pins that holds have expired, which is a commit. */
  advance(now: number, isLogged: boolean): void {
    const before = this.current.now;
    check(now >= before, `${this.name}: now went back from ${before} to ${now}`);
    const due = this.dueBy(now);
    this.current.advance(now);
    if (due.length === 0) return;
    this.tally["holds expired"] += due.length;
    const groups = expiryEvents(this.current, due);
    if (isLogged) {
      // Making room for it in the log takes its time, in which the server's clock goes on.
      const since = due.reduce((latest, { expiresAt }) => Math.max(latest, expiresAt), before);
      const commit = { since, at: now, commands: [] };
      this.commits.push(commit);
      this.ledger.number(this.version, commit, groups);
    } else if (!this.hasFailed) this.ledger.postpone(groups);
    this.tell(groups);
    this.touch(new Set(due.map((hold) => `holds ${formatId(hold.id)}`)), null);
  }

  /** A commit of `by` (null: of the server itself) at the present. */
  commit(commands: readonly Command[], by: ModelListener | null): void {
    const isWatched = [...this.listeners].some((one) => one !== by && one.isInBlock);
    const before = isWatched ? this.current.clone() : null;
    const { now } = this.current;
    const commit = { since: now, at: now, commands };
    this.commits.push(commit);
    if (by !== null) this.tally["commits of clients"]++;
    const groups = applyAndTell(this.current, commands);
    this.ledger.number(this.version, commit, groups);
    this.tell(groups);
    if (before !== null) this.touch(touchedRows(before, this.current), by);
    this.trim();
  }

  /** A client has been sent an answer that stands on the first `version` commits. */
  acknowledge(version: number): void {
    this.acknowledged = Math.max(this.acknowledged, version);
  }

  /** A client has been sent this. */
  remember(told: Told): void {
    // What stands on the last durable commit still depends on the clock, which a restart may find set back.
    if (told.version >= this.acknowledged) this.told.push(told);
    if (this.told.length > 500) this.told = this.told.filter(({ version }) => version >= this.acknowledged);
  }

  /** The state after so many commits. */
  stateAt(version: number): Oracle {
    check(
      version >= this.baseVersion && version <= this.version,
      `${this.name}: commit ${version} is the last that is there; ${this.acknowledged} were acknowledged, ${this.version} made`,
    );
    const state = this.base.clone();
    for (const commit of this.commits.slice(0, version - this.baseVersion)) replay(state, commit);
    return state;
  }

  /** The log has failed: what came after `durable` is taken back, at the present. */
  fail(durable: number): void {
    check(durable >= this.acknowledged, `${this.name}: the failed log took back what was acknowledged`);
    this.failedAt = durable;
    const { now } = this.current;
    this.current = this.stateAt(durable);
    this.ledger.hideAfter(durable);
    this.current.advance(now);
    for (const listener of this.listeners) listener.forgetAfter(durable);
  }

  /**
   * The database was opened again, and its log ends with commit `found`, of `now`. Throws where that undoes what somebody
   * was told.
   */
  recover(found: number, now: number): void {
    check(
      found >= this.acknowledged,
      `${this.name}: lost: ${this.acknowledged} commits were acknowledged, ${found} are there after the restart`,
    );
    const last = this.commits[found - this.baseVersion - 1];
    if (last !== undefined) settle(last, now, `${this.name}: commit ${found}`);
    const state = this.stateAt(found);
    const told = this.told.filter(({ version }) => version >= found);
    for (const { again } of told) again(state);
    this.tally["answers compared with what a crash left"] += told.length;
    this.tally["commits that a crash undid, all unacknowledged"] += this.version - found;
    this.told = [];
    this.underWay = [];
    this.commits.length = found - this.baseVersion;
    this.ledger.forgetAfter(found);
    this.current = state;
    this.failedAt = null;
    this.acknowledged = found;
    this.trim();
  }

  private touch(rows: ReadonlySet<string>, by: ModelListener | null): void {
    for (const listener of this.listeners) if (listener !== by) listener.touch(rows);
  }

  private tell(groups: readonly EventGroup[]): void {
    if (this.listeners.size === 0) return;
    this.underWay = this.underWay.filter(({ version }) => version > this.acknowledged);
    for (const { notices: told } of groups) {
      const group = { order: ++this.order, version: this.shownVersion, told };
      this.underWay.push(group);
      for (const listener of this.listeners) {
        if (told.some(({ channel }) => listener.channels.has(channel))) listener.expect(group);
      }
    }
  }

  /** Commits that nobody can lose any more need not be kept apart. */
  private trim(): void {
    const settled = this.acknowledged - this.baseVersion;
    if (settled < KEPT_COMMITS) return;
    for (const commit of this.commits.splice(0, settled)) replay(this.base, commit);
    this.baseVersion = this.acknowledged;
  }
}

function replay(state: Oracle, { at, commands }: Commit): void {
  state.advance(at);
  for (const command of commands) state.apply(command);
}

/** The rows in which two states differ, as `table id`. */
function touchedRows(before: Oracle, after: Oracle): Set<string> {
  const touched = new Set<string>();
  for (const name of ["resources", "rules", "bookings", "holds"] as const) {
    const [old, young] = [before[name], after[name]];
    for (const [key, row] of old) if (young.get(key) !== row) touched.add(`${name} ${key}`);
    for (const key of young.keys()) if (!old.has(key)) touched.add(`${name} ${key}`);
  }
  return touched;
}
