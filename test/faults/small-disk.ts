/** File systems that are small enough to be filled: mounted for a check, and gone afterwards. Needs root on Linux. */

import { mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  readonly folder: string;
  unmount(): void;
}

/** Runs a command; throws with its words if it fails. */
export function run(...command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString().trim()}`);
  return stdout.toString();
}

/** Undone at the end of the process, if not before: nothing stays mounted because a check has thrown. */
const mounted = new Set<SmallDisk>();
process.on("exit", () => {
  for (const disk of [...mounted].reverse()) disk.unmount();
});

function mountAt(source: readonly string[], remove: () => void): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), "deltat-disk-"));
  try {
    run("mount", ...source, folder);
  } catch (error) {
    rmdirSync(folder);
    remove();
    throw error;
  }
  const disk = {
    folder,
    unmount: () => {
      if (!mounted.delete(disk)) return;
      run("umount", folder);
      rmdirSync(folder);
      remove();
    },
  };
  mounted.add(disk);
  return disk;
}

/** Memory as a disk of so many MiB. */
export function mountMemory(sizeMb: number): SmallDisk {
  return mountAt(["-t", "tmpfs", "-o", `size=${sizeMb}m`, "tmpfs"], () => {});
}

/** An ext4 of so many MiB in a file, at `image` or somewhere temporary; the file takes no more room than was written to it. */
export function mountExt4(sizeMb: number, image?: string): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), "deltat-image-"));
  const path = image ?? join(folder, "ext4");
  const remove = (): void => {
    rmSync(folder, { recursive: true });
    if (image !== undefined) rmSync(image);
  };
  run("truncate", "-s", `${sizeMb}M`, path);
  run("mkfs.ext4", "-q", "-F", path);
  return mountAt(["-o", "loop", path], remove);
}
