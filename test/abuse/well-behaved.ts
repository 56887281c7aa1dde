/**
 * A client as they should be, on a connection of its own, beside whatever else goes on: at a steady rate it asks for
 * availability and books, and now and then somebody new connects. Times count from when a statement was due, so that a
 * server which stops for a second is seen to have stopped for a second, not to have answered one statement late.
 */

import pg from "pg";
import { DAY, HOUR, newId, USER } from "../server/clients.ts";
import { PASSWORD } from "../server/harness.ts";

const STATEMENT_EVERY_MS = 10;
const NEWCOMER_EVERY_MS = 200;

/** Who waits so long has not been served. */
const PATIENCE_MS = 20_000;

export class WellBehaved {
  /** Milliseconds, of one phase. */
  private latencies: number[] = [];
  private newcomers: number[] = [];
  readonly failures: string[] = [];
  /** One statement after the other, each when the last is answered. */
  private last: Promise<unknown> = Promise.resolve();
  private slot = 0;
  private isOver = false;
  private readonly working: Promise<void>[] = [];

  private constructor(
    private readonly client: pg.Client,
    private readonly port: number,
    private readonly resource: string,
  ) {}

  static async start(port: number): Promise<WellBehaved> {
    const client = connection(port);
    const resource = newId();
    const self = new WellBehaved(client, port, resource);
    client.on("error", (error) => self.failures.push(`the connection broke: ${error.message}`));
    await client.connect();
    await client.query(`INSERT INTO resources (id) VALUES ('${resource}')`);
    await client.query(
      `INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ('${newId()}', '${resource}', ${DAY}, ${DAY + 1e12}, false)`,
    );
    self.working.push(
      self.every(STATEMENT_EVERY_MS, self.latencies, () => self.inOrder(() => self.statement())),
    );
    self.working.push(self.every(NEWCOMER_EVERY_MS, self.newcomers, () => self.newcomer()));
    return self;
  }

  /** What was measured since the last call. */
  take(): Measured {
    const measured = { latencies: [...this.latencies], newcomers: [...this.newcomers] };
    this.latencies.length = 0;
    this.newcomers.length = 0;
    return measured;
  }

  /** Until what is due by now is answered: a server that answers nothing is not to look quick. */
  async caughtUp(): Promise<void> {
    await this.last;
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.working);
    await this.client.end().catch(() => undefined);
  }

  private async every(periodMs: number, times: number[], work: () => Promise<unknown>): Promise<void> {
    const running = new Set<Promise<void>>();
    for (let dueMs = performance.now(); !this.isOver; dueMs += periodMs) {
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) await Bun.sleep(waitMs);
      const due = dueMs;
      const done = this.timed(work, due, times).finally(() => running.delete(done));
      running.add(done);
    }
    await Promise.all(running);
  }

  private async timed(work: () => Promise<unknown>, dueMs: number, times: number[]): Promise<void> {
    try {
      await within(work());
    } catch (error) {
      if (this.failures.length < 20)
        this.failures.push(error instanceof Error ? error.message : String(error));
    }
    times.push(performance.now() - dueMs);
  }

  private inOrder(work: () => Promise<unknown>): Promise<unknown> {
    const done = this.last.then(work);
    this.last = done.catch(() => undefined);
    return done;
  }

  private statement(): Promise<unknown> {
    const start = DAY + this.slot * HOUR;
    if (this.slot++ % 2 === 0) {
      return this.client.query(
        `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${newId()}', '${this.resource}', ${start}, ${start + HOUR})`,
      );
    }
    return this.client.query(
      `SELECT * FROM availability WHERE resource_id = '${this.resource}' AND start >= ${start - 100 * HOUR} AND "end" <= ${start + 100 * HOUR}`,
    );
  }

  private async newcomer(): Promise<void> {
    const client = connection(this.port);
    client.on("error", () => undefined);
    await client.connect();
    await client.query("SELECT 1");
    await client.end();
  }
}

export interface Measured {
  readonly latencies: readonly number[];
  /** From the first byte to the first answer of a new connection. */
  readonly newcomers: readonly number[];
}

function connection(port: number): pg.Client {
  return new pg.Client({ host: "127.0.0.1", port, user: USER, password: PASSWORD, database: "main" });
}

function within(work: Promise<unknown>): Promise<unknown> {
  const tooLate = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => tooLate.reject(new Error(`no answer within ${PATIENCE_MS} ms`)),
    PATIENCE_MS,
  );
  return Promise.race([work, tooLate.promise]).finally(() => clearTimeout(timer));
}

/** The value that a share of all is not above, milliseconds; NaN of none. */
export function percentile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
