/**
 * Bookings that ended half a century ago: retention, in rounds that have it, drops them while others come. What it has
 * dropped stays dropped, and without it nothing goes.
 */

import type pg from "pg";
import { connect, newId, rowsOf } from "../server/clients.ts";
import type { ServerProcess } from "../server/harness.ts";
import { type Observer, Repetition } from "./observer.ts";

/** The bookings of everyone else ended later than this long ago. */
export const HALF_A_CENTURY_MS = 50 * 365 * 24 * 3_600_000;

const ROWS_AT_ONCE = 50;
const PAUSE_MS = 20;

export class Retained implements Observer {
  readonly resource = newId();
  private nextStart = 0;
  private readonly present = new Set<string>();
  private readonly uncertain = new Set<string>();
  private readonly gone = new Set<string>();
  private repetition: Repetition | null = null;
  /** Whether any server since the last look had retention. */
  private isDropping = false;
  private isLastDropping = false;
  dropped = 0;

  /** To be told of every server, also of those that are killed before they listen. */
  onStart(hasRetention: boolean): void {
    this.isLastDropping = hasRetention;
    this.isDropping ||= hasRetention;
  }

  async begin(server: ServerProcess): Promise<void> {
    const client = await connect(server);
    if (this.nextStart === 0) await client.query("INSERT INTO resources (id) VALUES ($1)", [this.resource]);
    this.repetition = new Repetition(() => this.add(client));
  }

  private async add(client: pg.Client): Promise<void> {
    const ids = Array.from({ length: ROWS_AT_ONCE }, newId);
    const values = ids.map((id) => {
      const start = this.nextStart++ * 1000;
      return `('${id}', '${this.resource}', ${start}, ${start + 1000})`;
    });
    for (const id of ids) this.uncertain.add(id);
    await client.query(`INSERT INTO bookings (id, resource_id, start, "end") VALUES ${values.join(", ")}`);
    for (const id of ids) {
      this.uncertain.delete(id);
      this.present.add(id);
    }
    await Bun.sleep(PAUSE_MS);
  }

  async check(server: ServerProcess): Promise<void> {
    await this.repetition?.end();
    const client = await connect(server);
    const rows = await rowsOf(client, "SELECT id FROM bookings WHERE resource_id = $1", [this.resource]);
    await client.end();
    const found = new Set(rows.map(([id]) => String(id)));
    for (const id of found) {
      if (this.gone.has(id)) throw new Error(`dropped for its age, and back again: ${id}`);
      if (!this.present.has(id) && !this.uncertain.has(id)) throw new Error(`nobody wrote ${id}`);
      this.present.add(id);
    }
    this.uncertain.clear();
    for (const id of this.present) {
      if (found.has(id)) continue;
      if (!this.isDropping) throw new Error(`lost without retention: ${id}`);
      this.present.delete(id);
      this.gone.add(id);
      this.dropped++;
    }
    this.isDropping = this.isLastDropping;
  }
}
