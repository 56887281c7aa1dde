/** Calls of functions: those with arguments by position or by name, casts in the form of a call, CURRENT_DATE and its like. */

import { DeltatError, SqlState } from "../../errors.ts";
import { functionsNamed } from "../functions/function-table.ts";
import { type FuncCall, type Node, nameParts, type SQLValueFunction } from "../parse/ast.ts";
import { checkSchema } from "../parse/schema-names.ts";
import { notSupportedAt } from "../parse/unsupported.ts";
import { isAggregateCall, isWindowFunction } from "../relational/aggregate-calls.ts";
import { PARAMETER_NAMES } from "../time/functions.ts";
import { fitTime } from "../time/modifiers.ts";
import { INT4, typeByName } from "../values/types.ts";
import { castExplicitly } from "./casts.ts";
import type { CompileContext } from "./compile-context.ts";
import type { Expression } from "./expression.ts";
import { compileCall } from "./function-call.ts";
import { constant } from "./untyped.ts";

/** Compiles an argument. */
type CompileNode = (node: Node, context: CompileContext) => Expression;

/** Compiles a call of an ordinary function. Throws 42809 for what only aggregates and window functions can say. */
export function compileFunction(
  call: FuncCall,
  context: CompileContext,
  compileNode: CompileNode,
): Expression {
  const position = context.position(call.location);
  const parts = nameParts(call.funcname);
  const name = parts.at(-1) ?? "";
  if (call.over !== undefined) throw notSupportedAt("window functions are", position);
  if (isAggregateCall(call)) throw notSupportedAt(`aggregate function ${name} is`, position);
  const only = onlyForAggregates(call);
  if (only !== null) {
    const message = `${only.replace("%", name)} specified, but ${name} is not an aggregate function`;
    throw new DeltatError(SqlState.wrongObjectType, message, { position });
  }
  if (isWindowFunction(name)) {
    const message = `window function ${name} requires an OVER clause`;
    throw new DeltatError(SqlState.wrongObjectType, message, { position });
  }
  checkSchema(parts, position);
  if (call.func_variadic === true) throw notSupportedAt("VARIADIC is", position);
  const args = compileArguments(name, call.args ?? [], context, compileNode, position);
  const [value, ...others] = args;
  const type = functionsNamed(name).length === 0 ? typeByName(name) : undefined;
  // A type's name in place of a function's is a cast.
  if (type !== undefined && value !== undefined && others.length === 0) {
    return castExplicitly(value, type, position);
  }
  const isKnown = parts.length === 1 || parts[0] === "pg_catalog";
  return compileCall(isKnown ? name : parts.join("."), args, position, parts.join("."));
}

/** Arguments by position, and then by name (`mins => 5`), where the function's parameters have names and defaults. */
function compileArguments(
  name: string,
  nodes: readonly Node[],
  context: CompileContext,
  compileNode: CompileNode,
  position: number,
): Expression[] {
  const args: Expression[] = [];
  const names = PARAMETER_NAMES.get(name) ?? [];
  for (const node of nodes) {
    if (!("NamedArgExpr" in node)) {
      args.push(compileNode(node, context));
      continue;
    }
    const { name: argument = "", arg } = node.NamedArgExpr;
    const at = names.indexOf(argument);
    if (at < 0) {
      throw new DeltatError(SqlState.undefinedFunction, `function ${name}(${argument} => …) does not exist`, {
        position,
      });
    }
    // What is left out in between has the default of all such parameters, 0.
    while (args.length < at) args.push(constant(INT4, 0));
    args[at] = arg === undefined ? constant(INT4, 0) : compileNode(arg, context);
  }
  return args;
}

/** What a call says that only an aggregate can take; null for nothing. */
function onlyForAggregates(call: FuncCall): string | null {
  if (call.agg_star === true) return "%(*)";
  if (call.agg_distinct === true) return "DISTINCT";
  if (call.agg_order !== undefined) return "ORDER BY";
  return call.agg_filter === undefined ? null : "FILTER";
}

/** The functions that SQL calls without brackets; the others here are of types that the server does not have. */
const VALUE_FUNCTIONS: Record<string, string> = {
  SVFOP_CURRENT_TIMESTAMP: "current_timestamp",
  SVFOP_CURRENT_TIMESTAMP_N: "current_timestamp",
  SVFOP_CURRENT_DATE: "current_date",
  SVFOP_LOCALTIME: "localtime",
  SVFOP_LOCALTIME_N: "localtime",
  SVFOP_LOCALTIMESTAMP: "localtimestamp",
  SVFOP_LOCALTIMESTAMP_N: "localtimestamp",
  SVFOP_CURRENT_USER: "current_user",
  SVFOP_CURRENT_ROLE: "current_role",
  SVFOP_SESSION_USER: "session_user",
  SVFOP_USER: "user",
  SVFOP_CURRENT_CATALOG: "current_catalog",
  SVFOP_CURRENT_SCHEMA: "current_schema",
};

/** Compiles a function that is called without brackets: CURRENT_DATE. */
export function compileValueFunction(call: SQLValueFunction, context: CompileContext): Expression {
  const position = context.position(call.location);
  const name = VALUE_FUNCTIONS[call.op ?? ""];
  if (name !== undefined) {
    const value = compileCall(name, [], position);
    return call.op?.endsWith("_N") === true ? fitTime(value, [call.typmod ?? 0]) : value;
  }
  throw notSupportedAt(`${(call.op ?? "").replace(/^SVFOP_/, "").replace(/_N$/, "(n)")} is`, position);
}
