/**
 * Snapshots are made by a process of their own, the same program with another command: the server goes on serving, its
 * collector has nothing to do with the copy, and the memory of it is given back whole. It runs at a lower priority.
 */

import { DeltatError, messageOf, SqlState } from "./errors.ts";
import { localFiles } from "./storage/files.ts";
import { type MadeSnapshot, makeSnapshot } from "./tenants/stored-state.ts";

/** Not for users: what the server starts itself. */
export const SNAPSHOT_COMMAND = "internal-make-snapshot";

/**
 * In an executable the program is the first word; else Bun is, and the program's file the second. The priority is set
 * from outside, since a process can only lower that of the thread that asks, not of those that the runtime has made.
 */
function ownCommand(): string[] {
  const program = Bun.main.startsWith("/$bunfs/") ? [process.execPath] : [process.execPath, Bun.main];
  const nice = Bun.which("nice");
  return nice === null ? program : [nice, "-n", "19", ...program];
}

/** Has the snapshot made by another process, which ends at once when it is not wanted. Rejects with what that one says. */
export async function makeSnapshotAside(
  folder: string,
  lastSegment: number,
  unwanted: AbortSignal,
): Promise<MadeSnapshot> {
  const words = [SNAPSHOT_COMMAND, folder, String(lastSegment), String(process.pid)];
  const child = Bun.spawn([...ownCommand(), ...words], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: {},
    signal: unwanted,
    killSignal: "SIGKILL",
  });
  const [out, complaint, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  const answer = answerOf(out);
  if ("lsn" in answer) return answer;
  throw new DeltatError(
    answer.sqlState ?? SqlState.ioError,
    answer.message ?? `the process that makes snapshots ${endOf(child.signalCode, code, complaint)}`,
  );
}

function endOf(signal: string | number | null, code: number, complaint: string): string {
  if (signal !== null) return `was killed by ${signal}`;
  return `ended with ${code}${complaint.trim() === "" ? "" : `: ${complaint.trim()}`}`;
}

interface Failure {
  readonly sqlState?: SqlState;
  readonly message?: string;
}

function answerOf(out: string): MadeSnapshot | Failure {
  try {
    return JSON.parse(out) as MadeSnapshot | Failure;
  } catch {
    return {};
  }
}

/**
 * The other process: makes the snapshot and says so on stdout, as JSON. Gives up when its server is gone, be that before
 * this one has begun: the folder may be in other hands by then.
 */
export function makeSnapshotHere([folder = "", lastSegment = "", server = ""]: readonly string[]): void {
  try {
    const made = makeSnapshot(localFiles, folder, Number(lastSegment), () => process.ppid === Number(server));
    process.stdout.write(`${JSON.stringify(made)}\n`);
  } catch (error) {
    const failure: Failure =
      error instanceof DeltatError
        ? { sqlState: error.sqlState, message: error.message }
        : { message: messageOf(error) };
    process.stdout.write(`${JSON.stringify(failure)}\n`);
    process.exitCode = 1;
  }
}
