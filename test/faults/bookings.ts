/** Bookings made while something goes wrong, and the account of them: what was acknowledged, and what was refused. */

import type pg from "pg";
import { newId } from "../server/clients.ts";

const RESOURCE = newId();

export class Bookings {
  private readonly acknowledged = new Set<string>();
  /** A lost connection leaves nobody knowing. */
  private readonly unknown = new Set<string>();
  private nextStart = 0;

  get count(): number {
    return this.acknowledged.size;
  }

  async begin(client: pg.Client): Promise<void> {
    await client.query(`INSERT INTO resources (id) VALUES ('${RESOURCE}')`);
  }

  /** Makes `count` bookings in one commit, with labels of so many bytes; returns the SQLSTATE it was refused with, or null. */
  async add(client: pg.Client, count = 1, labelBytes = 1): Promise<string | null> {
    const label = "x".repeat(labelBytes);
    const ids = Array.from({ length: count }, newId);
    const rows = ids.map((id) => {
      const start = this.nextStart;
      this.nextStart += 10;
      return `('${id}', '${RESOURCE}', ${start}, ${start + 10}, '${label}')`;
    });
    try {
      await client.query(`INSERT INTO bookings VALUES ${rows.join(", ")}`);
    } catch (error) {
      const { code, severity } = Object.assign({ code: "lost", severity: "FATAL" }, error);
      if (severity === "FATAL") for (const id of ids) this.unknown.add(id);
      return String(code);
    }
    for (const id of ids) this.acknowledged.add(id);
    return null;
  }

  /** The SQLSTATE that a change of what is there is refused with, or null. */
  async remove(client: pg.Client): Promise<string | null> {
    const [id = ""] = this.acknowledged;
    try {
      await client.query(`DELETE FROM bookings WHERE id = '${id}'`);
    } catch (error) {
      return String(Object.assign({ code: "lost" }, error).code);
    }
    this.acknowledged.delete(id);
    return null;
  }

  /**
   * Throws unless the database holds what was acknowledged and nothing that was refused. What nobody knows of may be there
   * after a crash; the server that said so must not show it.
   */
  async check(client: pg.Client, when: string, unknown: "any" | "absent" = "any"): Promise<void> {
    const { rows } = await client.query<{ id: string }>("SELECT id FROM bookings");
    const found = new Set(rows.map(({ id }) => id));
    const lost = [...this.acknowledged].filter((id) => !found.has(id));
    const surplus = [...found].filter(
      (id) => !this.acknowledged.has(id) && (unknown === "absent" || !this.unknown.has(id)),
    );
    if (lost.length + surplus.length > 0) {
      throw new Error(`${when}: ${lost.length} acknowledged are lost, ${surplus.length} refused are there`);
    }
  }
}

/** Throws unless it is as said. */
export function expectThat(holds: boolean, what: string): void {
  if (!holds) throw new Error(`not so: ${what}`);
}
