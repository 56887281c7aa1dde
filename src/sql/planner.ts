/** From a statement's tree to its plan: one planner per kind of statement, and a refusal by name for the rest. */

import { planCopy } from "./copy/statement.ts";
import { planDeallocate, planExecute, planPrepare } from "./execute.ts";
import type { Plan } from "./execution.ts";
import { type Node, nodeKind } from "./parse/ast.ts";
import type { LiftedLiterals } from "./parse/shape.ts";
import { unsupportedStatement } from "./parse/unsupported.ts";
import type { CheckedPlan } from "./plan-cache.ts";
import type { PlannedStatement } from "./planned-statement.ts";
import { hasChangesInWith, planChangesInWith } from "./relational/changes-in-with.ts";
import { planExplain } from "./relational/explain.ts";
import type { PreparedStatements } from "./session/prepared-statements.ts";
import { planListen, planNotify, planUnlisten } from "./statements/channel-statements.ts";
import { planCheckpoint } from "./statements/checkpoint-statement.ts";
import { planClose, planDeclare, planFetch } from "./statements/cursor-statements.ts";
import { planCreateDatabase, planDropDatabase } from "./statements/database-statements.ts";
import { planDelete } from "./statements/delete.ts";
import { planInsert } from "./statements/insert.ts";
import { planSelect } from "./statements/select.ts";
import { planDiscard, planSet, planShow } from "./statements/setting-statements.ts";
import { StatementCompiler } from "./statements/statement-compiler.ts";
import { planTransaction } from "./statements/transaction-statements.ts";
import { planUpdate } from "./statements/update.ts";

interface PlanResult extends CheckedPlan {
  /** Whether the plan serves every statement of the same shape. */
  readonly isShapeSafe: boolean;
  /** Whether it is good for this session alone, and not to be kept: EXECUTE. */
  readonly isOfSession: boolean;
}

/**
 * @param declaredOids types of the parameters as the client declares them; null: the statement may have none
 * @param literals those lifted out of `text`, to be read when the plan runs; null: all are compiled in
 * @param prepared what EXECUTE may name
 */
export function planStatement(
  node: Node,
  text: string,
  declaredOids: readonly number[] | null,
  literals: LiftedLiterals | null,
  prepared: PreparedStatements<PlannedStatement>,
): PlanResult {
  const compiler = new StatementCompiler(text, declaredOids, literals);
  const { literalChecks } = compiler;
  if ("ExecuteStmt" in node) {
    const plan = planExecute(node.ExecuteStmt, compiler, prepared);
    return { plan, literalChecks: [], isShapeSafe: false, isOfSession: true };
  }
  if ("ExplainStmt" in node) {
    const plan = planExplain(node.ExplainStmt, compiler, prepared);
    const { query } = node.ExplainStmt;
    const isOfSession = query !== undefined && "ExecuteStmt" in query;
    return { plan, literalChecks, isShapeSafe: !isOfSession && compiler.isShapeSafe(), isOfSession };
  }
  const plan = planNode(node, compiler);
  return { plan, literalChecks, isShapeSafe: compiler.isShapeSafe(), isOfSession: false };
}

function planNode(node: Node, compiler: StatementCompiler): Plan {
  if (hasChangesInWith(node)) return planChangesInWith(node, compiler, planNode);
  if ("SelectStmt" in node) return planSelect(node.SelectStmt, compiler);
  if ("InsertStmt" in node) return planInsert(node.InsertStmt, compiler);
  if ("UpdateStmt" in node) return planUpdate(node.UpdateStmt, compiler);
  if ("DeleteStmt" in node) return planDelete(node.DeleteStmt, compiler);
  if ("CopyStmt" in node) return planCopy(node.CopyStmt, compiler, (query) => planNode(query, compiler));
  if ("DeclareCursorStmt" in node) return planDeclare(node.DeclareCursorStmt, compiler);
  if ("FetchStmt" in node) return planFetch(node.FetchStmt);
  if ("ClosePortalStmt" in node) return planClose(node.ClosePortalStmt);
  if ("TransactionStmt" in node) return planTransaction(node.TransactionStmt);
  if ("VariableSetStmt" in node) return planSet(node.VariableSetStmt);
  if ("VariableShowStmt" in node) return planShow(node.VariableShowStmt);
  if ("CheckPointStmt" in node) return planCheckpoint();
  if ("CreatedbStmt" in node) return planCreateDatabase(node.CreatedbStmt);
  if ("DropdbStmt" in node) return planDropDatabase(node.DropdbStmt);
  if ("DiscardStmt" in node) return planDiscard(node.DiscardStmt);
  if ("ListenStmt" in node) return planListen(node.ListenStmt);
  if ("UnlistenStmt" in node) return planUnlisten(node.UnlistenStmt);
  if ("NotifyStmt" in node) return planNotify(node.NotifyStmt);
  if ("DeallocateStmt" in node) return planDeallocate(node.DeallocateStmt);
  if ("PrepareStmt" in node) {
    const { query } = node.PrepareStmt;
    return planPrepare(node.PrepareStmt, compiler, (declaredOids) =>
      // The literals stay part of the plan: it is this statement's own.
      planNode(query as Node, new StatementCompiler(compiler.statementText, declaredOids, null)),
    );
  }
  throw unsupportedStatement(nodeKind(node));
}
