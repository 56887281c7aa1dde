/**
 * A load of writes from many connections on one database, whose outcome can be checked after a crash, and in any copy that
 * was taken while it ran.
 */

import type pg from "pg";
import { newId, rowsOf } from "../server/clients.ts";
import type { ServerProcess } from "../server/harness.ts";
import { errorCode, RawClient } from "../server/raw-client.ts";
import { overbooked } from "./invariant.ts";
import { type Rows, rowText, SHARED_BUFFER_MS, SHARED_CAPACITY } from "./operations.ts";
import { reach, Worker, type WorkerMark } from "./worker.ts";

/** Bookings and holds by resource, as they were found somewhere. */
export type Found = ReadonlyMap<string, Rows>;

/** What was certain at some moment, for each worker. */
export type Mark = ReadonlyMap<Worker, WorkerMark>;

/** Of the server's clock, which is this machine's: how far it may lag when it says that a hold is gone, milliseconds. */
const CLOCK_STEP_MS = 20;

export class Workload {
  private readonly shared = newId();
  private readonly workers: readonly Worker[];
  acknowledged = 0;

  /** @param depths one worker per entry, which keeps so many operations under way */
  constructor(
    depths: readonly number[],
    seed: number,
    readonly database = "main",
  ) {
    this.workers = depths.map((depth, n) => new Worker(this.shared, depth, seed * 1000 + n));
  }

  private get resources(): string[] {
    return [...this.workers.flatMap(({ resources }) => resources), this.shared];
  }

  async createResources(client: pg.Client): Promise<void> {
    const values = this.workers.flatMap((worker) => worker.resources).map((id) => `('${id}', 1, 0)`);
    values.push(`('${this.shared}', ${SHARED_CAPACITY}, ${SHARED_BUFFER_MS})`);
    await client.query(`INSERT INTO resources (id, capacity, buffer_after) VALUES ${values.join(", ")}`);
  }

  /** Writes until the server has gone; `onAcknowledged` is told how many operations this run has had answered. */
  async run(server: ServerProcess, onAcknowledged: (count: number) => void): Promise<void> {
    let count = 0;
    const drive = async (worker: Worker): Promise<void> => {
      const client = await RawClient.connect(server, this.database).catch(() => null);
      if (client === null) return;
      while (true) {
        while (worker.pending.length < worker.pipelined) client.send(worker.next().messages);
        const replies = await client.cycle();
        if (replies.at(-1)?.name !== "readyForQuery") return;
        worker.acknowledge(errorCode(replies));
        this.acknowledged++;
        onAcknowledged(++count);
      }
    };
    await Promise.all(this.workers.map(drive));
  }

  /** Reads everything back and compares. Throws where something is lost, torn, made up or overbooked. */
  async verify(client: pg.Client): Promise<void> {
    const askedAt = Date.now();
    const rows = await rowsOf(
      client,
      `SELECT 'bookings', id, resource_id, start, "end" FROM bookings WHERE resource_id = ANY($1)
       UNION ALL SELECT 'holds', id, resource_id, start, "end" FROM holds WHERE resource_id = ANY($1)`,
      [this.resources],
    );
    const found = byResource(
      (rows as string[][]).map(([table = "", id = "", resource = "", start, end]) => ({
        id,
        resource,
        text: rowText(table, resource, Number(start), Number(end)),
      })),
    );
    const answeredAt = Date.now();
    for (const worker of this.workers) worker.resume(ofResources(found, worker.resources));
    this.resumeShared(found.get(this.shared) ?? new Map(), askedAt, answeredAt);
    const broken = await overbooked(client, this.resources);
    if (broken.length > 0) throw new Error(`overbooked: ${JSON.stringify(broken)}`);
  }

  /** To be taken before a copy of the database is begun; `checkCopy` wants it back. */
  mark(): Mark {
    return new Map(this.workers.map((worker) => [worker, worker.mark()]));
  }

  /**
   * Checks what a backup or a dump holds that was begun after the mark: all that was acknowledged by then, and of what
   * came later a beginning for each worker. Throws where it does not.
   */
  checkCopy(mark: Mark, found: Found): void {
    this.forget(mark);
    const strange = new Set((found.get(this.shared) ?? new Map()).keys());
    const missing = new Set<string>();
    for (const [worker, { rows, contested, uncertain, since }] of mark) {
      reach(rows, since, ofResources(found, worker.resources));
      const withdrawn = new Set(since.map((operation) => operation.withdrawn));
      for (const [id, expiresAt] of contested) {
        if (!strange.delete(id) && expiresAt === Number.POSITIVE_INFINITY && !withdrawn.has(id))
          missing.add(id);
      }
      for (const id of uncertain) strange.delete(id);
      for (const operation of since) if (operation.contested !== null) strange.delete(operation.contested.id);
    }
    if (missing.size > 0) throw new Error(`acknowledged before the copy and not in it: ${[...missing]}`);
    if (strange.size > 0) throw new Error(`in the copy, and nobody wrote it: ${[...strange]}`);
  }

  /** For a mark that is not to be checked. */
  forget(mark: Mark): void {
    for (const [worker, workerMark] of mark) worker.forget(workerMark);
  }

  private resumeShared(found: Rows, askedAt: number, answeredAt: number): void {
    const strange = new Set(found.keys());
    for (const { accepted, uncertain } of this.workers) {
      for (const [id, expiresAt] of accepted) {
        if (!strange.delete(id) && expiresAt > answeredAt + CLOCK_STEP_MS)
          throw new Error(`acknowledged and not found: ${id}`);
        if (found.has(id) && expiresAt < askedAt - CLOCK_STEP_MS)
          throw new Error(`found after it had expired: ${id}`);
      }
      for (const [id, expiresAt] of uncertain) if (strange.delete(id)) accepted.set(id, expiresAt);
      uncertain.clear();
    }
    if (strange.size > 0) throw new Error(`found, and nobody wrote it: ${[...strange].join(", ")}`);
  }
}

/** Groups rows by their resource. */
export function byResource(
  rows: Iterable<{ readonly id: string; readonly resource: string; readonly text: string }>,
): Map<string, Rows> {
  const found = new Map<string, Rows>();
  for (const { id, resource, text } of rows) {
    const rowsThere = found.get(resource) ?? new Map();
    rowsThere.set(id, text);
    found.set(resource, rowsThere);
  }
  return found;
}

function ofResources(found: Found, resources: readonly string[]): Rows {
  return new Map(resources.flatMap((id) => [...(found.get(id) ?? [])]));
}
