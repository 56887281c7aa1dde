/**
 * Plans by the text they came from, shared by all sessions of the process: a statement seen before, up to its
 * literals, is not parsed again. Bounded by bytes; a hit only marks its entry, and what was not hit since the
 * last sweep goes first (second chance, as in CLOCK), so that a hit costs one lookup.
 */

import { MAX_SHAPE_CACHE_BYTES } from "../limits.ts";
import type { Plan } from "./execution.ts";
import type { KnownStatement } from "./parse/shape-match.ts";
import type { Value } from "./values/value.ts";

/** Throws what reading a literal of a statement throws, even where its plan may not come to evaluate it. */
export type LiteralCheck = (literals: readonly Value[]) => void;

/** A plan with what its statement's literals must pass before it runs. */
export interface CheckedPlan {
  readonly plan: Plan;
  readonly literalChecks: readonly LiteralCheck[];
}

export interface CachedPlan extends CheckedPlan {
  /** How the same statement is told by its bytes; undefined until that was asked for, null where it cannot be. */
  known: KnownStatement | null | undefined;
}

interface Entry extends CachedPlan {
  readonly bytes: number;
  used: boolean;
}

/** What a plan weighs: its closures and columns grow with its text, whose literals are a few characters each. */
const PLAN_BYTES = 2048;
const PLAN_BYTES_PER_CHARACTER = 40;

export class PlanCache {
  private readonly entries = new Map<string, Entry>();
  private bytes = 0;

  constructor(private readonly maxBytes: number = MAX_SHAPE_CACHE_BYTES) {}

  get size(): number {
    return this.entries.size;
  }

  find(key: string): CachedPlan | undefined {
    const entry = this.entries.get(key);
    if (entry !== undefined) entry.used = true;
    return entry;
  }

  /** Keeps a plan under `key`, unless it alone would fill a quarter of the cache. */
  add(key: string, { plan, literalChecks }: CheckedPlan): void {
    const bytes = PLAN_BYTES + key.length * PLAN_BYTES_PER_CHARACTER;
    if (bytes * 4 > this.maxBytes || this.entries.has(key)) return;
    this.bytes += bytes;
    this.entries.set(key, { plan, literalChecks, known: undefined, bytes, used: false });
    if (this.bytes > this.maxBytes) this.evict();
  }

  private evict(): void {
    for (const [key, entry] of this.entries) {
      if (this.bytes <= this.maxBytes) return;
      this.entries.delete(key);
      if (entry.used) {
        entry.used = false;
        this.entries.set(key, entry);
      } else {
        this.bytes -= entry.bytes;
      }
    }
  }
}
