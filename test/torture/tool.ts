/** A command of the program beside the server (`verify`, `backup`, `dump`, `restore`), run to its end or killed on the way. */

export interface ToolEnd {
  /** null if it was killed. */
  readonly code: number | null;
  readonly out: string;
  readonly complaint: string;
}

export class Tool {
  readonly ended: Promise<ToolEnd>;
  private readonly child: Bun.Subprocess<Blob | "ignore", "pipe", "pipe">;

  /** @param input what it reads from stdin */
  constructor(
    program: readonly string[],
    private readonly words: readonly string[],
    input?: string,
  ) {
    const { PATH, HOME, TMPDIR } = process.env;
    this.child = Bun.spawn([...program, ...words], {
      env: { PATH, HOME, TMPDIR },
      stdin: input === undefined ? "ignore" : new Blob([input]),
      stdout: "pipe",
      stderr: "pipe",
    });
    this.ended = this.collect();
  }

  get isOver(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Ends it without warning. */
  kill(): void {
    this.child.kill("SIGKILL");
  }

  /** Throws with its words unless it ends with 0. */
  async done(): Promise<string> {
    const { code, out, complaint } = await this.ended;
    if (code !== 0) throw new Error(`deltat ${this.words.join(" ")} ended with ${code}: ${out}${complaint}`);
    return out;
  }

  private async collect(): Promise<ToolEnd> {
    const [out, complaint] = await Promise.all([
      new Response(this.child.stdout).text(),
      new Response(this.child.stderr).text(),
      this.child.exited,
    ]);
    return { code: this.child.signalCode === null ? this.child.exitCode : null, out, complaint };
  }
}

/** Resolves after a while, or when the tool has ended. */
export function within(milliseconds: number, tool: Tool): Promise<unknown> {
  return Promise.race([Bun.sleep(milliseconds), tool.ended]);
}
