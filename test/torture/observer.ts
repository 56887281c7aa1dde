/** Who takes part in every round beside the load: it does or watches something, and has something to say after the crash. */

import type { ServerProcess } from "../server/harness.ts";

export interface Observer {
  /** Begins with a server that is about to be killed; what goes on then ends by itself when the server is gone. */
  begin(server: ServerProcess): Promise<void>;
  /** Looks at the server that was started after it. Throws an Error where something is not as it must be. */
  check(server: ServerProcess): Promise<void>;
}

/** Repeats work until it fails: when the server is gone, as a rule. What the server refuses is thrown by the next `end`. */
export class Repetition {
  private readonly over: Promise<unknown>;

  constructor(work: () => Promise<void>) {
    const run = async (): Promise<never> => {
      while (true) await work();
    };
    this.over = run().catch((error: unknown) => error);
  }

  /** Waits for the end. Throws if it was a refusal with another code than these. */
  async end(...expected: readonly string[]): Promise<void> {
    const error = await this.over;
    const isRefusal = error instanceof Error && "code" in error && "severity" in error;
    if (isRefusal && error.severity === "ERROR" && !expected.includes(String(error.code))) throw error;
  }
}
