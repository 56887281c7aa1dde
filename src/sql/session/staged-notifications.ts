/**
 * What a transaction will tell by NOTIFY once it has committed. As in PostgreSQL, one that says the same as an
 * earlier one of the transaction is folded into it.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_CHANNEL_BYTES, MAX_NOTIFY_PAYLOAD_BYTES, MAX_TRANSACTION_NOTIFY_BYTES } from "../../limits.ts";
import type { Notification } from "../database.ts";

export class StagedNotifications {
  private readonly staged: Notification[] = [];
  private readonly seen = new Set<string>();
  private bytes = 0;

  get count(): number {
    return this.staged.length;
  }

  /** Throws 22023 for a channel or payload that cannot be, 54000 past MAX_TRANSACTION_NOTIFY_BYTES. */
  add(channel: string, payload: string): void {
    const channelBytes = Buffer.byteLength(channel);
    const payloadBytes = Buffer.byteLength(payload);
    if (channelBytes === 0) throw invalid("channel name cannot be empty");
    if (channelBytes > MAX_CHANNEL_BYTES) throw invalid("channel name too long");
    if (payloadBytes > MAX_NOTIFY_PAYLOAD_BYTES) throw invalid("payload string too long");
    const key = keyOf({ channel, payload });
    if (this.seen.has(key)) return;
    if (this.bytes + channelBytes + payloadBytes > MAX_TRANSACTION_NOTIFY_BYTES) {
      throw new DeltatError(
        SqlState.programLimitExceeded,
        `limit exceeded: bytes of notifications of one transaction (at most ${MAX_TRANSACTION_NOTIFY_BYTES})`,
      );
    }
    this.bytes += channelBytes + payloadBytes;
    this.seen.add(key);
    this.staged.push({ channel, payload });
  }

  /** Forgets those after the first `mark`. */
  rollbackTo(mark: number): void {
    for (const notification of this.staged.splice(mark)) {
      this.seen.delete(keyOf(notification));
      this.bytes -= Buffer.byteLength(notification.channel) + Buffer.byteLength(notification.payload);
    }
  }

  /** All of them, in the order in which they were given; none is left. */
  take(): readonly Notification[] {
    this.seen.clear();
    this.bytes = 0;
    return this.staged.splice(0);
  }
}

/** No channel and no payload has a zero byte. */
function keyOf({ channel, payload }: Notification): string {
  return `${channel}\0${payload}`;
}

function invalid(message: string): DeltatError {
  return new DeltatError(SqlState.invalidParameterValue, message);
}
