/**
 * Who listens to what in one database. Notifications carry the canonical name of their channel.
 */

import { canonicalChannel, RESOURCE_PREFIX } from "../channel-name.ts";
import type { Event } from "../engine/events.ts";
import type { Listener } from "../sql/database.ts";

export class Channels {
  private readonly listenersOf = new Map<string, Set<Listener>>();
  private readonly channelsOf = new Map<Listener, Set<string>>();

  /** Whether nobody listens: then no event need be made. */
  get isEmpty(): boolean {
    return this.listenersOf.size === 0;
  }

  isListenedTo(channel: string): boolean {
    return this.listenersOf.has(channel);
  }

  listen(listener: Listener, channel: string): void {
    const name = canonicalChannel(channel);
    member(this.listenersOf, name).add(listener);
    member(this.channelsOf, listener).add(name);
  }

  unlisten(listener: Listener, channel: string): void {
    const name = canonicalChannel(channel);
    dismiss(this.listenersOf, name, listener);
    dismiss(this.channelsOf, listener, name);
  }

  unlistenAll(listener: Listener): void {
    for (const name of this.channelsOf.get(listener) ?? []) dismiss(this.listenersOf, name, listener);
    this.channelsOf.delete(listener);
  }

  /** Tells everyone who listens on a channel of the event's resources, nearest resource first. */
  deliver(event: Event): void {
    for (const id of event.resourceIds) this.tell(RESOURCE_PREFIX + id, event.payload);
  }

  /** Tells what the session `processId` notified. */
  notify(channel: string, payload: string, processId: number): void {
    this.tell(canonicalChannel(channel), payload, processId);
  }

  /** Tells all who listen on a channel, whose name is canonical. @param processId of the session that speaks */
  tell(channel: string, payload: string, processId?: number): void {
    const listeners = this.listenersOf.get(channel);
    if (listeners === undefined) return;
    // A listener may leave while it is told (a slow one is disconnected), so the set is copied.
    for (const listener of [...listeners]) listener.notify(channel, payload, processId);
  }
}

function member<K, V>(sets: Map<K, Set<V>>, key: K): Set<V> {
  let set = sets.get(key);
  if (set === undefined) {
    set = new Set();
    sets.set(key, set);
  }
  return set;
}

function dismiss<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key);
  if (set?.delete(value) && set.size === 0) sets.delete(key);
}
