/**
 * The real server as a child process, on a port and a folder of its own. Whatever is started or made here is
 * gone when the file's tests are over: `cleanUp` belongs in every `afterAll`, and a test runner that exits
 * early takes the children with it.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const PROJECT = join(import.meta.dir, "../..");

/** The command that starts the server from its sources. */
export const FROM_SOURCE: readonly string[] = [process.execPath, join(PROJECT, "src/main.ts")];

export const PASSWORD = "a password of the tests";

export interface ServerOptions {
  /** A new temporary folder if left out. */
  readonly dataDir?: string;
  /** DELTAT_ settings on top of, or in place of, those of the tests; undefined takes one away. */
  readonly settings?: Readonly<Record<string, string | undefined>>;
  readonly command?: readonly string[];
  /** Words behind the program. */
  readonly arguments?: readonly string[];
  readonly cwd?: string;
}

type Child = Bun.Subprocess<"ignore", "pipe", "pipe">;

const children = new Set<Child>();
const folders = new Set<string>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  removeFolders();
});

function removeFolders(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}

/** A temporary folder that `cleanUp` removes. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "deltat-test-"));
  folders.add(folder);
  return folder;
}

/** Kills every server that is left, and removes the folders. */
export async function cleanUp(): Promise<void> {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all([...children].map((child) => child.exited));
  removeFolders();
}

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Collects a stream's text, and wakes whoever waits for more of it. */
class StreamText {
  text = "";
  readonly ended: Promise<void>;
  private wake = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.ended = this.read(stream);
  }

  /** The first line that matches, or null if the stream ends without one. */
  async line(pattern: RegExp): Promise<RegExpExecArray | null> {
    let isOver = false;
    const over = this.ended.then(() => {
      isOver = true;
    });
    while (true) {
      for (const line of this.text.split("\n").slice(0, -1)) {
        const match = pattern.exec(line);
        if (match !== null) return match;
      }
      if (isOver) return null;
      await Promise.race([this.wake.promise, over]);
    }
  }

  private async read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.text += decoder.decode(chunk, { stream: true });
      this.wake.resolve();
      this.wake = Promise.withResolvers<void>();
    }
  }
}

export class ServerProcess {
  port = 0;
  private readonly stdout: StreamText;
  private readonly stderr: StreamText;

  constructor(
    private readonly child: Child,
    readonly dataDir: string,
  ) {
    children.add(child);
    this.stdout = new StreamText(child.stdout);
    this.stderr = new StreamText(child.stderr);
  }

  /** Waits for the start-up line, and takes the port from it. Throws with the server's words if there is none. */
  async ready(): Promise<this> {
    const line = await this.stdout.line(/listening on .*:(\d+), data in /);
    if (line === null) {
      const { exitCode, stderr } = await this.ended();
      throw new Error(`the server ended with ${exitCode} instead of listening: ${stderr}`);
    }
    this.port = Number(line[1]);
    return this;
  }

  async ended(): Promise<Ended> {
    const exitCode = await this.child.exited;
    await Promise.all([this.stdout.ended, this.stderr.ended]);
    children.delete(this.child);
    return { exitCode, stdout: this.stdout.text, stderr: this.stderr.text };
  }

  /** The crash: SIGKILL, and nothing of the process is left when this resolves. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended();
  }

  /** Asks the server to stop, as a service manager would. */
  stop(): Promise<Ended> {
    this.child.kill("SIGTERM");
    return this.ended();
  }

  get pid(): number {
    return this.child.pid;
  }

  /** What the server has written to stderr so far. */
  get complaints(): string {
    return this.stderr.text;
  }
}

/** Runs the program with `args` and these DELTAT_ settings; its environment has no others. */
export function runProgram(
  args: readonly string[],
  settings: Readonly<Record<string, string | undefined>>,
  options: ServerOptions = {},
): ServerProcess {
  const { PATH, HOME, TMPDIR } = process.env;
  const child = Bun.spawn([...(options.command ?? FROM_SOURCE), ...args], {
    cwd: options.cwd ?? PROJECT,
    env: { PATH, HOME, TMPDIR, ...settings },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const { DELTAT_DATA_DIR = "" } = settings;
  return new ServerProcess(child, DELTAT_DATA_DIR);
}

/** Starts a server on the loopback and waits until it listens. */
export function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  const settings = {
    DELTAT_PORT: "0",
    DELTAT_BIND: "127.0.0.1",
    DELTAT_PASSWORD: PASSWORD,
    DELTAT_DATA_DIR: options.dataDir ?? temporaryFolder(),
    ...options.settings,
  };
  return runProgram(options.arguments ?? [], settings, options).ready();
}

/** What a program that has ended has said. */
export interface Told {
  readonly code: number;
  readonly out: string;
  readonly complaint: string;
}

/** Waits for a program, both of whose outputs are pipes. */
export async function toldBy(child: Bun.ReadableSubprocess): Promise<Told> {
  const [out, complaint, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, out, complaint };
}
