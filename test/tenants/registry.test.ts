import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Transaction } from "../../src/engine/transaction.ts";
import { TenantRegistry } from "../../src/tenants/registry.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Opens the folder at `nowMs`, commits to database `db`, and closes it; returns the warnings. */
async function visit(dataDir: string, nowMs: number): Promise<string[]> {
  const warnings: string[] = [];
  const registry = new TenantRegistry({
    dataDir,
    scheduler: { now: () => nowMs, soon: () => undefined, after: () => () => undefined },
    autoCreate: true,
    enforceRulesByDefault: false,
    warn: (message) => void warnings.push(message),
  });
  const tenant = registry.open("db");
  const transaction = new Transaction();
  tenant.enter(transaction);
  const id = { w0: 0, w1: 0, w2: 0, w3: nowMs };
  const resource = {
    id,
    parentId: null,
    name: null,
    capacity: 1,
    bufferAfterMs: 0,
    enforceRules: null,
  };
  tenant.engine.apply(transaction, { kind: "createResource", resource });
  tenant.commit(transaction);
  await registry.close();
  return warnings;
}

test("a clock that is behind the last commit is told at start, a step of a second is not", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "deltat-test-"));
  folders.push(dataDir);
  const correctMs = 2_000_000;
  expect(await visit(dataDir, correctMs)).toEqual([]);
  expect(await visit(dataDir, correctMs - 1000)).toEqual([]);
  const warnings = await visit(dataDir, correctMs - 1001);
  expect(warnings).toEqual([
    expect.stringContaining('the last commit of database "db" is 1001 ms ahead of the system\'s clock'),
  ]);
});
