/**
 * The events of the log's segments, as far back as segments go. Nothing is kept in memory but where commits say the
 * numbers of their events (see event-numbers.ts), one place in some 16 KiB of log, and that only of what was read: a
 * consumer near the head costs one short read, one far behind begins where it left off, and nobody else pays.
 */

import { firstEventOf } from "../engine/codec.ts";
import { countNotices, type Notice, noticesOf } from "../engine/events.ts";
import { effectsOfCommit } from "../engine/events-of-commit.ts";
import type { Effect } from "../engine/transaction.ts";
import { DeltatError, SqlState } from "../errors.ts";
import { formatId } from "../id.ts";
import { type EventHistory, type HistoryEvent, NOT_YET } from "../sql/event-history.ts";
import type { CommitRecord } from "../storage/commit-log.ts";
import type { FileSystem } from "../storage/files.ts";
import { SEGMENT_HEADER_BYTES } from "../storage/segment.ts";
import {
  readSegmentHeader,
  type SegmentFile,
  SegmentFrames,
  segmentNumbers,
} from "../storage/segment-frames.ts";
import { damage } from "../storage/storage-errors.ts";

/** So many commits are passed over before others have their turn. */
const COMMITS_PER_STEP = 500;

/** The same for changes of rows within commits. */
const EFFECTS_PER_STEP = 1000;

/** A place in the log from which events can be counted. */
interface Mark {
  readonly seq: number;
  readonly offset: number;
}

/** What is known of one segment: its marks up to `walkedTo`. */
interface Known {
  readonly file: SegmentFile;
  readonly marks: Mark[];
  walkedTo: number;
}

interface Place {
  readonly number: number;
  readonly mark: Mark;
}

/** What it needs of the tenant. */
export interface HistorySource {
  readonly durableLsn: number;
  readonly lastSeq: number;
  /** `seq` of the first event that the part of the log written now holds, or will hold. */
  readonly oldestOfPart: number;
}

type Steps<T> = Generator<typeof NOT_YET, T>;

export class History implements EventHistory {
  private readonly known = new Map<number, Known>();

  constructor(
    private readonly files: FileSystem,
    private readonly folder: string,
    private readonly source: HistorySource,
  ) {}

  get lastSeq(): number {
    return this.source.lastSeq;
  }

  *read(from: number | null): Generator<HistoryEvent | typeof NOT_YET, void> {
    // A consumer that has seen everything, which is the most frequent one.
    if (from !== null && from > this.lastSeq) return;
    // What becomes durable while this reads is for the next one.
    const { durableLsn } = this.source;
    const place = yield* this.find(from, durableLsn);
    if (place === null) return;
    let { seq } = place.mark;
    let steps = 0;
    for (const commit of this.commitsFrom(place, durableLsn)) {
      if (commit === NOT_YET) {
        yield NOT_YET;
        continue;
      }
      for (const effect of effectsOfCommit(commit.body, commit.at)) {
        // What was told already is counted only: a large commit may be read page by page.
        const count = countNotices(effect);
        if (++steps % EFFECTS_PER_STEP === 0) yield NOT_YET;
        if (from === null || seq + count > from) yield* eventsOf(effect, seq, commit.at, from ?? 0);
        seq += count;
      }
    }
  }

  /** The commits from the one at `place` to the one of `lastLsn`, all of which are there unless the disk lost some. */
  private *commitsFrom(place: Place, lastLsn: number): Generator<CommitRecord | typeof NOT_YET, void> {
    let before: number | null = null;
    // Where the segment before could not be read on: what is missing is missing there, whichever segment follows.
    let stopped: { readonly file: SegmentFile; readonly offset: number } | null = null;
    for (const number of this.numbersFrom(place.number)) {
      const { file } = this.segment(number);
      const frames = new SegmentFrames(
        this.files,
        file,
        number === place.number ? place.mark.offset : SEGMENT_HEADER_BYTES,
      );
      for (let commit = this.peek(frames, number); commit !== null; commit = this.peek(frames, number)) {
        if (before !== null && commit.lsn !== before + 1)
          throw gap(stopped ?? { file, offset: frames.offset }, before + 1);
        before = commit.lsn;
        yield commit;
        if (before === lastLsn) return;
        frames.pass();
        if (before % COMMITS_PER_STEP === 0) yield NOT_YET;
      }
      stopped = { file, offset: frames.offset };
    }
    if (stopped !== null) throw gap(stopped, (before ?? 0) + 1);
  }

  private peek(frames: SegmentFrames, number: number): CommitRecord | null {
    try {
      return frames.peek();
    } catch (error) {
      throw this.isThere(number) ? error : this.gone();
    }
  }

  /** Whether a segment has not been removed meanwhile. */
  private isThere(number: number): boolean {
    return this.numbersFrom(0).includes(number);
  }

  /** What was being read has just been removed. */
  private gone(): DeltatError {
    return gone(null, this.source.oldestOfPart, this.lastSeq);
  }

  private numbersFrom(first: number): number[] {
    return segmentNumbers(this.files, this.folder).filter((number) => number >= first);
  }

  /** The last mark at or before `from`; null where there are no events yet. */
  private *find(from: number | null, durableLsn: number): Steps<Place | null> {
    const numbers = this.numbersFrom(0);
    for (const number of this.known.keys()) if (!numbers.includes(number)) this.known.delete(number);
    let oldest: Place | null = null;
    for (const number of numbers.toReversed()) {
      const known = this.segment(number);
      yield* this.walk(known, durableLsn, ({ marks }) => marks.length > 0);
      const [mark] = known.marks;
      if (mark === undefined) continue;
      oldest = { number, mark };
      if (from !== null && mark.seq <= from) {
        yield* this.walk(known, durableLsn, ({ marks }) => (marks.at(-1)?.seq ?? 0) > from);
        return { number, mark: known.marks.findLast(({ seq }) => seq <= from) ?? mark };
      }
    }
    const oldestSeq = oldest?.mark.seq ?? this.source.oldestOfPart;
    if (from !== null && from < oldestSeq) throw gone(from, oldestSeq, this.lastSeq);
    return oldest;
  }

  private segment(number: number): Known {
    const known = this.known.get(number);
    if (known !== undefined) return known;
    try {
      const file = readSegmentHeader(this.files, this.folder, number);
      const made = { file, marks: [], walkedTo: SEGMENT_HEADER_BYTES };
      this.known.set(number, made);
      return made;
    } catch (error) {
      throw this.isThere(number) ? error : this.gone();
    }
  }

  /** Notes marks from where it stopped last, until `isEnough`, or what is durable ends. */
  private *walk(known: Known, durableLsn: number, isEnough: (known: Known) => boolean): Steps<void> {
    if (isEnough(known)) return;
    const frames = new SegmentFrames(this.files, known.file, known.walkedTo);
    for (let passed = 1; !isEnough(known); passed++) {
      const commit = this.peek(frames, known.file.number);
      if (commit === null || commit.lsn > durableLsn) return;
      const seq = firstEventOf(commit.body);
      // Two readers may walk the same stretch.
      if (seq !== null && seq > (known.marks.at(-1)?.seq ?? 0))
        known.marks.push({ seq, offset: frames.offset });
      frames.pass();
      known.walkedTo = Math.max(known.walkedTo, frames.offset);
      if (passed % COMMITS_PER_STEP === 0) yield NOT_YET;
    }
  }
}

/** The events of an effect, of which the first has number `seq`, without those before `from`. */
function* eventsOf(effect: Effect, seq: number, at: number, from: number): Generator<HistoryEvent> {
  for (const [offset, notice] of noticesOf(effect).entries()) {
    if (seq + offset >= from) yield new ToldEvent(seq + offset, at, notice);
  }
}

/** Puts into words only what is asked for. */
class ToldEvent implements HistoryEvent {
  constructor(
    readonly seq: number,
    readonly at: number,
    private readonly notice: Notice,
  ) {}

  get kind(): string {
    return Object.keys(this.notice.payload)[0] ?? "";
  }

  get resourceId(): string {
    return formatId(this.notice.about[0] ?? this.notice.id);
  }

  get id(): string {
    return formatId(this.notice.id);
  }

  get payload(): string {
    return JSON.stringify(this.notice.payload);
  }
}

function gone(from: number | null, oldest: number, last: number): DeltatError {
  return new DeltatError(
    SqlState.objectNotInPrerequisiteState,
    `events before seq ${oldest} are no longer kept`,
    {
      detail:
        `${from === null ? "They were removed while they were read" : `Asked for from seq ${from} on`}; ` +
        `the oldest event kept has seq ${oldest}, the last one seq ${last}.`,
      hint: `Read the tables again, then go on with WHERE seq > ${last}.`,
    },
  );
}

function gap(place: { readonly file: SegmentFile; readonly offset: number }, lsn: number): DeltatError {
  return damage(place.file.path, place.offset, `commit ${lsn} cannot be read there`);
}
