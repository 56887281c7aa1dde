/**
 * The engine alone: the time of each operation as one resource grows, k of n resources, batches, and memory.
 * Run: `bun run bench:engine`. Sizes take turns in rounds, so that a noisy minute hits all of them alike.
 */

import { join } from "node:path";
import { do_not_optimize, measure } from "mitata";
import type { Command } from "../src/engine/command.ts";
import { Engine } from "../src/engine/engine.ts";
import { DeltatError, SqlState } from "../src/errors.ts";
import {
  EPOCH_MS,
  gapBooking,
  median,
  openResource,
  Random,
  resourceId,
  SLOT_MS,
  SLOTS_PER_WEEK,
  slotBooking,
  visitorId,
  WEEK_MS,
} from "./calendar.ts";
import { describeMachine } from "./machine.ts";
import type { MemoryResult } from "./memory.ts";

const SIZES = [1_000, 100_000, 1_000_000];
const ROUNDS = 3;
/** CPU time of one measurement, nanoseconds. */
const BUDGET_NS = 150_000_000;
const NOW = 1;
const NEVER = 8_000_000_000_000_000;
const BATCH = 1_000;

const random = new Random();
let visitors = 0;

/** One resource with one booking in each of `size` slots. */
class GrownResource {
  readonly engine = new Engine();
  readonly resource = resourceId(0);
  readonly row: number;

  constructor(readonly size: number) {
    this.engine.execute(openResource(0, size), NOW);
    for (let from = 0; from < size; from += BATCH) {
      const commands = Array.from({ length: Math.min(BATCH, size - from) }, (_, i) => this.booking(from + i));
      this.engine.execute(commands, NOW);
    }
    this.row = this.engine.resources.find(this.resource);
  }

  private booking(n: number): Command {
    return { kind: "placeBooking", booking: slotBooking(this.resource, n, n) };
  }

  randomSlot(): number {
    return random.below(this.size);
  }

  availability = (): void => this.week(random.below(this.size - SLOTS_PER_WEEK));

  /** The same window every time: what is left is the work, without the cost of memory that is not in a cache. */
  sameAvailability = (): void => this.week(this.size >> 1);

  private week(slot: number): void {
    const from = EPOCH_MS + slot * SLOT_MS;
    const runs = this.engine.availabilityOf(this.row, from, from + WEEK_MS, 0);
    if (runs.count !== SLOTS_PER_WEEK + 1) throw new Error(`expected 85 runs, found ${runs.count}`);
    do_not_optimize(runs);
  }

  refusedBooking = (): void => {
    const booking = slotBooking(this.resource, visitors, this.randomSlot(), 1);
    try {
      this.engine.execute([{ kind: "placeBooking", booking: { ...booking, id: visitorId(visitors) } }], NOW);
    } catch (error) {
      if (error instanceof DeltatError && error.sqlState === SqlState.exclusionViolation) return;
      throw error;
    }
    throw new Error("a booking on top of another was accepted");
  };

  insertAndCancel = (): void => {
    const booking = gapBooking(this.resource, visitorId(visitors++), this.randomSlot());
    this.engine.execute([{ kind: "placeBooking", booking }], NOW);
    this.engine.execute([{ kind: "cancelBooking", id: booking.id }], NOW);
  };

  /** To and fro within its slot. */
  private shifted = false;
  move = (): void => {
    const slot = this.randomSlot();
    this.shifted = !this.shifted;
    const booking = slotBooking(this.resource, slot, slot, this.shifted ? 60_000 : 0);
    this.engine.execute([{ kind: "moveBooking", booking }], NOW);
  };

  holdAndRelease = (): void => {
    const { label: _, ...span } = gapBooking(this.resource, visitorId(visitors++), this.randomSlot());
    this.engine.execute([{ kind: "placeHold", hold: { ...span, expiresAt: NEVER } }], NOW);
    this.engine.execute([{ kind: "releaseHold", id: span.id }], NOW);
  };

  /** Nanoseconds per booking of BATCH inserts at random places, each a transaction, or all of them one. */
  insertTime(together: boolean): number {
    const slots = new Set<number>();
    const wanted = Math.min(BATCH, this.size);
    while (slots.size < wanted) slots.add(this.size === wanted ? slots.size : this.randomSlot());
    const commands = [...slots].map((slot): Command => {
      const booking = gapBooking(this.resource, visitorId(visitors++), slot);
      return { kind: "placeBooking", booking };
    });
    const begun = Bun.nanoseconds();
    if (together) this.engine.execute(commands, NOW);
    else for (const command of commands) this.engine.execute([command], NOW);
    const elapsed = Bun.nanoseconds() - begun;
    this.engine.execute(
      commands.map((command): Command => {
        if (command.kind !== "placeBooking") throw new Error("only bookings are inserted");
        return { kind: "cancelBooking", id: command.booking.id };
      }),
      NOW,
    );
    return elapsed / commands.length;
  }
}

type Operation = (grown: GrownResource) => Promise<number>;

async function timed(action: () => void): Promise<number> {
  return (await measure(action, { min_cpu_time: BUDGET_NS })).p50;
}

async function repeated(action: () => number): Promise<number> {
  return median(Array.from({ length: 60 }, action));
}

interface OperationRow {
  readonly name: string;
  readonly run: Operation;
  /** Largest allowed time at a million divided by that at a thousand; null: none is set. */
  readonly budget: number | null;
}

const OPERATIONS: readonly OperationRow[] = [
  { name: "availability, random week", run: (on) => timed(on.availability), budget: 1.5 },
  { name: "availability, one week", run: (on) => timed(on.sameAvailability), budget: 1.5 },
  { name: "booking that is refused", run: (on) => timed(on.refusedBooking), budget: null },
  { name: "insert at a random place", run: (on) => repeated(() => on.insertTime(false)), budget: 2 },
  { name: "insert at a random place + cancel", run: (on) => timed(on.insertAndCancel), budget: 2 },
  { name: "batch of 1,000 inserts, each", run: (on) => repeated(() => on.insertTime(true)), budget: null },
  { name: "move within its slot", run: (on) => timed(on.move), budget: null },
  { name: "hold + release", run: (on) => timed(on.holdAndRelease), budget: null },
];

function nanoseconds(ns: number): string {
  if (ns >= 1e6) return `${(ns / 1e6).toFixed(2)} ms`;
  return ns >= 1e4 ? `${(ns / 1e3).toFixed(1)} µs` : `${ns.toFixed(0)} ns`;
}

async function benchGrowth(): Promise<void> {
  const grown = SIZES.map((size) => new GrownResource(size));
  console.log(
    `${"one resource, bookings:".padEnd(36)}${SIZES.map((n) => `${n}`.padStart(11)).join("")}   ratio`,
  );
  for (const { name, run, budget } of OPERATIONS) {
    const samples = SIZES.map((): number[] => []);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, resource] of grown.entries()) samples[i]?.push(await run(resource));
    }
    const times = samples.map(median);
    const ratio = (times.at(-1) as number) / (times[0] as number);
    const verdict = budget === null ? "" : `  (budget ${budget}: ${ratio <= budget ? "met" : "MISSED"})`;
    const cells = times.map((time) => nanoseconds(time).padStart(11)).join("");
    console.log(`${name.padEnd(36)}${cells}   ${ratio.toFixed(2)}${verdict}`);
  }
}

/** `count` resources, each with 84 bookings in the window, at instants that do not coincide. */
async function benchCommon(count: number): Promise<void> {
  const engine = new Engine();
  const rows: number[] = [];
  for (let n = 0; n < count; n++) {
    const resource = resourceId(n);
    engine.execute(openResource(n, SLOTS_PER_WEEK), NOW);
    const commands = Array.from({ length: SLOTS_PER_WEEK }, (_, slot): Command => {
      const shiftMs = random.below(3_000_000);
      return {
        kind: "placeBooking",
        booking: slotBooking(resource, n * SLOTS_PER_WEEK + slot, slot, shiftMs),
      };
    });
    engine.execute(commands, NOW);
    rows.push(engine.resources.find(resource));
  }
  const cells: string[] = [];
  for (const k of [1, count / 2, count]) {
    const time = await timed(() => {
      do_not_optimize(engine.availability(rows, EPOCH_MS, EPOCH_MS + WEEK_MS, 0, k));
    });
    cells.push(`k = ${k}: ${nanoseconds(time)}`.padStart(22));
  }
  console.log(`k of ${count}, 84 bookings each`.padEnd(36) + cells.join(""));
}

function benchMemory(): void {
  const run = Bun.spawnSync([process.execPath, join(import.meta.dir, "memory.ts")], { stderr: "inherit" });
  if (!run.success) throw new Error("bench/memory.ts failed");
  const { bytesPerBooking } = JSON.parse(run.stdout.toString()) as MemoryResult;
  const verdict = bytesPerBooking <= 100 ? "met" : "MISSED";
  console.log(`RSS growth per booking, 1,000,000   ${bytesPerBooking} bytes  (budget 100: ${verdict})`);
}

console.log(describeMachine());
console.log(`median of ${ROUNDS} rounds of medians\n`);
benchMemory();
console.log();
await benchGrowth();
console.log();
for (const count of [10, 100, 1_000]) await benchCommon(count);
