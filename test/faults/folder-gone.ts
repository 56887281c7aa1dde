/** A data folder that is moved away under a server: nothing more is acknowledged, what was durable is read on. */

import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { FOLDER_CHECK_MS } from "../../src/limits.ts";
import { connect, disconnectAll } from "../server/clients.ts";
import { startServer, temporaryFolder } from "../server/harness.ts";
import { Bookings, expectThat } from "./bookings.ts";

export async function checkFolderGone(): Promise<string> {
  const parent = temporaryFolder();
  const dataDir = join(parent, "data");
  const bookings = new Bookings();
  const server = await startServer({ dataDir });
  const client = await connect(server);
  await bookings.begin(client);
  for (let commits = 0; commits < 5; commits++) await bookings.add(client);
  await bookings.check(client, "before");
  renameSync(dataDir, join(parent, "moved"));
  const movedMs = performance.now();
  let code: string | null = null;
  while (code === null) {
    code = await bookings.add(client);
    expectThat(performance.now() - movedMs < 2 * FOLDER_CHECK_MS, "it is noticed within a second");
  }
  const noticedMs = performance.now() - movedMs;
  expectThat(code === "58030", `who waits for the change is told 58030, not ${code}`);
  const later = await connect(server);
  await bookings.check(later, "with the folder gone", "absent");
  expectThat((await bookings.add(later)) === "58030", "every later change is refused");
  expectThat(server.complaints.includes("it was removed or moved"), "the server's log says why");
  await disconnectAll();
  expectThat((await server.stop()).exitCode === 1, "the server does not claim to have stopped in order");

  // Put back, all of it is there: also what was acknowledged before the server noticed.
  rmSync(dataDir, { recursive: true, force: true });
  renameSync(join(parent, "moved"), dataDir);
  const again = await startServer({ dataDir });
  await bookings.check(await connect(again), "with the folder back");
  await disconnectAll();
  await again.stop();
  return `noticed after ${noticedMs.toFixed(0)} ms, ${bookings.count} bookings kept`;
}
