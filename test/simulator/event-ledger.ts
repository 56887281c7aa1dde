/**
 * The events of one database by their numbers, from the contract: 1, 2, 3, … without gaps, in the order of the commits.
 * Within a group the order is not promised, but what a number was once seen to stand for it stands for ever.
 */

import type { EventGroup } from "./expected-events.ts";
import { check } from "./violation.ts";

/** When the server looked at its clock: at some time from `since` to `at`, until somebody has seen when. */
export interface Instant {
  since: number;
  at: number;
}

/** Fails unless that may have been the instant; from now on it was. */
export function settle(instant: Instant, at: number, what: string): void {
  const { since } = instant;
  check(
    since <= at && at <= instant.at,
    () => `${what} is said to be of ${at}, it is of ${since} to ${instant.at}`,
  );
  instant.since = at;
  instant.at = at;
}

interface Entry {
  /** The commit that has numbered it. */
  readonly version: number;
  /** Shared by the commit. */
  readonly instant: Instant;
  /** What it may be: those of its group that no number was seen to stand for. Shared by the group. */
  readonly open: Set<string>;
  /** null: nobody has seen it. */
  seen: string | null;
}

export class EventLedger {
  private readonly entries: Entry[] = [];
  /** Of holds that were seen to expire while there was no room to log that: the next commit numbers them. */
  private postponed: EventGroup[] = [];

  /** The log has failed: the events behind this one are not shown. */
  private lastShown = Number.POSITIVE_INFINITY;

  /** `seq` of the last event. */
  get lastSeq(): number {
    return Math.min(this.entries.length, this.lastShown);
  }

  /** A commit's events get their numbers. */
  number(version: number, instant: Instant, groups: readonly EventGroup[]): void {
    for (const { payloads } of [...this.postponed, ...groups]) {
      const open = new Set(payloads);
      for (const _ of payloads) this.entries.push({ version, instant, open, seen: null });
    }
    this.postponed = [];
  }

  postpone(groups: readonly EventGroup[]): void {
    this.postponed.push(...groups);
  }

  /** The log has failed: whether what came after `version` was logged, the next start will tell. */
  hideAfter(version: number): void {
    this.lastShown = this.lastSeqOf(version);
    this.postponed = [];
  }

  /** Commits after `version` never were. */
  forgetAfter(version: number): void {
    this.entries.length = this.lastSeqOf(version);
    this.lastShown = Number.POSITIVE_INFINITY;
    this.postponed = [];
  }

  /** `seq` of the last event of the first `version` commits. */
  lastSeqOf(version: number): number {
    return this.entries.findLastIndex((entry) => entry.version <= version) + 1;
  }

  /** Somebody was told of an event: fails unless it is that one. Returns the commit that it is of. */
  see(seq: number, at: number, payload: string): number {
    const entry = this.entries[seq - 1];
    check(entry !== undefined && seq <= this.lastSeq, `event ${seq} never was: ${payload}`);
    const wanted = entry.seen ?? [...entry.open].join(" or ");
    check(
      entry.seen === null ? entry.open.delete(payload) : entry.seen === payload,
      () => `event ${seq} is told as ${payload}\n  it is ${wanted}`,
    );
    settle(entry.instant, at, `event ${seq}`);
    entry.seen = payload;
    return entry.version;
  }
}
