/**
 * Notifications on their way to one client. They wait here while the client is in a transaction, as PostgreSQL
 * has it, or has not read what it was sent before; here the payloads are shared with other listeners, in the output
 * they are not. Both the waiting ones and those in the output that the client has not read count against
 * MAX_LISTENER_QUEUE_BYTES.
 */

import { MAX_LISTENER_QUEUE_BYTES } from "../limits.ts";
import { writeNotificationResponse } from "./backend-messages.ts";
import type { ClientOutput } from "./output.ts";
import type { SharedPayload, SharedPayloads } from "./shared-payloads.ts";

interface Notification {
  readonly processId: number;
  readonly channel: string;
  readonly payload: SharedPayload;
}

/** What an entry takes besides its payload. */
const ENTRY_BYTES = 48;

/** So many that were delivered are dropped from the list at once. */
const DROPPED_AT_ONCE = 1024;

export class NotificationQueue {
  private waiting: Notification[] = [];
  /** Those before it were delivered. */
  private first = 0;
  private waitingBytes = 0;
  /** At most so many bytes of the unsent output are notifications. */
  private inOutput = 0;

  constructor(
    private readonly output: ClientOutput,
    private readonly payloads: SharedPayloads,
  ) {}

  get isEmpty(): boolean {
    return this.first === this.waiting.length;
  }

  /** Of those that wait here. */
  get heldBytes(): number {
    return this.waitingBytes;
  }

  /** @param processId of the session that spoke; for events, which nobody speaks, that of the one that hears it */
  add(processId: number, channel: string, payload: string): void {
    const shared = this.payloads.of(payload);
    shared.hold();
    this.waiting.push({ processId, channel, payload: shared });
    this.waitingBytes += shared.bytes.length + ENTRY_BYTES;
  }

  /** Whether the client is too slow to be a listener. */
  get isOverfull(): boolean {
    // What is unsent bounds what of it can be notifications: large replies alone never make a client too slow.
    this.inOutput = Math.min(this.inOutput, this.output.unsentBytes);
    return this.waitingBytes + this.inOutput > MAX_LISTENER_QUEUE_BYTES;
  }

  /** Moves what waits to the output while less than `mostBytes` are unsent; returns whether anything was moved. */
  deliver(mostBytes: number): boolean {
    if (this.isEmpty) return false;
    const { output, waiting, first } = this;
    const before = output.unsentBytes;
    this.inOutput = Math.min(this.inOutput, before);
    while (this.first < waiting.length && output.unsentBytes < mostBytes) {
      const { processId, channel, payload } = waiting[this.first++] as Notification;
      writeNotificationResponse(output.writer, processId, channel, payload.bytes);
      this.waitingBytes -= payload.bytes.length + ENTRY_BYTES;
      payload.release();
    }
    this.inOutput += output.unsentBytes - before;
    const isMoved = this.first > first;
    if (this.isEmpty) {
      this.waiting = [];
      this.first = 0;
    } else if (this.first >= DROPPED_AT_ONCE) {
      this.waiting.splice(0, this.first);
      this.first = 0;
    }
    return isMoved;
  }

  clear(): void {
    for (let i = this.first; i < this.waiting.length; i++) this.waiting[i]?.payload.release();
    this.waiting = [];
    this.first = 0;
    this.waitingBytes = 0;
    this.inOutput = 0;
  }
}
