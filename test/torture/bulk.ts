/** Commits of thousands of rows, larger than a segment of the log: each is there as a whole after a crash, or not at all. */

import { connect, DAY, HOUR, newId, rowsOf } from "../server/clients.ts";
import type { ServerProcess } from "../server/harness.ts";
import { errorCode, RawClient, type Reply, serialize } from "../server/raw-client.ts";
import { type Observer, Repetition } from "./observer.ts";

/** Of one in eight, and of the others. */
const MOST_ROWS = 30_000;
const MOST_OFTEN = 1_000;
const PAUSE_MS = 250;

export class Bulk implements Observer {
  private readonly resource = newId();
  /** Rows that were acknowledged to be there, and those that there are once what is under way is through. */
  private rows = 0;
  private rowsToCome = 0;
  private isMade = false;
  private repetition: Repetition | null = null;
  /** Commits that were acknowledged. */
  acknowledged = 0;

  /** @param below a random number below its argument */
  constructor(private readonly below: (bound: number) => number) {}

  async begin(server: ServerProcess): Promise<void> {
    const client = await RawClient.connect(server);
    if (!this.isMade) await client.query(`INSERT INTO resources (id) VALUES ('${this.resource}')`);
    this.isMade = true;
    this.repetition = new Repetition(() => this.change(client));
  }

  private async change(client: RawClient): Promise<void> {
    if (this.rows === 0) {
      this.rowsToCome = 1 + this.below(this.below(8) === 0 ? MOST_ROWS : MOST_OFTEN);
      client.send(
        serialize.query('COPY bookings (resource_id, start, "end") FROM STDIN'),
        serialize.copyData(Buffer.from(this.lines(this.rowsToCome))),
        serialize.copyDone(),
      );
    } else {
      this.rowsToCome = 0;
      client.send(serialize.query(`DELETE FROM bookings WHERE resource_id = '${this.resource}'`));
    }
    const replies = await client.cycle();
    this.settle(replies);
    await Bun.sleep(PAUSE_MS);
  }

  private lines(count: number): string {
    const lines = Array.from({ length: count }, (_, n) => {
      const start = DAY + n * HOUR;
      return `${this.resource}\t${start}\t${start + HOUR}\n`;
    });
    return lines.join("");
  }

  private settle(replies: readonly Reply[]): void {
    if (replies.at(-1)?.name !== "readyForQuery") throw new Error("the server is gone");
    const code = errorCode(replies);
    if (code !== null) throw Object.assign(new Error(`refused with ${code}`), { code });
    this.rows = this.rowsToCome;
    this.acknowledged++;
  }

  async check(server: ServerProcess): Promise<void> {
    await this.repetition?.end();
    const client = await connect(server);
    const [row] = await rowsOf(client, "SELECT count(*), max(start) FROM bookings WHERE resource_id = $1", [
      this.resource,
    ]);
    await client.end();
    const count = Number(row?.[0]);
    const last = count === 0 ? null : String(DAY + (count - 1) * HOUR);
    if ((count !== this.rows && count !== this.rowsToCome) || (row?.[1] ?? null) !== last)
      throw new Error(`a part of a bulk: ${row}; ${this.rows} or ${this.rowsToCome} rows should be there`);
    this.rows = count;
  }
}
