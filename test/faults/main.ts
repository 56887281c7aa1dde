/**
 * Faults on a real file system: each is provoked, and the server must do what docs/operations.md says.
 *
 *     bun run test:faults
 *
 * Needs root on Linux for the small disks; what is not permitted here is skipped, and said so.
 */

import { tmpdir } from "node:os";
import { cleanUp } from "../server/harness.ts";
import { checkFailingDevice, HOST_MB } from "./failing-device.ts";
import { checkFlippedBits } from "./flipped-bits.ts";
import { checkFolderGone } from "./folder-gone.ts";
import { checkFullDisk, FULL_DISK_MB } from "./full-disk.ts";
import { checkKilledCheckpoint } from "./killed-checkpoint.ts";
import { mountExt4, mountMemory, type SmallDisk } from "./small-disk.ts";

interface Check {
  readonly what: string;
  /** Returns what was seen. */
  readonly run: (disk: SmallDisk) => Promise<string>;
  readonly mount: () => SmallDisk;
}

/** For what any folder will do. */
const anywhere = (): SmallDisk => ({ folder: tmpdir(), unmount: () => {} });

const CHECKS: readonly Check[] = [
  { what: "flipped bits", run: checkFlippedBits, mount: anywhere },
  { what: "a checkpoint killed at each step", run: checkKilledCheckpoint, mount: anywhere },
  { what: "the data folder moved away", run: checkFolderGone, mount: anywhere },
  { what: "a failing device", run: checkFailingDevice, mount: () => mountMemory(HOST_MB) },
  { what: "a full ext4", run: checkFullDisk, mount: () => mountExt4(FULL_DISK_MB + 8) },
  { what: "a full tmpfs", run: checkFullDisk, mount: () => mountMemory(FULL_DISK_MB) },
];

async function passes({ what, run, mount }: Check): Promise<boolean> {
  let disk: SmallDisk;
  try {
    disk = mount();
  } catch (error) {
    console.log(`SKIPPED ${what}: ${error instanceof Error ? error.message : error}`);
    return true;
  }
  try {
    console.log(`passed  ${what}: ${await run(disk)}`);
    return true;
  } catch (error) {
    console.log(`FAILED  ${what}: ${error instanceof Error ? error.stack : error}`);
    return false;
  } finally {
    await cleanUp();
    disk.unmount();
  }
}

let failures = 0;
for (const check of CHECKS) if (!(await passes(check))) failures++;
process.exit(failures === 0 ? 0 : 1);
