/**
 * A program that makes a checkpoint while rows are written, and kills itself (SIGKILL) just before the step that it is told:
 * every call that changes something on the disk is a step. Its one argument is its orders as JSON; it prints the number of
 * each row that was acknowledged.
 */

import { writeSync } from "node:fs";
import { SystemClock } from "../../src/clock.ts";
import { localFiles } from "../../src/storage/files.ts";
import { TenantRegistry } from "../../src/tenants/registry.ts";
import type { Tenant } from "../../src/tenants/tenant.ts";

export interface Orders {
  readonly dataDir: string;
  /** 0: lives on. */
  readonly diesAtStep: number;
}

const { dataDir, diesAtStep } = JSON.parse(process.argv[2] ?? "") as Orders;
const SEGMENT_BYTES = 4096;

/** Before, while and after the checkpoint is made. */
const ROWS = 6;

let steps = 0;

/** The next call is one that changes something. */
function count(): void {
  if (++steps === diesAtStep) process.kill(process.pid, "SIGKILL");
}

const files: typeof localFiles = {
  ...localFiles,
  open(path, mode) {
    if (mode === "create") count();
    return localFiles.open(path, mode);
  },
  write(fd, bytes, position) {
    count();
    localFiles.write(fd, bytes, position);
  },
  writeLater(fd, bytes, position) {
    count();
    return localFiles.writeLater(fd, bytes, position);
  },
  sync(fd) {
    count();
    localFiles.sync(fd);
  },
  syncLater(fd) {
    count();
    return localFiles.syncLater(fd);
  },
  syncFolder(path) {
    count();
    localFiles.syncFolder(path);
  },
  syncFolderLater(path) {
    count();
    return localFiles.syncFolderLater(path);
  },
  rename(from, to) {
    count();
    localFiles.rename(from, to);
  },
  remove(path) {
    count();
    localFiles.remove(path);
  },
};

/** Makes a resource with the next number, and says so once it is durable. */
async function write(tenant: Tenant): Promise<void> {
  const n = tenant.engine.resources.count;
  const id = { w0: 0, w1: 0, w2: 0, w3: n };
  const settings = { parentId: null, name: `room ${n}`, capacity: 1, bufferAfterMs: 0, enforceRules: null };
  const transaction = tenant.engine.begin();
  tenant.enter(transaction);
  tenant.engine.apply(transaction, { kind: "createResource", resource: { id, ...settings } });
  await tenant.durable(tenant.commit(transaction));
  writeSync(1, `${n}\n`);
}

const registry = new TenantRegistry({
  dataDir,
  scheduler: new SystemClock(),
  autoCreate: true,
  enforceRulesByDefault: false,
  warn: () => {},
  log: { files, segmentBytes: SEGMENT_BYTES, blockingSyncLimitMs: Number.POSITIVE_INFINITY },
});
const tenant = registry.open("db");
let isOver = false;
const checkpoint = tenant.checkpoint().finally(() => {
  isOver = true;
});
for (let rows = 0; rows < ROWS || !isOver; rows++) await write(tenant);
await checkpoint;
await registry.close();
