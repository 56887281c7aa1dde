/**
 * What listeners have to be told of a commit, from the contract: ten kinds of events, each to the channel of its resource
 * and of every ancestor. Events come in groups, one group after the other; within a group the order is not promised.
 */

import type { BookingImage, Command, HoldImage, RuleImage, Span } from "../../src/engine/command.ts";
import { formatId, type Id } from "../../src/id.ts";
import type { Oracle } from "../engine/oracle.ts";

interface Event {
  readonly payload: string;
  readonly about: readonly Id[];
}

/** Events that are told together. */
export interface EventGroup {
  readonly payloads: readonly string[];
  readonly notices: Notices;
}

/** The notifications of a group, each to whoever listens on its channel. */
export type Notices = readonly { readonly channel: string; readonly payload: string }[];

/** Applies a commit's commands to `state` and returns what is to be told of them. */
export function applyAndTell(state: Oracle, commands: readonly Command[]): EventGroup[] {
  const groups: Event[][] = [];
  /** Of deleted resources: whose children they were. */
  const parents = new Map<string, Id | null>();
  for (const command of commands) {
    groups.push(...eventsOf(state, command));
    if (command.kind === "deleteResource") {
      const row = state.resources.get(formatId(command.id));
      parents.set(formatId(command.id), row?.parentId ?? null);
    }
    state.apply(command);
  }
  return groups.map((events) => addressed(state, parents, events));
}

/** Holds that expire at the same moment, told together. */
export function expiryEvents(state: Oracle, expired: readonly HoldImage[]): EventGroup[] {
  const moments = [...new Set(expired.map((hold) => hold.expiresAt))].sort((a, b) => a - b);
  return moments.map((at) => {
    const events = expired.filter((hold) => hold.expiresAt === at).map((hold) => ofRow("HoldReleased", hold));
    return addressed(state, new Map(), events);
  });
}

function addressed(
  state: Oracle,
  parents: ReadonlyMap<string, Id | null>,
  events: readonly Event[],
): EventGroup {
  const notices = events.flatMap(({ payload, about }) => {
    const channels = new Set<string>();
    for (const id of about) {
      for (let at: Id | null = id; at !== null; ) {
        const text: string = formatId(at);
        channels.add(`resource_${text}`);
        at = state.resources.get(text)?.parentId ?? parents.get(text) ?? null;
      }
    }
    return [...channels].map((channel) => ({ channel, payload }));
  });
  return { payloads: events.map(({ payload }) => payload), notices };
}

function eventsOf(state: Oracle, command: Command): Event[][] {
  switch (command.kind) {
    case "createResource":
    case "updateResource":
      return [[resourceEvent(state, command)]];
    case "deleteResource":
      return [deletionEvents(state, command.id)];
    case "addRule":
      return [[ruleEvent("RuleAdded", command.rule, [])]];
    case "updateRule": {
      const before = state.rules.get(formatId(command.rule.id));
      return [[ruleEvent("RuleUpdated", command.rule, before === undefined ? [] : [before.resourceId])]];
    }
    case "removeRule":
      return gone("RuleRemoved", state.rules.get(formatId(command.id)));
    case "placeBooking":
      return [[confirmed(command.booking)]];
    case "moveBooking":
      return [
        ...gone("BookingCancelled", state.bookings.get(formatId(command.booking.id))),
        [confirmed(command.booking)],
      ];
    case "cancelBooking":
      return gone("BookingCancelled", state.bookings.get(formatId(command.id)));
    case "forgetBooking":
      return [];
    case "placeHold":
      return heldEvents(state, command.hold);
    case "changeHold":
      return [
        ...gone("HoldReleased", state.holds.get(formatId(command.hold.id))),
        ...heldEvents(state, command.hold),
      ];
    case "releaseHold":
      return gone("HoldReleased", state.holds.get(formatId(command.id)));
    case "confirmHold": {
      const hold = state.holds.get(formatId(command.holdId));
      if (hold === undefined) return [];
      const { resourceId, start, end } = hold;
      const booking = { id: command.bookingId, resourceId, start, end, label: command.label };
      return [[ofRow("HoldReleased", hold)], [confirmed(booking)]];
    }
  }
}

function resourceEvent(
  state: Oracle,
  command: Extract<Command, { kind: "createResource" | "updateResource" }>,
): Event {
  const { id, parentId, name, capacity, bufferAfterMs } = command.resource;
  const kind = command.kind === "createResource" ? "ResourceCreated" : "ResourceUpdated";
  const before = state.resources.get(formatId(id))?.parentId ?? null;
  const fields = {
    id: formatId(id),
    parent_id: parentId === null ? null : formatId(parentId),
    name,
    capacity,
    buffer_after: bufferAfterMs,
  };
  // The parent that it leaves hears of it, too.
  const about = [id, before, parentId].filter((one) => one !== null);
  return { payload: JSON.stringify({ [kind]: fields }), about };
}

/** The resource, and all that lies on its line. */
function deletionEvents(state: Oracle, id: Id): Event[] {
  const key = formatId(id);
  const isOn = (row: { readonly resourceId: Id }) => formatId(row.resourceId) === key;
  return [
    ...[...state.rules.values()].filter(isOn).map((rule) => ofRow("RuleRemoved", rule)),
    ...[...state.bookings.values()].filter(isOn).map((booking) => ofRow("BookingCancelled", booking)),
    ...[...state.holds.values()].filter(isOn).map((hold) => ofRow("HoldReleased", hold)),
    { payload: JSON.stringify({ ResourceDeleted: { id: key } }), about: [id] },
  ];
}

function heldEvents(state: Oracle, hold: HoldImage): Event[][] {
  const fields = { span: spanOf(hold), expires_at: hold.expiresAt };
  const placed = ofRow("HoldPlaced", hold, fields);
  // One that has expired already comes and goes.
  return hold.expiresAt > state.now ? [[placed]] : [[placed], [ofRow("HoldReleased", hold)]];
}

function confirmed(booking: BookingImage): Event {
  return ofRow("BookingConfirmed", booking, { span: spanOf(booking), label: booking.label });
}

function ruleEvent(kind: string, rule: RuleImage, also: readonly Id[]): Event {
  const event = ofRow(kind, rule, { span: spanOf(rule), blocking: rule.blocking });
  return { ...event, about: [rule.resourceId, ...also] };
}

function gone(kind: string, row: RuleImage | BookingImage | HoldImage | undefined): Event[][] {
  return row === undefined ? [] : [[ofRow(kind, row)]];
}

function ofRow(kind: string, row: RuleImage | BookingImage | HoldImage, fields: object = {}): Event {
  const payload = { [kind]: { id: formatId(row.id), resource_id: formatId(row.resourceId), ...fields } };
  return { payload: JSON.stringify(payload), about: [row.resourceId] };
}

function spanOf({ start, end }: Span): Span {
  return { start, end };
}
