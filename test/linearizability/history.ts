/** What clients of one group of resources asked for and were told, and its translation into operations of the checker. */

import type { Operation } from "./checker.ts";
import { type Action, afterAction, type Outcome, type State } from "./model.ts";

/** What became of the actions of one attempt. */
export type Ending =
  /** Answered, and in force. */
  | "committed"
  /** Of no effect; what was told until then was true at some moment all the same. */
  | "aborted"
  /** It may have come into force or not. */
  | "unknown";

export interface Attempt {
  readonly client: number;
  readonly actions: readonly Action[];
  /** As many as were told. */
  readonly outcomes: readonly Outcome[];
  readonly ending: Ending;
  /** Unix milliseconds with fractions. */
  readonly invokedAt: number;
  readonly answeredAt: number;
}

/**
 * How far this process and the server may differ about the instant, milliseconds: the server's clock has no fractions,
 * and the recorder's is the same clock as it was when the run began.
 */
const CLOCK_DIFFERENCE_MS = 3;

function describe({ client, actions, outcomes, ending, invokedAt, answeredAt }: Attempt): string {
  const lines = actions.map((action, n) => `${JSON.stringify(action)} → ${JSON.stringify(outcomes[n])}`);
  return `client ${client}, ${invokedAt.toFixed(3)} to ${answeredAt.toFixed(3)}, ${ending}: ${lines.join("; ")}`;
}

function tellsOfNoChange(outcome: Outcome): boolean {
  return outcome.kind !== "done" || outcome.count === 0;
}

/** One attempt as an operation: its actions happen together, or not at all. */
function operationOf(attempt: Attempt): Operation<State> {
  const { actions, outcomes, ending, invokedAt, answeredAt } = attempt;
  return {
    invokedAt,
    answeredAt,
    isOptional: ending === "unknown",
    changesNothing: ending === "aborted" || (ending === "committed" && outcomes.every(tellsOfNoChange)),
    step: (before) => {
      let state: State | null = before;
      for (const [n, action] of actions.entries()) {
        state = state === null ? null : afterAction(state, action, outcomes[n] ?? null);
      }
      return ending === "aborted" && state !== null ? before : state;
    },
    describe: () => describe(attempt),
  };
}

/** The passing of an instant at which a hold expires; where the history ends about then, it may have passed or not. */
function expiryAt(instant: number, until: number): Operation<State> {
  const answeredAt = instant + CLOCK_DIFFERENCE_MS;
  return {
    invokedAt: instant - CLOCK_DIFFERENCE_MS,
    answeredAt: Math.min(answeredAt, until),
    isOptional: answeredAt > until,
    changesNothing: false,
    step: (state) => state.at(instant),
    describe: () => `the instant ${instant} passes`,
  };
}

export interface History {
  readonly operations: readonly Operation<State>[];
  /** Instants at which holds expire that have not passed for certain. */
  readonly toCome: ReadonlySet<number>;
}

/**
 * The history of these attempts, and of the instants at which holds expire meanwhile.
 * @param earlier instants that were to come when it began
 * @param until when it ended: behind every answer
 */
export function historyOf(
  attempts: readonly Attempt[],
  earlier: ReadonlySet<number>,
  until: number,
): History {
  const instants = new Set([...expiriesIn(attempts), ...earlier]);
  const begun = [...instants].filter((instant) => instant - CLOCK_DIFFERENCE_MS < until);
  return {
    operations: [...attempts.map(operationOf), ...begun.map((instant) => expiryAt(instant, until))],
    toCome: new Set([...instants].filter((instant) => instant + CLOCK_DIFFERENCE_MS > until)),
  };
}

/** Instants at which holds of these attempts expire. */
function expiriesIn(attempts: readonly Attempt[]): Set<number> {
  const actions = attempts.flatMap((attempt) => attempt.actions);
  return new Set(actions.flatMap((action) => ("expiresAt" in action ? [action.expiresAt] : [])));
}
