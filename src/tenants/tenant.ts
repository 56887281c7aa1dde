/**
 * One database: an engine, its log and its listeners, and the order among the three. A commit is applied, then
 * appended; what reflects it (replies, rows, notifications) leaves when the log says that it is durable.
 */

import { EVENTS_CHANNEL } from "../channel-name.ts";
import { encodeCommand } from "../engine/codec.ts";
import type { Engine } from "../engine/engine.ts";
import { type Event, eventsOf } from "../engine/events.ts";
import { encodeNotes } from "../engine/events-of-commit.ts";
import type { Change, Transaction } from "../engine/transaction.ts";
import { limitExceeded } from "../engine/violations.ts";
import { DeltatError, SqlState } from "../errors.ts";
import { MAX_FRAME_BYTES } from "../limits.ts";
import { type Cluster, type ConnectedSession, loneCluster } from "../sql/cluster.ts";
import type { Database, DurabilityWaiter, Listener, Notification } from "../sql/database.ts";
import type { EventHistory } from "../sql/event-history.ts";
import type { CommitLog } from "../storage/commit-log.ts";
import type { FileSystem } from "../storage/files.ts";
import { Channels } from "./channels.ts";
import type { Checkpoints } from "./checkpoint.ts";
import { EventNumbers, type NumberedCommit } from "./event-numbers.ts";
import { History } from "./history.ts";
import { Retention } from "./retention.ts";

/** Time and turns of the event loop, as a tenant needs them. */
export interface Scheduler {
  /** Unix milliseconds; never goes back. */
  now(): number;
  /** Runs `callback` once what this turn of the event loop has read is processed. */
  soon(callback: () => void): void;
  /** Runs `callback` after `delayMs`; returns what cancels it. */
  after(delayMs: number, callback: () => void): () => void;
  /** Times what a step of background work takes, in milliseconds; default: the system's stopwatch. */
  stopwatchMs?(): number;
}

/** Timers count milliseconds in an int32. */
const MAX_TIMER_MS = 2_147_483_647;

/** What waits to be told until `lsn` is durable. */
interface Pending {
  readonly lsn: number;
  readonly events: readonly Event[];
  /** The same and those that got no number before, for who listens to all of them. */
  readonly numbered: readonly string[];
  readonly notifications: readonly Notification[];
  /** Of the session whose notifications they are. */
  readonly processId: number;
}

/** What a commit or an expiry has changed, as long as it is not durable. */
interface Unsettled {
  readonly lsn: number;
  /** How many events were numbered by the commit. */
  readonly events: number;
  readonly changes: readonly Change[];
}

interface Waiting {
  readonly lsn: number;
  readonly waiter: DurabilityWaiter;
}

export class Tenant implements Database {
  readonly cluster: Cluster;
  readonly sessions = new Set<ConnectedSession>();
  private readonly channels = new Channels();
  private pending: Pending[] = [];
  private waiting: Waiting[] = [];
  /** Oldest first: what a failed log takes with it. */
  private unsettled: Unsettled[] = [];
  private flushScheduled = false;
  /** The log has failed, and what was not durable is taken back. */
  private hasFailed = false;
  private timerAt = Number.POSITIVE_INFINITY;
  private cancelTimer: (() => void) | null = null;
  private checkpoints: Checkpoints | null = null;
  private readonly eventNumbers: EventNumbers;
  history: EventHistory | null = null;
  private retention: Retention | null = null;
  private readonly flushNow = (): void => {
    this.flushScheduled = false;
    if (this.waiting.length > 0 || this.pending.length > 0) this.log.flush();
    else this.log.flushLater();
  };

  constructor(
    readonly name: string,
    readonly engine: Engine,
    private readonly log: CommitLog,
    private readonly scheduler: Scheduler,
    private readonly maxFrameBytes = MAX_FRAME_BYTES,
    cluster?: Cluster,
  ) {
    this.cluster = cluster ?? loneCluster(name, this.sessions);
    this.eventNumbers = new EventNumbers(engine, log);
    this.armExpiry();
  }

  /** Once the log has failed, nothing that is not durable counts: errors that say so must not wait for it. */
  get appendedLsn(): number {
    return this.log.failure === null ? this.log.appendedLsn : this.log.durableLsn;
  }

  get durableLsn(): number {
    return this.log.durableLsn;
  }

  enter(transaction: Transaction | null): void {
    const now = this.scheduler.now();
    // Nobody's staged changes are in place when expiries are recorded: they are everyone's.
    this.engine.advance(now);
    this.recordExpiries();
    this.engine.enter(transaction, now);
  }

  commit(transaction: Transaction): number {
    if (transaction.changes.length > 0) this.refuseIfFailed();
    this.enter(transaction);
    const changes = this.engine.commit(transaction);
    if (changes.length === 0) return this.appendedLsn;
    let logged: NumberedCommit;
    try {
      const body = this.eventNumbers.begin();
      // The writer also holds the frames of the group that are not written yet.
      const end = body.length + this.maxFrameBytes;
      for (const change of changes) {
        encodeCommand(body, change.command);
        encodeNotes(body, change);
        if (body.length > end) throw limitExceeded("bytes of one commit", this.maxFrameBytes);
      }
      logged = this.eventNumbers.append(body, changes);
    } catch (error) {
      this.engine.revert(changes);
      throw error;
    }
    const { lsn, numbered } = logged;
    this.engine.stamp(changes, lsn);
    this.unsettled.push({ lsn, changes, events: logged.count });
    this.publish(changes, numbered, lsn);
    this.armExpiry();
    return lsn;
  }

  refuseIfFailed(): void {
    const { failure, refusal, noRoom } = this.log;
    if (failure !== null) throw refusal ?? logFailed();
    if (noRoom !== undefined && noRoom !== null) throw noRoom;
  }

  rollback(transaction: Transaction): void {
    this.engine.rollback(transaction);
  }

  checkpoint(): Promise<void> {
    return this.checkpoints?.now() ?? Promise.reject(this.log.refusal ?? noCheckpoints());
  }

  /** Tells what cuts the log short from now on. */
  checkpointBy(checkpoints: Checkpoints): void {
    this.checkpoints = checkpoints;
    checkpoints.consider();
  }

  /** Tells where the log's files are, in which what happened can be read again. */
  readHistoryIn(files: FileSystem, folder: string): void {
    const { eventNumbers, engine, log } = this;
    this.history = new History(files, folder, {
      get durableLsn() {
        return log.durableLsn;
      },
      get lastSeq() {
        return engine.eventCount;
      },
      get oldestOfPart() {
        return eventNumbers.oldestOfPart;
      },
    });
  }

  /** From now on bookings that ended so long ago are dropped. */
  retain(retentionMs: number, warn: (message: string) => void): void {
    this.retention = new Retention(this, this.scheduler, retentionMs, warn);
  }

  /** Resolves when everything up to `lsn` is durable; rejects when the log has failed. */
  durable(lsn: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (lsn <= this.log.durableLsn) resolve();
      else
        this.whenDurable(lsn, { onDurable: (failure) => (failure === null ? resolve() : reject(failure)) });
    });
  }

  whenDurable(lsn: number, waiter: DurabilityWaiter): void {
    const { failure } = this.log;
    if (failure === null) {
      this.waiting.push({ lsn, waiter });
      this.scheduleFlush();
    } else {
      this.scheduler.soon(() => waiter.onDurable(failure));
    }
  }

  notify(notifications: readonly Notification[], processId: number, lsn: number): void {
    if (!this.isAnyoneTold) return;
    this.pending.push({ lsn, events: [], numbered: [], notifications, processId });
    // Nothing may be left to sync: then this is the moment.
    if (lsn <= this.log.durableLsn) this.deliverPending();
    else this.scheduleFlush();
  }

  listen(listener: Listener, channel: string): void {
    this.channels.listen(listener, channel);
  }

  unlisten(listener: Listener, channel: string): void {
    this.channels.unlisten(listener, channel);
  }

  unlistenAll(listener: Listener): void {
    this.channels.unlistenAll(listener);
  }

  /** The log's callback: `durableLsn` has risen, or the log has failed. */
  onDurable(): void {
    this.settleChanges();
    this.releaseWaiting();
    this.deliverPending();
    this.checkpoints?.consider();
  }

  /** Syncs and closes the log; nobody uses the tenant afterwards. */
  async close(): Promise<void> {
    this.cancelTimer?.();
    this.cancelTimer = null;
    this.retention?.close();
    await this.checkpoints?.close();
    await this.log.close();
  }

  /** Expiry follows from time alone, so a replay derives it; an empty commit pins when it was first seen. */
  private recordExpiries(): void {
    const expired = this.engine.takeExpired();
    if (expired.length === 0) return;
    let logged: NumberedCommit = { lsn: this.appendedLsn, numbered: [], count: 0 };
    try {
      this.refuseIfFailed();
      const body = this.eventNumbers.begin();
      for (const change of expired) encodeNotes(body, change);
      logged = this.eventNumbers.append(body, expired);
    } catch {
      // A full disk must not keep holds alive. The next commit that finds room implies the expiry.
      if (this.log.failure === null) this.eventNumbers.postpone(expired);
    }
    this.engine.stamp(expired, logged.lsn);
    if (this.log.failure === null)
      this.unsettled.push({ lsn: logged.lsn, changes: expired, events: logged.count });
    this.publish(expired, logged.numbered, logged.lsn);
    this.armExpiry();
  }

  /**
   * Whoever begins to listen hears of commits that are under way. Therefore none is left out behind one that is to be
   * told, though its listener may have gone: there would be a gap.
   */
  private get isAnyoneTold(): boolean {
    return !this.channels.isEmpty || this.pending.length > 0;
  }

  private get areNumbersTold(): boolean {
    return this.channels.isListenedTo(EVENTS_CHANNEL) || this.pending.length > 0;
  }

  private publish(changes: readonly Change[], numbered: readonly Change[], lsn: number): void {
    if (this.isAnyoneTold) {
      const events = eventsOf(this.engine.resources, changes);
      this.pending.push({
        lsn,
        events,
        numbered: this.areNumbersTold ? this.withNumbers(numbered) : [],
        notifications: [],
        processId: 0,
      });
    }
    if (this.log.failure === null) this.scheduleFlush();
    else this.deliverPending();
  }

  /** The events of changes that were numbered last, as JSON with `seq` and `at` beside them. */
  private withNumbers(changes: readonly Change[]): string[] {
    const { resources, eventCount, now } = this.engine;
    const events = eventsOf(resources, changes);
    const first = eventCount - events.length + 1;
    return events.map(({ payload }, at) => `{"seq":${first + at},"at":${now},"event":${payload}}`);
  }

  private scheduleFlush(): void {
    if (this.flushScheduled) return;
    this.flushScheduled = true;
    this.scheduler.soon(this.flushNow);
  }

  /** What is durable stays; once the log has failed, what is not never was, and readers see what is. */
  private settleChanges(): void {
    const { failure, durableLsn } = this.log;
    const { unsettled } = this;
    const settled = unsettled.findIndex(({ lsn }) => lsn > durableLsn);
    const lost = settled < 0 ? [] : unsettled.slice(settled);
    this.unsettled = failure === null ? lost : [];
    if (failure === null || this.hasFailed) return;
    this.hasFailed = true;
    this.pending = this.pending.filter(({ lsn }) => lsn <= durableLsn);
    this.engine.takeBack(
      lost.flatMap(({ changes }) => changes),
      durableLsn,
    );
    this.engine.uncountEvents(lost.reduce((sum, { events }) => sum + events, 0));
  }

  private releaseWaiting(): void {
    const { failure, durableLsn } = this.log;
    const { waiting } = this;
    this.waiting = [];
    for (const entry of waiting) {
      if (failure !== null || entry.lsn <= durableLsn) entry.waiter.onDurable(failure);
      else this.waiting.push(entry);
    }
  }

  private deliverPending(): void {
    const { durableLsn } = this.log;
    let delivered = 0;
    for (const { lsn, events, numbered, notifications, processId } of this.pending) {
      if (lsn > durableLsn) break;
      delivered++;
      for (const event of events) this.channels.deliver(event);
      for (const payload of numbered) this.channels.tell(EVENTS_CHANNEL, payload);
      for (const { channel, payload } of notifications) this.channels.notify(channel, payload, processId);
    }
    if (delivered > 0) this.pending = this.pending.slice(delivered);
  }

  /** Keeps one timer, for the hold that expires next. Expiry itself needs none: only its event does. */
  private armExpiry(): void {
    const at = this.engine.nextExpiry;
    if (at >= this.timerAt) return;
    this.cancelTimer?.();
    this.timerAt = at;
    const delayMs = Math.min(Math.max(at - this.scheduler.now(), 0), MAX_TIMER_MS);
    this.cancelTimer = this.scheduler.after(delayMs, () => this.onExpiryTimer());
  }

  private onExpiryTimer(): void {
    this.cancelTimer = null;
    this.timerAt = Number.POSITIVE_INFINITY;
    this.enter(null);
    this.armExpiry();
  }
}

function noCheckpoints(): DeltatError {
  return new DeltatError(SqlState.featureNotSupported, "this database has no log that could be cut short");
}

function logFailed(): DeltatError {
  return new DeltatError(SqlState.ioError, "the log of this database has failed", {
    detail:
      "A write or a sync failed: what was not acknowledged by then never was. What is durable can be read.",
    hint: "Mend the disk and restart the server.",
  });
}
