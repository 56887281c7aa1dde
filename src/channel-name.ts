/** The one spelling of a channel: `resource_<ULID>` names the same channel in any case. */

import { formatId, parseId } from "./id.ts";

/** Carries the events of all resources, with their numbers. */
export const EVENTS_CHANNEL = "deltat_events";

/** A resource's channel is this and its id, in upper case. */
export const RESOURCE_PREFIX = "resource_";

export function canonicalChannel(channel: string): string {
  const prefix = channel.slice(0, RESOURCE_PREFIX.length);
  if (prefix.toLowerCase() !== RESOURCE_PREFIX) return channel;
  const id = parseId(channel.slice(RESOURCE_PREFIX.length));
  return id === null ? channel : RESOURCE_PREFIX + formatId(id);
}
