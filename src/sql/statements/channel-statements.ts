/** LISTEN, UNLISTEN and NOTIFY. All three take effect when their transaction commits. */

import { controlPlan, type Plan } from "../execution.ts";
import type { ListenStmt, NotifyStmt, UnlistenStmt } from "../parse/ast.ts";

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

export function planNotify(node: NotifyStmt): Plan {
  const channel = node.conditionname ?? "";
  const payload = node.payload ?? "";
  return controlPlan("NOTIFY", (execution) => {
    execution.session.notify(channel, payload);
    return "NOTIFY";
  });
}
