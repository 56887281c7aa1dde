/** Runs that once ended badly, cut down to what was needed; each stays mended. */

import type { Plan } from "./steps.ts";

interface PastFailure {
  readonly what: string;
  readonly plan: Plan;
}

export const PAST_FAILURES: readonly PastFailure[] = [
  {
    what: "what a failed sync left in the cache was taken for durable by the next process",
    plan: {
      settings: {
        segmentBytes: 65_536,
        snapshotBytes: 2000,
        historyBytes: 0,
        retentionMs: 50,
        blockingSyncLimitMs: -1,
        enforceRulesByDefault: true,
      },
      steps: [
        {
          kind: "ask",
          client: 0,
          operations: [
            { kind: "createResource", id: 0, parent: null, capacity: 3, buffer: 4, enforce: null },
          ],
          pipelined: false,
          seed: 546_771_740,
          endsTurn: true,
        },
        { kind: "failSync", seed: 418_633_370, endsTurn: true },
        { kind: "pass", ms: 5, seed: 788_318_555, endsTurn: false },
        { kind: "crash", power: true, seed: 2_036_883_423, endsTurn: false },
      ],
    },
  },
];
