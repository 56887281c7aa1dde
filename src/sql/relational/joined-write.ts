/**
 * What UPDATE and DELETE with more than one table change: the target's rows are found by a query that joins it with
 * the rest, and computes what is assigned. All of it is read before anything is changed.
 */

import type { Id } from "../../id.ts";
import type { Node, RangeVar, SelectStmt } from "../ast.ts";
import type { Execution } from "../execution.ts";
import type { Expression } from "../expression.ts";
import { idOf } from "../field-values.ts";
import type { StatementCompiler } from "../statement-compiler.ts";
import { TEXT } from "../types.ts";
import { resolveUntyped } from "../untyped.ts";
import type { Value } from "../value.ts";
import { collectRows } from "./pipeline.ts";
import { RelationalPlanner } from "./planner.ts";
import { planQuery } from "./query.ts";
import { Run } from "./run.ts";
import { workMemory } from "./work-memory.ts";

/** A query whose rows a write takes. */
export interface RowQuery {
  /** Per column; what has no type yet takes that of the column it is assigned to. */
  readonly outputs: readonly Expression[];
  /** `outputs` as they were cast for their columns. */
  rows(execution: Execution, outputs: readonly Expression[]): Value[][];
}

export function planRowQuery(select: SelectStmt, compiler: StatementCompiler): RowQuery {
  const planner = new RelationalPlanner(compiler);
  const { operator, columns } = planQuery(select, planner, null);
  return {
    outputs: columns.map(({ expression }) => expression),
    rows(execution, outputs) {
      const run = new Run(execution, planner.slotCount, workMemory(execution.session));
      const rows: Value[][] = [];
      collectRows(run, operator.cursor(run), outputs, (row) => rows.push([...row]));
      return rows;
    },
  };
}

/** One row of the target, once however many rows it joins with, and the values computed with the first of them. */
interface TargetRow {
  readonly id: Id;
  readonly values: readonly Value[];
}

export interface TargetQuery {
  readonly assigned: readonly Expression[];
  rows(execution: Execution, assigned: readonly Expression[]): TargetRow[];
}

export interface TargetClauses {
  readonly relation: RangeVar;
  /** UPDATE … FROM, DELETE … USING. */
  readonly others: readonly Node[];
  readonly where: Node | undefined;
  readonly withClause: SelectStmt["withClause"];
  readonly assigned: readonly Node[];
}

export function planTargetQuery(clauses: TargetClauses, compiler: StatementCompiler): TargetQuery {
  const { relation, others, where, withClause, assigned } = clauses;
  const name = relation.alias?.aliasname ?? relation.relname ?? "";
  const id: Node = { ColumnRef: { fields: [{ String: { sval: name } }, { String: { sval: "id" } }] } };
  const query = planRowQuery(
    {
      targetList: [id, ...assigned].map((val) => ({ ResTarget: { val } })),
      fromClause: [{ RangeVar: relation }, ...others],
      ...(where === undefined ? {} : { whereClause: where }),
      ...(withClause === undefined ? {} : { withClause }),
    },
    compiler,
  );
  const [idOutput, ...outputs] = query.outputs as [Expression, ...Expression[]];
  return {
    assigned: outputs,
    rows(execution, cast) {
      const found = new Map<string, TargetRow>();
      for (const [text, ...values] of query.rows(execution, [resolveUntyped(idOutput, TEXT), ...cast])) {
        const key = text as string;
        if (!found.has(key)) found.set(key, { id: idOf(key), values });
      }
      return [...found.values()];
    },
  };
}
