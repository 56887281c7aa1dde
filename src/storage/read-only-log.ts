/** The log of a database that is only looked at: it holds what was read, and refuses everything else. */

import { ByteWriter } from "../bytes.ts";
import type { CommitLog } from "./commit-log.ts";

export class ReadOnlyLog implements CommitLog {
  readonly part = 0;
  readonly appendedLsn: number;
  private readonly writer = new ByteWriter(64);

  readonly failure: Error;

  /** @param refusal why nothing can be appended */
  constructor(
    readonly durableLsn: number,
    readonly refusal: Error,
  ) {
    this.appendedLsn = durableLsn;
    this.failure = refusal;
  }

  begin(): ByteWriter {
    this.writer.clear();
    return this.writer;
  }

  append(): number {
    throw this.failure;
  }

  flush(): void {}

  flushLater(): void {}

  async close(): Promise<void> {}
}
