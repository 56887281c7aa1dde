/**
 * A consumer of the table `events` as the README tells to be one: it reads the tables once, then only what is new, across all
 * crashes, and keeps a copy. The copy must be what the tables hold; only where events are no longer kept does it begin anew.
 */

import pg from "pg";
import { connect, rowsOf } from "../server/clients.ts";
import type { ServerProcess } from "../server/harness.ts";
import { type Observer, Repetition } from "./observer.ts";

const PAGE = 1000;
const PAUSE_MS = 100;
const NO_LONGER_KEPT = "55000";

interface Payload {
  readonly id: string;
  readonly resource_id?: string;
  readonly parent_id?: string | null;
  readonly name?: string | null;
  readonly capacity?: number;
  readonly buffer_after?: number;
  readonly span?: { readonly start: number; readonly end: number };
  readonly label?: string | null;
  readonly blocking?: boolean;
  readonly expires_at?: number;
}

const TABLES = `
  SELECT 'booking' || id, concat_ws(' ', resource_id, start, "end", label) FROM bookings WHERE resource_id <> ALL ($1)
  UNION ALL SELECT 'hold' || id, concat_ws(' ', resource_id, start, "end", expires_at) FROM holds WHERE expires_at > $2
  UNION ALL SELECT 'rule' || id, concat_ws(' ', resource_id, start, "end", blocking) FROM rules
  UNION ALL SELECT 'resource' || id, concat_ws(' ', parent_id, name, capacity, buffer_after) FROM resources`;

/** How long a hold must have left to be compared: it is gone from the table a moment before its event is there. */
const LASTING_MS = 60_000;

function words(...values: readonly (string | number | boolean | null | undefined)[]): string {
  return values
    .filter((value) => value !== null && value !== undefined)
    .map((value) => (typeof value === "boolean" ? (value ? "t" : "f") : String(value)))
    .join(" ");
}

export class Replica implements Observer {
  private readonly rows = new Map<string, string>();
  /** Up to which event it is; null before it has read the tables. */
  private seq: number | null = null;
  private repetition: Repetition | null = null;
  /** Events it was told, and how often it had to begin anew. */
  applied = 0;
  renewed = 0;

  /** @param unheard resources whose bookings go or come without events, or are not worth comparing */
  constructor(private readonly unheard: readonly string[]) {}

  async begin(server: ServerProcess): Promise<void> {
    const client = await connect(server);
    this.repetition = new Repetition(async () => {
      await this.catchUp(client);
      await Bun.sleep(PAUSE_MS);
    });
  }

  async check(server: ServerProcess): Promise<void> {
    await this.repetition?.end();
    const client = await connect(server);
    await this.catchUp(client);
    const until = Date.now() + LASTING_MS;
    const wanted = await this.tables(client, until);
    await this.catchUp(client);
    await client.end();
    for (const [key, text] of this.rows) {
      if (wanted.get(key) !== text && this.isCompared(key, text, until))
        throw new Error(`by the events there is ${key}: ${text}; the table has ${wanted.get(key)}`);
    }
    for (const [key, text] of wanted) {
      if (this.rows.get(key) !== text)
        throw new Error(`the table has ${key}: ${text}; by the events it is ${this.rows.get(key)}`);
    }
  }

  private isCompared(key: string, text: string, until: number): boolean {
    if (key.startsWith("booking")) return !this.unheard.includes(text.slice(0, text.indexOf(" ")));
    return !key.startsWith("hold") || Number(text.slice(text.lastIndexOf(" ") + 1)) > until;
  }

  private async tables(client: pg.Client, expiringAfter: number): Promise<Map<string, string>> {
    const rows = await rowsOf(client, TABLES, [this.unheard, expiringAfter]);
    return new Map(rows.map(([key, text]) => [String(key), String(text)]));
  }

  /** Reads all events that there are. */
  private async catchUp(client: pg.Client): Promise<void> {
    if (this.seq === null) await this.readTables(client);
    for (let count = PAGE; count === PAGE; ) {
      try {
        count = await this.readPage(client);
      } catch (error) {
        if (!(error instanceof pg.DatabaseError) || error.code !== NO_LONGER_KEPT) throw error;
        this.renewed++;
        await this.readTables(client);
      }
    }
  }

  private async readTables(client: pg.Client): Promise<void> {
    const [[seq]] = (await rowsOf(client, "SELECT last_event_seq()")) as [[string]];
    const found = await this.tables(client, 0);
    this.rows.clear();
    for (const [key, text] of found) this.rows.set(key, text);
    this.seq = Number(seq);
  }

  private async readPage(client: pg.Client): Promise<number> {
    const rows = await rowsOf(
      client,
      "SELECT seq, kind, payload FROM events WHERE seq > $1 ORDER BY seq LIMIT $2",
      [this.seq, PAGE],
    );
    for (const [seq, kind, payload] of rows) {
      if (this.seq === null || Number(seq) !== this.seq + 1)
        throw new Error(`event ${seq} behind ${this.seq}`);
      this.seq = Number(seq);
      this.apply((payload as Record<string, Payload>)[String(kind)] as Payload, String(kind));
      this.applied++;
    }
    return rows.length;
  }

  private apply(event: Payload, kind: string): void {
    const { id, resource_id: resource, span } = event;
    switch (kind) {
      case "BookingConfirmed":
        this.rows.set(`booking${id}`, words(resource, span?.start, span?.end, event.label));
        break;
      case "HoldPlaced":
        this.rows.set(`hold${id}`, words(resource, span?.start, span?.end, event.expires_at));
        break;
      case "RuleAdded":
      case "RuleUpdated":
        this.rows.set(`rule${id}`, words(resource, span?.start, span?.end, event.blocking));
        break;
      case "ResourceCreated":
      case "ResourceUpdated": {
        const { parent_id: parent, name, capacity, buffer_after: buffer } = event;
        this.rows.set(`resource${id}`, words(parent, name, capacity, buffer));
        break;
      }
      default:
        this.rows.delete(`${REMOVALS[kind]}${id}`);
    }
  }
}

const REMOVALS: Readonly<Record<string, string>> = {
  BookingCancelled: "booking",
  HoldReleased: "hold",
  RuleRemoved: "rule",
  ResourceDeleted: "resource",
};
