/** Databases that are made and dropped all the time: what was acknowledged of either holds after a crash. */

import { connect, newId, rowsOf } from "../server/clients.ts";
import type { ServerProcess } from "../server/harness.ts";
import { type Observer, Repetition } from "./observer.ts";

/** How many are kept before the oldest is dropped. */
const KEPT = 3;
const PAUSE_MS = 30;

const PREFIX = "brief_";

/** Whether a database's folder is of one of these. */
export function isBrief(folder: string): boolean {
  return folder.startsWith(PREFIX);
}

interface Brief {
  readonly name: string;
  readonly resource: string;
  /** `made` once its resource was acknowledged; `going` from the moment its end was asked for. */
  state: "coming" | "made" | "going";
}

export class BriefDatabases implements Observer {
  private number = 0;
  private readonly briefs: Brief[] = [];
  private readonly dropped = new Set<string>();
  private repetition: Repetition | null = null;

  async begin(server: ServerProcess): Promise<void> {
    const main = await connect(server);
    this.repetition = new Repetition(async () => {
      const brief: Brief = { name: `${PREFIX}${this.number++}`, resource: newId(), state: "coming" };
      this.briefs.push(brief);
      const client = await connect(server, brief.name);
      await client.query("INSERT INTO resources (id) VALUES ($1)", [brief.resource]);
      brief.state = "made";
      await client.end();
      const oldest = this.briefs[0];
      if (oldest !== undefined && this.briefs.length > KEPT) {
        // One that came and never got its resource may be empty until it is gone.
        if (oldest.state === "made") oldest.state = "going";
        await main.query(`DROP DATABASE ${oldest.name} WITH (FORCE)`);
        this.dropped.add(oldest.name);
        this.briefs.shift();
      }
      await Bun.sleep(PAUSE_MS);
    });
  }

  async check(server: ServerProcess): Promise<void> {
    await this.repetition?.end();
    const main = await connect(server);
    const names = new Set(
      (await rowsOf(main, "SELECT datname FROM pg_database")).map(([name]) => String(name)),
    );
    await main.end();
    for (const name of names) if (this.dropped.has(name)) throw new Error(`dropped, and back again: ${name}`);
    for (const brief of this.briefs.splice(0)) {
      if (!names.has(brief.name)) {
        if (brief.state === "made") throw new Error(`the database ${brief.name} is lost`);
        this.dropped.add(brief.name);
        continue;
      }
      const client = await connect(server, brief.name);
      const found = (await rowsOf(client, "SELECT id FROM resources")).map(([id]) => String(id));
      await client.end();
      const isWhole = found.length === 1 && found[0] === brief.resource;
      if (!isWhole && (brief.state !== "coming" || found.length > 0))
        throw new Error(`the database ${brief.name} (${brief.state}) holds ${found}`);
      this.briefs.push({ ...brief, state: isWhole ? "made" : "coming" });
    }
  }
}
