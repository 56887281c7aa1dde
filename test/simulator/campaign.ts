/** Runs plans one after the other, tells what went wrong in one, and cuts a failing one down to a short story. */

import type { DeliberateBug } from "./deliberate-bug.ts";
import { Simulation } from "./simulation.ts";
import { type Plan, planOf, type Step } from "./steps.ts";

/** The last line of a story that ends badly begins with this. */
export const WRONG = "WRONG: ";

const RUNS_PER_COLLECTION = 20;

/** Why a run failed; null: it did not. */
export interface Outcome {
  readonly failure: Error | null;
  readonly counts: ReadonlyMap<string, number>;
}

/** Plays a plan, with a deliberate bug in the server or without. */
export function play(
  plan: Plan,
  bug: DeliberateBug | null = null,
  tell: ((line: string) => void) | null = null,
): Outcome {
  const simulation = new Simulation(plan, bug, tell);
  const unpatch = bug?.patch?.();
  try {
    simulation.run();
    return { failure: null, counts: simulation.counts };
  } catch (error) {
    return { failure: error instanceof Error ? error : new Error(String(error)), counts: simulation.counts };
  } finally {
    unpatch?.();
  }
}

/**
 * The shortest list of steps found that still fails in the same way: pieces are left out, large ones first, for as long
 * as `goesOn` says so.
 */
export function shrink(plan: Plan, bug: DeliberateBug | null, goesOn: () => boolean): Plan {
  let { steps } = plan;
  const symptom = symptomOf(play(plan, bug).failure);
  const fails = (fewer: readonly Step[]) =>
    symptomOf(play({ ...plan, steps: fewer }, bug).failure) === symptom;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let again = true; again && goesOn(); ) {
      again = false;
      for (let end = steps.length; end > 0 && goesOn(); end -= size) {
        const fewer = steps.toSpliced(Math.max(0, end - size), Math.min(size, end));
        if (!fails(fewer)) continue;
        steps = fewer;
        again = true;
      }
    }
  }
  return { ...plan, steps };
}

/** The first words of what went wrong, without ids and numbers. */
function symptomOf(failure: Error | null): string {
  return failure === null
    ? ""
    : failure.message.replace(/\b[0-9A-Z]{26}\b|\d+|alpha|beta/g, "#").slice(0, 40);
}

/** What a plan does, a line for each thing that happens, and what is wrong at the end. */
export function storyOf(plan: Plan, bug: DeliberateBug | null): string[] {
  const lines: string[] = [];
  const { failure } = play(plan, bug, (line) => lines.push(line));
  return [...lines, failure === null ? "nothing is wrong" : `${WRONG}${failure.message}`];
}

/** Plays the seeds from `seed` on for as long as `goesOn`; the first that fails, or null. */
export function campaign(
  seed: number,
  stepsPerRun: number,
  goesOn: () => boolean,
  counts: Map<string, number>,
  bug: DeliberateBug | null = null,
): { readonly seed: number; readonly failure: Error } | null {
  for (let next = seed; goesOn(); next++) {
    const outcome = play(planOf(next, stepsPerRun), bug);
    counts.set("runs", (counts.get("runs") ?? 0) + 1);
    for (const [what, count] of outcome.counts) counts.set(what, (counts.get(what) ?? 0) + count);
    // Every run is a server or two of its own, mostly in buffers, which the collector does not see the weight of.
    if ((next - seed) % RUNS_PER_COLLECTION === RUNS_PER_COLLECTION - 1) Bun.gc(true);
    if (outcome.failure !== null) return { seed: next, failure: outcome.failure };
  }
  return null;
}
