/** What can be saved of a damaged database, and what is said of the rest. Real files, small segments. */

import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dump } from "../../src/commands/dump.ts";
import { verify } from "../../src/commands/verify.ts";
import { parseId } from "../../src/id.ts";
import { TenantRegistry } from "../../src/tenants/registry.ts";
import { id, ManualScheduler, settlePromises } from "./tenant-fixture.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const SNAPSHOT_AT = 60;
const LAST = 120;

interface World {
  readonly dataDir: string;
  readonly folder: string;
}

interface Opened {
  readonly registry: TenantRegistry;
  readonly scheduler: ManualScheduler;
  readonly warnings: string[];
}

function open(dataDir: string, salvage = false, historyBytes = 1_000_000): Opened {
  const scheduler = new ManualScheduler();
  const warnings: string[] = [];
  const registry = new TenantRegistry({
    dataDir,
    scheduler,
    autoCreate: !salvage,
    enforceRulesByDefault: false,
    warn: (message) => void warnings.push(message),
    log: { segmentBytes: 4096, blockingSyncLimitMs: Number.POSITIVE_INFINITY },
    historyBytes,
    salvage,
  });
  return { registry, scheduler, warnings };
}

/** Resources 1 to LAST, one a commit, with a snapshot in between. */
async function written(historyBytes?: number): Promise<World> {
  const dataDir = mkdtempSync(join(tmpdir(), "deltat-test-"));
  folders.push(dataDir);
  const { registry, scheduler, warnings } = open(dataDir, false, historyBytes);
  const tenant = registry.open("db");
  for (let n = 1; n <= LAST; n++) {
    const resourceId = parseId(id(n));
    if (resourceId === null) throw new Error("no id");
    const transaction = tenant.engine.begin();
    tenant.enter(transaction);
    const name = "n".repeat(200);
    const resource = {
      id: resourceId,
      parentId: null,
      name,
      capacity: 1,
      bufferAfterMs: 0,
      enforceRules: null,
    };
    tenant.engine.apply(transaction, { kind: "createResource", resource });
    tenant.commit(transaction);
    scheduler.endTurn();
    if (n !== SNAPSHOT_AT) continue;
    let isDone = false;
    const done = tenant.checkpoint().then(() => {
      isDone = true;
    });
    while (!isDone) {
      scheduler.endTurn();
      await settlePromises();
      await Bun.sleep(0);
    }
    await done;
  }
  await registry.close();
  expect(warnings).toEqual([]);
  return { dataDir, folder: join(dataDir, "databases", "db") };
}

const segmentsOf = ({ folder }: World): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".log"))
    .sort()
    .map((name) => join(folder, name));

function snapshotOf({ folder }: World): string {
  return join(folder, readdirSync(folder).find((name) => name.endsWith(".snapshot")) ?? "");
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] as number) ^ 16;
  writeFileSync(path, bytes);
}

function verified({ dataDir }: World): { isWhole: boolean; lines: string[] } {
  const lines: string[] = [];
  return { isWhole: verify(dataDir, (line) => void lines.push(line)), lines };
}

/** How many resources are served, and what was warned of. */
async function served({ dataDir }: World, salvage: boolean): Promise<{ count: number; warnings: string[] }> {
  const { registry, warnings } = open(dataDir, salvage);
  const { count } = registry.open("db").engine.resources;
  await registry.close();
  return { count, warnings };
}

test("a damaged header costs what is in that segment and behind it, and nothing before", async () => {
  const world = await written();
  const segments = segmentsOf(world);
  const damaged = segments.at(-2) ?? "";
  flip(damaged, 13);
  expect(() => open(world.dataDir)).toThrow(/is damaged at byte 0/);
  const { count, warnings } = await served(world, true);
  expect(count).toBeGreaterThan(SNAPSHOT_AT + 20);
  expect(count).toBeLessThan(LAST);
  expect(warnings[0]).toStartWith(
    `database "db" is served up to commit ${count}, read-only: log segment ${damaged}`,
  );
  // Where the salt is whole the frames are, too: they are counted, though none can be applied.
  expect(warnings.at(-1)).toContain(`beyond commit ${count} there are ${LAST - count} whole commits in`);
  expect(warnings.at(-1)).toContain(`: ${count + 1} to ${LAST};`);
});

test("all damaged places are named, not the first alone, and what lies beyond is counted", async () => {
  const world = await written();
  const needed = segmentsOf(world).slice(-4);
  const [first = "", second = "", third = ""] = needed;
  flip(first, 1000);
  flip(second, 2000);
  flip(third, 1500);
  const { isWhole, lines } = verified(world);
  expect(isWhole).toBe(false);
  const text = lines.join("\n");
  for (const path of [first, second, third])
    expect(text).toContain(`log segment ${path} cannot be read from byte`);
  expect(text).toMatch(
    /beyond commit \d+ there are \d+ whole commits in \d+ bytes: \d+ to \d+, \d+ to \d+, \d+ to 120;/,
  );
  const { count, warnings } = await served(world, true);
  expect(warnings.length).toBeGreaterThan(4);
  expect(text).toContain(`up to commit ${count} it can be read`);
});

test("damage in what is kept for the table events alone hinders neither serving nor salvaging nor dumping", async () => {
  for (const at of [13, 500]) {
    const world = await written();
    const [past = ""] = segmentsOf(world);
    flip(past, at);
    expect(await served(world, false)).toEqual({ count: LAST, warnings: [] });
    expect(await served(world, true)).toEqual({ count: LAST, warnings: [] });
    const { isWhole, lines } = verified(world);
    expect(isWhole).toBe(false);
    expect(lines.join("\n")).toContain(`log segment ${past} is damaged`);
    expect(lines[1]).toContain("it is served all the same");
    const pieces: string[] = [];
    const options = { database: null, all: false, salvage: false };
    const isComplete = dump(world.dataDir, options, (piece) => void pieces.push(piece), expect.unreachable);
    expect([isComplete, pieces.join("").match(/^01HZ/gm)?.length]).toEqual([true, LAST]);
  }
});

test("a damaged snapshot is done without where the log goes back to its beginning, and else refused", async () => {
  const world = await written();
  flip(snapshotOf(world), 300);
  expect(() => open(world.dataDir)).toThrow(/snapshot .* is damaged/);
  const { count, warnings } = await served(world, true);
  expect(count).toBe(LAST);
  expect(warnings[0]).toContain(
    `is served up to commit ${LAST}, read-only: snapshot ${snapshotOf(world)} is damaged`,
  );
  const partial = { database: "db", all: false, salvage: true };
  const complaints: string[] = [];
  expect(
    dump(
      world.dataDir,
      partial,
      () => {},
      (message) => void complaints.push(message),
    ),
  ).toBe(false);
  expect(complaints[0]).toContain(`is dumped up to commit ${LAST} only: snapshot`);

  const short = await written(0);
  flip(snapshotOf(short), 300);
  expect(() => open(short.dataDir, true)).toThrow(/snapshot .* is damaged/);
  expect(verified(short).lines.join("\n")).toContain("no commit of it can be read");
});

test("a database of which a snapshot alone is left is refused, not passed over; it can be salvaged", async () => {
  const world = await written();
  for (const path of segmentsOf(world)) rmSync(path);
  expect(() => open(world.dataDir)).toThrow(/holds no log segment, yet a snapshot of lsn 60 exists/);
  expect(verified(world).isWhole).toBe(false);
  expect((await served(world, true)).count).toBe(SNAPSHOT_AT);
});
