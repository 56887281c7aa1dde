/** From a statement's tree to its plan: one planner per kind of statement, and a refusal by name for the rest. */

import { type Node, nodeKind } from "./ast.ts";
import { planListen, planUnlisten } from "./channel-statements.ts";
import { planDelete } from "./delete.ts";
import type { Plan } from "./execution.ts";
import { planInsert } from "./insert.ts";
import { planExplain } from "./relational/explain.ts";
import { planSelect } from "./select.ts";
import { planDiscard, planSet, planShow } from "./setting-statements.ts";
import type { LiftedLiterals } from "./shape.ts";
import { StatementCompiler } from "./statement-compiler.ts";
import { planTransaction } from "./transaction-statements.ts";
import { unsupportedStatement } from "./unsupported.ts";
import { planUpdate } from "./update.ts";

export interface PlannedStatement {
  readonly plan: Plan;
  /** Whether the plan serves every statement of the same shape. */
  readonly isShapeSafe: boolean;
}

/**
 * @param declaredOids types of the parameters as the client declares them; null: the statement may have none
 * @param literals those lifted out of `text`, to be read when the plan runs; null: all are compiled in
 */
export function planStatement(
  node: Node,
  text: string,
  declaredOids: readonly number[] | null,
  literals: LiftedLiterals | null,
): PlannedStatement {
  const compiler = new StatementCompiler(text, declaredOids, literals);
  const plan = planNode(node, compiler);
  return { plan, isShapeSafe: compiler.isShapeSafe() };
}

function planNode(node: Node, compiler: StatementCompiler): Plan {
  if ("SelectStmt" in node) return planSelect(node.SelectStmt, compiler);
  if ("InsertStmt" in node) return planInsert(node.InsertStmt, compiler);
  if ("UpdateStmt" in node) return planUpdate(node.UpdateStmt, compiler);
  if ("DeleteStmt" in node) return planDelete(node.DeleteStmt, compiler);
  if ("TransactionStmt" in node) return planTransaction(node.TransactionStmt);
  if ("VariableSetStmt" in node) return planSet(node.VariableSetStmt);
  if ("VariableShowStmt" in node) return planShow(node.VariableShowStmt);
  if ("ExplainStmt" in node) return planExplain(node.ExplainStmt, compiler);
  if ("DiscardStmt" in node) return planDiscard(node.DiscardStmt);
  if ("ListenStmt" in node) return planListen(node.ListenStmt);
  if ("UnlistenStmt" in node) return planUnlisten(node.UnlistenStmt);
  throw unsupportedStatement(nodeKind(node));
}
