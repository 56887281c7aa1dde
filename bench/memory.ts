/**
 * Resident memory per booking: a process that holds one resource with a million bookings and nothing else.
 * Commands are made as they go and collected before reading.
 *
 * Run by bench/engine.ts: `bun bench/memory.ts`; prints a MemoryResult as JSON.
 */

import { readFileSync } from "node:fs";
import { Engine } from "../src/engine/engine.ts";
import { openResource, resourceId, slotBooking } from "./calendar.ts";

export interface MemoryResult {
  /** Growth of the resident set, divided by the bookings. */
  readonly bytesPerBooking: number;
}

const BOOKINGS = 1_000_000;
const BATCH = 1_000;
const NOW = 1;
/** Time for the allocator to hand back to the system what the collector has freed. */
const SETTLE_MS = 1_000;

function fill(engine: Engine, count: number): void {
  const resource = resourceId(0);
  engine.execute(openResource(0, count), NOW);
  for (let from = 0; from < count; from += BATCH) {
    engine.execute(
      Array.from({ length: BATCH }, (_, i) => ({
        kind: "placeBooking" as const,
        booking: slotBooking(resource, from + i, from + i),
      })),
      NOW,
    );
  }
}

/** Resident bytes, from the kernel where it says so exactly. */
function residentBytes(): number {
  Bun.gc(true);
  if (process.platform !== "linux") return process.memoryUsage.rss();
  const rollup = readFileSync("/proc/self/smaps_rollup", "latin1");
  return Number(/^Rss:\s+(\d+) kB$/m.exec(rollup)?.[1]) * 1024;
}

// A first engine, so that compiled code and the collector's own heap are not counted as bookings.
fill(new Engine(), 50 * BATCH);
await Bun.sleep(SETTLE_MS);
const before = residentBytes();
const engine = new Engine();
fill(engine, BOOKINGS);
residentBytes();
await Bun.sleep(SETTLE_MS);
const grown = residentBytes() - before;
if (engine.allocationRows(0, 0, Number.POSITIVE_INFINITY).length !== BOOKINGS)
  throw new Error("not all stored");
const result: MemoryResult = { bytesPerBooking: Number((grown / BOOKINGS).toFixed(1)) };
console.log(JSON.stringify(result));
