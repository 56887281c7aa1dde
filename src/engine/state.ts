/**
 * Everything the engine knows, and the few ways a row enters or leaves it. These keep tables, timelines and the
 * expiry heap in step; they check nothing. Whoever calls them has checked, or is undoing.
 */

import { assert } from "../errors.ts";
import type { Id } from "../id.ts";
import { AllocationTable } from "./allocation-table.ts";
import { Arena } from "./arena.ts";
import type { BookingImage, HoldImage, ResourceImage, RuleImage } from "./command.ts";
import { ExpiryHeap } from "./expiry-heap.ts";
import { ResourceTable } from "./resource-table.ts";
import { RuleTable } from "./rule-table.ts";
import { Timeline, type TimelineArenas } from "./timeline.ts";

export class EngineState {
  readonly resources = new ResourceTable();
  readonly rules = new RuleTable();
  readonly allocations = new AllocationTable();
  readonly expiry = new ExpiryHeap(this.allocations);
  /** The engine's present, Unix milliseconds. Never goes back. */
  now = 0;
  /** Events of all commits there have been: the last one's `seq`. */
  eventCount = 0;
  /** While true, `enforce_rules` refuses nothing: what is replayed was accepted once, under the settings of then. */
  replaying = false;
  private readonly arenas: TimelineArenas = { starts: new Arena(true), ends: new Arena(false) };

  constructor(private readonly enforceRulesByDefault: boolean) {}

  /** The effective `enforce_rules` of a resource. */
  enforcesRules(resourceRow: number): boolean {
    for (let row = resourceRow; row >= 0; row = this.resources.parent[row] as number) {
      const own = this.resources.ownEnforceRules(row);
      if (own !== null) return own;
    }
    return this.enforceRulesByDefault;
  }

  ruleImage(row: number): RuleImage {
    const { rules } = this;
    return {
      id: rules.idAt(row),
      resourceId: this.resources.idAt(rules.resource[row] as number),
      start: rules.start[row] as number,
      end: rules.end[row] as number,
      blocking: rules.blocking[row] === 1,
    };
  }

  bookingImage(row: number): BookingImage {
    const { allocations } = this;
    return {
      id: allocations.idAt(row),
      resourceId: this.resources.idAt(allocations.resource[row] as number),
      start: allocations.start[row] as number,
      end: allocations.end[row] as number,
      label: allocations.label(row),
    };
  }

  holdImage(row: number): HoldImage {
    const { allocations } = this;
    return {
      id: allocations.idAt(row),
      resourceId: this.resources.idAt(allocations.resource[row] as number),
      start: allocations.start[row] as number,
      end: allocations.end[row] as number,
      expiresAt: allocations.expiresAt[row] as number,
    };
  }

  putResource(image: ResourceImage): void {
    const parentRow = image.parentId === null ? -1 : this.requireResource(image.parentId);
    const row = this.resources.find(image.id);
    if (row < 0) this.resources.add(image, parentRow);
    else this.resources.set(row, image, parentRow);
  }

  dropResource(id: Id): void {
    this.resources.remove(this.requireResource(id));
  }

  putRule(rule: RuleImage): void {
    const resourceRow = this.requireResource(rule.resourceId);
    const row = this.rules.add(rule, resourceRow);
    const timelines = rule.blocking ? this.resources.blockingRules : this.resources.openRules;
    this.timeline(timelines, resourceRow).add(rule.start, rule.end, row);
  }

  dropRule(row: number): void {
    const { rules } = this;
    const resourceRow = rules.resource[row] as number;
    const timelines = rules.blocking[row] === 1 ? this.resources.blockingRules : this.resources.openRules;
    this.timeline(timelines, resourceRow).remove(rules.start[row] as number, rules.end[row] as number, row);
    rules.remove(row);
  }

  putBooking(booking: BookingImage): void {
    const resourceRow = this.requireResource(booking.resourceId);
    const row = this.allocations.addBooking(booking, resourceRow);
    this.timeline(this.resources.allocations, resourceRow).add(booking.start, booking.end, row);
  }

  putHold(hold: HoldImage): void {
    const resourceRow = this.requireResource(hold.resourceId);
    const row = this.allocations.addHold(hold, resourceRow);
    this.timeline(this.resources.allocations, resourceRow).add(hold.start, hold.end, row);
    this.expiry.add(row);
  }

  /** Allocations `from` to `from + count` are those of a resource that has none yet, by start; `sortedEnds`: their ends. */
  restoreTimeline(
    resourceRow: number,
    starts: Float64Array,
    ends: Float64Array,
    sortedEnds: Float64Array,
    from: number,
    count: number,
  ): void {
    this.timeline(this.resources.allocations, resourceRow).fill(starts, ends, sortedEnds, from, count);
  }

  /** Removes a booking or a hold. */
  dropAllocation(row: number): void {
    const { allocations } = this;
    const resourceRow = allocations.resource[row] as number;
    if (allocations.isHold(row)) this.expiry.remove(row);
    const timeline = this.timeline(this.resources.allocations, resourceRow);
    timeline.remove(allocations.start[row] as number, allocations.end[row] as number, row);
    allocations.remove(row);
  }

  private requireResource(id: Id): number {
    const row = this.resources.find(id);
    assert(row >= 0, "the resource of a put row exists");
    return row;
  }

  private timeline(timelines: (Timeline | null)[], resourceRow: number): Timeline {
    const existing = timelines[resourceRow];
    if (existing) return existing;
    const made = new Timeline(this.arenas);
    timelines[resourceRow] = made;
    return made;
  }
}
