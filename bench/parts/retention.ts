/**
 * Retention: for how long the event loop is held up while old bookings are dropped, in the shapes that could make it
 * long. A database on a real disk is opened, all of its bookings being past, and each step is run as the server's timer
 * would. A pause is the step, its commit and the flush, with its fdatasync if that were a blocking one: what somebody
 * else waits for. The processor's time of the same is told beside it: where that is short and the pause is long, the
 * machine or its disk had other work.
 */

import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "../../src/engine/command.ts";
import { RETENTION_PAUSE_MS } from "../../src/limits.ts";
import { TenantRegistry } from "../../src/tenants/registry.ts";
import { EPOCH_MS, resourceId, SLOT_MS, slotBooking } from "../calendar.ts";
import { Latencies } from "../clients/latencies.ts";
import type { Figure, Figures, Metric, Metrics } from "../harness/figures.ts";
import { type Course, type Part, type Rendering, withFolder } from "../harness/part.ts";
import { inTurns } from "../harness/rounds.ts";
import { count, number, table } from "../report/table.ts";
import { newLog } from "../servers/stored-calendar.ts";

const BATCH = 1_000;
const ROUNDS = 3;
/** A quick run has so many times fewer bookings. */
const QUICK_DIVISOR = 10;

export const PAUSES = "pauses of retention";

interface Shape {
  readonly name: string;
  readonly bookings: number;
  readonly resources: number;
  /** Bookings of one resource that begin at the same instant. */
  readonly together: number;
}

const MILLION = 1_000_000;
export const SHAPES: readonly Shape[] = [
  { name: "on one resource", bookings: MILLION, resources: 1, together: 1 },
  { name: "on 10,000 resources", bookings: MILLION, resources: 10_000, together: 1 },
  { name: "at one instant of one resource", bookings: 100_000, resources: 1, together: 100_000 },
];

async function writeLog(folder: string, { bookings, resources, together }: Shape): Promise<void> {
  const log = newLog(folder);
  const settings = { parentId: null, name: null, capacity: together, bufferAfterMs: 0, enforceRules: null };
  for (let n = 0; n < resources; n++) {
    log.commit([{ kind: "createResource", resource: { id: resourceId(n), ...settings } }]);
  }
  for (let from = 0; from < bookings; from += BATCH) {
    log.commit(
      Array.from({ length: BATCH }, (_, i): Command => {
        const n = from + i;
        const slot = Math.floor(n / resources / together);
        return { kind: "placeBooking", booking: slotBooking(resourceId(n % resources), n, slot) };
      }),
    );
    if (from % (BATCH * 20) === 0) log.flush();
  }
  await log.close();
}

/** Milliseconds on the clock and of the processor. */
interface Pause {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Time is past all of it, and stands; what is to run waits until it is called. */
class Turns {
  private readonly flushes: (() => void)[] = [];
  private step: (() => void) | null = null;

  now(): number {
    return EPOCH_MS + 2 * MILLION * SLOT_MS;
  }

  soon(callback: () => void): void {
    this.flushes.push(callback);
  }

  after(delayMs: number, callback: () => void): () => void {
    if (delayMs >= RETENTION_PAUSE_MS) this.step = callback;
    return () => {};
  }

  /** One step and what follows from it in its turn. */
  turn(): Pause {
    const cpuBegun = process.cpuUsage();
    const begun = performance.now();
    this.step?.();
    for (const flush of this.flushes.splice(0)) flush();
    const wallMs = performance.now() - begun;
    const { user, system } = process.cpuUsage(cpuBegun);
    return { wallMs, cpuMs: (user + system) / 1000 };
  }
}

/** Drops all bookings of a database, step by step. */
async function pausesOf(dataDir: string): Promise<Pause[]> {
  const turns = new Turns();
  const registry = new TenantRegistry({
    dataDir,
    scheduler: turns,
    autoCreate: false,
    enforceRulesByDefault: false,
    warn: (message) => console.log(message),
    retentionMs: 1,
  });
  const { allocations } = registry.open("main").engine;
  const pauses: Pause[] = [];
  // What opening has left to the collector is not retention's.
  Bun.gc(true);
  while (allocations.bookingCount > 0) {
    pauses.push(turns.turn());
    // As in the server, others have their turn: syncs that are not blocking come to their end.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await registry.close();
  return pauses;
}

/** Percentiles and the longest of the pauses, and the longest time of the processor in one of them. */
async function measureShape(shape: Shape, folder: string): Promise<Metrics> {
  const dataDir = join(folder, "data");
  await writeLog(join(dataDir, "databases", "main"), shape);
  const pauses = await pausesOf(dataDir);
  rmSync(dataDir, { recursive: true, force: true });
  const latencies = new Latencies();
  for (const { wallMs } of pauses) latencies.add(wallMs * 1000);
  return {
    ...latencies.metrics(),
    ms: Math.max(...pauses.map(({ wallMs }) => wallMs)),
    cpuMs: Math.max(...pauses.map(({ cpuMs }) => cpuMs)),
  };
}

async function measure({ quick, rounds }: Course, folder: string): Promise<Figure[]> {
  const contestants = SHAPES.map((shape) => {
    const bookings = quick ? shape.bookings / QUICK_DIVISOR : shape.bookings;
    const run = (): Promise<Metrics> => measureShape({ ...shape, bookings }, folder);
    return { work: PAUSES, subject: shape.name, at: bookings, run };
  });
  return await inTurns(contestants, rounds ?? (quick ? 1 : ROUNDS));
}

function render(figures: Figures): Rendering {
  const rows = figures.all.map(({ subject, at }) => {
    const percentiles = (["p50Us", "p99Us", "p999Us"] satisfies Metric[]).map((metric) =>
      number(figures.middle(PAUSES, subject, at, metric) / 1000),
    );
    const longest = (["ms", "cpuMs"] satisfies Metric[]).map((metric) =>
      number(figures.largest(PAUSES, subject, at, metric)),
    );
    return [`${count(at)} ${subject}`, ...percentiles, ...longest];
  });
  const head = ["old bookings", "p50 ms", "p99 ms", "p99.9 ms", "longest ms", "longest, CPU ms"];
  return { markdown: table(head, rows), plots: [] };
}

export const retention: Part = {
  name: "retention",
  about: "for how long others wait while old bookings are dropped",
  run: (course) => withFolder((folder) => measure(course, folder)),
  render,
};
