/** A plan with the text it came from and the literals that were lifted out of it. */

import type { OutputColumn, Plan, SessionControl } from "./execution.ts";
import type { KnownStatement } from "./parse/shape-match.ts";
import type { Value } from "./values/value.ts";

/** A planned statement as the wire sees it. */
export interface Statement {
  readonly text: string;
  /** Nothing but blanks and comments. */
  readonly isEmpty: boolean;
  /** OIDs. */
  readonly parameterTypes: readonly number[];
  /** null: it returns no rows. */
  readonly columns: readonly OutputColumn[] | null;
}

export class PlannedStatement implements Statement {
  /** @param source its text, or the statement of the same shape that it was recognised by */
  constructor(
    private readonly source: string | KnownStatement,
    readonly plan: Plan | null,
    readonly literals: readonly Value[],
    /** Whom the columns depend on, if they do. */
    private readonly session: SessionControl | null = null,
  ) {}

  get text(): string {
    return typeof this.source === "string" ? this.source : this.source.textOf(this.literals);
  }

  get isEmpty(): boolean {
    return this.plan === null;
  }

  get parameterTypes(): readonly number[] {
    return this.plan?.parameterTypes ?? [];
  }

  get columns(): readonly OutputColumn[] | null {
    const { plan } = this;
    if (plan?.describe !== undefined && this.session !== null) return plan.describe(this.session);
    return plan?.columns ?? null;
  }
}
