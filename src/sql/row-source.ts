/** What FROM and WHERE give: the rows of one relation, as row handles, after the filter. */

import { planAccessPath } from "./access-path.ts";
import type { Node } from "./ast.ts";
import { planAvailabilityQuery } from "./availability-query.ts";
import { conjunctionOf } from "./conjuncts.ts";
import type { Execution } from "./execution.ts";
import type { Expression } from "./expression.ts";
import type { RelationScope } from "./relation.ts";
import { isStored } from "./schema.ts";
import type { StatementCompiler } from "./statement-compiler.ts";

export interface RowSource {
  /** Rows before the filter. */
  candidates(execution: Execution): number[];
  /** null: every candidate is wanted. */
  readonly filter: Expression | null;
  /**
   * The spans of `availability` alone: fills `execution.spans` and returns their count, without a list of rows.
   * null for other relations.
   */
  readonly spans: ((execution: Execution) => number) | null;
}

export function planRowSource(
  where: Node | undefined,
  scope: RelationScope,
  compiler: StatementCompiler,
): RowSource {
  const { relation } = scope;
  if (relation === null) {
    return { candidates: () => [-1], filter: compiler.condition(where), spans: null };
  }
  if (isStored(relation.table)) {
    const path = planAccessPath(relation.table, where, scope, compiler);
    return {
      candidates: path.candidates,
      filter: compiler.condition(conjunctionOf(path.rest)),
      spans: null,
    };
  }
  const query = planAvailabilityQuery(where, scope, compiler);
  return {
    candidates: (execution) => Array.from({ length: query.compute(execution) }, (_, row) => row),
    filter: compiler.condition(conjunctionOf(query.rest)),
    spans: query.compute,
  };
}

/** The rows that pass the filter. */
export function filteredRows(source: RowSource, execution: Execution): number[] {
  const rows = source.candidates(execution);
  const { filter } = source;
  if (filter === null) return rows;
  return rows.filter((row) => {
    execution.row = row;
    return filter.evaluate(execution) === true;
  });
}
