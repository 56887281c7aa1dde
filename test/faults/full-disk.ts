/** A disk that is really full: 53100, reads go on, nothing is lost, killed and started meanwhile, healed without a restart. */

import { join } from "node:path";
import type pg from "pg";
import { connect, disconnectAll } from "../server/clients.ts";
import { type ServerProcess, startServer } from "../server/harness.ts";
import { Bookings, expectThat } from "./bookings.ts";
import type { SmallDisk } from "./small-disk.ts";

export const FULL_DISK_MB = 80;
const BALLAST_MB = 56;
/** How long a server may take to see that there is room again. */
const HEAL_MS = 5000;

/** Large commits until one is refused, then small ones until those are: the segment that is there is used to its end. */
async function fill(client: pg.Client, bookings: Bookings): Promise<void> {
  for (const [count, labelBytes] of [
    [300, 1000],
    [1, 900],
    [1, 1],
  ] as const) {
    let refusal: string | null = null;
    for (let commits = 0; refusal === null; commits++) {
      expectThat(commits < 20_000, "the disk becomes full");
      refusal = await bookings.add(client, count, labelBytes);
    }
    expectThat(refusal === "53100", `a change without room is refused with 53100, not ${refusal}`);
  }
}

async function heals(client: pg.Client, bookings: Bookings): Promise<number> {
  const began = performance.now();
  while ((await bookings.add(client, 300, 1000)) !== null) {
    expectThat(performance.now() - began < HEAL_MS, "changes are accepted when there is room again");
  }
  return performance.now() - began;
}

export async function checkFullDisk({ folder }: SmallDisk): Promise<string> {
  const ballast = join(folder, "ballast");
  await Bun.write(ballast, new Uint8Array(BALLAST_MB * 1024 * 1024).fill(1));
  const dataDir = join(folder, "data");
  const bookings = new Bookings();
  let server: ServerProcess = await startServer({ dataDir });
  let client = await connect(server);
  await bookings.begin(client);
  await fill(client, bookings);
  await bookings.check(client, "on the full disk");
  // The frame of a DELETE is smaller: one or two may still fit.
  let refusal: string | null = null;
  for (let deletes = 0; refusal === null && deletes < 20; deletes++) refusal = await bookings.remove(client);
  expectThat(refusal === "53100", `a DELETE without room is refused with 53100, not ${refusal}`);
  expectThat(server.complaints.includes("disk full"), "the server's log says that the disk is full");

  await server.kill();
  server = await startServer({ dataDir });
  client = await connect(server);
  await bookings.check(client, "killed and started on the full disk");
  await fill(client, bookings);
  const refused = bookings.count;

  await Bun.file(ballast).delete();
  const healedMs = await heals(client, bookings);
  for (let commits = 0; commits < 10; commits++) {
    expectThat((await bookings.add(client, 300, 1000)) === null, "and stay accepted");
  }
  expectThat(server.complaints.includes("room on the disk again"), "the server's log says so");
  await server.kill();
  server = await startServer({ dataDir });
  client = await connect(server);
  await bookings.check(client, "killed and started with room again");
  await client.query("CHECKPOINT");
  await bookings.check(client, "after a CHECKPOINT");
  await disconnectAll();
  expectThat((await server.stop()).exitCode === 0, "the server stops in order");
  return `${refused} bookings until full, healed after ${healedMs.toFixed(0)} ms, ${bookings.count} kept`;
}
