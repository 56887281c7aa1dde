/** How much the unfinished results of one session may hold (PostgreSQL's work_mem, for what it copies here). */

import { DeltatError, SqlState } from "../errors.ts";

export class StatementMemory {
  private heldBytes = 0;

  constructor(private readonly maxBytes: number) {}

  get bytes(): number {
    return this.heldBytes;
  }

  /** What may still be taken. */
  get leftBytes(): number {
    return this.maxBytes - this.heldBytes;
  }

  /** Throws 53200 when it would be too much. */
  take(bytes: number): void {
    if (this.heldBytes + bytes > this.maxBytes) {
      throw new DeltatError(SqlState.outOfMemory, "out of memory", {
        detail: `The unfinished results of this session would hold ${this.heldBytes + bytes} bytes, of ${this.maxBytes} allowed.`,
        hint: "Ask for fewer rows at a time, close cursors, or raise DELTAT_WORK_MEM_MB.",
      });
    }
    this.heldBytes += bytes;
  }

  giveBack(bytes: number): void {
    this.heldBytes -= bytes;
  }
}
