/** One command onto the state, and back off it. */

import {
  cancelBooking,
  changeHold,
  confirmHold,
  moveBooking,
  placeBooking,
  placeHold,
  releaseHold,
} from "./allocation-commands.ts";
import { sameBooking, sameHold } from "./allocation-table.ts";
import type { Command } from "./command.ts";
import {
  addRule,
  createResource,
  deleteResource,
  removeRule,
  updateResource,
  updateRule,
} from "./resource-commands.ts";
import { sameResource } from "./resource-table.ts";
import { sameRule } from "./rule-table.ts";
import type { EngineState } from "./state.ts";
import type { Change, Effect } from "./transaction.ts";

/** Checks and applies a command. Throws DeltatError with the state as it was. */
export function applyCommand(state: EngineState, command: Command): Effect[] {
  switch (command.kind) {
    case "createResource":
      return createResource(state, command.resource);
    case "updateResource":
      return updateResource(state, command.resource);
    case "deleteResource":
      return deleteResource(state, command.id);
    case "addRule":
      return addRule(state, command.rule);
    case "updateRule":
      return updateRule(state, command.rule);
    case "removeRule":
      return removeRule(state, command.id);
    case "placeBooking":
      return placeBooking(state, command.booking);
    case "moveBooking":
      return moveBooking(state, command.booking);
    case "cancelBooking":
    case "forgetBooking":
      return cancelBooking(state, command.id);
    case "placeHold":
      return placeHold(state, command.hold);
    case "changeHold":
      return changeHold(state, command.hold);
    case "releaseHold":
      return releaseHold(state, command.id);
    case "confirmHold":
      return confirmHold(state, command.bookingId, command.holdId, command.label);
  }
}

/** Takes a change back. Only in the reverse order of application, and before anything else changed the rows. */
export function undoChange(state: EngineState, change: Change): void {
  for (let i = change.effects.length - 1; i >= 0; i--) undoEffect(state, change.effects[i] as Effect);
}

function undoEffect(state: EngineState, effect: Effect): void {
  switch (effect.table) {
    case "resource":
      if (effect.before !== null) {
        state.putResource(effect.before);
        if (effect.changedLsn !== undefined) {
          state.resources.changedLsn[state.resources.find(effect.before.id)] = effect.changedLsn;
        }
      } else if (effect.after !== null) state.dropResource(effect.after.id);
      return;
    case "rule":
      if (effect.after !== null) state.dropRule(state.rules.find(effect.after.id));
      if (effect.before !== null) state.putRule(effect.before);
      return;
    case "booking":
      if (effect.after !== null) state.dropAllocation(state.allocations.findBooking(effect.after.id));
      if (effect.before !== null) state.putBooking(effect.before);
      return;
    case "hold":
      if (effect.after !== null) state.dropAllocation(state.allocations.findHold(effect.after.id));
      if (effect.before !== null) state.putHold(effect.before);
      return;
    case "expiredHold":
      return;
  }
}

/**
 * Whether the rows that a change would alter are still as it saw them. What is deleted along with a resource
 * may differ: it goes anyway.
 */
export function stillApplies(state: EngineState, change: Change): boolean {
  const wholeResource = change.command.kind === "deleteResource";
  for (const effect of change.effects) {
    if (wholeResource && effect.table !== "resource") continue;
    if (!isUnchanged(state, effect)) return false;
  }
  return true;
}

/** Whether the committed row is what `effect.before` says; always true where that is nothing. */
export function isUnchanged(state: EngineState, effect: Effect): boolean {
  if (effect.table === "expiredHold" || effect.before === null) return true;
  const id = effect.before.id;
  switch (effect.table) {
    case "resource": {
      const row = state.resources.find(id);
      return row >= 0 && sameResource(state.resources.image(row), effect.before);
    }
    case "rule": {
      const row = state.rules.find(id);
      return row >= 0 && sameRule(state.ruleImage(row), effect.before);
    }
    case "booking": {
      const row = state.allocations.findBooking(id);
      return row >= 0 && sameBooking(state.bookingImage(row), effect.before);
    }
    case "hold": {
      const row = state.allocations.findHold(id);
      return row >= 0 && sameHold(state.holdImage(row), effect.before);
    }
  }
}
