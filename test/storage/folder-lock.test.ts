/** Two servers never open one data folder. */

import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockFolder } from "../../src/storage/folder-lock.ts";

const MODULE = join(import.meta.dir, "../../src/storage/folder-lock.ts");

async function inTemporaryFolder(use: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "deltat-lock-"));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Exit code 0 if a process of its own could lock the folder; its words otherwise. */
async function lockInAnotherProcess(folder: string): Promise<string> {
  const program = `
    const { lockFolder } = await import(${JSON.stringify(MODULE)});
    try { lockFolder(${JSON.stringify(folder)}); console.log("locked"); }
    catch (error) { console.log(error.sqlState, error.message); }`;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
  const words = await new Response(child.stdout).text();
  await child.exited;
  return words.trim();
}

test("a second process is refused until the first releases the folder, and a dead holder holds nothing", async () => {
  await inTemporaryFolder(async (parent) => {
    const folder = join(parent, "data");
    const lock = lockFolder(folder);
    expect(await lockInAnotherProcess(folder)).toBe(
      `55000 data folder ${folder} is in use by another deltat`,
    );
    lock.release();
    expect(await lockInAnotherProcess(folder)).toBe("locked");
    lockFolder(folder).release();
  });
});

test("a second opener in the same process is refused too", async () => {
  await inTemporaryFolder((folder) => {
    const lock = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(/is in use by another deltat/);
    lock.release();
    lock.release();
    lockFolder(folder).release();
  });
});

test("a folder that cannot be made is named", async () => {
  await inTemporaryFolder((folder) => {
    writeFileSync(join(folder, "file"), "");
    expect(() => lockFolder(join(folder, "file", "data"))).toThrow(/^could not create .*file\/data: ENOTDIR/);
    if (process.getuid?.() === 0) return;
    chmodSync(folder, 0o500);
    expect(() => lockFolder(join(folder, "data"))).toThrow(/^could not create .*data: EACCES/);
    chmodSync(folder, 0o700);
  });
});
