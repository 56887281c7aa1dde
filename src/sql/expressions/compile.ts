/**
 * Syntax trees of expressions to closures. Each node is typed as PostgreSQL would type it and becomes an
 * Expression specialised for those types, so that running it decides nothing again. A node that is not known here
 * is refused by name (0A000), never passed over. Trees are at most MAX_EXPRESSION_DEPTH deep (parse/parser.ts), so this
 * may recurse.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import {
  type A_Expr,
  type BoolExpr,
  type BooleanTest,
  type CaseExpr,
  type CollateClause,
  type Node,
  type NullTest,
  nameParts,
  nodeKind,
  nodeLocation,
  type TypeCast,
} from "../parse/ast.ts";
import { checkSchema } from "../parse/schema-names.ts";
import { notSupportedAt } from "../parse/unsupported.ts";
import { refuseSets } from "../relational/aggregate-calls.ts";
import { intervalByField } from "../time/modifiers.ts";
import { arrayTypeOf, INTERVAL, isString, type PgType, TEXT } from "../values/types.ts";
import { compileArrayComparison, compileMembership } from "./array-comparison.ts";
import { castExplicitly } from "./casts.ts";
import { type Positions, sharedType, unify } from "./common-type.ts";
import { compileFunction, compileValueFunction } from "./compile-call.ts";
import type { CompileContext } from "./compile-context.ts";
import { type CaseBranch, chooseCase, coalesce, extreme } from "./conditional.ts";
import { compileConstant, compileParameter } from "./constant-expression.ts";
import { compileDistinct, compileNullIf } from "./equality.ts";
import type { Expression } from "./expression.ts";
import { compileIndirection } from "./indirection.ts";
import { asCondition, conjunction, disjunction, isNullTest, isTruthValue, negated } from "./logic.ts";
import { isRunConstant } from "./membership.ts";
import { compileBinary, compileUnary } from "./operators.ts";
import { compareRows, comparesRows, rowParts } from "./row-comparison.ts";
import { applyModifiers, resolveTypeName } from "./type-names.ts";
import { constant, isUntyped, resolveUntyped } from "./untyped.ts";

/**
 * Compiles an expression. `expected` types it if nothing else does; without it, a literal or parameter alone keeps
 * the type `unknown` (see untyped.ts; SELECT takes it for text). Throws DeltatError 42883, 42804,
 * 42703, 42P08, 22P02, 0A000, … with the position of the node.
 */
export function compile(node: Node, context: CompileContext, expected?: PgType): Expression {
  const expression = compileNode(node, context);
  return expected === undefined ? expression : resolveUntyped(expression, expected);
}

/** Compiles a condition such as that of WHERE. Throws 42804 `argument of <clause> must be type boolean, …`. */
export function compileCondition(node: Node, context: CompileContext, clause: string): Expression {
  return asCondition(compileNode(node, context), clause, context.position(nodeLocation(node)));
}

function compileAll(nodes: readonly Node[] | undefined, context: CompileContext): Expression[] {
  return (nodes ?? []).map((node) => compileNode(node, context));
}

/** Where the nodes stand, for who compares the types of what they became. */
function positionsOf(nodes: readonly Node[], context: CompileContext): Positions {
  return (at) => {
    const node = nodes[at];
    return node === undefined ? 1 : context.position(nodeLocation(node));
  };
}

function compileNode(node: Node, context: CompileContext): Expression {
  const special = context.scope.special?.(node, context) ?? null;
  if (special !== null) return special;
  if ("A_Const" in node) return compileConstant(node.A_Const, context);
  if ("ParamRef" in node) return compileParameter(node.ParamRef, context);
  if ("ColumnRef" in node) {
    const { fields, location } = node.ColumnRef;
    const names = nameParts(fields);
    checkNameLength(names, context.position(location));
    return context.scope.column(names, context.position(location));
  }
  if ("A_Expr" in node) return compileOperator(node.A_Expr, context);
  if ("BoolExpr" in node) return compileBoolean(node.BoolExpr, context);
  if ("TypeCast" in node) return compileCast(node.TypeCast, context);
  if ("FuncCall" in node) return compileFunction(node.FuncCall, context, compileNode);
  if ("NullTest" in node) return compileNullTest(node.NullTest, context);
  if ("BooleanTest" in node) return compileBooleanTest(node.BooleanTest, context);
  if ("CaseExpr" in node) return compileCase(node.CaseExpr, context);
  if ("CoalesceExpr" in node) {
    const { args = [] } = node.CoalesceExpr;
    refuseSets(args, "COALESCE", (location) => context.position(location));
    return coalesce(compileAll(args, context), positionsOf(args, context));
  }
  if ("MinMaxExpr" in node) {
    const { args = [], op, location } = node.MinMaxExpr;
    const isGreatest = op === "IS_GREATEST";
    return extreme(
      compileAll(args, context),
      isGreatest,
      positionsOf(args, context),
      context.position(location),
    );
  }
  if ("SQLValueFunction" in node) return compileValueFunction(node.SQLValueFunction, context);
  if ("A_ArrayExpr" in node)
    return compileArray(node.A_ArrayExpr.elements, node.A_ArrayExpr.location, context);
  if ("A_Indirection" in node) {
    const { arg, indirection } = node.A_Indirection;
    const position = arg === undefined ? 1 : context.position(nodeLocation(arg));
    const compileIndex = (index: Node): Expression => compileNode(index, context);
    const positionOf = (index: Node): number => context.position(nodeLocation(index));
    return compileIndirection(operand(arg, context), indirection ?? [], compileIndex, position, positionOf);
  }
  if ("CollateClause" in node) return compileCollate(node.CollateClause, context);
  if ("SetToDefault" in node) {
    throw new DeltatError(SqlState.syntaxError, "DEFAULT is not allowed in this context", {
      position: context.position(node.SetToDefault.location),
    });
  }
  throw notSupportedAt(describeKind(node), context.position(nodeLocation(node)));
}

/** Database, schema, table and column is the most that a name can say, and there is but one database at a time. */
function checkNameLength(names: readonly string[], position: number): void {
  if (names.length < 4) return;
  const name = names.join(".");
  if (names.length === 4) {
    const message = `cross-database references are not implemented: ${name}`;
    throw new DeltatError(SqlState.featureNotSupported, message, { position });
  }
  const message = `improper qualified name (too many dotted names): ${name}`;
  throw new DeltatError(SqlState.syntaxError, message, { position });
}

const KIND_NAMES: Record<string, string> = {
  SubLink: "subqueries are",
  RowExpr: "row expressions are",
  GroupingFunc: "GROUPING is",
  XmlExpr: "XML expressions are",
  CurrentOfExpr: "WHERE CURRENT OF is",
};

function describeKind(node: Node): string {
  const kind = nodeKind(node);
  return KIND_NAMES[kind] ?? `${kind} is`;
}

/** The operand that the grammar left out of a unary operator is undefined; any other is there. */
function operand(node: Node | undefined, context: CompileContext): Expression {
  return compileNode(present(node), context);
}

function present(node: Node | undefined): Node {
  if (node === undefined) throw new DeltatError(SqlState.internalError, "operator without operand");
  return node;
}

function operatorName(expression: A_Expr, context: CompileContext): string {
  const parts = nameParts(expression.name);
  if (parts.length > 1 && parts[0] !== "pg_catalog") {
    checkSchema(parts, context.position(expression.location));
    throw notSupportedAt(`operator ${parts.join(".")} is`, context.position(expression.location));
  }
  return parts.at(-1) ?? "";
}

function compileOperator(expression: A_Expr, context: CompileContext): Expression {
  const position = context.position(expression.location);
  const name = operatorName(expression, context);
  const { lexpr, rexpr } = expression;
  switch (expression.kind) {
    case "AEXPR_IN":
      return compileIn(expression, name, context);
    case "AEXPR_BETWEEN":
    case "AEXPR_NOT_BETWEEN":
    case "AEXPR_BETWEEN_SYM":
    case "AEXPR_NOT_BETWEEN_SYM":
      return compileBetween(expression, context);
    default:
  }
  if (lexpr === undefined) return compileUnary(name, operand(rexpr, context), position);
  const leftParts = rowParts(lexpr);
  const rightParts = rowParts(rexpr);
  if (leftParts !== null && rightParts !== null && comparesRows(expression, name)) {
    const [left, right] = [compileAll(leftParts, context), compileAll(rightParts, context)];
    return compareRows(expression.kind, name, left, right, position);
  }
  const left = operand(lexpr, context);
  const right = operand(rexpr, context);
  switch (expression.kind) {
    case "AEXPR_OP_ANY":
      return compileArrayComparison(name, false, left, right, isRunConstant(rexpr), position);
    case "AEXPR_OP_ALL":
      return compileArrayComparison(name, true, left, right, isRunConstant(rexpr), position);
    case "AEXPR_DISTINCT":
      return compileDistinct(false, left, right, position);
    case "AEXPR_NOT_DISTINCT":
      return compileDistinct(true, left, right, position);
    case "AEXPR_NULLIF":
      return compileNullIf(left, right, position);
    case "AEXPR_OP":
    case "AEXPR_LIKE":
    case "AEXPR_ILIKE":
    case "AEXPR_SIMILAR":
      return compileBinary(name, left, right, position);
    default:
      throw notSupportedAt(`${expression.kind} is`, position);
  }
}

function listItems(node: Node | undefined): readonly Node[] {
  return node !== undefined && "List" in node ? (node.List.items ?? []) : [];
}

/** `left IN (a, b, …)` is `left = a OR left = b OR …`; NOT IN the opposite, both with NULL as unknown. */
function compileIn(expression: A_Expr, operator: string, context: CompileContext): Expression {
  const position = context.position(expression.location);
  const leftParts = rowParts(expression.lexpr);
  const rows = listItems(expression.rexpr).map(rowParts);
  if (leftParts !== null && rows.every((row) => row !== null)) {
    const equal: A_Expr["kind"] = "AEXPR_OP";
    const left = compileAll(leftParts, context);
    const tests = rows.map((row) => compareRows(equal, "=", left, compileAll(row, context), position));
    return operator === "<>" ? negated(disjunction(tests)) : disjunction(tests);
  }
  const items = compileAll(listItems(expression.rexpr), context);
  let left = operand(expression.lexpr, context);
  // Without a type of its own, the left side takes that of the list, or of each item where they have none in common.
  const shared = isUntyped(left) ? sharedType(items) : null;
  if (shared !== null) left = resolveUntyped(left, shared);
  const areConstant = listItems(expression.rexpr).every(isRunConstant);
  return compileMembership(operator === "<>" ? "<>" : "=", left, items, areConstant, position);
}

/** The grammar gives all four as a list of two bounds. The left side is compiled for each, as PostgreSQL does. */
function compileBetween(expression: A_Expr, context: CompileContext): Expression {
  const position = context.position(expression.location);
  const [low, high] = listItems(expression.rexpr);
  const compare = (operator: string, bound: Node | undefined): Expression =>
    compileBinary(operator, operand(expression.lexpr, context), operand(bound, context), position);
  const isSymmetric = expression.kind === "AEXPR_BETWEEN_SYM" || expression.kind === "AEXPR_NOT_BETWEEN_SYM";
  const isNegated = expression.kind === "AEXPR_NOT_BETWEEN" || expression.kind === "AEXPR_NOT_BETWEEN_SYM";
  // NOT BETWEEN is made of `<` and `>`, not of NOT.
  const test = (from: Node | undefined, to: Node | undefined): Expression =>
    isNegated
      ? disjunction([compare("<", from), compare(">", to)])
      : conjunction([compare(">=", from), compare("<=", to)]);
  if (!isSymmetric) return test(low, high);
  const both = [test(low, high), test(high, low)];
  return isNegated ? conjunction(both) : disjunction(both);
}

function compileBoolean(expression: BoolExpr, context: CompileContext): Expression {
  const operator = expression.boolop === "AND_EXPR" ? "AND" : expression.boolop === "OR_EXPR" ? "OR" : "NOT";
  const conditions = (expression.args ?? []).map((arg) => compileCondition(arg, context, operator));
  if (operator === "AND") return conjunction(conditions);
  if (operator === "OR") return disjunction(conditions);
  return negated(conditions[0] as Expression);
}

function compileNullTest(test: NullTest, context: CompileContext): Expression {
  return isNullTest(operand(test.arg, context), test.nulltesttype === "IS_NOT_NULL");
}

const TRUTH_TESTS: Record<string, { clause: string; wanted: boolean | null; not: boolean }> = {
  IS_TRUE: { clause: "IS TRUE", wanted: true, not: false },
  IS_NOT_TRUE: { clause: "IS NOT TRUE", wanted: true, not: true },
  IS_FALSE: { clause: "IS FALSE", wanted: false, not: false },
  IS_NOT_FALSE: { clause: "IS NOT FALSE", wanted: false, not: true },
  IS_UNKNOWN: { clause: "IS UNKNOWN", wanted: null, not: false },
  IS_NOT_UNKNOWN: { clause: "IS NOT UNKNOWN", wanted: null, not: true },
};

function compileBooleanTest(test: BooleanTest, context: CompileContext): Expression {
  const kind = TRUTH_TESTS[test.booltesttype ?? ""];
  if (kind === undefined) throw notSupportedAt(`${test.booltesttype} is`, context.position(test.location));
  const condition = compileCondition(present(test.arg), context, kind.clause);
  return isTruthValue(condition, kind.wanted, kind.not);
}

function compileCast(cast: TypeCast, context: CompileContext): Expression {
  const position = context.position(Math.max(0, cast.location ?? 0));
  if (cast.typeName === undefined) throw new DeltatError(SqlState.internalError, "cast without type");
  const named = resolveTypeName(cast.typeName, context);
  // ARRAY[]::bigint[] takes its element type from the cast.
  if (
    cast.arg !== undefined &&
    "A_ArrayExpr" in cast.arg &&
    (cast.arg.A_ArrayExpr.elements ?? []).length === 0
  ) {
    return constant(named.type, []);
  }
  const arg = operand(cast.arg, context);
  const [mask] = named.modifiers;
  const expression =
    named.type === INTERVAL && mask !== undefined && isUntyped(arg)
      ? intervalByField(arg.resolveAs(TEXT), mask)
      : withoutModifier(castExplicitly(arg, named.type, position));
  return applyModifiers(expression, named, context.position(cast.typeName.location));
}

/** A cast to a type without modifiers forgets those that the value had. */
function withoutModifier(expression: Expression): Expression {
  if (expression.modifier === undefined) return expression;
  return { type: expression.type, evaluate: (frame) => expression.evaluate(frame) };
}

function compileCase(expression: CaseExpr, context: CompileContext): Expression {
  refuseSets(expression, "CASE", (location) => context.position(location));
  const position = context.position(expression.location);
  const arg =
    expression.arg === undefined ? null : resolveUntyped(compileNode(expression.arg, context), TEXT);
  const branches: CaseBranch[] = (expression.args ?? []).map((node) => {
    if (!("CaseWhen" in node)) throw notSupportedAt(describeKind(node), position);
    const { expr, result } = node.CaseWhen;
    const at = context.position(node.CaseWhen.location);
    const condition =
      arg === null
        ? compileCondition(present(expr), context, "CASE/WHEN")
        : compileBinary("=", arg, operand(expr, context), at);
    return { condition, result: operand(result, context) };
  });
  const otherwise = expression.defresult === undefined ? null : compileNode(expression.defresult, context);
  const results = (expression.args ?? []).flatMap((node) =>
    "CaseWhen" in node && node.CaseWhen.result !== undefined ? [node.CaseWhen.result] : [],
  );
  const { defresult } = expression;
  return chooseCase(
    branches,
    otherwise,
    positionsOf(defresult === undefined ? results : [defresult, ...results], context),
  );
}

function compileArray(
  elements: readonly Node[] | undefined,
  location: number | undefined,
  context: CompileContext,
): Expression {
  const position = context.position(location);
  if ((elements ?? []).length === 0) {
    throw new DeltatError(SqlState.indeterminateDatatype, "cannot determine type of empty array", {
      hint: "Explicitly cast to the desired type, for example ARRAY[]::integer[].",
      position,
    });
  }
  const { type, items } = unify(compileAll(elements, context), "ARRAY", positionsOf(elements ?? [], context));
  const array = type.arrayOf === undefined ? arrayTypeOf(type) : undefined;
  if (array === undefined) throw notSupportedAt(`an array of ${type.name} is`, position);
  return { type: array, evaluate: (frame) => items.map((item) => item.evaluate(frame)) };
}

/** Texts are in the order of collation "C" here, so asking for that one changes nothing. */
function compileCollate(clause: CollateClause, context: CompileContext): Expression {
  const position = context.position(clause.location);
  const name = nameParts(clause.collname).at(-1) ?? "";
  if (!["C", "POSIX", "ucs_basic", "default"].includes(name))
    throw new DeltatError(
      SqlState.undefinedObject,
      `collation "${name}" for encoding "UTF8" does not exist`,
      { position },
    );
  const text = resolveUntyped(operand(clause.arg, context), TEXT);
  if (isString(text.type)) return text;
  throw new DeltatError(SqlState.datatypeMismatch, `collations are not supported by type ${text.type.name}`, {
    position,
  });
}
