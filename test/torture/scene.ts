/** What the rounds of a torture share, and one round: a server under load that is going to be killed. */

import { watch } from "node:fs";
import { join } from "node:path";
import type { Random } from "../seeded-random.ts";
import type { ServerProcess } from "../server/harness.ts";
import { rowsOfDump } from "./dump-rows.ts";
import { Tool } from "./tool.ts";
import type { Mark, Workload } from "./workload.ts";

/** For how long a round waits for what it wants to see before it kills the server all the same. */
const PATIENCE_MS = 5_000;

export class Scene {
  /** Of each database, what the last backup that was finished holds. */
  private readonly backedUp = new Map<string, string>();
  copiesChecked = 0;
  private scratchFolders = 0;

  constructor(
    readonly program: readonly string[],
    private readonly root: string,
    readonly random: Random,
    readonly workloads: readonly Workload[],
  ) {}

  get dataDir(): string {
    return join(this.root, "data");
  }

  get backupDir(): string {
    return join(this.root, "backup");
  }

  /** A path in which nothing is yet. */
  scratch(): string {
    return join(this.root, `scratch-${this.scratchFolders++}`);
  }

  folderOf(database: string): string {
    return join(this.dataDir, "databases", database);
  }

  tool(words: readonly string[], input?: string): Tool {
    return new Tool(this.program, words, input);
  }

  marks(): Map<Workload, Mark> {
    return new Map(this.workloads.map((workload) => [workload, workload.mark()]));
  }

  dump(folder: string, database: string): Promise<string> {
    return this.tool(["dump", folder, "--database", database]).done();
  }

  /** What the last finished backup holds of a database, as a dump; null before there is one. */
  lastBackup(database: string): string | null {
    return this.backedUp.get(database) ?? null;
  }

  /** Throws unless the backup verifies, and holds of each database what its mark demands. */
  async checkBackup(marks: ReadonlyMap<Workload, Mark>): Promise<void> {
    await this.tool(["verify", this.backupDir]).done();
    for (const [workload, mark] of marks) {
      const dump = await this.dump(this.backupDir, workload.database);
      workload.checkCopy(mark, rowsOfDump(dump));
      this.backedUp.set(workload.database, dump);
      this.copiesChecked++;
    }
  }

  /** The same of a backup that was cut short: of each database it is the one before or the new one. */
  async checkInterruptedBackup(marks: ReadonlyMap<Workload, Mark>): Promise<void> {
    if (this.backedUp.size > 0) await this.tool(["verify", this.backupDir]).done();
    for (const [workload, mark] of marks) {
      const before = this.lastBackup(workload.database);
      if (before === null) {
        workload.forget(mark);
        continue;
      }
      const dump = await this.dump(this.backupDir, workload.database);
      if (dump === before) workload.forget(mark);
      else {
        workload.checkCopy(mark, rowsOfDump(dump));
        this.backedUp.set(workload.database, dump);
      }
      this.copiesChecked++;
    }
  }
}

export class Round {
  private acknowledged = 0;
  private waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(readonly server: ServerProcess) {}

  onAcknowledged(): void {
    this.acknowledged++;
    this.waiting = this.waiting.filter(({ count, resolve }) => {
      if (count > this.acknowledged) return true;
      resolve();
      return false;
    });
  }

  /** Waits until the load has had so many more answers. Throws where none come. */
  async acknowledgements(count: number): Promise<void> {
    const before = this.acknowledged;
    const enough = Promise.withResolvers<void>();
    this.waiting.push({ count: before + count, resolve: enough.resolve });
    while (this.acknowledged < before + count) {
      const seen = this.acknowledged;
      await Promise.race([enough.promise, Bun.sleep(PATIENCE_MS)]);
      if (this.acknowledged === seen) throw new Error(`no answer within ${PATIENCE_MS} ms`);
    }
  }

  kill(): Promise<void> {
    return this.server.kill();
  }
}

/** Resolves to true when a file of this kind is made, renamed or removed in the folder; to false after some seconds without. */
export async function untilFile(folder: string, kind: RegExp): Promise<boolean> {
  const seen = Promise.withResolvers<boolean>();
  const watcher = watch(folder, (_, name) => {
    if (name !== null && kind.test(name)) seen.resolve(true);
  });
  try {
    return await Promise.race([seen.promise, Bun.sleep(PATIENCE_MS).then(() => false)]);
  } finally {
    watcher.close();
  }
}
