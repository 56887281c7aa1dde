/**
 * PREPARE, EXECUTE and DEALLOCATE. EXECUTE is the one statement whose plan belongs to a session: it takes the
 * prepared one's columns, kind and work, and computes its parameters from the arguments.
 */

import { DeltatError, SqlState } from "../errors.ts";
import { controlPlan, type Execution, type Plan } from "./execution.ts";
import type { Expression } from "./expressions/expression.ts";
import type { DeallocateStmt, ExecuteStmt, PrepareStmt } from "./parse/ast.ts";
import { refuseOtherFields } from "./parse/unsupported.ts";
import { PlannedStatement } from "./planned-statement.ts";
import type { PreparedStatements } from "./session/prepared-statements.ts";
import type { StatementCompiler } from "./statements/statement-compiler.ts";
import { TEXT, typeByOid } from "./values/types.ts";

const PREPARE_FIELDS = new Set(["name", "argtypes", "query"]);

/**
 * @param planQuery plans the statement after AS; `declaredOids` are the types that PREPARE lists
 */
export function planPrepare(
  node: PrepareStmt,
  compiler: StatementCompiler,
  planQuery: (declaredOids: readonly number[]) => Plan,
): Plan {
  refuseOtherFields(node, PREPARE_FIELDS);
  const name = node.name ?? "";
  const declaredOids = (node.argtypes ?? []).map((type) => compiler.typeOid(type));
  const statement = new PlannedStatement(compiler.statementText, planQuery(declaredOids), []);
  return controlPlan("PREPARE", ({ session }) => {
    session.prepared.requireFree(name);
    session.prepared.add(name, statement, true);
    return "PREPARE";
  });
}

export function planDeallocate(node: DeallocateStmt): Plan {
  const name = node.name ?? "";
  if (node.isall === true) {
    return controlPlan("DEALLOCATE ALL", ({ session }) => {
      session.prepared.clear();
      return "DEALLOCATE ALL";
    });
  }
  return controlPlan("DEALLOCATE", ({ session }) => {
    session.prepared.get(name);
    session.prepared.remove(name);
    return "DEALLOCATE";
  });
}

const EXECUTE_FIELDS = new Set(["name", "params"]);

/** Throws 26000, 42601 for a wrong number of arguments, 42804 for one of a wrong type. */
export function planExecute(
  node: ExecuteStmt,
  compiler: StatementCompiler,
  prepared: PreparedStatements<PlannedStatement>,
): Plan {
  refuseOtherFields(node, EXECUTE_FIELDS);
  const name = node.name ?? "";
  const { plan, literals } = prepared.get(name);
  if (plan === null) return controlPlan("EXECUTE", () => "");
  const args = planArguments(node, name, plan, compiler);
  const inner = (execution: Execution): Execution =>
    execution.withInput({ parameters: args.map((arg) => arg.evaluate(execution)), literals });
  const { open } = plan;
  return {
    ...plan,
    parameterTypes: compiler.parameterTypes(),
    run: (execution) => plan.run(inner(execution)),
    ...(open !== undefined && { open: (execution: Execution) => open(inner(execution)) }),
  };
}

function planArguments(
  node: ExecuteStmt,
  name: string,
  plan: Plan,
  compiler: StatementCompiler,
): Expression[] {
  const given = node.params ?? [];
  const { parameterTypes } = plan;
  if (given.length !== parameterTypes.length) {
    throw new DeltatError(
      SqlState.syntaxError,
      `wrong number of parameters for prepared statement "${name}"`,
      { detail: `Expected ${parameterTypes.length} parameters but got ${given.length}.` },
    );
  }
  return given.map((arg, i) => compiler.argument(arg, typeByOid(parameterTypes[i] ?? 0) ?? TEXT, i + 1));
}
