/** WHERE as a list of conditions that all must hold, and what a single one says about a column. */

import { isComparisonOperator } from "../expressions/comparison.ts";
import { type ColumnRef, type Node, nameParts } from "../parse/ast.ts";
import { ColumnExpression, RelationScope } from "../tables/relation.ts";
import { BOOL } from "../values/types.ts";

/** The conditions that AND joins, at the top of the tree. */
export function conjunctsOf(where: Node | undefined): Node[] {
  if (where === undefined) return [];
  if (!isAnd(where)) return [where];
  return (where.BoolExpr.args ?? []).flatMap((part) => {
    if (isAnd(part) || isCondition(part)) return conjunctsOf(part);
    // What may be no condition is refused as an argument of AND.
    return [{ BoolExpr: { boolop: "AND_EXPR", args: [part] } }];
  });
}

function isAnd(node: Node): node is Extract<Node, { BoolExpr: unknown }> {
  return "BoolExpr" in node && node.BoolExpr.boolop === "AND_EXPR" && node.BoolExpr.args?.length !== 1;
}

/** Whether a node is a condition by its kind alone. */
export function isCondition(node: Node): boolean {
  if ("A_Expr" in node) {
    const { kind, name, lexpr } = node.A_Expr;
    if (kind === "AEXPR_NULLIF") return false;
    return kind !== "AEXPR_OP" || (lexpr !== undefined && isComparisonOperator(nameParts(name).at(-1) ?? ""));
  }
  return "BoolExpr" in node || "NullTest" in node || "BooleanTest" in node || "SubLink" in node;
}

/** The conditions joined again; undefined for none. */
export function conjunctionOf(conjuncts: readonly Node[]): Node | undefined {
  if (conjuncts.length <= 1) return conjuncts[0];
  return { BoolExpr: { boolop: "AND_EXPR", args: [...conjuncts] } };
}

/** Whether any column is named in the tree; such an expression has one value for each row. */
function mentionsColumns(tree: unknown): boolean {
  if (Array.isArray(tree)) return tree.some(mentionsColumns);
  if (typeof tree !== "object" || tree === null) return false;
  for (const [key, inner] of Object.entries(tree)) {
    if (key === "SubLink") return true;
    if (key === "ColumnRef" && !RelationScope.isBound(nameParts((inner as ColumnRef).fields))) return true;
    if (typeof inner === "object" && mentionsColumns(inner)) return true;
  }
  return false;
}

/** The column that a node is, hidden or not; null if it is no plain column of the relation. */
export function columnOf(node: Node | undefined, scope: RelationScope): ColumnExpression | null {
  if (node === undefined || !("ColumnRef" in node) || scope.relation === null) return null;
  const fields = nameParts(node.ColumnRef.fields);
  if (fields.at(-1) === "*" || !scope.isQualifier(fields.slice(0, -1))) return null;
  const { table } = scope.relation;
  const index = table.columns.findIndex((column) => column.name === fields.at(-1));
  const column = table.columns[index];
  return column === undefined ? null : new ColumnExpression(column, table, index);
}

type Comparison = "=" | "<" | "<=" | ">" | ">=";

/** A condition that compares one column with what has one value for the whole statement. */
export type ColumnCondition =
  | {
      readonly kind: "compare";
      readonly column: ColumnExpression;
      readonly by: Comparison;
      readonly value: Node;
    }
  | { readonly kind: "in"; readonly column: ColumnExpression; readonly values: readonly Node[] }
  | { readonly kind: "any"; readonly column: ColumnExpression; readonly array: Node }
  | { readonly kind: "isNull"; readonly column: ColumnExpression };

const MIRRORED: ReadonlyMap<string, Comparison> = new Map([
  ["=", "="],
  ["<", ">"],
  ["<=", ">="],
  [">", "<"],
  [">=", "<="],
]);

/** A boolean column that stands for itself, or negated: the same as `= true` or `= false`. */
function flagCondition(conjunct: Node, scope: RelationScope): ColumnCondition[] {
  const isNegated = "BoolExpr" in conjunct && conjunct.BoolExpr.boolop === "NOT_EXPR";
  const column = columnOf(isNegated ? conjunct.BoolExpr.args?.[0] : conjunct, scope);
  if (column === null || column.type !== BOOL) return [];
  const value: Node = { A_Const: { boolval: { boolval: !isNegated } } };
  return [{ kind: "compare", column, by: "=", value }];
}

/** What `conjunct` says about a column, as one or (BETWEEN) two conditions; empty if it says nothing so simple. */
export function columnConditions(conjunct: Node, scope: RelationScope): ColumnCondition[] {
  const [only, ...others] = "BoolExpr" in conjunct ? (conjunct.BoolExpr.args ?? []) : [];
  if ("BoolExpr" in conjunct && conjunct.BoolExpr.boolop === "AND_EXPR") {
    return only === undefined || others.length > 0 ? [] : columnConditions(only, scope);
  }
  if ("NullTest" in conjunct) {
    const column = columnOf(conjunct.NullTest.arg, scope);
    return column !== null && conjunct.NullTest.nulltesttype === "IS_NULL"
      ? [{ kind: "isNull", column }]
      : [];
  }
  if ("BoolExpr" in conjunct && conjunct.BoolExpr.boolop === "OR_EXPR") {
    return listOfBranches(conjunct.BoolExpr.args ?? [], scope);
  }
  if ("ColumnRef" in conjunct || "BoolExpr" in conjunct) return flagCondition(conjunct, scope);
  if (!("A_Expr" in conjunct)) return [];
  const { kind, name, lexpr, rexpr } = conjunct.A_Expr;
  if (lexpr === undefined || rexpr === undefined) return [];
  const operator = nameParts(name).join(".");
  const column = columnOf(lexpr, scope);
  if (column === null) {
    const right = columnOf(rexpr, scope);
    const by = MIRRORED.get(operator);
    if (kind !== "AEXPR_OP" || right === null || by === undefined || mentionsColumns(lexpr)) return [];
    return [{ kind: "compare", column: right, by, value: lexpr }];
  }
  if (mentionsColumns(rexpr)) return [];
  const items = "List" in rexpr ? (rexpr.List.items ?? []) : [];
  if (kind === "AEXPR_OP" && MIRRORED.has(operator)) {
    return [{ kind: "compare", column, by: operator as Comparison, value: rexpr }];
  }
  if (kind === "AEXPR_IN" && operator === "=") return [{ kind: "in", column, values: items }];
  if (kind === "AEXPR_OP_ANY" && operator === "=") return [{ kind: "any", column, array: rexpr }];
  const [low, high] = items;
  if (kind === "AEXPR_BETWEEN" && low !== undefined && high !== undefined) {
    return [
      { kind: "compare", column, by: ">=", value: low },
      { kind: "compare", column, by: "<=", value: high },
    ];
  }
  return [];
}

/** `id = a OR id IN (b, c)` is a list of values. */
function listOfBranches(branches: readonly Node[], scope: RelationScope): ColumnCondition[] {
  const values: Node[] = [];
  let column: ColumnExpression | null = null;
  for (const branch of branches) {
    const [condition, ...others] = columnConditions(branch, scope);
    if (condition === undefined || others.length > 0) return [];
    if (column !== null && column.index !== condition.column.index) return [];
    column = condition.column;
    if (condition.kind === "compare" && condition.by === "=") values.push(condition.value);
    else if (condition.kind === "in") values.push(...condition.values);
    else return [];
  }
  return column === null ? [] : [{ kind: "in", column, values }];
}
