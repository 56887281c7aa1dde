/**
 * What UPDATE and DELETE with more than one table change: the target's rows are found by a query that joins it with
 * the rest, and computes what is assigned. All of it is read before anything is changed.
 */

import type { Id } from "../../id.ts";
import type { Execution } from "../execution.ts";
import type { Expression } from "../expressions/expression.ts";
import { resolveUntyped } from "../expressions/untyped.ts";
import type { Node, RangeVar, SelectStmt } from "../parse/ast.ts";
import type { StatementCompiler } from "../statements/statement-compiler.ts";
import type { RowOutput } from "../statements/targets.ts";
import { planReturning } from "../statements/write-target.ts";
import { idOf } from "../tables/field-values.ts";
import type { RelationScope } from "../tables/relation.ts";
import { TEXT } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { JoinedReturning } from "./joined-returning.ts";
import { collectRows } from "./pipeline.ts";
import { RelationalPlanner } from "./planner.ts";
import { planQuery } from "./query.ts";
import { Run } from "./run.ts";
import { workMemory } from "./work-memory.ts";

/** A query whose rows a write takes. */
export interface RowQuery {
  readonly names: readonly string[];
  /** Per column; what has no type yet takes that of the column it is assigned to. */
  readonly outputs: readonly Expression[];
  /** `outputs` as they were cast for their columns. */
  rows(execution: Execution, outputs: readonly Expression[]): Value[][];
}

export function planRowQuery(select: SelectStmt, compiler: StatementCompiler): RowQuery {
  const planner = new RelationalPlanner(compiler);
  const { operator, columns } = planQuery(select, planner, null);
  return {
    names: columns.map(({ name }) => name),
    outputs: columns.map(({ expression }) => expression),
    rows(execution, outputs) {
      const run = new Run(execution, planner.slotCount, workMemory(execution.session));
      const rows: Value[][] = [];
      try {
        collectRows(run, operator.cursor(run), outputs, (row) => rows.push([...row]));
      } finally {
        run.close();
      }
      return rows;
    },
  };
}

/** One row of the target, once however many rows it joins with, and the values computed with the first of them. */
interface TargetRow {
  readonly id: Id;
  readonly values: readonly Value[];
  readonly joined: readonly Value[];
}

export interface TargetQuery {
  readonly assigned: readonly Expression[];
  /** RETURNING; null without it. */
  readonly returning: RowOutput | null;
  /** The rows of the target, each with the values of `assigned`, and what RETURNING wants of the other tables. */
  rows(execution: Execution, assigned: readonly Expression[]): TargetRow[];
}

export interface TargetClauses {
  readonly relation: RangeVar;
  /** UPDATE … FROM, DELETE … USING. */
  readonly others: readonly Node[];
  readonly where: Node | undefined;
  readonly withClause: SelectStmt["withClause"];
  readonly assigned: readonly Node[];
  readonly returning: readonly Node[] | null;
}

export function planTargetQuery(
  clauses: TargetClauses,
  scope: RelationScope,
  compiler: StatementCompiler,
): TargetQuery {
  const { relation, others, where, withClause, assigned } = clauses;
  const name = relation.alias?.aliasname ?? relation.relname ?? "";
  const id: Node = { ColumnRef: { fields: [{ String: { sval: name } }, { String: { sval: "id" } }] } };
  const from = {
    fromClause: [{ RangeVar: relation }, ...others],
    ...(withClause === undefined ? {} : { withClause }),
  };
  const listed = (values: readonly Node[]) => values.map((val) => ({ ResTarget: { val } }));
  const joined =
    clauses.returning === null || others.length === 0
      ? null
      : new JoinedReturning(
          clauses.returning,
          scope,
          (star) => planRowQuery({ ...from, targetList: listed([star]) }, compiler).names,
        );
  const query = planRowQuery(
    {
      ...from,
      targetList: listed([id, ...assigned, ...(joined?.nodes ?? [])]),
      ...(where === undefined ? {} : { whereClause: where }),
    },
    compiler,
  );
  const [idOutput, ...outputs] = query.outputs as [Expression, ...Expression[]];
  const read = outputs.splice(assigned.length);
  return {
    assigned: outputs,
    returning:
      joined?.plan(read, compiler) ??
      planReturning(
        clauses.returning === null ? undefined : { exprs: [...clauses.returning] },
        scope,
        compiler,
      ),
    rows(execution, cast) {
      const found = new Map<string, TargetRow>();
      const all = [idOutput, ...cast, ...read].map((output) => resolveUntyped(output, TEXT));
      for (const [text, ...values] of query.rows(execution, all)) {
        const key = text as string;
        if (found.has(key)) continue;
        const joinedValues = values.splice(cast.length);
        found.set(key, { id: idOf(key), values, joined: joinedValues });
      }
      return [...found.values()];
    },
  };
}
