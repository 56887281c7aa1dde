/**
 * A checkpoint that is overtaken: by the end of its database, whose folder may be another one's a moment later, by others
 * that ask for one, by the death of who makes the snapshot. Real files; the snapshot is made when the test says so.
 */

import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseId } from "../../src/id.ts";
import { localFiles } from "../../src/storage/files.ts";
import { TenantRegistry } from "../../src/tenants/registry.ts";
import { type MadeSnapshot, makeSnapshot } from "../../src/tenants/stored-state.ts";
import { id, ManualScheduler } from "./tenant-fixture.ts";

const opened: { registry: TenantRegistry; dataDir: string }[] = [];
afterEach(async () => {
  for (const { registry, dataDir } of opened.splice(0)) {
    await registry.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

/** A snapshot that is being made. */
interface Making {
  readonly folder: string;
  readonly lastSegment: number;
  readonly unwanted: AbortSignal;
  readonly outcome: PromiseWithResolvers<MadeSnapshot>;
}

class World {
  readonly dataDir = mkdtempSync(join(tmpdir(), "deltat-test-"));
  readonly scheduler = new ManualScheduler();
  readonly warnings: string[] = [];
  private readonly makings: Making[] = [];
  private waiting: PromiseWithResolvers<Making> | null = null;
  readonly registry = new TenantRegistry({
    dataDir: this.dataDir,
    scheduler: this.scheduler,
    autoCreate: true,
    enforceRulesByDefault: false,
    warn: (message) => void this.warnings.push(message),
    makeSnapshot: (folder, lastSegment, unwanted) => {
      const making = { folder, lastSegment, unwanted, outcome: Promise.withResolvers<MadeSnapshot>() };
      if (this.waiting === null) this.makings.push(making);
      else this.waiting.resolve(making);
      this.waiting = null;
      return making.outcome.promise;
    },
  });

  constructor() {
    opened.push(this);
  }

  /** The next snapshot that is asked for. */
  asked(): Promise<Making> {
    const making = this.makings.shift();
    if (making !== undefined) return Promise.resolve(making);
    this.waiting = Promise.withResolvers<Making>();
    return this.waiting.promise;
  }

  get nothingAsked(): boolean {
    return this.makings.length === 0;
  }

  write(n: number): void {
    const tenant = this.registry.open("db");
    const resourceId = parseId(id(n));
    if (resourceId === null) throw new Error("no id");
    const transaction = tenant.engine.begin();
    tenant.enter(transaction);
    const settings = { parentId: null, name: null, capacity: 1, bufferAfterMs: 0, enforceRules: null };
    tenant.engine.apply(transaction, { kind: "createResource", resource: { id: resourceId, ...settings } });
    tenant.commit(transaction);
    this.scheduler.endTurn();
  }

  /** Begins a checkpoint; what becomes of it. */
  checkpoint(): Promise<string> {
    const done = this.registry.open("db").checkpoint();
    this.scheduler.endTurn();
    return done.then(
      () => "done",
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
  }

  get files(): string[] {
    return readdirSync(join(this.dataDir, "databases", "db")).sort();
  }
}

function make({ folder, lastSegment, outcome }: Making): void {
  outcome.resolve(makeSnapshot(localFiles, folder, lastSegment));
}

test("a database dropped meanwhile and made again is not touched by the checkpoint of the one before", async () => {
  const world = new World();
  world.write(1);
  const outcome = world.checkpoint();
  const making = await world.asked();
  world.registry.drop("db");
  expect(making.unwanted.aborted).toBe(true);
  world.registry.create("db");
  world.write(2);
  const before = world.files;
  // Whoever makes it may just have come to its end.
  making.outcome.resolve({ lsn: 1000, bytes: 1 });
  expect(await outcome).toBe("the database is being closed");
  expect(world.files).toEqual(before);
  expect(before).toContain("0000000001.log");
  expect(world.registry.open("db").engine.resources.count).toBe(1);
});

test("a server that stops does not wait for the snapshot that is being made", async () => {
  const world = new World();
  world.write(1);
  const outcome = world.checkpoint();
  const { unwanted, outcome: made } = await world.asked();
  unwanted.addEventListener("abort", () => made.reject(new Error("killed")));
  await world.registry.close();
  expect(await outcome).toBe("the database is being closed");
  expect(world.warnings).toEqual([]);
});

test("all who ask for a checkpoint while one is made share the next", async () => {
  const world = new World();
  world.write(1);
  const outcomes = [world.checkpoint()];
  const first = await world.asked();
  world.write(2);
  for (let n = 0; n < 50; n++) outcomes.push(world.checkpoint());
  make(first);
  world.write(3);
  const second = await world.asked();
  expect(second.lastSegment).toBeGreaterThan(first.lastSegment);
  world.write(4);
  make(second);
  expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["done"]));
  expect(world.nothingAsked).toBe(true);
});

test("of a maker that died nothing stays behind", async () => {
  const world = new World();
  world.write(1);
  const outcome = world.checkpoint();
  const { folder, outcome: made } = await world.asked();
  writeFileSync(join(folder, "0000000000000001.snapshot.half.new"), "half");
  made.reject(new Error("out of memory"));
  expect(await outcome).toBe("out of memory");
  expect(world.files.filter((name) => name.includes("snapshot"))).toEqual([]);
});

test("the process that makes a snapshot puts none in place once its server is gone, be that before it has begun", async () => {
  const world = new World();
  world.write(1);
  const outcome = world.checkpoint();
  const { folder, lastSegment, outcome: made } = await world.asked();
  const program = [process.execPath, join(import.meta.dir, "../../src/main.ts"), "internal-make-snapshot"];
  const run = async (server: number): Promise<string> => {
    const child = Bun.spawn([...program, folder, String(lastSegment), String(server)], { stdout: "pipe" });
    return await new Response(child.stdout).text();
  };
  expect(await run(process.pid + 1)).toContain("was given up");
  expect(world.files).toEqual(["0000000001.log", "0000000002.log"]);
  expect(JSON.parse(await run(process.pid))).toMatchObject({ lsn: 1 });
  made.resolve({ lsn: 1, bytes: 1 });
  expect(await outcome).toBe("done");
});
