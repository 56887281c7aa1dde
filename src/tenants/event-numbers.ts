/**
 * The numbers of events, and what a commit's bytes say of them. Events are numbered from 1 without gaps, for ever: the
 * snapshot holds the count, replay goes on counting, and now and then a commit says the number of its first event, so
 * that a reader of the log (history.ts) need not begin at its beginning.
 */

import type { ByteWriter } from "../bytes.ts";
import { encodeNote } from "../engine/codec.ts";
import type { Engine } from "../engine/engine.ts";
import { encodeNotes } from "../engine/events-of-commit.ts";
import type { Change } from "../engine/transaction.ts";
import type { CommitLog } from "../storage/commit-log.ts";

/** After so many bytes of log a commit says its number again: what a reader has to pass over at most, roughly. */
const MARK_EVERY_BYTES = 16 * 1024;

export interface NumberedCommit {
  readonly lsn: number;
  /** All changes whose events have got numbers by it. */
  readonly numbered: readonly Change[];
  /** How many events these are. */
  readonly count: number;
}

export class EventNumbers {
  private bytesSinceMark = 0;
  /** The part of the log that the last mark is in; 0: none yet. */
  private markedPart = 0;
  /** What the first mark of that part says. */
  private firstOfPart = 0;
  /** Of the commit that is open: what its mark says; 0: it has none. */
  private openMark = 0;
  private openAt = 0;
  /** Expiries that found no room in the log: the next commit implies them. */
  private unlogged: readonly Change[] = [];

  constructor(
    private readonly engine: Engine,
    private readonly log: CommitLog,
  ) {}

  /** `seq` of the first event that the current part of the log holds, or will hold. */
  get oldestOfPart(): number {
    return this.markedPart === this.log.part ? this.firstOfPart : this.engine.eventCount + 1;
  }

  /** Opens a commit in the log: what comes before its own changes is in the writer then. */
  begin(): ByteWriter {
    const body = this.log.begin();
    this.openAt = body.length;
    this.openMark = 0;
    if (this.markedPart !== this.log.part || this.bytesSinceMark >= MARK_EVERY_BYTES) {
      this.openMark = this.engine.eventCount + 1;
      encodeNote(body, { kind: "firstEvent", seq: this.openMark });
    }
    for (const change of this.unlogged) encodeNotes(body, change);
    return body;
  }

  /** Appends the commit of `changes`. Throws as the log does; nothing has a number then. */
  append(body: ByteWriter, changes: readonly Change[]): NumberedCommit {
    const bytes = body.length - this.openAt;
    const lsn = this.log.append(this.engine.now);
    this.bytesSinceMark += bytes;
    if (this.openMark > 0) {
      this.bytesSinceMark = 0;
      if (this.markedPart !== this.log.part) this.firstOfPart = this.openMark;
      this.markedPart = this.log.part;
    }
    const { unlogged } = this;
    const numbered = unlogged.length === 0 ? changes : [...unlogged, ...changes];
    this.unlogged = [];
    return { lsn, numbered, count: this.engine.countEvents(numbered) };
  }

  /** Expiries could not be logged: their events get their numbers with the next commit's. */
  postpone(expired: readonly Change[]): void {
    this.unlogged = [...this.unlogged, ...expired];
  }
}
