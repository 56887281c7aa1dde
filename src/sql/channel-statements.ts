/** LISTEN and UNLISTEN. Both take effect when their transaction commits. */

import type { ListenStmt, UnlistenStmt } from "./ast.ts";
import { controlPlan, type Plan } from "./execution.ts";

export function planListen(node: ListenStmt): Plan {
  const channel = node.conditionname ?? "";
  return controlPlan("LISTEN", (execution) => {
    execution.session.listen(channel);
    return "LISTEN";
  });
}

export function planUnlisten(node: UnlistenStmt): Plan {
  const channel = node.conditionname ?? null;
  return controlPlan("UNLISTEN", (execution) => {
    execution.session.unlisten(channel);
    return "UNLISTEN";
  });
}
