/**
 * The channels of one session, and the changes to them that its transaction has staged: LISTEN and UNLISTEN
 * take effect at commit. Channels are counted as they will be then, so that the bound holds at the LISTEN.
 */

import { canonicalChannel } from "../../channel-name.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_CHANNELS_PER_CONNECTION } from "../../limits.ts";
import type { Database, Listener } from "../database.ts";

interface StagedChange {
  /** As the client spelled it: the database decides what it means. */
  readonly channel: string;
  readonly listens: boolean;
}

/** What one statement replaced, for ROLLBACK TO. */
interface Replaced {
  /** null: UNLISTEN *, which replaced everything. */
  readonly name: string | null;
  readonly change: StagedChange | undefined;
  readonly staged: Map<string, StagedChange>;
  readonly unlistensAll: boolean;
  readonly countAfterCommit: number;
}

export class ChannelChanges {
  private readonly channels = new Set<string>();
  /** By the channel's canonical name, the last change counts. */
  private staged = new Map<string, StagedChange>();
  private unlistensAll = false;
  private countAfterCommit = 0;
  private replaced: Replaced[] = [];

  constructor(
    private readonly database: Database,
    private readonly listener: Listener,
  ) {}

  /** Throws 54000 past MAX_CHANNELS_PER_CONNECTION. */
  listen(channel: string): void {
    const name = canonicalChannel(channel);
    const isNew = !this.willListen(name);
    if (isNew && this.countAfterCommit >= MAX_CHANNELS_PER_CONNECTION) {
      throw new DeltatError(
        SqlState.programLimitExceeded,
        `limit exceeded: channels of one connection: ${MAX_CHANNELS_PER_CONNECTION}`,
      );
    }
    this.remember(name);
    if (isNew) this.countAfterCommit++;
    this.staged.set(name, { channel, listens: true });
  }

  /** null: every channel. */
  unlisten(channel: string | null): void {
    if (channel === null) {
      this.remember(null);
      this.staged = new Map();
      this.unlistensAll = true;
      this.countAfterCommit = 0;
      return;
    }
    const name = canonicalChannel(channel);
    this.remember(name);
    if (this.willListen(name)) this.countAfterCommit--;
    this.staged.set(name, { channel, listens: false });
  }

  commit(): void {
    const { database, listener, channels } = this;
    if (this.replaced.length > 0) this.replaced = [];
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
    this.rollbackTo(0);
  }

  /** How much was staged: for `rollbackTo`. */
  get mark(): number {
    return this.replaced.length;
  }

  rollbackTo(mark: number): void {
    for (let i = this.replaced.length - 1; i >= mark; i--) {
      const { name, change, staged, unlistensAll, countAfterCommit } = this.replaced[i] as Replaced;
      this.staged = staged;
      if (name !== null && change === undefined) staged.delete(name);
      else if (name !== null && change !== undefined) staged.set(name, change);
      this.unlistensAll = unlistensAll;
      this.countAfterCommit = countAfterCommit;
    }
    this.replaced.length = Math.min(this.replaced.length, mark);
  }

  private remember(name: string | null): void {
    const { staged, unlistensAll, countAfterCommit } = this;
    const change = name === null ? undefined : staged.get(name);
    this.replaced.push({ name, change, staged, unlistensAll, countAfterCommit });
  }

  private willListen(name: string): boolean {
    return this.staged.get(name)?.listens ?? (!this.unlistensAll && this.channels.has(name));
  }
}
