/** What FROM and WHERE give: the rows of one relation, as row handles, after the filter. */

import type { Execution } from "../execution.ts";
import type { Expression } from "../expressions/expression.ts";
import type { Node } from "../parse/ast.ts";
import { planAccessPath } from "../statements/access-path.ts";
import { planAvailabilityQuery } from "../statements/availability-query.ts";
import { conjunctionOf } from "../statements/conjuncts.ts";
import type { StatementCompiler } from "../statements/statement-compiler.ts";
import { copySpans, SPAN_COPY } from "../tables/availability-table.ts";
import type { RelationScope } from "../tables/relation.ts";
import { isStored } from "../tables/schema.ts";
import type { CopyCost } from "../tables/table-view.ts";

const NO_COPY: CopyCost = { perRow: 0, perResource: 0 };

/** How often what works on many rows without a pause looks at the time; a power of two. */
export const ROWS_PER_TIMEOUT_CHECK = 1024;

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
  /** What `copy` costs. */
  readonly copyCost: CopyCost;
  /** Makes `execution` read copies of these rows; returns the numbers they have there. */
  copy(execution: Execution, rows: Int32Array): Int32Array;
}

export function planRowSource(
  where: Node | undefined,
  scope: RelationScope,
  compiler: StatementCompiler,
): RowSource {
  const { relation } = scope;
  if (relation === null) {
    return {
      candidates: () => [-1],
      filter: compiler.condition(where),
      spans: null,
      copyCost: NO_COPY,
      copy: (_, rows) => rows,
    };
  }
  const { table } = relation;
  if (isStored(table)) {
    const path = planAccessPath(table, where, scope, compiler);
    return {
      candidates: path.candidates,
      filter: compiler.condition(conjunctionOf(path.rest)),
      spans: null,
      copyCost: table.copyCost,
      copy(execution, rows) {
        const copied = table.copy(execution.tables, rows);
        execution.tables = copied.view;
        return copied.rows;
      },
    };
  }
  const query = planAvailabilityQuery(where, scope, compiler);
  return {
    candidates: (execution) => Array.from({ length: query.compute(execution) }, (_, row) => row),
    filter: compiler.condition(conjunctionOf(query.rest)),
    spans: query.compute,
    copyCost: SPAN_COPY,
    copy: copySpans,
  };
}

/** The rows that pass the filter. */
export function filteredRows(source: RowSource, execution: Execution): number[] {
  return acceptedRows(source, source.candidates(execution), execution);
}

/** Those of `rows`, which are candidates of the source, that pass the filter. */
export function acceptedRows(source: RowSource, rows: number[], execution: Execution): number[] {
  const { filter } = source;
  if (filter === null) return rows;
  let looked = 0;
  return rows.filter((row) => {
    if ((++looked & (ROWS_PER_TIMEOUT_CHECK - 1)) === 0) execution.session.checkTimeout();
    execution.row = row;
    return filter.evaluate(execution) === true;
  });
}
