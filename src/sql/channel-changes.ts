/**
 * The channels of one session, and the changes to them that its transaction has staged: LISTEN and UNLISTEN
 * take effect at commit. Channels are counted as they will be then, so that the bound holds at the LISTEN.
 */

import { DeltatError, SqlState } from "../errors.ts";
import { MAX_CHANNELS_PER_CONNECTION } from "../limits.ts";
import type { Database, Listener } from "./database.ts";

interface StagedChange {
  /** As the client spelled it: the database decides what it means. */
  readonly channel: string;
  readonly listens: boolean;
}

/** What was staged at a savepoint. */
export interface StagedChannels {
  readonly staged: ReadonlyMap<string, StagedChange>;
  readonly unlistensAll: boolean;
  readonly countAfterCommit: number;
}

export class ChannelChanges {
  private readonly channels = new Set<string>();
  /** By the channel's canonical name, the last change counts. */
  private staged = new Map<string, StagedChange>();
  private unlistensAll = false;
  private countAfterCommit = 0;

  constructor(
    private readonly database: Database,
    private readonly listener: Listener,
  ) {}

  /** Throws 54000 past MAX_CHANNELS_PER_CONNECTION. */
  listen(channel: string): void {
    const name = canonicalChannel(channel);
    if (!this.willListen(name)) {
      if (this.countAfterCommit >= MAX_CHANNELS_PER_CONNECTION) {
        throw new DeltatError(
          SqlState.programLimitExceeded,
          `limit exceeded: channels of one connection: ${MAX_CHANNELS_PER_CONNECTION}`,
        );
      }
      this.countAfterCommit++;
    }
    this.staged.set(name, { channel, listens: true });
  }

  /** null: every channel. */
  unlisten(channel: string | null): void {
    if (channel === null) {
      this.staged.clear();
      this.unlistensAll = true;
      this.countAfterCommit = 0;
      return;
    }
    const name = canonicalChannel(channel);
    if (this.willListen(name)) this.countAfterCommit--;
    this.staged.set(name, { channel, listens: false });
  }

  commit(): void {
    const { database, listener, channels } = this;
    if (this.unlistensAll) {
      database.unlistenAll(listener);
      channels.clear();
      this.unlistensAll = false;
    }
    if (this.staged.size === 0) return;
    for (const [name, { channel, listens }] of this.staged) {
      if (listens) {
        database.listen(listener, channel);
        channels.add(name);
      } else {
        database.unlisten(listener, channel);
        channels.delete(name);
      }
    }
    this.staged.clear();
  }

  rollback(): void {
    this.staged.clear();
    this.unlistensAll = false;
    this.countAfterCommit = this.channels.size;
  }

  mark(): StagedChannels {
    const { unlistensAll, countAfterCommit } = this;
    return { staged: new Map(this.staged), unlistensAll, countAfterCommit };
  }

  rollbackTo(mark: StagedChannels): void {
    this.staged = new Map(mark.staged);
    this.unlistensAll = mark.unlistensAll;
    this.countAfterCommit = mark.countAfterCommit;
  }

  private willListen(name: string): boolean {
    return this.staged.get(name)?.listens ?? (!this.unlistensAll && this.channels.has(name));
  }
}

/** Spellings of one resource's channel that differ in case are one channel. */
function canonicalChannel(channel: string): string {
  return /^resource_[0-9a-z]{26}$/i.test(channel) ? channel.toUpperCase() : channel;
}
