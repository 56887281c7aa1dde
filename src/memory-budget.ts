/**
 * What all clients together may hold beside the databases themselves (DELTAT_MEMORY_MB). Statements ask before they
 * take, and are refused with 53200. A client's buffers cannot ask, for the bytes are there already: they are counted,
 * and when the budget is overdrawn, whoever watches it has to make room. Statements may take only a share of it, so
 * that cursors and unfinished results alone never cost a client its connection. What every client holds at least,
 * FREE_CLIENT_BYTES, is not counted: small statements work whatever others hold.
 */

import { DeltatError, SqlState } from "./errors.ts";
import { FREE_CLIENT_BYTES, GARBAGE_SHARE, STATEMENT_MEMORY_SHARE } from "./limits.ts";

export class MemoryBudget {
  /** Told when more is held than may be. */
  whenOverdrawn: () => void = () => {};
  private held = 0;
  /** Since the collector was last asked. */
  private givenBack = 0;

  /**
   * @param collect asks the garbage collector to begin: the runtime judges by the size of its heap, in which what it
   * could free soon is not seen in time
   */
  constructor(
    private readonly maxBytes: number,
    private readonly collect: () => void = () => {},
  ) {}

  get heldBytes(): number {
    return this.held;
  }

  get isOverdrawn(): boolean {
    return this.held > this.maxBytes;
  }

  /** For a statement. Throws 53200 when it would be too much. */
  take(bytes: number): void {
    const mostBytes = this.maxBytes * STATEMENT_MEMORY_SHARE;
    if (this.held + bytes > mostBytes) {
      throw new DeltatError(SqlState.outOfMemory, "out of memory", {
        detail: `The statements and buffers of all sessions would hold ${this.held + bytes} bytes, of ${mostBytes} allowed.`,
        hint: "Ask for less at a time, run the statement again when others are done, or raise DELTAT_MEMORY_MB.",
      });
    }
    this.held += bytes;
  }

  /** For what is there already. */
  add(bytes: number): void {
    this.held += bytes;
    if (bytes > 0 && this.isOverdrawn) this.whenOverdrawn();
  }

  giveBack(bytes: number): void {
    this.held -= bytes;
    this.givenBack += bytes;
    if (this.givenBack < this.maxBytes * GARBAGE_SHARE) return;
    this.givenBack = 0;
    this.collect();
  }
}

/** Part of what `bytes` of one client count. */
export function countedBytes(bytes: number): number {
  return Math.max(0, bytes - FREE_CLIENT_BYTES);
}

/** For sessions that nobody else is beside. */
export function unlimitedMemory(): MemoryBudget {
  return new MemoryBudget(Number.POSITIVE_INFINITY);
}
