/**
 * INSERT, UPDATE and DELETE in WITH: `WITH moved AS (DELETE … RETURNING *) INSERT … SELECT … FROM moved`. As in
 * PostgreSQL, every part reads the tables as they were before the statement and knows of the others only what RETURNING
 * tells, and each runs to its end, read or not. Here the changes of a part are made, to learn what it returns, and undone
 * for the reading of the next; before that one's changes they are made again, so that all of them fit together.
 */

import type { Command } from "../../engine/command.ts";
import type { Transaction } from "../../engine/transaction.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import type { Execution, Plan } from "../execution.ts";
import { type CommonTableExpr, type Node, nameParts, type SelectStmt } from "../parse/ast.ts";
import { notSupported } from "../parse/unsupported.ts";
import { type RowStream, takeAll } from "../rows/row-stream.ts";
import type { StatementCompiler } from "../statements/statement-compiler.ts";
import type { RowOutput } from "../statements/targets.ts";
import type { Value } from "../values/value.ts";
import { type Cte, CteEnvironment, cteColumns } from "./cte.ts";
import { checkRowMemory } from "./run.ts";
import { ListFeed } from "./shared-rows.ts";
import { workMemory } from "./work-memory.ts";

type WithClause = NonNullable<SelectStmt["withClause"]>;

/** Plans a statement whose own WITH holds no changes. */
type PlanNode = (node: Node, compiler: StatementCompiler) => Plan;

interface Part {
  readonly plan: Plan;
  readonly key: object;
}

export function hasChangesInWith(node: Node): boolean {
  return (withClauseOf(node)?.ctes ?? []).some((item) => changeOf(item) !== null);
}

function withClauseOf(node: Node): WithClause | undefined {
  if ("SelectStmt" in node) return node.SelectStmt.withClause;
  if ("InsertStmt" in node) return node.InsertStmt.withClause;
  if ("UpdateStmt" in node) return node.UpdateStmt.withClause;
  if ("DeleteStmt" in node) return node.DeleteStmt.withClause;
  return undefined;
}

/** The change that an item of WITH makes; null for a query. */
function changeOf(item: Node): { readonly cte: CommonTableExpr; readonly change: Node } | null {
  if (!("CommonTableExpr" in item)) return null;
  const { ctequery } = item.CommonTableExpr;
  if (ctequery === undefined || "SelectStmt" in ctequery) return null;
  return { cte: item.CommonTableExpr, change: ctequery };
}

export function planChangesInWith(node: Node, compiler: StatementCompiler, planNode: PlanNode): Plan {
  const clause = withClauseOf(node) ?? {};
  const environment = new CteEnvironment(null);
  const queries: Node[] = [];
  const parts: Part[] = [];
  const names = new Set<string>();
  compiler.changes = environment;
  const main = compiler.part(() => {
    for (const item of clause.ctes ?? []) {
      if ("CommonTableExpr" in item) checkName(item.CommonTableExpr.ctename ?? "", names);
      const found = changeOf(item);
      if (found === null) {
        queries.push(item);
        continue;
      }
      const plan = planNode(withQueries(found.change, queries, clause), compiler);
      if (plan.usage !== "write") throw notSupported("this kind of statement in WITH");
      const key = {};
      parts.push({ plan, key });
      environment.add(readableChange(found.cte, plan, key, compiler.position(found.cte.location)));
    }
    return planNode(withQueries(withoutWith(node), queries, clause), compiler);
  });
  return {
    command: main.command,
    usage: "write",
    parameterTypes: compiler.parameterTypes(),
    columns: main.columns,
    run: (execution) => runParts(parts, main, execution),
  };
}

function checkName(name: string, names: Set<string>): void {
  if (names.has(name)) {
    throw new DeltatError(SqlState.duplicateAlias, `WITH query name "${name}" specified more than once`);
  }
  names.add(name);
}

function withoutWith(node: Node): Node {
  return withClause(node, undefined);
}

/** The statement with the queries that come before it in WITH as its own. */
function withQueries(node: Node, queries: readonly Node[], { recursive }: WithClause): Node {
  const own = withClauseOf(node);
  const ctes = [...queries, ...(own?.ctes ?? [])];
  if (ctes.length === 0) return node;
  const isRecursive = recursive === true || own?.recursive === true;
  return withClause(node, isRecursive ? { ctes, recursive: true } : { ctes });
}

function withClause(node: Node, clause: WithClause | undefined): Node {
  const replaced = <T extends { withClause?: WithClause }>({ withClause: _, ...rest }: T) =>
    clause === undefined ? rest : { ...rest, withClause: clause };
  if ("SelectStmt" in node) return { SelectStmt: replaced(node.SelectStmt) };
  if ("InsertStmt" in node) return { InsertStmt: replaced(node.InsertStmt) };
  if ("UpdateStmt" in node) return { UpdateStmt: replaced(node.UpdateStmt) };
  if ("DeleteStmt" in node) return { DeleteStmt: replaced(node.DeleteStmt) };
  throw notSupported("this kind of statement in WITH");
}

/** What RETURNING gives, under the name of the part. */
function readableChange(
  { ctename = "", aliascolnames }: CommonTableExpr,
  plan: Plan,
  key: object,
  position: number,
): Cte {
  const returning: RowOutput | null = plan.returning ?? null;
  const targets = returning?.targets ?? [];
  return {
    name: ctename,
    columns: cteColumns(
      targets,
      targets.map(({ expression }) => expression),
      nameParts(aliascolnames),
      ctename,
      position,
    ),
    references: new Set(),
    onUse() {
      if (returning !== null) return;
      throw new DeltatError(
        SqlState.featureNotSupported,
        `WITH query "${ctename}" does not have a RETURNING clause`,
      );
    },
    rows: ({ execution }) => new ListFeed(execution.changedRows?.get(key) ?? []),
  };
}

function runParts(parts: readonly Part[], main: Plan, execution: Execution): string {
  const { engine } = execution;
  const transaction = execution.transaction as Transaction;
  const mark = transaction.changes.length;
  const rows = new Map<object, readonly (readonly Value[])[]>();
  const commands: Command[] = [];
  const bringIn = (): void => {
    for (const command of commands) engine.apply(transaction, command);
  };
  for (const { plan, key } of parts) {
    const part = execution.withInput(execution);
    part.changedRows = rows;
    part.beforeChanges = bringIn;
    part.returned = [];
    const known = commands.length;
    plan.run(part);
    checkRowMemory(part.returned, workMemory(execution.session));
    rows.set(key, part.returned);
    for (const { command } of transaction.changes.slice(mark + known)) commands.push(command);
    engine.rollbackTo(transaction, mark);
  }
  execution.changedRows = rows;
  execution.beforeChanges = bringIn;
  const isChange = main.usage === "write" && !main.command.startsWith("SELECT");
  const result = main.run(execution);
  const tag = typeof result === "string" ? result : takeAll(result as RowStream, execution);
  if (!isChange) bringIn();
  return tag;
}
