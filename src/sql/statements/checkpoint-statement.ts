/** CHECKPOINT: answered when the snapshot is in place. Others are served meanwhile. */

import { DeltatError, SqlState } from "../../errors.ts";
import { controlPlan, type Plan } from "../execution.ts";
import type { RowStream } from "../rows/row-stream.ts";

export function planCheckpoint(): Plan {
  return controlPlan("CHECKPOINT", ({ database, session }) => {
    // What it has to wait for may be this very block.
    if (session.inBlock) {
      throw new DeltatError(
        SqlState.activeSqlTransaction,
        "CHECKPOINT cannot run inside a transaction block",
      );
    }
    return new Completion(database.checkpoint(), "CHECKPOINT");
  });
}

/** A statement without rows that is over when a promise is: resolved, or rejected with its error. */
class Completion implements RowStream {
  readonly waitsFor: Promise<void>;
  private isOver = false;
  private failure: { readonly error: unknown } | null = null;

  constructor(
    work: Promise<void>,
    private readonly name: string,
  ) {
    this.waitsFor = work.then(
      () => {
        this.isOver = true;
      },
      (error: unknown) => {
        this.failure = { error };
      },
    );
  }

  next(): boolean {
    if (this.failure !== null) throw this.failure.error;
    return this.isOver;
  }

  tag(): string {
    return this.name;
  }

  sendTo(): void {}
  detach(): void {}
  close(): void {}
}
