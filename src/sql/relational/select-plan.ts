/** A query as a statement: a relational plan whose rows are streamed. */

import type { Execution, Plan } from "../execution.ts";
import type { Expression } from "../expressions/expression.ts";
import { resolveUntyped } from "../expressions/untyped.ts";
import { type FuncCall, nameParts, type SelectStmt } from "../parse/ast.ts";
import { takeAll } from "../rows/row-stream.ts";
import { strongestOf } from "../statements/row-locks.ts";
import type { StatementCompiler } from "../statements/statement-compiler.ts";
import { checkColumnCount, describeOutput } from "../statements/targets.ts";
import { TEXT } from "../values/types.ts";
import type { Operator } from "./operator.ts";
import { RelationalPlanner } from "./planner.ts";
import { planQuery } from "./query.ts";
import { QueryStream, type StreamedQuery } from "./query-stream.ts";

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
  const { operator, outputs, planner } = query;
  const strongest = strongestOf(planner.lockingClauses);
  const streamed: StreamedQuery = {
    operator,
    outputs,
    maySuspend: strongest === null && !callsAny(select, FELT_OUTSIDE),
    readsNoTable: !planner.readsTables && compiler.changes === null,
    get slotCount() {
      return planner.slotCount;
    },
  };
  const plan = {
    parameterTypes: compiler.parameterTypes(),
    columns: query.outputs.map((output, at) => describeOutput(query.names[at] ?? "", output)),
  };
  const open = (execution: Execution) => new QueryStream(streamed, execution);
  if (strongest === null) return { ...plan, command: "SELECT", usage: "read", run: open, open };
  // Rows are locked as they were seen: no pause.
  const command = `SELECT ${strongest.words}`;
  return { ...plan, command, usage: "write", run: (execution) => takeAll(open(execution), execution) };
}

/** Functions whose calls others notice. */
const FELT_OUTSIDE: ReadonlySet<string> = new Set(["pg_notify", "set_config"]);

/** Whether a function of one of these names is called anywhere, in subqueries too. */
function callsAny(tree: unknown, names: ReadonlySet<string>): boolean {
  if (typeof tree !== "object" || tree === null) return false;
  return Object.entries(tree).some(
    ([key, inner]) =>
      (key === "FuncCall" && names.has(nameParts((inner as FuncCall).funcname).at(-1) ?? "")) ||
      callsAny(inner, names),
  );
}
