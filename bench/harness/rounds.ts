/**
 * Turns: everything that is compared runs once per round, in an order that is turned round from one round to the
 * next, so that a noisy minute hits all alike and nobody is always the first. Rates of different minutes do not
 * compare; neighbours of one round do.
 */

import type { Figure, Metrics } from "./figures.ts";

export interface Contestant {
  readonly work: string;
  readonly subject: string;
  readonly at: number;
  /** @param round 0 is the one that warms up, where there is one */
  run(round: number): Metrics | Promise<Metrics>;
}

/**
 * @param rounds those that count
 * @param warmUp whether a round that does not count goes before
 */
export async function inTurns(
  contestants: readonly Contestant[],
  rounds: number,
  warmUp = false,
): Promise<Figure[]> {
  const taken = contestants.map((): Metrics[] => []);
  for (let round = warmUp ? 0 : 1; round <= rounds; round++) {
    const order = [...contestants.keys()];
    if (round % 2 === 0) order.reverse();
    for (const i of order) {
      const metrics = await contestants[i]?.run(round);
      if (round > 0 && metrics !== undefined) taken[i]?.push(metrics);
    }
  }
  return contestants.map(({ work, subject, at }, i) => ({ work, subject, at, rounds: taken[i] ?? [] }));
}
