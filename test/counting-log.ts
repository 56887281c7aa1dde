/** A commit log that counts its commits and keeps none of them: what was appended is durable with the next flush. */

import { ByteWriter } from "../src/bytes.ts";
import type { CommitLog } from "../src/storage/commit-log.ts";

export class CountingLog implements CommitLog {
  appendedLsn = 0;
  durableLsn = 0;
  readonly part = 1;
  readonly failure = null;
  /** Told when more is durable. */
  onDurable: () => void = () => {};
  private readonly body = new ByteWriter();

  begin(): ByteWriter {
    this.body.clear();
    return this.body;
  }

  append(): number {
    return ++this.appendedLsn;
  }

  flush(): void {
    this.durableLsn = this.appendedLsn;
    this.onDurable();
  }

  flushLater(): void {
    this.flush();
  }

  async close(): Promise<void> {}
}
