/** The databases of one data folder: made, counted, recovered and closed together. */

import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Transaction } from "../../src/engine/transaction.ts";
import { MAX_DATABASES } from "../../src/limits.ts";
import { type RegistryOptions, TenantRegistry } from "../../src/tenants/registry.ts";
import { MemoryFiles, systemError } from "../storage/memory-files.ts";
import { createResource, INSERTED, ManualScheduler, settlePromises, TestClient } from "./tenant-fixture.ts";

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

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "deltat-test-"));
  folders.push(folder);
  return folder;
}

/** A registry whose databases are small and in memory; only the lock is a real file. */
function openRegistry(
  dataDir: string,
  files: MemoryFiles,
  options: Partial<RegistryOptions> = {},
): { registry: TenantRegistry; scheduler: ManualScheduler; warnings: string[] } {
  const scheduler = new ManualScheduler();
  const warnings: string[] = [];
  const registry = new TenantRegistry({
    dataDir,
    scheduler,
    autoCreate: true,
    enforceRulesByDefault: false,
    warn: (message) => void warnings.push(message),
    log: { files, segmentBytes: 4096, blockingSyncLimitMs: Number.POSITIVE_INFINITY },
    listFolders: (root) => [...new Set(files.list(root).map((path) => path.split("/")[0] as string))].sort(),
    ...options,
  });
  return { registry, scheduler, warnings };
}

function refusal(action: () => unknown): object {
  try {
    action();
  } catch (error) {
    const { sqlState, message } = error as { sqlState: string; message: string };
    return { sqlState, message };
  }
  return { sqlState: "nothing thrown" };
}

test("MAX_DATABASES are made and recovered, one more is 54000, and those that are there stay within reach", async () => {
  const [dataDir, files] = [temporaryFolder(), new MemoryFiles()];
  const tooMany = {
    sqlState: "54000",
    message: `limit exceeded: databases (at most ${MAX_DATABASES})`,
  };
  const first = openRegistry(dataDir, files);
  for (let n = 1; n < MAX_DATABASES; n++) first.registry.open(`db${n}`);
  first.registry.open("last");
  expect(first.registry.count).toBe(MAX_DATABASES);
  expect(refusal(() => first.registry.open("one more"))).toEqual(tooMany);
  expect(first.registry.open("db1")).toBe(first.registry.open("db1"));
  await first.registry.close();

  const second = openRegistry(dataDir, files);
  expect(second.registry.count).toBe(MAX_DATABASES);
  expect(refusal(() => second.registry.open("one more"))).toEqual(tooMany);
  expect(second.registry.open("last").name).toBe("last");
  await second.registry.close();
});

test("a database that no room was found for is not counted, and can be made later", async () => {
  const [dataDir, files] = [temporaryFolder(), new MemoryFiles()];
  const { registry } = openRegistry(dataDir, files);
  files.fault = (operation) => (operation === "write" ? systemError("ENOSPC") : null);
  expect(refusal(() => registry.open("a"))).toMatchObject({ sqlState: "53100" });
  expect(registry.count).toBe(0);
  files.fault = () => null;
  expect(registry.open("a").name).toBe("a");
  await registry.close();
});

test("without autoCreate a database is served only if it is there", async () => {
  const [dataDir, files] = [temporaryFolder(), new MemoryFiles()];
  const first = openRegistry(dataDir, files);
  first.registry.open("There");
  await first.registry.close();
  const second = openRegistry(dataDir, files, { autoCreate: false });
  expect(second.registry.open("There").name).toBe("There");
  expect(refusal(() => second.registry.open("there"))).toMatchObject({ sqlState: "3D000" });
  await second.registry.close();
});

test("one log that fails stops its database only; closing ends, tells of it, and gives the folder back", async () => {
  const [dataDir, files] = [temporaryFolder(), new MemoryFiles()];
  const { registry, scheduler } = openRegistry(dataDir, files);
  const [broken, whole] = [new TestClient(registry.open("broken")), new TestClient(registry.open("whole"))];
  const write = (client: TestClient, n: number): string[] => {
    client.query(createResource(n));
    scheduler.endTurn();
    return client.take();
  };
  files.fault = (operation, path) =>
    operation === "sync" && path.includes("broken") ? systemError("EIO") : null;
  expect(write(broken, 1)[0]).toStartWith("FATAL 58030");
  expect(write(whole, 1)).toEqual(INSERTED);
  const reader = new TestClient(registry.open("broken"));
  expect(reader.query("SELECT id FROM resources")[0]).toBe("done SELECT 0");
  expect(reader.query(createResource(2))[0]).toStartWith("ERROR 58030");
  await expect(registry.close()).rejects.toThrow("the log has failed");
  files.fault = () => null;

  const again = openRegistry(dataDir, files);
  expect(again.registry.count).toBe(2);
  expect(new TestClient(again.registry.open("whole")).query("SELECT count(*) FROM resources")[0]).toBe(
    "row 1",
  );
  await again.registry.close();
});

test("closing waits until what was appended is durable in every database", async () => {
  const [dataDir, files] = [temporaryFolder(), new MemoryFiles()];
  const { registry } = openRegistry(dataDir, files, {
    log: { files, segmentBytes: 4096, blockingSyncLimitMs: -1 },
  });
  const clients = ["a", "b"].map((name) => new TestClient(registry.open(name)));
  for (const client of clients) client.query(createResource(1));
  files.holdSyncs = true;
  let closed = false;
  const closing = registry.close().then(() => {
    closed = true;
  });
  await settlePromises();
  expect(closed).toBe(false);
  files.holdSyncs = false;
  files.releaseSyncs();
  await closing;
  for (const client of clients) expect(client.take()).toEqual(INSERTED);
  const again = openRegistry(
    dataDir,
    files.afterCrash(() => 0.9),
  );
  for (const name of ["a", "b"]) {
    const client = new TestClient(again.registry.open(name));
    expect(client.query("SELECT count(*) FROM resources")[0]).toBe("row 1");
  }
  expect(again.warnings).toEqual([]);
  await again.registry.close();
});

test("damage in one database does not stop the others; alone it stops the start, and gives the folder back", async () => {
  const [dataDir, files] = [temporaryFolder(), new MemoryFiles()];
  const { registry } = openRegistry(dataDir, files);
  for (const name of ["a", "b"]) new TestClient(registry.open(name)).query(createResource(1));
  await registry.close();
  const pathOf = (name: string): string => `${dataDir}/databases/${name}/0000000001.log`;
  const flip = (bytes: Uint8Array): void => {
    bytes[80] = (bytes[80] as number) ^ 1;
  };
  const damaged = {
    sqlState: "XX001",
    message: expect.stringContaining(`${pathOf("b")} is damaged at byte`),
  };
  files.edit(pathOf("b"), flip);
  const half = openRegistry(dataDir, files);
  expect(half.warnings).toEqual([
    expect.stringContaining(`database "b" is not served: log segment ${pathOf("b")}`),
  ]);
  for (let times = 0; times < 2; times++) expect(refusal(() => half.registry.open("b"))).toEqual(damaged);
  expect(new TestClient(half.registry.open("a")).query("SELECT count(*) FROM resources")[0]).toBe("row 1");
  expect(half.registry.names()).toEqual(["a", "b"]);
  expect(refusal(() => half.registry.create("b"))).toMatchObject({ sqlState: "42P04" });
  await half.registry.close();

  files.edit(pathOf("a"), flip);
  expect(refusal(() => openRegistry(dataDir, files))).toMatchObject({ sqlState: "XX001" });
  for (const name of ["a", "b"]) files.edit(pathOf(name), flip);
  const again = openRegistry(dataDir, files);
  expect(again.registry.count).toBe(2);
  await again.registry.close();
});
