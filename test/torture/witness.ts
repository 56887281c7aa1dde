/**
 * A listener that remembers every event it was told, across crashes: afterwards the table `events` must tell the same, under
 * the same numbers. So nobody was told what a crash then undid, and nothing was told twice or passed over.
 */

import { isDeepStrictEqual } from "node:util";
import pg from "pg";
import { connect, rowsOf } from "../server/clients.ts";
import type { ServerProcess } from "../server/harness.ts";

interface Told {
  readonly seq: number;
  readonly at: number;
  readonly event: unknown;
}

const GONE = /^events before seq (\d+) are no longer kept/;

export class Witness {
  private told: Told[] = [];
  compared = 0;
  /** Events that were told, and whose segments were gone when they were to be compared. */
  unkept = 0;

  constructor(private readonly database: string) {}

  /** Listens until the server goes. */
  async listen(server: ServerProcess): Promise<void> {
    const client = await connect(server, this.database);
    client.on("notification", ({ payload }) => this.told.push(JSON.parse(payload ?? "null") as Told));
    await client.query("LISTEN deltat_events");
  }

  /** Compares what was told with what the server, started again, has; begins anew then. Throws where they differ. */
  async check(client: pg.Client): Promise<void> {
    const { told } = this;
    this.told = [];
    for (const [n, { seq }] of told.entries()) {
      const before = told[n - 1];
      if (before !== undefined && seq !== before.seq + 1)
        throw new Error(`told event ${seq} behind event ${before.seq}`);
    }
    const last = told.at(-1);
    if (last === undefined) return;
    const [[lastSeq]] = (await rowsOf(client, "SELECT last_event_seq()")) as [[string]];
    if (Number(lastSeq) < last.seq) throw new Error(`told event ${last.seq}, and there are ${lastSeq}`);
    const oldest = await this.oldestKept(client, told[0]?.seq ?? 0);
    const kept = told.filter(({ seq }) => seq >= oldest);
    this.unkept += told.length - kept.length;
    if (kept.length === 0) return;
    const rows = await rowsOf(
      client,
      "SELECT seq, at, payload FROM events WHERE seq > $1 AND seq <= $2 ORDER BY seq",
      [(kept[0]?.seq ?? 0) - 1, last.seq],
    );
    if (rows.length !== kept.length)
      throw new Error(`told ${kept.length} events up to ${last.seq}, and ${rows.length} are there`);
    for (const [n, [seq, at, payload]] of rows.entries()) {
      const row = { seq: Number(seq), at: Number(at), event: payload };
      if (!isDeepStrictEqual(row, kept[n]))
        throw new Error(`told ${JSON.stringify(kept[n])}, and there is ${JSON.stringify(row)}`);
      this.compared++;
    }
  }

  private async oldestKept(client: pg.Client, seq: number): Promise<number> {
    try {
      await client.query("SELECT seq FROM events WHERE seq > $1 ORDER BY seq LIMIT 1", [seq - 1]);
      return seq;
    } catch (error) {
      const gone = error instanceof pg.DatabaseError ? GONE.exec(error.message) : null;
      if (gone === null) throw error;
      return Number(gone[1]);
    }
  }
}
