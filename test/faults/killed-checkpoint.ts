/** A process killed before each step of a checkpoint, on real files: what it acknowledged is there, and the next checkpoint works. */

import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { dump } from "../../src/commands/dump.ts";
import { verify } from "../../src/commands/verify.ts";
import { temporaryFolder } from "../server/harness.ts";
import { expectThat } from "./bookings.ts";
import type { Orders } from "./dying-checkpoint.ts";

const PROGRAM = join(import.meta.dir, "dying-checkpoint.ts");
const NEVER = 0;

interface Ended {
  readonly isKilled: boolean;
  /** Rows that were acknowledged: this one and all before it. */
  readonly lastRow: number;
}

function run(dataDir: string, step: number): Ended {
  const orders: Orders = { dataDir, diesAtStep: step };
  const { stdout, stderr, signalCode, exitCode } = Bun.spawnSync([
    process.execPath,
    PROGRAM,
    JSON.stringify(orders),
  ]);
  const out = stdout.toString();
  expectThat(signalCode === "SIGKILL" || exitCode === 0, `step ${step}: it ends so or so: ${stderr}`);
  const rows = out.match(/^\d+$/gm) ?? [];
  return { isKilled: signalCode === "SIGKILL", lastRow: Number(rows.at(-1) ?? -1) };
}

/** The numbers of the rows that a folder holds; it must be whole. */
function rowsIn(dataDir: string, step: number): number[] {
  const lines: string[] = [];
  expectThat(
    verify(dataDir, (line) => lines.push(line)),
    `step ${step}: it verifies: ${lines}`,
  );
  let text = "";
  dump(
    dataDir,
    { database: "db", all: false, salvage: false },
    (piece) => {
      text += piece;
    },
    () => {},
  );
  return [...text.matchAll(/\troom (\d+)\t/g)].map(([, n]) => Number(n)).sort((a, b) => a - b);
}

/** A folder has the rows from 0 on, all that were acknowledged and at most the one that was under way. */
function checkRows(dataDir: string, step: number, acknowledged: number): number {
  const rows = rowsIn(dataDir, step);
  expectThat(
    rows.every((n, at) => n === at),
    `step ${step}: no row is missing between others`,
  );
  const extra = rows.length - 1 - acknowledged;
  expectThat(
    extra === 0 || extra === 1,
    `step ${step}: ${acknowledged + 1} rows or one more, not ${rows.length}`,
  );
  return rows.length;
}

export async function checkKilledCheckpoint(): Promise<string> {
  const template = temporaryFolder();
  // Three checkpoints: the one that is killed has an old snapshot and old segments to put away.
  let rows = 0;
  for (let times = 0; times < 3; times++) rows = run(template, NEVER).lastRow + 1;
  for (let step = 1; ; step++) {
    const dataDir = temporaryFolder();
    cpSync(template, dataDir, { recursive: true });
    const { isKilled, lastRow } = run(dataDir, step);
    const kept = checkRows(dataDir, step, Math.max(lastRow, rows - 1));
    const again = run(dataDir, NEVER);
    expectThat(!again.isKilled && again.lastRow >= kept, `step ${step}: the next checkpoint works`);
    checkRows(dataDir, step, again.lastRow);
    const names = readdirSync(join(dataDir, "databases/db"));
    const snapshots = names.filter((name) => name.includes(".snapshot"));
    const isTidy = snapshots.length === 1 && names.every((name) => !name.includes(".new"));
    expectThat(isTidy, `step ${step}: one snapshot and nothing half made is left: ${names}`);
    if (!isKilled) return `killed before each of ${step - 1} steps`;
  }
}
