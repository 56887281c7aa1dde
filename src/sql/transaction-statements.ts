/** BEGIN, COMMIT, ROLLBACK and SET TRANSACTION. */

import type { Node, TransactionStmt } from "./ast.ts";
import { controlPlan, type Execution, type Plan } from "./execution.ts";
import { constantText } from "./grammar-constants.ts";
import { notSupported, refuseOtherFields } from "./unsupported.ts";

const STATEMENT_FIELDS = new Set(["kind", "options", "location"]);

/** What BEGIN, START TRANSACTION and SET TRANSACTION may ask for; null: not said. */
export interface TransactionModes {
  readonly isolation: string | null;
  readonly readOnly: boolean | null;
}

/** Modes from the DefElem nodes that the grammar makes of them. DEFERRABLE asks for nothing here. */
export function transactionModes(options: readonly Node[]): TransactionModes {
  let isolation: string | null = null;
  let readOnly: boolean | null = null;
  for (const option of options) {
    if (!("DefElem" in option)) throw notSupported("this transaction mode");
    const { defname, arg } = option.DefElem;
    const value = arg === undefined ? "" : constantText(arg);
    if (defname === "transaction_isolation") isolation = value;
    else if (defname === "transaction_read_only") readOnly = value === "1";
    else if (defname !== "transaction_deferrable") throw notSupported(defname ?? "this transaction mode");
  }
  return { isolation, readOnly };
}

export function planTransaction(node: TransactionStmt): Plan {
  if (node.chain === true) throw notSupported("AND CHAIN");
  switch (node.kind) {
    case "TRANS_STMT_BEGIN":
    case "TRANS_STMT_START": {
      refuseOtherFields(node, STATEMENT_FIELDS);
      const { isolation, readOnly } = transactionModes(node.options ?? []);
      const tag = node.kind === "TRANS_STMT_BEGIN" ? "BEGIN" : "START TRANSACTION";
      return controlPlan(tag, (execution) => {
        execution.session.beginBlock(isolation, readOnly);
        return tag;
      });
    }
    case "TRANS_STMT_COMMIT":
      refuseOtherFields(node, STATEMENT_FIELDS);
      return endingPlan("COMMIT", (execution) => execution.session.commitBlock());
    case "TRANS_STMT_ROLLBACK":
      refuseOtherFields(node, STATEMENT_FIELDS);
      return endingPlan("ROLLBACK", (execution) => execution.session.rollbackBlock());
    case "TRANS_STMT_SAVEPOINT":
      throw notSupported("SAVEPOINT");
    case "TRANS_STMT_RELEASE":
      throw notSupported("RELEASE SAVEPOINT");
    case "TRANS_STMT_ROLLBACK_TO":
      throw notSupported("ROLLBACK TO SAVEPOINT");
    default:
      throw notSupported("two-phase commit");
  }
}

function endingPlan(command: string, run: (execution: Execution) => string): Plan {
  return { ...controlPlan(command, run), usage: "end" };
}
