/**
 * The contract of the engine, written down a second time and as plainly as possible: Maps of row images, and
 * time taken one millisecond after another. It shares no idea with the engine (no sorted columns, no sweeps),
 * so that both are wrong together only where the contract itself is.
 *
 * A command is judged before it is applied. Where several errors apply to one command the contract names no
 * order, so the verdict holds all of them and any one is right.
 */

import type {
  BookingImage,
  Command,
  HoldImage,
  ResourceImage,
  RuleImage,
  Span,
} from "../../src/engine/command.ts";
import { SqlState } from "../../src/errors.ts";
import { formatId, type Id, sameId } from "../../src/id.ts";
import { MAX_BUFFER_MS, MAX_CAPACITY, MAX_TREE_DEPTH } from "../../src/limits.ts";
import { covers, footprint, runsOf, someInstant } from "./instants.ts";
import {
  conflictWith,
  exceeded,
  judgeInstant,
  judgeText,
  limit,
  notFound,
  usedId,
  type Violation,
} from "./violations.ts";

/** A booking or a live hold, on the line of its resource. */
interface Allocation extends Span {
  readonly id: Id;
}

type Rows<Image> = Map<string, Image>;

export class Oracle {
  readonly resources: Rows<ResourceImage> = new Map();
  readonly rules: Rows<RuleImage> = new Map();
  readonly bookings: Rows<BookingImage> = new Map();
  /** Live holds only. */
  readonly holds: Rows<HoldImage> = new Map();
  now = 0;

  constructor(private readonly enforceRulesByDefault: boolean) {}

  clone(): Oracle {
    const copy = new Oracle(this.enforceRulesByDefault);
    for (const [key, row] of this.resources) copy.resources.set(key, row);
    for (const [key, row] of this.rules) copy.rules.set(key, row);
    for (const [key, row] of this.bookings) copy.bookings.set(key, row);
    for (const [key, row] of this.holds) copy.holds.set(key, row);
    copy.now = this.now;
    return copy;
  }

  /** Time passes: it never goes back, and a hold is dead at the very millisecond of its expiry. */
  advance(now: number): void {
    this.now = Math.max(this.now, now);
    for (const [key, hold] of this.holds) if (hold.expiresAt <= this.now) this.holds.delete(key);
  }

  /** The row that an update, a delete or a confirmation is about; undefined if absent, and for inserts. */
  target(command: Command): ResourceImage | RuleImage | BookingImage | HoldImage | undefined {
    const named = this.targetOf(command);
    return named?.table.get(formatId(named.id));
  }

  private targetOf(command: Command) {
    switch (command.kind) {
      case "updateResource":
        return { table: this.resources, id: command.resource.id };
      case "deleteResource":
        return { table: this.resources, id: command.id };
      case "updateRule":
        return { table: this.rules, id: command.rule.id };
      case "removeRule":
        return { table: this.rules, id: command.id };
      case "moveBooking":
        return { table: this.bookings, id: command.booking.id };
      case "cancelBooking":
      case "forgetBooking":
        return { table: this.bookings, id: command.id };
      case "changeHold":
        return { table: this.holds, id: command.hold.id };
      case "releaseHold":
        return { table: this.holds, id: command.id };
      case "confirmHold":
        return { table: this.holds, id: command.holdId };
      default:
        return null;
    }
  }

  /**
   * Every error that the contract has for this command now; none if it must be accepted. That an UPDATE or
   * DELETE of an absent row affects 0 rows is SQL's business: a command names a row that is there.
   */
  judge(command: Command): Violation[] {
    const named = this.targetOf(command);
    const absent = named !== null && !named.table.has(formatId(named.id)) ? [notFound(named.id)] : [];
    return [...absent, ...this.judgeContent(command)];
  }

  private judgeContent(command: Command): Violation[] {
    switch (command.kind) {
      case "createResource":
        return [...usedId(this.resources, command.resource.id), ...this.judgeResource(command.resource)];
      case "updateResource":
        return [...this.judgeResource(command.resource), ...this.judgeRoom(command.resource)];
      case "deleteResource":
        return this.judgeDeletion(command.id);
      case "addRule":
        return [...usedId(this.rules, command.rule.id), ...this.judgePlace(command.rule)];
      case "updateRule":
        return this.judgePlace(command.rule);
      case "placeBooking":
        return [...usedId(this.bookings, command.booking.id), ...this.judgeBooking(command.booking)];
      case "moveBooking":
        return this.judgeBooking(command.booking);
      case "placeHold":
        return [...usedId(this.holds, command.hold.id), ...this.judgeHold(command.hold)];
      case "changeHold":
        return this.judgeHold(command.hold);
      case "confirmHold":
        return this.judgeConfirmation(command);
      default:
        return [];
    }
  }

  /** Makes the change; the command was judged without a violation. */
  apply(command: Command): void {
    switch (command.kind) {
      case "createResource":
      case "updateResource":
        this.resources.set(formatId(command.resource.id), command.resource);
        return;
      case "deleteResource":
        this.deleteResource(formatId(command.id));
        return;
      case "addRule":
      case "updateRule":
        this.rules.set(formatId(command.rule.id), command.rule);
        return;
      case "removeRule":
        this.rules.delete(formatId(command.id));
        return;
      case "placeBooking":
      case "moveBooking":
        this.bookings.set(formatId(command.booking.id), command.booking);
        return;
      case "cancelBooking":
      case "forgetBooking":
        this.bookings.delete(formatId(command.id));
        return;
      case "placeHold":
      case "changeHold":
        this.setHold(command.hold);
        return;
      case "releaseHold":
        this.holds.delete(formatId(command.id));
        return;
      case "confirmHold":
        this.confirm(command);
        return;
    }
  }

  // ---- time, one millisecond after another -------------------------------------------------------------

  /** open(t): the own open rules decide, else those of the nearest ancestor that has any. */
  private openAt(id: Id): (t: number) => boolean {
    for (const at of this.lineOf(id)) {
      const open = this.rulesOf(at).filter((rule) => !rule.blocking);
      if (open.length > 0) return (t) => open.some((rule) => covers(rule, t));
    }
    return () => false;
  }

  /** blocked(t): any blocking rule of the resource or of any ancestor. */
  private blockedAt(id: Id): (t: number) => boolean {
    const blocking = this.lineOf(id).flatMap((at) => this.rulesOf(at).filter((rule) => rule.blocking));
    return (t) => blocking.some((rule) => covers(rule, t));
  }

  /** used(t): the footprints of bookings and live holds. */
  private usedAt(id: Id): (t: number) => number {
    const buffer = this.resources.get(formatId(id))?.bufferAfterMs ?? 0;
    const footprints = this.allocationsOf(id).map((one) => footprint(one, buffer));
    return (t) => footprints.filter((one) => covers(one, t)).length;
  }

  /** free(t) = open(t) and not blocked(t) and used(t) < capacity; an unknown id is never free. */
  freeAt(id: Id): (t: number) => boolean {
    const resource = this.resources.get(formatId(id));
    if (resource === undefined) return () => false;
    const [open, blocked, used] = [this.openAt(id), this.blockedAt(id), this.usedAt(id)];
    return (t) => open(t) && !blocked(t) && used(t) < resource.capacity;
  }

  /** The runs of `[from, to)` in which at least `minAvailable` of the listed resources are free. */
  availability(
    ids: readonly Id[],
    from: number,
    to: number,
    minDurationMs: number,
    minAvailable: number,
  ): Span[] {
    const each = ids.map((id) => this.freeAt(id));
    const enough = (t: number) => each.filter((free) => free(t)).length >= minAvailable;
    return runsOf(enough, from, to).filter((run) => run.end - run.start >= minDurationMs);
  }

  private rulesEnforced(id: Id): boolean {
    for (const at of this.lineOf(id)) {
      const own = this.resources.get(formatId(at))?.enforceRules ?? null;
      if (own !== null) return own;
    }
    return this.enforceRulesByDefault;
  }

  allocationsOf(id: Id): Allocation[] {
    return [...this.bookings.values(), ...this.holds.values()].filter((one) => sameId(one.resourceId, id));
  }

  private rulesOf(id: Id): RuleImage[] {
    return [...this.rules.values()].filter((rule) => sameId(rule.resourceId, id));
  }

  private parentOf(id: Id): Id | null {
    return this.resources.get(formatId(id))?.parentId ?? null;
  }

  /** The resource and its ancestors, nearest first. */
  lineOf(id: Id): Id[] {
    const line: Id[] = [];
    for (let at: Id | null = id; at !== null; at = this.parentOf(at)) line.push(at);
    return line;
  }

  private childrenOf(id: Id): ResourceImage[] {
    return [...this.resources.values()].filter((row) => row.parentId !== null && sameId(row.parentId, id));
  }

  // ---- judgements -------------------------------------------------------------------------------------

  private judgeResource(resource: ResourceImage): Violation[] {
    const found = judgeText(resource.name, "name");
    if (resource.capacity < 1) found.push({ sqlState: SqlState.checkViolation, messageStart: "" });
    if (resource.capacity > MAX_CAPACITY) found.push(limit());
    if (resource.bufferAfterMs < 0) found.push({ sqlState: SqlState.checkViolation, messageStart: "" });
    if (resource.bufferAfterMs > MAX_BUFFER_MS) found.push(limit());
    return resource.parentId === null
      ? found
      : [...found, ...this.judgeParent(resource.id, resource.parentId)];
  }

  private judgeParent(id: Id, parentId: Id): Violation[] {
    const found: Violation[] = this.resources.has(formatId(parentId)) ? [] : [notFound(parentId)];
    const above = this.lineOf(parentId);
    if (above.some((at) => sameId(at, id))) {
      const messageStart = `cycle detected at resource: ${formatId(id)}`;
      return [...found, { sqlState: SqlState.checkViolation, messageStart }];
    }
    return above.length + 1 + this.levelsBelow(id) > MAX_TREE_DEPTH ? [...found, limit()] : found;
  }

  private levelsBelow(id: Id): number {
    return Math.max(0, ...this.childrenOf(id).map((child) => 1 + this.levelsBelow(child.id)));
  }

  /** A lowered capacity or a longer buffer must leave room for what is there. */
  private judgeRoom(resource: ResourceImage): Violation[] {
    const footprints = this.allocationsOf(resource.id).map((one) => footprint(one, resource.bufferAfterMs));
    const overfull = footprints.some((one) =>
      someInstant(one, (t) => footprints.filter((other) => covers(other, t)).length > resource.capacity),
    );
    if (!overfull) return [];
    if (resource.capacity !== 1) return [exceeded(resource.capacity)];
    return this.allocationsOf(resource.id).map((one) => conflictWith(one.id));
  }

  private judgeDeletion(id: Id): Violation[] {
    if (this.childrenOf(id).length === 0) return [];
    const messageStart = `cannot delete resource ${formatId(id)}: has children`;
    return [{ sqlState: SqlState.foreignKeyViolation, messageStart }];
  }

  /** What rules, bookings and holds share: a valid span on a resource that exists. */
  private judgePlace(row: Span & { readonly resourceId: Id }): Violation[] {
    const found = [...judgeInstant(row.start), ...judgeInstant(row.end)];
    if (row.start >= row.end) {
      found.push({ sqlState: SqlState.invalidDatetimeFormat, messageStart: "invalid time range" });
    }
    if (!this.resources.has(formatId(row.resourceId))) found.push(notFound(row.resourceId));
    return found;
  }

  private judgeBooking(booking: BookingImage): Violation[] {
    const found = [...judgeText(booking.label, "label"), ...this.judgePlace(booking)];
    if (staysPut(this.bookings.get(formatId(booking.id)), booking)) return found;
    const others = this.allocationsOf(booking.resourceId).filter(
      (one) => one !== this.bookings.get(formatId(booking.id)),
    );
    return [...found, ...this.judgeFit(booking, others)];
  }

  private judgeHold(hold: HoldImage): Violation[] {
    const found = [...judgeInstant(hold.expiresAt), ...this.judgePlace(hold)];
    // Dead at once: it counts nowhere, so there is nothing that it could collide with.
    if (hold.expiresAt <= this.now || staysPut(this.holds.get(formatId(hold.id)), hold)) return found;
    const others = this.allocationsOf(hold.resourceId).filter(
      (one) => one !== this.holds.get(formatId(hold.id)),
    );
    return [...found, ...this.judgeFit(hold, others)];
  }

  private judgeFit(row: Span & { readonly resourceId: Id }, others: readonly Allocation[]): Violation[] {
    const resource = this.resources.get(formatId(row.resourceId));
    if (resource === undefined || row.start >= row.end) return [];
    const found = this.judgeRules(row);
    const own = footprint(row, resource.bufferAfterMs);
    const inTheWay = others.filter((one) => {
      const other = footprint(one, resource.bufferAfterMs);
      return other.start < own.end && own.start < other.end;
    });
    const full = (t: number) =>
      inTheWay.filter((one) => covers(footprint(one, resource.bufferAfterMs), t)).length >= resource.capacity;
    if (!someInstant(own, full)) return found;
    if (resource.capacity !== 1) return [...found, exceeded(resource.capacity)];
    return [...found, ...inTheWay.map((one) => conflictWith(one.id))];
  }

  private judgeRules(row: Span & { readonly resourceId: Id }): Violation[] {
    if (!this.rulesEnforced(row.resourceId)) return [];
    const [open, blocked] = [this.openAt(row.resourceId), this.blockedAt(row.resourceId)];
    const first = runsOf((t) => !open(t) || blocked(t), row.start, row.end)[0];
    if (first === undefined) return [];
    const messageStart = `not available: [${first.start}, ${first.end})`;
    return [{ sqlState: SqlState.checkViolation, messageStart }];
  }

  private judgeConfirmation(command: Command & { kind: "confirmHold" }): Violation[] {
    return [...usedId(this.bookings, command.bookingId), ...judgeText(command.label, "label")];
  }

  // ---- changes ----------------------------------------------------------------------------------------

  private setHold(hold: HoldImage): void {
    const key = formatId(hold.id);
    if (hold.expiresAt > this.now) this.holds.set(key, hold);
    else this.holds.delete(key);
  }

  private confirm(command: Command & { kind: "confirmHold" }): void {
    const hold = this.holds.get(formatId(command.holdId));
    if (hold === undefined) throw new Error("the confirmation was not judged");
    this.holds.delete(formatId(command.holdId));
    const { resourceId, start, end } = hold;
    const { bookingId: id, label } = command;
    this.bookings.set(formatId(id), { id, resourceId, start, end, label });
  }

  private deleteResource(key: string): void {
    this.resources.delete(key);
    for (const table of [this.rules, this.bookings, this.holds]) {
      for (const [id, row] of table) if (formatId(row.resourceId) === key) table.delete(id);
    }
  }
}

/** A new label or expiry moves nothing: rules that have closed since then do not refuse it. */
function staysPut(before: BookingImage | HoldImage | undefined, after: BookingImage | HoldImage): boolean {
  if (before === undefined || formatId(before.resourceId) !== formatId(after.resourceId)) return false;
  return before.start === after.start && before.end === after.end;
}
