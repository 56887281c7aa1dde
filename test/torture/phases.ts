/**
 * The moments at which a server under load is killed, one function for each: it returns when the server is dead, with the
 * name of what it was caught in.
 */

import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { connect, FAR_FUTURE } from "../server/clients.ts";
import { rowsOfDump } from "./dump-rows.ts";
import { type Round, type Scene, untilFile } from "./scene.ts";
import { within } from "./tool.ts";

export type Phase = (scene: Scene, round: Round) => Promise<string>;

async function load({ random }: Scene, round: Round): Promise<string> {
  await round.acknowledgements(50 + random.below(1500));
  await round.kill();
  return "load";
}

/** Asks for one checkpoint behind the other until the server is gone. */
class Checkpoints {
  /** Whether one is unanswered. */
  isOpen = false;
  private begun = Promise.withResolvers<void>();
  private readonly over: Promise<unknown>;

  constructor(scene: Scene, round: Round) {
    this.over = this.run(scene, round).catch((error: unknown) => error);
  }

  /** Resolves when the next one is asked for. */
  get next(): Promise<void> {
    return this.begun.promise;
  }

  /** To be called once the server is dead. Throws if it had refused one. */
  async end(): Promise<void> {
    const error = await this.over;
    if (error instanceof pg.DatabaseError) throw error;
  }

  private async run({ random, workloads }: Scene, round: Round): Promise<never> {
    const { database } = random.pick(workloads);
    const client = await connect(round.server, database);
    while (true) {
      this.isOpen = true;
      this.begun.resolve();
      this.begun = Promise.withResolvers();
      await client.query("CHECKPOINT");
      this.isOpen = false;
      await round.acknowledgements(20);
    }
  }
}

async function checkpoint(scene: Scene, round: Round): Promise<string> {
  await round.acknowledgements(100);
  const checkpoints = new Checkpoints(scene, round);
  await checkpoints.next;
  await Bun.sleep(scene.random.below(300));
  const { isOpen } = checkpoints;
  await round.kill();
  await checkpoints.end();
  return isOpen ? "checkpoint" : "load";
}

/** At the very moment at which a file of some kind comes or goes, or a little later. */
function atFile(kind: RegExp, name: string): Phase {
  return async (scene, round) => {
    const { random, workloads } = scene;
    await round.acknowledgements(100);
    const checkpoints = new Checkpoints(scene, round);
    const isSeen = await Promise.any(
      workloads.map(({ database }) => untilFile(scene.folderOf(database), kind)),
    );
    if (random.chance(0.5)) await Bun.sleep(random.below(20));
    await round.kill();
    await checkpoints.end();
    return isSeen ? name : "load";
  };
}

/** The process that makes a snapshot dies, and the server does not mind; then it is killed itself. */
async function snapshotProcess(scene: Scene, round: Round): Promise<string> {
  await round.acknowledgements(100);
  const [workload] = scene.workloads;
  const client = await connect(round.server, workload?.database);
  const answer = client.query("CHECKPOINT").then(
    () => null,
    (error: Error) => error.message,
  );
  const child = await childOf(round.server.pid);
  if (child !== null) {
    await Bun.sleep(scene.random.below(150));
    killIfThere(child);
  }
  const refusal = await answer;
  if (refusal !== null && !/the process that makes snapshots (ended with|was killed by)/.test(refusal))
    throw new Error(`the snapshot's process was killed, and CHECKPOINT says: ${refusal}`);
  await round.acknowledgements(50);
  await client.query("CHECKPOINT");
  await round.kill();
  return refusal === null ? "load" : "snapshot process, then load";
}

/** Server and snapshot process at once, as when the machine has no memory left. */
async function bothProcesses(scene: Scene, round: Round): Promise<string> {
  await round.acknowledgements(100);
  const checkpoints = new Checkpoints(scene, round);
  const child = await childOf(round.server.pid);
  await Bun.sleep(scene.random.below(100));
  if (child !== null) killIfThere(child);
  await round.kill();
  await checkpoints.end();
  return child === null ? "load" : "server and snapshot process";
}

/** The process that this one has started; null if there is none for some seconds. */
async function childOf(pid: number): Promise<number | null> {
  for (const deadline = Date.now() + 3000; Date.now() < deadline; await Bun.sleep(1)) {
    const path = `/proc/${pid}/task/${pid}/children`;
    const [first] = existsSync(path) ? readFileSync(path, "utf8").trim().split(" ") : [];
    if (first !== undefined && first !== "") return Number(first);
  }
  return null;
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** The server dies while a backup is taken: the backup is whole all the same. */
async function backup(scene: Scene, round: Round): Promise<string> {
  await round.acknowledgements(100);
  const marks = scene.marks();
  const tool = scene.tool(["backup", scene.dataDir, scene.backupDir]);
  await within(scene.random.below(500), tool);
  const name = tool.isOver ? "load" : "backup";
  await round.kill();
  await tool.done();
  await scene.checkBackup(marks);
  return name;
}

/** The backup is killed and leaves a whole one, if there was one; then the server. */
async function killedBackup(scene: Scene, round: Round): Promise<string> {
  await round.acknowledgements(100);
  const marks = scene.marks();
  const tool = scene.tool(["backup", scene.dataDir, scene.backupDir]);
  await within(100 + scene.random.below(500), tool);
  tool.kill();
  const { code } = await tool.ended;
  await scene.checkInterruptedBackup(marks);
  await round.kill();
  return code === null ? "killed backup, then load" : "load";
}

async function dump(scene: Scene, round: Round): Promise<string> {
  await round.acknowledgements(100);
  const workload = scene.random.pick(scene.workloads);
  const mark = workload.mark();
  const tool = scene.tool(["dump", scene.dataDir, "--database", workload.database]);
  await within(scene.random.below(500), tool);
  const name = tool.isOver ? "load" : "dump";
  await round.kill();
  workload.checkCopy(mark, rowsOfDump(await tool.done()));
  scene.copiesChecked++;
  return name;
}

/** A restore into another folder is killed: nothing is there then, or all; and a restore after that succeeds. */
async function restore(scene: Scene, round: Round): Promise<string> {
  await round.acknowledgements(100);
  const { database } = scene.random.pick(scene.workloads);
  const text = scene.lastBackup(database);
  if (text === null) return await load(scene, round);
  const folder = scene.scratch();
  const words = ["restore", folder, "--database", database];
  const tool = scene.tool(words, text);
  await within(50 + scene.random.below(500), tool);
  tool.kill();
  const { code } = await tool.ended;
  const isThere = existsSync(join(folder, "databases", database));
  const left = isThere ? await scene.dump(folder, database) : "";
  const isEmpty = !isThere || rowsOfDump(left).size === 0;
  if (!isEmpty && lasting(left) !== lasting(text)) throw new Error("a killed restore left a part");
  if (isEmpty) {
    if (code === 0) throw new Error("a finished restore left nothing");
    await scene.tool(words, text).done();
    if (lasting(await scene.dump(folder, database)) !== lasting(text))
      throw new Error("what was restored is not what was dumped");
  }
  await scene.tool(["verify", folder]).done();
  scene.copiesChecked++;
  rmSync(folder, { recursive: true });
  await round.kill();
  return code === null ? "killed restore, then load" : "load";
}

/** Its lines in order, without holds that may have expired by now. */
function lasting(dump: string): string {
  const lines = dump.split("\n").filter((line) => {
    const expiresAt = HOLD_LINE.exec(line)?.[1];
    return expiresAt === undefined || Number(expiresAt) === FAR_FUTURE;
  });
  return lines.sort().join("\n");
}

const HOLD_LINE = /^(?:[^\t]+\t){4}(\d+)$/;

/** Asked to stop, and not given the time. */
async function stop({ random }: Scene, round: Round): Promise<string> {
  await round.acknowledgements(100);
  const stopped = round.server.stop();
  await Bun.sleep(random.below(30));
  await round.kill();
  return (await stopped).exitCode === 0 ? "load, stopped in order" : "stop";
}

/** In the order of a first time round; backups come before what needs one. */
export const PHASES: readonly Phase[] = [
  load,
  checkpoint,
  atFile(/^\d+\.snapshot$/, "snapshot put in place"),
  backup,
  atFile(/\.snapshot\..*\.new$/, "snapshot being written"),
  killedBackup,
  restore,
  atFile(/^\d+\.log$/, "segment put in place or removed"),
  dump,
  atFile(/^\d+\.log\.new/, "segment being laid out"),
  snapshotProcess,
  stop,
  bothProcesses,
];
