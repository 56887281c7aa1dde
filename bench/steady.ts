/**
 * Steady load: whether the log on the disk and the memory of the server stay flat. Connections book and cancel as fast as
 * they are answered, each keeping as many bookings as it has, with a small threshold for snapshots, so that many are made.
 * Run: `bun run bench:steady [commits]`; 360,000 commits, the default, are an hour of a hundred a second.
 */

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { formatId } from "../src/id.ts";
import { resourceId, SLOT_MS, visitorId } from "./calendar.ts";
import { WireClient } from "./clients/wire-client.ts";
import { median } from "./harness/figures.ts";
import { describeMachine } from "./harness/machine.ts";
import { withFolder } from "./harness/part.ts";
import { residentBytes } from "./harness/resident.ts";
import { startDeltat } from "./servers/deltat.ts";
import { type Server, Servers } from "./servers/server.ts";

const COMMITS = Number(process.argv[2] ?? 360_000);
const CONNECTIONS = 16;
const KEPT = 200;
const SAMPLES = 36;
const MIB = 1024 * 1024;
const SETTINGS = { DELTAT_SNAPSHOT_BYTES: String(4 * MIB), DELTAT_HISTORY_BYTES: String(16 * MIB) };

/** The last third of a run may hold so much more, in its median, than the third before: snapshots and collections come and go. */
const FLAT = 1.15;

interface Sample {
  readonly memoryMib: number;
  readonly diskMib: number;
  readonly snapshot: string;
}

let commits = 0;

/** Books one slot after the other, and cancels what it booked KEPT slots before. */
async function visit(server: Server, n: number): Promise<void> {
  const client = await WireClient.connect(server);
  const room = formatId(resourceId(n));
  await client.query(`INSERT INTO resources (id) VALUES ('${room}')`);
  const idOf = (slot: number): string => formatId(visitorId(slot * CONNECTIONS + n));
  for (let slot = 0; commits < COMMITS; slot++) {
    const start = slot * SLOT_MS;
    await client.query(
      `INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ('${idOf(slot)}', '${room}', ${start}, ${start + SLOT_MS}, 'visitor ${slot}')`,
    );
    commits++;
    if (slot < KEPT) continue;
    await client.query(`DELETE FROM bookings WHERE id = '${idOf(slot - KEPT)}'`);
    commits++;
  }
  client.close();
}

function sample(server: Server, folder: string): Sample {
  const names = readdirSync(folder);
  // One that goes between the two looks counts as nothing.
  const sizes = names.map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
  return {
    memoryMib: residentBytes(server.pid) / MIB,
    diskMib: sizes.reduce((sum, size) => sum + size, 0) / MIB,
    snapshot: names.filter((name) => name.endsWith(".snapshot")).at(-1) ?? "none",
  };
}

function report(samples: readonly Sample[]): void {
  const third = Math.floor(samples.length / 3);
  for (const [what, of] of [
    ["memory", (one: Sample) => one.memoryMib],
    ["disk", (one: Sample) => one.diskMib],
  ] as const) {
    const before = samples.slice(third, 2 * third).map(of);
    const after = samples.slice(-third).map(of);
    const isFlat = median(after) <= median(before) * FLAT;
    const told = [before, after].map(
      (part) => `${median(part).toFixed(0)} (at most ${Math.max(...part).toFixed(0)})`,
    );
    console.log(
      `${what}, MiB: ${told[0]} in the second third, ${told[1]} in the last: ${isFlat ? "flat" : "GROWS"}`,
    );
    if (!isFlat) process.exitCode = 1;
  }
}

async function run(root: string): Promise<void> {
  await using servers = new Servers();
  const server = await servers.add(startDeltat(root, { settings: SETTINGS }));
  const begun = performance.now();
  const visits = Promise.all(Array.from({ length: CONNECTIONS }, (_, n) => visit(server, n)));
  const samples: Sample[] = [];
  for (let taking = 1; taking <= SAMPLES; taking++) {
    while (commits < (COMMITS * taking) / SAMPLES) await Promise.race([visits, Bun.sleep(20)]);
    const taken = sample(server, join(root, "databases", "bench"));
    samples.push(taken);
    console.log(
      `${commits} commits, ${((performance.now() - begun) / 1000).toFixed(1)} s: memory ${taken.memoryMib.toFixed(0)} MiB, ` +
        `disk ${taken.diskMib.toFixed(0)} MiB, ${taken.snapshot}`,
    );
  }
  await visits;
  report(samples);
}

console.log(describeMachine());
await withFolder(run);
