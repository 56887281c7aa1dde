/**
 * Which commit last touched what, by resource: a reader waits for the commits that what it has read reflects, and for
 * no other.
 */

import type { BookingImage, HoldImage, ResourceImage, RuleImage } from "./command.ts";
import type { ResourceTable } from "./resource-table.ts";
import type { Change } from "./transaction.ts";

/** Marks every resource that the changes touch, itself or on its timelines, with the lsn of their commit. */
export function stampChanges(resources: ResourceTable, changes: readonly Change[], lsn: number): void {
  resources.lastStampedLsn = lsn;
  for (const { effects } of changes) {
    for (const effect of effects) {
      if (effect.table === "expiredHold") continue;
      if (effect.before !== null) stampResource(resources, effect.before, lsn);
      if (effect.after !== null) stampResource(resources, effect.after, lsn);
    }
  }
}

function stampResource(
  resources: ResourceTable,
  image: ResourceImage | RuleImage | BookingImage | HoldImage,
  lsn: number,
): void {
  const row = resources.find("resourceId" in image ? image.resourceId : image.id);
  if (row >= 0) resources.changedLsn[row] = lsn;
}

/** The newest lsn of the resource and its ancestors; 0 for row -1. */
export function newestLsnAbove(resources: ResourceTable, resourceRow: number): number {
  const { changedLsn, parent } = resources;
  let lsn = 0;
  for (let row = resourceRow; row >= 0; row = parent[row] as number) {
    lsn = Math.max(lsn, changedLsn[row] as number);
  }
  return lsn;
}
