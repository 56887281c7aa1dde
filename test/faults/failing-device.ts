/**
 * A device that fails under the log: an ext4 in a file on a tmpfs, where the blocks of the segment that are laid out but
 * not used yet are given back, and the tmpfs is filled. The kernel then takes each write, and fails the sync with EIO.
 */

import { truncateSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { connect, disconnectAll } from "../server/clients.ts";
import { startServer } from "../server/harness.ts";
import { Bookings, expectThat } from "./bookings.ts";
import { mountExt4, run, type SmallDisk } from "./small-disk.ts";

export const HOST_MB = 64;
const DEVICE_MB = 48;
const BLOCK_BYTES = 4096;
const SEGMENT_BYTES = 1024 * 1024;

/** Bytes of a file from `from` on are no longer on the device that `image` is. */
function giveBack(image: string, file: string, from: number): void {
  // Of each extent: its number, its first and last block in the file, and its first on the device.
  for (const [, first, last, device] of run("filefrag", "-b4096", "-v", file).matchAll(
    /^\s*\d+:\s*(\d+)\.\.\s*(\d+):\s*(\d+)\.\./gm,
  )) {
    const begin = Math.max(Number(first), Math.ceil(from / BLOCK_BYTES));
    const blocks = Number(last) - begin + 1;
    if (blocks <= 0) continue;
    const offset = (Number(device) + begin - Number(first)) * BLOCK_BYTES;
    run("fallocate", "--punch-hole", "-o", String(offset), "-l", String(blocks * BLOCK_BYTES), image);
  }
}

function fillUp(host: SmallDisk): string {
  const path = join(host.folder, "ballast");
  const bytes = new Uint8Array(HOST_MB * 1024 * 1024).fill(1);
  // It ends with "no space left": that is the purpose.
  Bun.spawnSync(["dd", `of=${path}`, "bs=4096", "status=none"], { stdin: bytes });
  return path;
}

async function failUnder(client: pg.Client, bookings: Bookings): Promise<string> {
  for (let commits = 0; commits < 2000; commits++) {
    const code = await bookings.add(client, 1, 1000);
    if (code !== null) return code;
  }
  throw new Error("not so: the device fails");
}

export async function checkFailingDevice(host: SmallDisk): Promise<string> {
  const image = join(host.folder, "ext4");
  const device = mountExt4(DEVICE_MB, image);
  try {
    return await checkOn(host, device, image);
  } finally {
    await disconnectAll();
    device.unmount();
  }
}

async function checkOn(host: SmallDisk, device: SmallDisk, image: string): Promise<string> {
  const dataDir = join(device.folder, "data");
  const bookings = new Bookings();
  const server = await startServer({ dataDir });
  const client = await connect(server);
  await bookings.begin(client);
  for (let commits = 0; commits < 20; commits++) await bookings.add(client, 1, 1000);
  run("sync");
  giveBack(image, join(dataDir, "databases/main/0000000001.log"), SEGMENT_BYTES / 4);
  const ballast = fillUp(host);

  const code = await failUnder(client, bookings);
  expectThat(code === "58030", `who waits for the sync that failed is told 58030, not ${code}`);
  const later = await connect(server);
  await bookings.check(later, "after the sync has failed", "absent");
  expectThat((await bookings.add(later)) === "58030", "every later change is refused with 58030");
  expectThat((await bookings.remove(later)) === "58030", "a DELETE as well");
  expectThat(server.complaints.includes("the log has failed"), "the server's log says so");

  await disconnectAll();
  await server.kill();
  truncateSync(ballast, 0);
  const again = await startServer({ dataDir });
  const reader = await connect(again);
  await bookings.check(reader, "started again on the mended device");
  expectThat((await bookings.add(reader)) === null, "and changes are accepted again");
  await disconnectAll();
  expectThat((await again.stop()).exitCode === 0, "the server stops in order");
  return `${bookings.count} bookings kept`;
}
