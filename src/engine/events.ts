/**
 * Events: what listeners are told of a commit. They follow from the changes alone, and are made only when
 * somebody listens. Each goes to the channel of its resource and of every ancestor.
 */

import { assert } from "../errors.ts";
import { formatId, type Id } from "../id.ts";
import type { BookingImage, HoldImage, ResourceImage, RuleImage, Span } from "./command.ts";
import type { ResourceTable } from "./resource-table.ts";
import type { Change, Effect } from "./transaction.ts";

export interface Event {
  /** JSON text with one key, the event's kind. */
  readonly payload: string;
  /** Upper-case ULIDs of the resource and its ancestors, nearest first. */
  readonly resourceIds: readonly string[];
}

/** The events of changes that `resources` already reflects, in the order in which they happened. */
export function eventsOf(resources: ResourceTable, changes: readonly Change[]): Event[] {
  const events: Event[] = [];
  const deleted = deletedParents(changes);
  for (const { command, effects } of changes) {
    if (command.kind === "forgetBooking") continue;
    for (const effect of effects) {
      for (const { payload, about } of noticesOf(effect)) {
        const ids = new Set<string>();
        for (const id of about) addWithAncestors(resources, deleted, id, ids);
        events.push({ payload: JSON.stringify(payload), resourceIds: [...ids] });
      }
    }
  }
  return events;
}

/** Parents of the resources that the changes delete: their ancestors hear of it too. */
function deletedParents(changes: readonly Change[]): Map<string, Id | null> {
  const parents = new Map<string, Id | null>();
  for (const { command, effects } of changes) {
    if (command.kind !== "deleteResource") continue;
    for (const effect of effects) {
      if (effect.table === "resource" && effect.before !== null) {
        parents.set(formatId(effect.before.id), effect.before.parentId);
      }
    }
  }
  return parents;
}

function addWithAncestors(
  resources: ResourceTable,
  deleted: ReadonlyMap<string, Id | null>,
  id: Id,
  ids: Set<string>,
): void {
  for (let next: Id | null = id; next !== null; ) {
    const text = formatId(next);
    if (ids.has(text)) return;
    ids.add(text);
    const row = resources.find(next);
    if (row < 0) {
      next = deleted.get(text) ?? null;
    } else {
      const parent = resources.parent[row] as number;
      next = parent < 0 ? null : resources.idAt(parent);
    }
  }
}

/** An event before it is addressed: `about` names the resources whose channels, and ancestors' channels, carry it. */
export interface Notice {
  readonly payload: object;
  /** The first is the one that the event is of. */
  readonly about: readonly Id[];
  /** Of the row. */
  readonly id: Id;
}

/** How many events follow from changes. */
export function countEvents(changes: readonly Change[]): number {
  let count = 0;
  for (const { command, effects } of changes) {
    if (command.kind === "forgetBooking") continue;
    for (const effect of effects) count += countNotices(effect);
  }
  return count;
}

/** How many `noticesOf` an effect gives. */
export function countNotices(effect: Effect): number {
  if (effect.table === "expiredHold") return 2;
  if (effect.table === "resource" || effect.table === "rule") return 1;
  return (effect.before === null ? 0 : 1) + (effect.after === null ? 0 : 1);
}

/** The events of one row's change, in order. */
export function noticesOf(effect: Effect): Notice[] {
  switch (effect.table) {
    case "resource":
      return [resourceNotice(effect.before, effect.after)];
    case "rule":
      return [ruleNotice(effect.before, effect.after)];
    case "booking":
      return [
        ...(effect.before === null ? [] : [noticeOf("BookingCancelled", effect.before, {})]),
        ...(effect.after === null
          ? []
          : [
              noticeOf("BookingConfirmed", effect.after, {
                span: spanOf(effect.after),
                label: effect.after.label,
              }),
            ]),
      ];
    case "hold":
      return [
        ...(effect.before === null ? [] : [noticeOf("HoldReleased", effect.before, {})]),
        ...(effect.after === null ? [] : [holdPlaced(effect.after)]),
      ];
    case "expiredHold":
      return [holdPlaced(effect.hold), noticeOf("HoldReleased", effect.hold, {})];
  }
}

function resourceNotice(before: ResourceImage | null, after: ResourceImage | null): Notice {
  // Those that a moved or deleted resource leaves hear of it as well.
  const parents = [before?.parentId ?? null, after?.parentId ?? null].filter((id) => id !== null);
  if (after === null) {
    assert(before !== null, "an effect has an image");
    return {
      payload: { ResourceDeleted: { id: formatId(before.id) } },
      about: [before.id, ...parents],
      id: before.id,
    };
  }
  const payload = {
    [before === null ? "ResourceCreated" : "ResourceUpdated"]: {
      id: formatId(after.id),
      parent_id: after.parentId === null ? null : formatId(after.parentId),
      name: after.name,
      capacity: after.capacity,
      buffer_after: after.bufferAfterMs,
    },
  };
  return { payload, about: [after.id, ...parents], id: after.id };
}

function ruleNotice(before: RuleImage | null, after: RuleImage | null): Notice {
  if (after === null) {
    assert(before !== null, "an effect has an image");
    return noticeOf("RuleRemoved", before, {});
  }
  const fields = { span: spanOf(after), blocking: after.blocking };
  if (before === null) return noticeOf("RuleAdded", after, fields);
  // A rule that went to another resource concerns both.
  const updated = noticeOf("RuleUpdated", after, fields);
  return { ...updated, about: [after.resourceId, before.resourceId] };
}

function holdPlaced(hold: HoldImage): Notice {
  return noticeOf("HoldPlaced", hold, { span: spanOf(hold), expires_at: hold.expiresAt });
}

function noticeOf(kind: string, image: RuleImage | BookingImage | HoldImage, fields: object): Notice {
  const payload = { [kind]: { id: formatId(image.id), resource_id: formatId(image.resourceId), ...fields } };
  return { payload, about: [image.resourceId], id: image.id };
}

function spanOf(span: Span): Span {
  return { start: span.start, end: span.end };
}
