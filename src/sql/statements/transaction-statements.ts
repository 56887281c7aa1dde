/** BEGIN, COMMIT, ROLLBACK and the savepoints. */

import { controlPlan, type Execution, type Plan } from "../execution.ts";
import type { TransactionStmt } from "../parse/ast.ts";
import { notSupported, refuseOtherFields } from "../parse/unsupported.ts";
import { transactionModes } from "../session/transaction-modes.ts";

const STATEMENT_FIELDS = new Set(["kind", "options", "savepoint_name", "chain", "location"]);

export function planTransaction(node: TransactionStmt): Plan {
  refuseOtherFields(node, STATEMENT_FIELDS);
  const chain = node.chain === true;
  const name = node.savepoint_name ?? "";
  switch (node.kind) {
    case "TRANS_STMT_BEGIN":
    case "TRANS_STMT_START": {
      const modes = transactionModes(node.options ?? []);
      const tag = node.kind === "TRANS_STMT_BEGIN" ? "BEGIN" : "START TRANSACTION";
      return controlPlan(tag, ({ session }) => {
        session.beginBlock(modes);
        return tag;
      });
    }
    case "TRANS_STMT_COMMIT":
      return endingPlan("COMMIT", ({ session }) => session.commitBlock(chain));
    case "TRANS_STMT_ROLLBACK":
      return endingPlan("ROLLBACK", ({ session }) => session.rollbackBlock(chain));
    case "TRANS_STMT_SAVEPOINT":
      return controlPlan("SAVEPOINT", ({ session }) => {
        session.setSavepoint(name);
        return "SAVEPOINT";
      });
    case "TRANS_STMT_RELEASE":
      return controlPlan("RELEASE", ({ session }) => {
        session.releaseSavepoint(name);
        return "RELEASE";
      });
    case "TRANS_STMT_ROLLBACK_TO":
      return endingPlan("ROLLBACK", ({ session }) => {
        session.rollbackToSavepoint(name);
        return "ROLLBACK";
      });
    default:
      throw notSupported("two-phase commit");
  }
}

function endingPlan(command: string, run: (execution: Execution) => string): Plan {
  return { ...controlPlan(command, run), usage: "end" };
}
