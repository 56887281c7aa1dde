/**
 * One client of a torture and its share of the database. It alone writes on its resources, so it knows what they must
 * hold: what was acknowledged, then possibly a beginning of what was under way, each piece whole. Beside that it fights
 * with the others over a shared resource, where it may be refused.
 */

import { Random } from "../seeded-random.ts";
import { newId } from "../server/clients.ts";
import {
  cancel,
  confirm,
  contestBooking,
  contestHold,
  copy,
  hold,
  insert,
  move,
  type Operation,
  pipeline,
  type Rows,
  type Slot,
  slotText,
  transaction,
  withdraw,
} from "./operations.ts";

const RESOURCES_PER_WORKER = 3;
/** Hours of a resource's day that a worker uses, one allocation each at most. */
const HOURS = 40;
/** Contested rows that a worker keeps before it begins to take them back. */
const CONTESTED_KEPT = 6;

/** What is known of contested rows: ids with the instants at which they expire. */
export type ContestedRows = Map<string, number>;

/** What was certain at some moment, and all that may have happened since. */
export interface WorkerMark {
  readonly rows: Rows;
  readonly contested: ContestedRows;
  /** Contested rows of which it was not known whether they are there. */
  readonly uncertain: Set<string>;
  /** Under way at that moment, or begun after it. */
  readonly since: Operation[];
}

export class Worker {
  readonly resources = Array.from({ length: RESOURCES_PER_WORKER }, newId);
  readonly certain: Rows = new Map();
  pending: Operation[] = [];
  /** What the database holds once everything pending is through. */
  private expected: Rows = new Map();
  readonly accepted: ContestedRows = new Map();
  /** Contested rows that are being placed or taken back. */
  readonly uncertain: ContestedRows = new Map();
  private readonly random: Random;
  private readonly marks = new Set<WorkerMark>();

  constructor(
    readonly shared: string,
    readonly pipelined: number,
    seed: number,
  ) {
    this.random = new Random(seed);
  }

  /** From now on everything is noted down, until `forget`. */
  mark(): WorkerMark {
    const mark = {
      rows: new Map(this.certain),
      contested: new Map(this.accepted),
      uncertain: new Set(this.uncertain.keys()),
      since: [...this.pending],
    };
    this.marks.add(mark);
    return mark;
  }

  forget(mark: WorkerMark): void {
    this.marks.delete(mark);
  }

  next(): Operation {
    const operation = this.choose();
    operation.apply(this.expected);
    const { contested, withdrawn } = operation;
    if (contested !== null) this.uncertain.set(contested.id, contested.expiresAt);
    if (withdrawn !== null) {
      this.accepted.delete(withdrawn);
      this.uncertain.set(withdrawn, Number.POSITIVE_INFINITY);
    }
    this.pending.push(operation);
    for (const { since } of this.marks) since.push(operation);
    return operation;
  }

  /** The oldest pending operation is answered, with an error code or without. Throws if it was refused without need. */
  acknowledge(refused: string | null): void {
    const operation = this.pending.shift();
    if (operation === undefined) throw new Error("an answer without a question");
    const { contested, withdrawn } = operation;
    if (contested !== null) {
      this.uncertain.delete(contested.id);
      if (refused === null) this.accepted.set(contested.id, contested.expiresAt);
      else if (refused !== "23P01") throw new Error(`refused with ${refused}`);
      return;
    }
    if (refused !== null) throw new Error(`refused with ${refused}`);
    if (withdrawn !== null) this.uncertain.delete(withdrawn);
    operation.apply(this.certain);
  }

  /** Takes what was found after a crash as the new beginning. Throws if it cannot be. */
  resume(found: Rows): void {
    const candidate = reach(this.certain, this.pending, found);
    this.pending = [];
    this.certain.clear();
    for (const [id, row] of candidate) this.certain.set(id, row);
    this.expected = new Map(candidate);
  }

  private choose(): Operation {
    const { random } = this;
    const kind = random.below(12);
    if (kind === 0) return this.contest();
    const free = this.freeSlots();
    if (free.length < 24) return cancel(this.idsOf("bookings").slice(0, 1 + random.below(24)), []);
    const [slot] = free as [Slot, ...Slot[]];
    const bookings = this.idsOf("bookings");
    const holds = this.idsOf("holds");
    if (kind <= 2) return insert(free.slice(0, 1));
    if (kind <= 4) return insert(free.slice(0, 2 + random.below(7)));
    if (kind === 5) return copy(free.slice(0, 1 + random.below(20)));
    if (kind === 6) return hold(slot);
    if (kind === 7) return holds[0] === undefined ? hold(slot) : confirm(holds[0]);
    if (kind === 8) return bookings.length === 0 ? insert([slot]) : move(random.pick(bookings), slot);
    if (kind === 9) {
      if (bookings.length + holds.length === 0) return hold(slot);
      return cancel(bookings.slice(0, 1), holds.slice(0, 1));
    }
    if (kind === 10) return transaction(free.slice(0, 3), bookings.slice(0, 2));
    return pipeline(free.slice(0, 3));
  }

  /** Slots that nothing has, in an order of chance. */
  private freeSlots(): Slot[] {
    const taken = new Set([...this.expected.values()].map((row) => row.slice(row.indexOf(" ") + 1)));
    const slots = [];
    for (const resource of this.resources) {
      for (let hour = 0; hour < HOURS; hour++) {
        if (!taken.has(slotText({ resource, hour }))) slots.push({ resource, hour });
      }
    }
    return this.random.shuffle(slots);
  }

  private idsOf(table: string): string[] {
    return [...this.expected].filter(([, row]) => row.startsWith(table)).map(([id]) => id);
  }

  private contest(): Operation {
    const below = (bound: number): number => this.random.below(bound);
    const now = Date.now();
    for (const [id, expiresAt] of this.accepted) if (expiresAt < now - 60_000) this.accepted.delete(id);
    const bookings = [...this.accepted].filter(([, expiresAt]) => expiresAt === Number.POSITIVE_INFINITY);
    const [oldest] = bookings;
    if (oldest !== undefined && bookings.length > CONTESTED_KEPT) return withdraw(oldest[0]);
    return this.random.chance(0.5)
      ? contestBooking(this.shared, below)
      : contestHold(this.shared, below, now);
  }
}

/** What `rows` become by the first operations, as many as it takes to be what was found. Throws if none do. */
export function reach(rows: Rows, operations: readonly Operation[], found: Rows): Rows {
  const candidate = new Map(rows);
  for (let applied = 0; !isSame(candidate, found); applied++) {
    const next = operations[applied];
    if (next === undefined) throw new Error(mismatch(rows, found, operations.length));
    next.apply(candidate);
  }
  return candidate;
}

function isSame(a: Rows, b: Rows): boolean {
  if (a.size !== b.size) return false;
  for (const [id, row] of a) if (b.get(id) !== row) return false;
  return true;
}

function mismatch(certain: Rows, found: Rows, pending: number): string {
  const lost = [...certain].filter(([id, row]) => found.get(id) !== row);
  const strange = [...found].filter(([id, row]) => certain.get(id) !== row);
  return `found is not what was acknowledged, plus a beginning of ${pending} operations; acknowledged and not found: ${JSON.stringify(lost)}; found and not acknowledged: ${JSON.stringify(strange)}`;
}
