/**
 * Ids are stored and shown in upper case and may be written in either. So wherever a tree compares an id column
 * with something, that something is put into canonical spelling first; text that is no ULID is 22P02 there, as
 * a malformed uuid would be in PostgreSQL.
 */

import { type Node, nameParts, nodeLocation } from "../parse/ast.ts";
import { columnOf } from "../statements/conjuncts.ts";
import type { StatementCompiler } from "../statements/statement-compiler.ts";
import { canonicalId } from "../tables/field-values.ts";
import type { RelationScope } from "../tables/relation.ts";
import { isString, TEXT, TEXT_ARRAY } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { mapExpression } from "./casts.ts";
import { isRunConstant } from "./membership.ts";
import { resolveUntyped } from "./untyped.ts";

const COMPARISONS: ReadonlySet<string> = new Set(["=", "<>", "!=", "<", "<=", ">", ">="]);

/** The tree with canonical ids wherever an id column is compared. The tree given stays as it was. */
export function normaliseIds(node: Node, scope: RelationScope, compiler: StatementCompiler): Node {
  if (scope.relation === null) return node;
  return rewrite(node, scope, compiler) as Node;
}

function rewrite(tree: unknown, scope: RelationScope, compiler: StatementCompiler): unknown {
  if (Array.isArray(tree)) return tree.map((inner) => rewrite(inner, scope, compiler));
  if (typeof tree !== "object" || tree === null) return tree;
  const copy = Object.fromEntries(
    Object.entries(tree).map(([key, inner]) => [key, rewrite(inner, scope, compiler)]),
  );
  if (!("A_Expr" in copy)) return copy;
  const { A_Expr: comparison } = copy as Extract<Node, { A_Expr: unknown }>;
  const { kind, lexpr, rexpr } = comparison;
  if (lexpr === undefined || rexpr === undefined) return copy;
  const operator = nameParts(comparison.name).join(".");
  const isPlain = kind === "AEXPR_OP" || kind === "AEXPR_OP_ANY" || kind === "AEXPR_OP_ALL";
  if ((isPlain && !COMPARISONS.has(operator)) || kind === "AEXPR_LIKE" || kind === "AEXPR_ILIKE") return copy;
  const isArray = kind === "AEXPR_OP_ANY" || kind === "AEXPR_OP_ALL";
  if (isId(lexpr, scope))
    return { A_Expr: { ...comparison, rexpr: canonical(rexpr, isArray, scope, compiler) } };
  if (isId(rexpr, scope))
    return { A_Expr: { ...comparison, lexpr: canonical(lexpr, false, scope, compiler) } };
  return copy;
}

function isId(node: Node, scope: RelationScope): boolean {
  return columnOf(node, scope)?.column.isId === true;
}

/** What stands for `node` with its value in canonical spelling; `node` itself if it is no text anyway. */
function canonical(node: Node, isArray: boolean, scope: RelationScope, compiler: StatementCompiler): Node {
  if (isId(node, scope)) return node;
  if ("List" in node) {
    const items = node.List.items ?? [];
    return { List: { ...node.List, items: items.map((item) => canonical(item, false, scope, compiler)) } };
  }
  const type = isArray ? TEXT_ARRAY : TEXT;
  const expression = resolveUntyped(compiler.compilePlain(node), type);
  if (isArray) {
    if (expression.type.arrayOf === undefined || !isString(expression.type.arrayOf)) return node;
    return scope.bind(
      mapExpression(expression, TEXT_ARRAY, canonicalIds()),
      nodeLocation(node),
      isRunConstant(node),
    );
  }
  if (!isString(expression.type)) return node;
  return scope.bind(
    mapExpression(expression, TEXT, (text) => canonicalId(text as string)),
    nodeLocation(node),
    isRunConstant(node),
  );
}

/** The ids of an array in canonical spelling. A scan evaluates the same array for each row: it is done once. */
function canonicalIds(): (items: Value) => Value {
  let lastItems: Value = null;
  let lastIds: Value = null;
  return (items) => {
    if (items !== lastItems) {
      lastIds = (items as readonly Value[]).map((item) =>
        item === null ? null : canonicalId(item as string),
      );
      lastItems = items;
    }
    return lastIds;
  };
}
