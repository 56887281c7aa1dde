/** Who takes part in every round beside the load: it does or watches something, and has something to say after the crash. */

import type { ServerProcess } from "../server/harness.ts";

export interface Observer {
  /** Begins with a server that is about to be killed; what goes on then ends by itself when the server is gone. */
  begin(server: ServerProcess): Promise<void>;
  /** Looks at the server that was started after it. Throws an Error where something is not as it must be. */
  check(server: ServerProcess): Promise<void>;
}

/** What a client says when its server has gone in the middle of something. */
const END_OF_SERVER =
  /Connection terminated|connection error|not queryable|ECONNRESET|ECONNREFUSED|EPIPE|the server is gone|no session/;

/** What a server says when it has been asked to stop. */
const STOPPING = new Set(["57P01", "57P03"]);

/** Repeats work until the server is gone. */
export class Repetition {
  private readonly over: Promise<unknown>;

  constructor(work: () => Promise<void>) {
    const run = async (): Promise<never> => {
      while (true) await work();
    };
    this.over = run().catch((error: unknown) => error);
  }

  /** Waits for the end. Throws what it was, unless it was that of the server. */
  async end(): Promise<void> {
    const error = await this.over;
    const isStop = error instanceof Error && "code" in error && STOPPING.has(String(error.code));
    if (!isStop && !END_OF_SERVER.test(String(error))) throw error;
  }
}
