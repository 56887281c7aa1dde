/** A query as a statement: a relational plan, run to its end, its rows written as they come. */

import type { SelectStmt } from "../ast.ts";
import { type Execution, type OutputColumn, outputColumn, type Plan } from "../execution.ts";
import type { Expression } from "../expression.ts";
import { expandFormats, RowWriter } from "../row-writer.ts";
import type { StatementCompiler } from "../statement-compiler.ts";
import { checkColumnCount, sentType } from "../targets.ts";
import { TEXT } from "../types.ts";
import { resolveUntyped } from "../untyped.ts";
import { DONE, type Operator, ROW, SlotExpression, type Step } from "./operator.ts";
import { RelationalPlanner } from "./planner.ts";
import { planQuery } from "./query.ts";
import { Run } from "./run.ts";
import { workMemory } from "./work-memory.ts";

/** A query that is planned: what it gives and how to run it. */
interface RelationalQuery {
  readonly operator: Operator;
  readonly names: readonly string[];
  readonly outputs: readonly Expression[];
  readonly planner: RelationalPlanner;
}

export function planRelationalQuery(select: SelectStmt, compiler: StatementCompiler): RelationalQuery {
  const planner = new RelationalPlanner(compiler);
  const { operator, columns } = planQuery(select, planner, null);
  return {
    operator,
    names: columns.map(({ name }) => name),
    outputs: columns.map(({ expression }) => resolveUntyped(expression, TEXT)),
    planner,
  };
}

export function planRelationalSelect(select: SelectStmt, compiler: StatementCompiler): Plan {
  const query = planRelationalQuery(select, compiler);
  checkColumnCount(query.outputs.length);
  return {
    command: "SELECT",
    usage: "read",
    parameterTypes: compiler.parameterTypes(),
    columns: query.outputs.map((output, at) => describe(query.names[at] ?? "", output)),
    run(execution) {
      const rows = new QueryRows(query, execution);
      while (rows.slice() !== DONE) {
        execution.session.checkTimeout();
        rows.refuel();
      }
      return `SELECT ${rows.count}`;
    },
  };
}

function describe(name: string, output: Expression): OutputColumn {
  const origin = output instanceof SlotExpression ? output.origin : null;
  return outputColumn(name, sentType(output.type), origin?.tableOid ?? 0, origin?.columnNumber ?? 0);
}

/** The rows of one run, written into the reply slice by slice. */
class QueryRows {
  count = 0;
  private readonly run: Run;
  private readonly writer: RowWriter;
  private readonly cursor;

  constructor(
    private readonly query: RelationalQuery,
    private readonly execution: Execution,
  ) {
    this.run = new Run(execution, query.planner.slotCount, workMemory(execution.session));
    const types = query.outputs.map(({ type }) => sentType(type));
    this.writer = new RowWriter(execution.out, types, expandFormats(execution.formats, types.length));
    this.cursor = query.operator.cursor(this.run);
    this.cursor.open();
  }

  refuel(): void {
    this.run.refuel();
  }

  /** Writes rows until there are no more (DONE) or the slice is used up (PAUSE). */
  slice(): Exclude<Step, typeof ROW> {
    const { outputs } = this.query;
    for (;;) {
      const step = this.cursor.next();
      if (step !== ROW) return step;
      this.writer.beginRow(outputs.length);
      for (let i = 0; i < outputs.length; i++) {
        this.writer.value((outputs[i] as Expression).evaluate(this.execution), i);
      }
      this.writer.endRow();
      this.count++;
    }
  }
}
