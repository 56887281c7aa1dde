/**
 * Notifications on their way to one client. They wait here while the client is in a transaction, as PostgreSQL
 * has it, and move to the output when it is not. Both the waiting ones and those in the output that the client
 * has not read count against MAX_LISTENER_QUEUE_BYTES.
 */

import { ByteWriter } from "../bytes.ts";
import { MAX_LISTENER_QUEUE_BYTES } from "../limits.ts";
import { writeNotificationResponse } from "./backend-messages.ts";
import type { ClientOutput } from "./output.ts";

const KEPT_BUFFER_BYTES = 4096;

export class NotificationQueue {
  private readonly waiting = new ByteWriter(0);
  /** At most so many bytes of the unsent output are notifications. */
  private inOutput = 0;

  constructor(private readonly output: ClientOutput) {}

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  /** @param processId of the session that spoke; for events, which nobody speaks, that of the one that hears it */
  add(processId: number, channel: string, payload: string): void {
    writeNotificationResponse(this.waiting, processId, channel, payload);
  }

  /** Whether the client is too slow to be a listener. */
  get isOverfull(): boolean {
    // What is unsent bounds what of it can be notifications: large replies alone never make a client too slow.
    this.inOutput = Math.min(this.inOutput, this.output.unsentBytes);
    return this.waiting.length + this.inOutput > MAX_LISTENER_QUEUE_BYTES;
  }

  /** Moves all that waits to the output. */
  deliver(): void {
    if (this.isEmpty) return;
    this.inOutput = Math.min(this.inOutput, this.output.unsentBytes) + this.waiting.length;
    this.output.writer.raw(this.waiting.written());
    this.waiting.clear(KEPT_BUFFER_BYTES);
  }

  clear(): void {
    this.waiting.clear(0);
    this.inOutput = 0;
  }
}
