/** Runs one foreign client, from its toolchain to its verdict. */

import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT, type ServerProcess, startServer, temporaryFolder } from "../../server/harness.ts";
import { addressOf, expectedOutcome, HEARD, newStory, urlOf } from "../story.ts";
import { judge } from "./account.ts";
import type { Command, ForeignClient, NeededProgram } from "./foreign-client.ts";

export type Result =
  | { readonly verdict: "passed" }
  | { readonly verdict: "failed" | "skipped"; readonly why: string };

const DATABASE = "story";

/** Fetching may be slow, but neither it nor a client that hangs may hold up all the others for ever. */
const STEP_LIMIT_MS = 15 * 60_000;

interface Ended {
  readonly code: number;
  readonly out: string;
}

/** Runs a command, showing what it says but for stories, which are long; what it says on stdout is kept, too. */
async function run(command: Command, cwd: string, environment: Record<string, string>): Promise<Ended> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...process.env, ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    timeout: STEP_LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const decoder = new TextDecoder();
  let [out, shown] = ["", 0];
  for await (const chunk of child.stdout) {
    out += decoder.decode(chunk, { stream: true });
    const end = out.lastIndexOf("\n") + 1;
    process.stdout.write(out.slice(shown, end).replace(/^(story \S+) .*$/gm, "$1"));
    shown = end;
  }
  return { code: await child.exited, out };
}

/** Whether the program is there, if need be after an attempt to install it. */
async function isThere({ program, debian }: NeededProgram): Promise<boolean> {
  if (Bun.which(program) !== null) return true;
  if (debian === undefined || process.getuid?.() !== 0 || Bun.which("apt-get") === null) return false;
  const apt = { DEBIAN_FRONTEND: "noninteractive" };
  await run(["apt-get", "update", "-qq"], PROJECT, apt);
  await run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", debian], PROJECT, apt);
  return Bun.which(program) !== null;
}

/** The first command that fails, or undefined. */
async function firstFailure(
  commands: readonly Command[],
  cwd: string,
  environment: Record<string, string>,
): Promise<string | undefined> {
  for (const command of commands) {
    const { code } = await run(command, cwd, environment);
    if (code !== 0) return `${command.join(" ")} ended with ${code}`;
  }
  return undefined;
}

/** A copy of the client's project, in which it may build what it likes. */
function workshopOf(client: ForeignClient): string {
  if (client.inPlace !== undefined) return client.inPlace;
  const workshop = temporaryFolder();
  cpSync(join(import.meta.dir, "..", client.name), workshop, { recursive: true });
  return workshop;
}

/** Starts a server and whatever stands in front of it, lets the client tell, and judges what it told. */
async function tellTo(server: ServerProcess, client: ForeignClient, workshop: string): Promise<Result> {
  const story = newStory();
  const file = join(temporaryFolder(), "story.json");
  writeFileSync(file, JSON.stringify({ ...story, heard: HEARD }));
  const front = await client.front?.(server, temporaryFolder());
  const door = { port: front?.port ?? server.port };
  const { host, port, user, password, database } = addressOf(door, DATABASE);
  try {
    const { code, out } = await run(client.run, workshop, {
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
      DATABASE_URL: urlOf(door, DATABASE),
      SERVER_PORT: String(server.port),
      STORY: file,
      ...client.environment,
    });
    const faults = judge(out, client.tellers, expectedOutcome(story));
    if (code !== 0) faults.unshift(`it ended with ${code}`);
    return faults.length === 0 ? { verdict: "passed" } : { verdict: "failed", why: faults.join("; ") };
  } finally {
    await front?.stop();
  }
}

/** Gets, builds and runs the client. */
export async function tell(client: ForeignClient): Promise<Result> {
  for (const needed of client.needs) {
    if (!(await isThere(needed))) {
      return { verdict: "skipped", why: `${needed.program} is not on the PATH` };
    }
  }
  const workshop = workshopOf(client);
  const environment = { ...client.environment };
  const unfetched = await firstFailure(client.fetch, workshop, environment);
  if (unfetched !== undefined) return { verdict: "skipped", why: `cannot be fetched: ${unfetched}` };
  const unbuilt = await firstFailure(client.build, workshop, environment);
  if (unbuilt !== undefined) return { verdict: "failed", why: unbuilt };
  const server = await startServer(client.settings === undefined ? {} : { settings: client.settings });
  const result = await tellTo(server, client, workshop);
  if (server.complaints !== "") console.log(`the server's stderr:\n${server.complaints}`);
  return result;
}
