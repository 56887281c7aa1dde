/**
 * Retention: for how long the event loop is held up while old bookings are dropped, in the shapes that could make it long.
 * Run: `bun run bench:retention`.
 *
 * A database on a real disk is opened, all of its bookings being past, and each step is run as the server's timer would. A
 * pause is the step, its commit and the flush with its fdatasync, if that is a blocking one: what somebody else waits for. The
 * processor's time of the same is told beside it: where that is short and the pause is long, the machine had other work.
 */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { encodeCommand } from "../src/engine/codec.ts";
import type { Command } from "../src/engine/command.ts";
import { RETENTION_PAUSE_MS } from "../src/limits.ts";
import { openSegmentLog } from "../src/storage/segment-log.ts";
import { TenantRegistry } from "../src/tenants/registry.ts";
import { EPOCH_MS, resourceId, SLOT_MS, slotBooking } from "./calendar.ts";
import { describeMachine } from "./harness/machine.ts";

const RESULTS = join(import.meta.dir, "results");
const BATCH = 1_000;
const TARGET_MS = 5;

interface Shape {
  readonly name: string;
  readonly bookings: number;
  readonly resources: number;
  /** Bookings of one resource that begin at the same instant. */
  readonly together: number;
}

const SHAPES: readonly Shape[] = [
  { name: "1,000,000 on one resource", bookings: 1_000_000, resources: 1, together: 1 },
  { name: "1,000,000 on 10,000 resources", bookings: 1_000_000, resources: 10_000, together: 1 },
  { name: "100,000 at one instant of one resource", bookings: 100_000, resources: 1, together: 100_000 },
];

async function writeLog(folder: string, { bookings, resources, together }: Shape): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const options = {
    folder,
    onDurable: () => {},
    warn: () => {},
    blockingSyncLimitMs: Number.POSITIVE_INFINITY,
  };
  const log = openSegmentLog(options, () => {});
  const commit = (commands: readonly Command[]): void => {
    const body = log.begin();
    for (const command of commands) encodeCommand(body, command);
    log.append(1);
  };
  const settings = { parentId: null, name: null, capacity: together, bufferAfterMs: 0, enforceRules: null };
  for (let n = 0; n < resources; n++) {
    commit([{ kind: "createResource", resource: { id: resourceId(n), ...settings } }]);
  }
  for (let from = 0; from < bookings; from += BATCH) {
    commit(
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

interface Pause {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Time is past all of it, and stands; what is to run waits until it is called. */
class Turns {
  private readonly flushes: (() => void)[] = [];
  private step: (() => void) | null = null;

  now(): number {
    return EPOCH_MS + 2_000_000 * SLOT_MS;
  }

  soon(callback: () => void): void {
    this.flushes.push(callback);
  }

  after(delayMs: number, callback: () => void): () => void {
    if (delayMs >= RETENTION_PAUSE_MS) this.step = callback;
    return () => {};
  }

  /** One step and what follows from it in its turn; milliseconds on the clock and of the processor. */
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

async function measure(root: string, shape: Shape): Promise<void> {
  const dataDir = join(root, String(shape.resources + shape.together));
  await writeLog(join(dataDir, "databases", "main"), shape);
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
  while (allocations.bookingCount > 0) {
    pauses.push(turns.turn());
    // As in the server, others have their turn: syncs that are not blocking come to their end.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await registry.close();
  rmSync(dataDir, { recursive: true, force: true });
  const clock = described(pauses.map(({ wallMs }) => wallMs));
  console.log(`${shape.name}, ${pauses.length} steps`);
  console.log(`  on the clock:      ${clock}`);
  console.log(`  of the processor:  ${described(pauses.map(({ cpuMs }) => cpuMs))}`);
}

function described(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number): string => (sorted[Math.floor((sorted.length - 1) * part)] as number).toFixed(2);
  const beyond = sorted.filter((time) => time > TARGET_MS).length;
  return `median ${at(0.5)} ms, p99 ${at(0.99)}, p99.9 ${at(0.999)}, longest ${at(1)}; ${beyond} over ${TARGET_MS} ms`;
}

console.log(describeMachine());
mkdirSync(RESULTS, { recursive: true });
const root = mkdtempSync(join(RESULTS, "retention-"));
try {
  for (const shape of SHAPES) await measure(root, shape);
} finally {
  rmSync(root, { recursive: true, force: true });
}
