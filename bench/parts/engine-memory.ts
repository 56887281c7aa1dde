/**
 * Resident memory of an engine: a process that holds one calendar and nothing else. Commands are made as they go and
 * collected before reading.
 *
 * Run by memory.ts: `bun bench/parts/engine-memory.ts <Shape as JSON>`; prints an EngineGrowth.
 */

import type { Command } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import { openResource, resourceId, slotBooking } from "../calendar.ts";
import { residentBytes, SETTLE_MS } from "../harness/resident.ts";
import type { Shape } from "../servers/stored-calendar.ts";

export interface EngineGrowth {
  /** Growth of the resident set. */
  readonly bytes: number;
}

const BATCH = 1_000;
const NOW = 1;

function fill(engine: Engine, { bookings, resources }: Shape): void {
  const slots = Math.max(1, bookings / resources);
  for (let n = 0; n < resources; n++) engine.execute(openResource(n, slots), NOW);
  for (let from = 0; from < bookings; from += BATCH) {
    const commands = Array.from({ length: BATCH }, (_, i): Command => {
      const n = from + i;
      const booking = slotBooking(resourceId(n % resources), n, Math.floor(n / resources));
      return { kind: "placeBooking", booking };
    });
    engine.execute(commands, NOW);
  }
}

async function settled(): Promise<number> {
  Bun.gc(true);
  await Bun.sleep(SETTLE_MS);
  Bun.gc(true);
  return residentBytes();
}

const shape = JSON.parse(process.argv[2] ?? "null") as Shape;
// A first engine, so that compiled code and the collector's own heap are not counted as bookings.
fill(new Engine(), { bookings: 50 * BATCH, resources: 100 });
const before = await settled();
const engine = new Engine();
fill(engine, shape);
const grown = (await settled()) - before;
if (engine.resources.find(resourceId(shape.resources - 1)) < 0) throw new Error("not all stored");
const result: EngineGrowth = { bytes: grown };
console.log(JSON.stringify(result));
