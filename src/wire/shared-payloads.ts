/**
 * Payloads of notifications that wait for clients to read them. What many listeners wait to be sent is kept once, and
 * counted once against the process-wide budget, for as long as one of them waits.
 */

import type { MemoryBudget } from "../memory-budget.ts";

/** What keeping one costs besides its bytes. */
const OBJECT_BYTES = 128;

export class SharedPayload {
  private holders = 0;

  constructor(
    readonly bytes: Uint8Array,
    private readonly budget: MemoryBudget,
  ) {}

  hold(): void {
    if (this.holders++ === 0) this.budget.add(this.bytes.length + OBJECT_BYTES);
  }

  release(): void {
    if (--this.holders === 0) this.budget.giveBack(this.bytes.length + OBJECT_BYTES);
  }
}

const encoder = new TextEncoder();

export class SharedPayloads {
  private text: string | null = null;
  private last: SharedPayload | null = null;

  constructor(private readonly budget: MemoryBudget) {}

  /** The listeners of a notification are told one after the other: the last payload is that of the next, as a rule. */
  of(text: string): SharedPayload {
    if (this.last !== null && this.text === text) return this.last;
    this.text = text;
    this.last = new SharedPayload(encoder.encode(text), this.budget);
    return this.last;
  }
}
