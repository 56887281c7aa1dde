/**
 * How much the unfinished results of one session may hold (PostgreSQL's work_mem, for what it copies here), and with
 * what its transaction has staged, how much all sessions may.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { countedBytes, type MemoryBudget } from "../../memory-budget.ts";

export class StatementMemory {
  private heldBytes = 0;
  private stagedBytes = 0;
  /** Of both, what the budget knows. */
  private counted = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly budget: MemoryBudget,
  ) {}

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
    this.count(this.heldBytes + bytes + this.stagedBytes);
    this.heldBytes += bytes;
  }

  giveBack(bytes: number): void {
    this.heldBytes -= bytes;
    this.count(this.heldBytes + this.stagedBytes);
  }

  /** The transaction holds `bytes` by now, until `endTransaction`. Throws 53200 when all sessions hold too much. */
  stage(bytes: number): void {
    if (bytes <= this.stagedBytes) return;
    this.count(this.heldBytes + bytes);
    this.stagedBytes = bytes;
  }

  endTransaction(): void {
    if (this.stagedBytes === 0) return;
    this.stagedBytes = 0;
    this.count(this.heldBytes);
  }

  /** The session is over. */
  close(): void {
    this.heldBytes = 0;
    this.stagedBytes = 0;
    this.count(0);
  }

  private count(bytes: number): void {
    const counted = countedBytes(bytes);
    if (counted > this.counted) this.budget.take(counted - this.counted);
    else if (counted < this.counted) this.budget.giveBack(this.counted - counted);
    this.counted = counted;
  }
}
