/**
 * A year of simulated time under a steady load, with holds that are confirmed or expire, bookings that end and are dropped,
 * snapshots and restarts: memory and log have to stay as large as they were.
 */

import { heapStats } from "bun:jsc";
import { serialize } from "pg-protocol";
import { Parser } from "pg-protocol/dist/parser";
import type { Transport } from "../../src/wire/output.ts";
import type { ClientSession } from "../../src/wire/session.ts";
import { Random } from "../seeded-random.ts";
import { DATA_FOLDER, ServerLife, type ServerSettings } from "./server-life.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { EventLoop, MachineClock } from "./simulated-time.ts";
import { bookingText, holdText, resourceText } from "./statement-parts.ts";
import { check } from "./violation.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const RESOURCES = 20;
const ROUND_MS = 10 * MINUTE_MS;
const DAYS_PER_MONTH = 30;
const RETENTION_DAYS = 30;
/** Half the year is one process, half another. */
const RESTART_AFTER_MONTH = 6;
/**
 * Address space that the parser's WebAssembly memory reserves. The heap's size counts it; left in, the rest could grow
 * to five times its size before a quarter is reached.
 */
const PARSER_BYTES = 256 * 1024 * 1024;
/** Bookings begin within so many days. */
const AHEAD_DAYS = 14;

const SETTINGS: ServerSettings = {
  segmentBytes: 256 * 1024,
  snapshotBytes: 512 * 1024,
  historyBytes: 256 * 1024,
  retentionMs: RETENTION_DAYS * DAY_MS,
  blockingSyncLimitMs: 2,
  enforceRulesByDefault: false,
};

/** A month, as it looked at its end. */
export interface Month {
  readonly month: number;
  /** Without the parser's. */
  readonly heapBytes: number;
  readonly residentBytes: number;
  readonly fileBytes: number;
  readonly bookings: number;
  readonly commits: number;
}

/** Puts one question after the other; the answer is there when the turn has ended. */
class Caller implements Transport {
  readonly encrypted = false;
  rows: string[] = [];
  failure: string | null = null;
  isAnswered = false;
  private readonly parser = new Parser();
  private session: ClientSession | null = null;

  constructor(private readonly loop: EventLoop) {}

  open(session: ClientSession): void {
    this.session = session;
    this.loop.run(() => {
      session.receive(serialize.startup({ user: "deltat", database: "year" }));
      session.receive(serialize.password("p"));
    });
  }

  /** Rows of the answer, columns joined by `|`; an error is kept in `failure`. */
  ask(text: string): readonly string[] {
    this.rows = [];
    this.failure = null;
    this.isAnswered = false;
    this.loop.run(() => this.session?.receive(serialize.query(text)));
    this.loop.endTurn();
    for (let waited = 0; !this.isAnswered && waited < 1000; waited++) this.loop.pass(1);
    check(this.isAnswered, `no answer to ${text}`);
    return this.rows;
  }

  write(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): number {
    this.parser.parse(Buffer.from(bytes.subarray(start, end)), (reply) => {
      if ("fields" in reply && reply.name === "dataRow") this.rows.push(String(reply.fields));
      if ("message" in reply && reply.name === "error") this.failure = String(reply.message);
      if (reply.name === "readyForQuery") this.isAnswered = true;
    });
    return end - start;
  }

  startTls(): void {}
  pauseReading(): void {}
  resumeReading(): void {}
  end(): void {}
  terminate(): void {}
}

class Year {
  private readonly clock = new MachineClock();
  private readonly disk: SimulatedDisk;
  private loop = new EventLoop(this.clock, () => undefined);
  private caller = new Caller(this.loop);
  private readonly random = new Random(7);
  /** Ends of the bookings that were made, by number. */
  private readonly made = new Map<number, number>();
  private next = 0;
  private commits = 0;

  constructor() {
    this.disk = new SimulatedDisk(this.random, {
      after: (ms, callback) => void this.loop.after(ms, callback),
      spend: (ms) => {
        this.clock.monotonicMs += ms;
      },
      stopped: () => undefined,
      failed: () => undefined,
      cut: () => undefined,
    });
    this.start();
    for (let n = 0; n < RESOURCES; n++) {
      this.must(
        `INSERT INTO resources (id, capacity, buffer_after) VALUES ('${resourceText(n)}', 3, ${5 * MINUTE_MS})`,
      );
    }
  }

  month(number: number): Month {
    const endMs = this.clock.monotonicMs + DAYS_PER_MONTH * DAY_MS;
    while (this.clock.monotonicMs < endMs) {
      this.round();
      this.loop.pass(ROUND_MS - (this.clock.monotonicMs % ROUND_MS));
    }
    const bookings = this.expectBookings();
    if (number === RESTART_AFTER_MONTH) {
      this.start();
      check(this.expectBookings() === bookings, "a restart has changed the number of bookings");
    }
    Bun.gc(true);
    let fileBytes = 0;
    for (const file of this.disk.filesIn(DATA_FOLDER).values()) fileBytes += file.size;
    const residentBytes = process.memoryUsage.rss();
    return {
      month: number,
      heapBytes: heapStats().heapSize - PARSER_BYTES,
      residentBytes,
      fileBytes,
      bookings,
      commits: this.commits,
    };
  }

  /** One hold is confirmed, one is left to expire, one booking is moved, one cancelled now and then. */
  private round(): void {
    const n = this.next++;
    const resource = resourceText(this.random.below(RESOURCES));
    const now = this.loop.now();
    const start = now + this.random.below(AHEAD_DAYS * 24) * 60 * MINUTE_MS;
    const end = start + 30 * MINUTE_MS;
    const hold = (id: number): string =>
      'INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ' +
      `('${holdText(id)}', '${resource}', ${start}, ${end}, ${now + 5 * MINUTE_MS})`;
    if (
      this.may(hold(2 * n)) &&
      this.may(`INSERT INTO bookings (id, hold_id) VALUES ('${bookingText(n)}', '${holdText(2 * n)}')`)
    ) {
      this.made.set(n, end);
    }
    this.may(hold(2 * n + 1));
    const older = n - 1 - this.random.below(50);
    if (this.made.has(older) && this.random.chance(0.3)) {
      if (this.random.chance(0.5)) {
        this.must(`DELETE FROM bookings WHERE id = '${bookingText(older)}'`);
        this.made.delete(older);
      } else if (
        this.may(`UPDATE bookings SET start = ${start}, "end" = ${end} WHERE id = '${bookingText(older)}'`)
      ) {
        this.made.set(older, end);
      }
    }
    this.must(
      `SELECT start FROM availability WHERE resource_id = '${resource}' AND start >= ${now} AND "end" <= ${now + DAY_MS}`,
    );
  }

  /** What has not ended too long ago is there, and hardly anything else; returns how many there are. */
  private expectBookings(): number {
    const now = this.loop.now();
    const kept = now - RETENTION_DAYS * DAY_MS;
    const rows = this.must('SELECT "end" FROM bookings').map(Number);
    for (const [n, end] of this.made) if (end <= kept) this.made.delete(n);
    const young = rows.filter((end) => end > kept).length;
    check(young === this.made.size, `${young} bookings are there, ${this.made.size} should be`);
    check(rows.length - young <= 5, `${rows.length - young} bookings should have been dropped`);
    return rows.length;
  }

  private may(text: string): boolean {
    this.caller.ask(text);
    if (this.caller.failure === null) this.commits++;
    return this.caller.failure === null;
  }

  private must(text: string): readonly string[] {
    const rows = this.caller.ask(text);
    check(this.caller.failure === null, `${text}: ${this.caller.failure}`);
    return rows;
  }

  /** The process is killed, and another one started. */
  private start(): void {
    this.loop.isOver = true;
    this.disk.processEnded();
    this.loop = new EventLoop(this.clock, () => undefined);
    const life = new ServerLife(this.loop, this.disk, null, SETTINGS, this.random);
    this.caller = new Caller(this.loop);
    life.connect(this.caller);
  }
}

/** Plays twelve months; `tell` takes each. Throws where memory or files of the second half outgrow those of the first. */
export function simulateYear(months: number, tell: (month: Month) => void): void {
  const year = new Year();
  const seen: Month[] = [];
  for (let number = 1; number <= months; number++) {
    const month = year.month(number);
    seen.push(month);
    tell(month);
  }
  // The first two months fill the window that retention keeps.
  const half = Math.floor(months / 2);
  const most = (list: readonly Month[], of: (month: Month) => number) => Math.max(...list.map(of));
  for (const of of [
    (month: Month) => month.heapBytes,
    (month: Month) => month.residentBytes,
    (month: Month) => month.fileBytes,
  ]) {
    const [before, after] = [most(seen.slice(0, half), of), most(seen.slice(half), of)];
    check(after <= before * 1.25, `it grows: ${before} bytes in the first half, ${after} in the second`);
  }
}
