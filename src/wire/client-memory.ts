/**
 * The buffers of all clients: messages that have come in part, replies and notifications that have not been read. They
 * count against the process-wide budget, and when that is overdrawn, whoever holds the most goes, then the next, until
 * there is room again: a client that does not read, or announces much and sends it slowly, gives way to those that do.
 */

import type { Timers } from "../clock.ts";
import { FREE_CLIENT_BYTES } from "../limits.ts";
import { countedBytes, type MemoryBudget } from "../memory-budget.ts";
import { SharedPayloads } from "./shared-payloads.ts";

export interface BufferedClient {
  /** All that it would give back, be it shared with others. */
  readonly bufferedBytes: number;
  /** Is disconnected, and holds nothing any more when this returns. */
  shed(): void;
}

interface Buffer {
  readonly heldBytes: number;
}

export class ClientMemory {
  readonly payloads: SharedPayloads;
  /** Those that hold more than each may. */
  private readonly large = new Set<BufferedClient>();
  private isMakingRoom = false;

  constructor(
    private readonly budget: MemoryBudget,
    timers: Timers,
  ) {
    this.payloads = new SharedPayloads(budget);
    budget.whenOverdrawn = () => {
      if (this.isMakingRoom) return;
      this.isMakingRoom = true;
      // Whoever overdraws may be in the middle of a message, and so may who is to go.
      timers.soon(() => this.makeRoom());
    };
  }

  /** The client holds `change` bytes more than before, or fewer, of what counts. */
  changed(client: BufferedClient, change: number): void {
    if (client.bufferedBytes > FREE_CLIENT_BYTES) this.large.add(client);
    else if (this.large.size > 0) this.large.delete(client);
    if (change > 0) this.budget.add(change);
    else if (change < 0) this.budget.giveBack(-change);
  }

  private makeRoom(): void {
    this.isMakingRoom = false;
    while (this.budget.isOverdrawn) {
      const largest = this.largest();
      if (largest === null) return;
      this.large.delete(largest);
      largest.shed();
    }
  }

  private largest(): BufferedClient | null {
    let largest: BufferedClient | null = null;
    for (const client of this.large) {
      if (largest === null || client.bufferedBytes > largest.bufferedBytes) largest = client;
    }
    return largest;
  }
}

/** What the buffers of one client count. */
export class BufferAccount implements BufferedClient {
  private counted = 0;

  constructor(
    private readonly memory: ClientMemory,
    private readonly output: Buffer,
    private readonly input: Buffer,
    private readonly notifications: Buffer,
    readonly shed: () => void,
  ) {}

  get bufferedBytes(): number {
    return this.output.heldBytes + this.input.heldBytes + this.notifications.heldBytes;
  }

  /** The buffers have changed. What notifications hold is shared, and counted where it is. */
  recount(): void {
    const counted = countedBytes(this.output.heldBytes + this.input.heldBytes);
    const change = counted - this.counted;
    this.counted = counted;
    this.memory.changed(this, change);
  }
}
