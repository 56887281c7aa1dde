/**
 * A load of writes whose outcome can be checked after a crash. Each worker owns its resources, so it knows what
 * its part of the database must hold: what was acknowledged, then possibly a beginning of what was under way,
 * each piece whole. All workers also fight over one shared resource, whose capacity must hold whatever happens.
 */

import type pg from "pg";
import { seededRandom } from "../seeded-random.ts";
import { DAY, FAR_FUTURE, HOUR, newId, rowsOf } from "./clients.ts";
import type { ServerProcess } from "./harness.ts";
import { errorCode, RawClient, serialize, statement } from "./raw-client.ts";

/** A booking or a hold, as one comparable text: table, resource, start and end. */
type Row = string;
type State = Map<string, Row>;

interface Operation {
  readonly messages: Uint8Array;
  readonly apply: (state: State) => void;
  /** Id of the booking that it places on the shared resource, where others may refuse it. */
  readonly contested: string | null;
}

const RESOURCES_PER_WORKER = 3;
/** Hours of a resource's day that a worker uses, one allocation each at most. */
const HOURS = 40;
const SHARED_CAPACITY = 3;
const SHARED_HOURS = 30;

function spanOf(hour: number): string {
  return `${DAY + hour * HOUR}, ${DAY + (hour + 1) * HOUR}`;
}

function rowOf(table: string, resource: string, hour: number): Row {
  return `${table} ${resource} ${spanOf(hour)}`;
}

function insertBookings(rows: readonly { id: string; resource: string; hour: number }[]): string {
  const values = rows.map(({ id, resource, hour }) => `('${id}', '${resource}', ${spanOf(hour)})`);
  return `INSERT INTO bookings (id, resource_id, start, "end") VALUES ${values.join(", ")}`;
}

class Worker {
  readonly resources = Array.from({ length: RESOURCES_PER_WORKER }, newId);
  readonly certain: State = new Map();
  pending: Operation[] = [];
  /** What the database holds once everything pending is through. */
  private expected: State = new Map();
  readonly contestedAccepted = new Set<string>();
  readonly contestedUnknown = new Set<string>();
  private readonly random: () => number;

  constructor(
    readonly shared: string,
    readonly pipelined: number,
    seed: number,
  ) {
    this.random = seededRandom(seed);
  }

  private below(bound: number): number {
    return Math.floor(this.random() * bound);
  }

  next(): Operation {
    const operation = this.choose();
    operation.apply(this.expected);
    if (operation.contested !== null) this.contestedUnknown.add(operation.contested);
    this.pending.push(operation);
    return operation;
  }

  /**
   * The oldest pending operation is answered, with an error code or without. Throws if it was refused without
   * need.
   */
  acknowledge(refused: string | null): void {
    const operation = this.pending.shift();
    if (operation === undefined) throw new Error("an answer without a question");
    if (operation.contested === null) {
      if (refused !== null) throw new Error(`refused with ${refused}`);
      operation.apply(this.certain);
      return;
    }
    this.contestedUnknown.delete(operation.contested);
    if (refused === null) this.contestedAccepted.add(operation.contested);
    else if (refused !== "23P01") throw new Error(`refused with ${refused}`);
  }

  /** Takes what was found after a crash as the new beginning. Throws if it cannot be. */
  resume(found: State): void {
    const candidate = new Map(this.certain);
    const pending = this.pending;
    for (let applied = 0; !sameState(candidate, found); applied++) {
      const next = pending[applied];
      if (next === undefined) throw new Error(mismatch(this.certain, found, pending.length));
      next.apply(candidate);
    }
    this.pending = [];
    this.certain.clear();
    for (const [id, row] of candidate) this.certain.set(id, row);
    this.expected = new Map(candidate);
  }

  private choose(): Operation {
    const kind = this.below(10);
    if (kind === 0) return this.contest();
    const free = this.freeSlots();
    if (free.length < 12) return this.cancel(1 + this.below(8));
    if (kind <= 2) return this.insert(free, 1);
    if (kind <= 4) return this.insert(free, 2 + this.below(7));
    if (kind === 5) return this.hold(free);
    if (kind === 6) return this.confirm(free);
    if (kind === 7) return this.move(free);
    if (kind === 8) return this.cancel(1);
    return this.below(2) === 0 ? this.transaction(free) : this.extendedTransaction(free);
  }

  /** Slots that nothing has, in an order of chance. */
  private freeSlots(): { resource: string; hour: number }[] {
    const taken = new Set([...this.expected.values()].map((row) => row.slice(row.indexOf(" ") + 1)));
    const slots = [];
    for (const resource of this.resources) {
      for (let hour = 0; hour < HOURS; hour++) {
        if (!taken.has(`${resource} ${spanOf(hour)}`)) slots.push({ resource, hour });
      }
    }
    for (let i = slots.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const [a, b] = [slots[i], slots[j]];
      if (a !== undefined && b !== undefined) [slots[i], slots[j]] = [b, a];
    }
    return slots;
  }

  private idsOf(table: string): string[] {
    return [...this.expected].filter(([, row]) => row.startsWith(table)).map(([id]) => id);
  }

  private own(messages: Uint8Array, apply: (state: State) => void): Operation {
    return { messages, apply, contested: null };
  }

  private insert(free: readonly { resource: string; hour: number }[], count: number): Operation {
    const rows = free.slice(0, count).map((slot) => ({ id: newId(), ...slot }));
    return this.own(serialize.query(insertBookings(rows)), (state) => {
      for (const { id, resource, hour } of rows) state.set(id, rowOf("bookings", resource, hour));
    });
  }

  private hold([slot]: readonly { resource: string; hour: number }[]): Operation {
    const { resource, hour } = slot as { resource: string; hour: number };
    const id = newId();
    const sql = `INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ('${id}', '${resource}', ${spanOf(hour)}, ${FAR_FUTURE})`;
    return this.own(serialize.query(sql), (state) => {
      state.set(id, rowOf("holds", resource, hour));
    });
  }

  private confirm(free: readonly { resource: string; hour: number }[]): Operation {
    const [holdId] = this.idsOf("holds");
    if (holdId === undefined) return this.hold(free);
    const id = newId();
    return this.own(
      serialize.query(`INSERT INTO bookings (id, hold_id) VALUES ('${id}', '${holdId}')`),
      (state) => {
        const row = state.get(holdId) ?? "";
        state.delete(holdId);
        state.set(id, row.replace("holds", "bookings"));
      },
    );
  }

  private move(free: readonly { resource: string; hour: number }[]): Operation {
    const ids = this.idsOf("bookings");
    const id = ids[this.below(ids.length)];
    if (id === undefined) return this.insert(free, 1);
    const { resource, hour } = free[0] as { resource: string; hour: number };
    const sql = `UPDATE bookings SET resource_id = '${resource}', start = ${DAY + hour * HOUR}, "end" = ${DAY + (hour + 1) * HOUR} WHERE id = '${id}'`;
    return this.own(serialize.query(sql), (state) => {
      state.set(id, rowOf("bookings", resource, hour));
    });
  }

  private cancel(count: number): Operation {
    const bookings = this.idsOf("bookings").slice(0, count);
    const holds = this.idsOf("holds").slice(0, 1);
    const statements = [
      ...bookings.map((id) => `DELETE FROM bookings WHERE id = '${id}'`),
      ...holds.map((id) => `DELETE FROM holds WHERE id = '${id}'`),
    ];
    return this.own(serialize.query(statements.join("; ")), (state) => {
      for (const id of [...bookings, ...holds]) state.delete(id);
    });
  }

  /** BEGIN … COMMIT in one text: an insertion, a move away and a cancellation. */
  private transaction(free: readonly { resource: string; hour: number }[]): Operation {
    const slots = free.slice(0, 3).map((slot) => ({ id: newId(), ...slot }));
    const cancelled = this.idsOf("bookings").slice(0, 2);
    const texts = [
      "BEGIN",
      ...slots.map((row) => insertBookings([row])),
      ...cancelled.map((id) => `DELETE FROM bookings WHERE id = '${id}'`),
      "COMMIT",
    ];
    return this.own(serialize.query(texts.join("; ")), (state) => {
      for (const { id, resource, hour } of slots) state.set(id, rowOf("bookings", resource, hour));
      for (const id of cancelled) state.delete(id);
    });
  }

  /** Several extended statements before one Sync. */
  private extendedTransaction(free: readonly { resource: string; hour: number }[]): Operation {
    const rows = free.slice(0, 3).map((slot) => ({ id: newId(), ...slot }));
    const insertion = `INSERT INTO bookings (id, resource_id, start, "end") VALUES ($1, $2, $3, $4)`;
    const messages = rows.map(({ id, resource, hour }) =>
      statement(insertion, [id, resource, String(DAY + hour * HOUR), String(DAY + (hour + 1) * HOUR)]),
    );
    return this.own(Buffer.concat([...messages, serialize.sync()]), (state) => {
      for (const { id, resource, hour } of rows) state.set(id, rowOf("bookings", resource, hour));
    });
  }

  private contest(): Operation {
    const id = newId();
    const hour = this.below(SHARED_HOURS);
    return {
      messages: serialize.query(insertBookings([{ id, resource: this.shared, hour }])),
      apply: () => undefined,
      contested: id,
    };
  }
}

function sameState(a: State, b: State): boolean {
  if (a.size !== b.size) return false;
  for (const [id, row] of a) if (b.get(id) !== row) return false;
  return true;
}

function mismatch(certain: State, found: State, pending: number): string {
  const lost = [...certain].filter(([id, row]) => found.get(id) !== row);
  const strange = [...found].filter(([id, row]) => certain.get(id) !== row);
  return `found is not what was acknowledged, plus a beginning of ${pending} pending operations; acknowledged and not found: ${JSON.stringify(lost)}; found and not acknowledged: ${JSON.stringify(strange)}`;
}

export class Workload {
  private readonly shared = newId();
  private readonly workers: readonly Worker[];
  acknowledged = 0;

  /** @param depths one worker per entry, which keeps so many operations under way */
  constructor(depths: readonly number[], seed: number) {
    this.workers = depths.map((depth, n) => new Worker(this.shared, depth, seed * 1000 + n));
  }

  async createResources(client: pg.Client): Promise<void> {
    const values = this.workers.flatMap((worker) => worker.resources).map((id) => `('${id}', 1)`);
    values.push(`('${this.shared}', ${SHARED_CAPACITY})`);
    await client.query(`INSERT INTO resources (id, capacity) VALUES ${values.join(", ")}`);
  }

  /** Writes until the server has gone; `onAcknowledged` is told how many operations this run has had answered. */
  async run(server: ServerProcess, onAcknowledged: (count: number) => void): Promise<void> {
    let count = 0;
    const drive = async (worker: Worker): Promise<void> => {
      const client = await RawClient.connect(server);
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
    const rows = [
      ...(await rowsOf(client, `SELECT 'bookings', id, resource_id, start, "end" FROM bookings`)),
      ...(await rowsOf(client, `SELECT 'holds', id, resource_id, start, "end" FROM holds`)),
    ];
    const foundByResource = new Map<string, State>();
    for (const [table, id, resource, start, end] of rows as string[][]) {
      const state = foundByResource.get(resource as string) ?? new Map();
      state.set(id, `${table} ${resource} ${start}, ${end}`);
      foundByResource.set(resource as string, state);
    }
    for (const worker of this.workers) {
      worker.resume(new Map(worker.resources.flatMap((id) => [...(foundByResource.get(id) ?? [])])));
    }
    this.resumeShared(foundByResource.get(this.shared) ?? new Map());
    checkCapacities(foundByResource, (resource) => (resource === this.shared ? SHARED_CAPACITY : 1));
  }

  private resumeShared(found: State): void {
    const strange = new Set(found.keys());
    for (const worker of this.workers) {
      for (const id of worker.contestedAccepted) {
        if (!found.has(id)) throw new Error(`acknowledged and not found: ${id}`);
        strange.delete(id);
      }
      for (const id of worker.contestedUnknown) if (strange.delete(id)) worker.contestedAccepted.add(id);
      worker.contestedUnknown.clear();
    }
    if (strange.size > 0) throw new Error(`found, and nobody wrote it: ${[...strange].join(", ")}`);
  }
}

/** At every instant, for every resource, no more allocations than its capacity. Buffers are 0 here. */
function checkCapacities(
  foundByResource: ReadonlyMap<string, State>,
  capacityOf: (id: string) => number,
): void {
  for (const [resource, state] of foundByResource) {
    const edges: { at: number; change: number }[] = [];
    for (const row of state.values()) {
      const [start, end] = row.split(" ").slice(2).map(Number.parseFloat) as [number, number];
      edges.push({ at: start, change: 1 }, { at: end, change: -1 });
    }
    edges.sort((a, b) => a.at - b.at || a.change - b.change);
    let used = 0;
    for (const { change } of edges) {
      used += change;
      if (used > capacityOf(resource)) throw new Error(`${resource} is overbooked`);
    }
  }
}
