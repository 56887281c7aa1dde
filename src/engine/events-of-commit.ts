/**
 * The events of a commit from its bytes in the log. A command says what a row becomes, and notes behind it say what
 * went: a removed row's resource, the rows deleted along with a resource, the holds that had expired. So a consumer
 * that was away is told what happened without anyone working out the state of then.
 */

import type { ByteWriter } from "../bytes.ts";
import { DeltatError, SqlState } from "../errors.ts";
import type { Id } from "../id.ts";
import { decodeCommit, encodeNote, type RemovedRow } from "./codec.ts";
import type { BookingImage, Command, HoldImage, ResourceImage, RuleImage, Span } from "./command.ts";
import type { Change, Effect } from "./transaction.ts";

/** Writes, behind the command of a change (for an expiry: instead of it), what its events need besides. */
export function encodeNotes(out: ByteWriter, { command, effects }: Change): void {
  if (command.kind === "forgetBooking") return;
  const [first] = effects;
  // What most commands do: one row more, less or changed.
  if (effects.length === 1 && first !== undefined) {
    const removed = removedBy(first);
    if (removed === null) return;
    encodeNote(out, { kind: "removals", resourceId: removed.resourceId, rows: [removed.row] });
    return;
  }
  let resourceId: Id | null = null;
  let rows: RemovedRow[] = [];
  const flush = (): void => {
    if (resourceId !== null) encodeNote(out, { kind: "removals", resourceId, rows });
  };
  for (const effect of effects) {
    const removed = removedBy(effect);
    if (removed === null) continue;
    if (resourceId === null || !sameId(resourceId, removed.resourceId)) {
      flush();
      ({ resourceId } = removed);
      rows = [];
    }
    rows.push(removed.row);
  }
  flush();
  if (command.kind !== "confirmHold") return;
  for (const effect of effects) {
    if (effect.table !== "booking" || effect.after === null) continue;
    encodeNote(out, { kind: "span", start: effect.after.start, end: effect.after.end });
  }
}

function sameId(a: Id, b: Id): boolean {
  return a.w0 === b.w0 && a.w1 === b.w1 && a.w2 === b.w2 && a.w3 === b.w3;
}

/** The row that an effect tells to be gone; null where its events tell only what is there now. */
function removedBy(effect: Effect): { readonly resourceId: Id; readonly row: RemovedRow } | null {
  switch (effect.table) {
    case "expiredHold":
      return null;
    case "resource": {
      const { before, after } = effect;
      if (before === null || after !== null) return null;
      return { resourceId: before.id, row: { table: "resource", id: before.id } };
    }
    case "rule": {
      const { before, after } = effect;
      if (before === null || after !== null) return null;
      return { resourceId: before.resourceId, row: { table: "rule", id: before.id } };
    }
    case "booking":
    case "hold": {
      const { before } = effect;
      if (before === null) return null;
      return { resourceId: before.resourceId, row: { table: effect.table, id: before.id } };
    }
  }
}

/**
 * What the commit at `at` did, in order, as far as its events tell: `noticesOf` gives those that listeners were told.
 * Throws DeltatError XX001 on bytes that are no commit.
 */
export function* effectsOfCommit(body: Uint8Array, at: number): Generator<Effect> {
  let command: Command | null = null;
  let span: Span = UNKNOWN_SPAN;
  let resourceId: Id | null = null;
  for (const item of decodeCommit(body)) {
    if (item.kind === "firstEvent") continue;
    if (item.kind === "span") span = item;
    else if (item.kind === "removals") {
      ({ resourceId } = item);
      for (const row of item.rows) yield removalOf(row, resourceId);
    } else {
      if (command !== null) yield* additionsOf(command, span, resourceId, at);
      command = item;
      resourceId = null;
    }
  }
  if (command !== null) yield* additionsOf(command, span, resourceId, at);
}

/** What is known of a row that went is its place: nothing else is told of it. */
const UNKNOWN_SPAN = { start: 0, end: 0 } as const;

function removalOf({ table, id }: RemovedRow, resourceId: Id): Effect {
  switch (table) {
    case "resource":
      return { table, before: removedResource(id), after: null };
    case "rule":
      return { table, before: { id, resourceId, ...UNKNOWN_SPAN, blocking: false }, after: null };
    case "booking":
      return { table, before: { id, resourceId, ...UNKNOWN_SPAN, label: null }, after: null };
    case "hold":
      return { table, before: { id, resourceId, ...UNKNOWN_SPAN, expiresAt: 0 }, after: null };
  }
}

function removedResource(id: Id): ResourceImage {
  return { id, parentId: null, name: null, capacity: 1, bufferAfterMs: 0, enforceRules: null };
}

/** What a command put into the tables, once its removals are told. */
function additionsOf(command: Command, span: Span, resourceId: Id | null, at: number): Effect[] {
  switch (command.kind) {
    case "createResource":
      return [{ table: "resource", before: null, after: command.resource }];
    case "updateResource":
      return [{ table: "resource", before: command.resource, after: command.resource }];
    case "addRule":
      return [ruleEffect(null, command.rule)];
    case "updateRule":
      return [ruleEffect(command.rule, command.rule)];
    case "placeBooking":
    case "moveBooking":
      return [bookingEffect(command.booking)];
    case "placeHold":
    case "changeHold":
      return [holdEffect(command.hold, at)];
    case "confirmHold": {
      if (resourceId === null) throw withoutNotes();
      const { bookingId: id, label } = command;
      return [bookingEffect({ id, resourceId, start: span.start, end: span.end, label })];
    }
    case "forgetBooking":
      return [];
    case "deleteResource":
    case "removeRule":
    case "cancelBooking":
    case "releaseHold":
      if (resourceId === null) throw withoutNotes();
      return [];
  }
}

function ruleEffect(before: RuleImage | null, after: RuleImage): Effect {
  return { table: "rule", before, after };
}

function bookingEffect(after: BookingImage): Effect {
  return { table: "booking", before: null, after };
}

function holdEffect(hold: HoldImage, at: number): Effect {
  return hold.expiresAt <= at ? { table: "expiredHold", hold } : { table: "hold", before: null, after: hold };
}

function withoutNotes(): DeltatError {
  return new DeltatError(SqlState.dataCorrupted, "a commit lacks the notes that its events follow from");
}
