/** Conditions put into words that an index understands. */

import { type Node, nameParts } from "../ast.ts";
import { entriesOf, type FromPlan, type FromTree } from "./from.ts";
import { SlotExpression } from "./operator.ts";
import { planQuery } from "./query.ts";
import type { RangeColumn } from "./range.ts";
import type { QueryScope } from "./scope.ts";

/**
 * `resource_id IN (SELECT …)` as `resource_id = ANY (ARRAY (SELECT …))` where that column has an index and the subquery
 * reads nothing of this FROM: its values then lead to the rows. Any other node as it is.
 */
export function asArrayTest(node: Node, from: FromPlan, scope: QueryScope): Node {
  if (!("SubLink" in node)) return node;
  const { subLinkType, operName, testexpr, subselect, location = -1 } = node.SubLink;
  if (subLinkType !== "ANY_SUBLINK" || operName !== undefined || testexpr === undefined) return node;
  const column = scope.planner.namedColumn(testexpr, scope)?.column ?? null;
  if (column === null || !isIndexed(column, from)) return node;
  if (subselect === undefined || !("SelectStmt" in subselect)) return node;
  const { SelectStmt: select } = subselect;
  const { value, references } = scope.planner.track(() => planQuery(select, scope.planner, scope));
  const [output, ...others] = value.columns;
  // What may be no id is compared as text, and not looked up: that would refuse it.
  const givesIds =
    output?.expression instanceof SlotExpression && output.expression.isId && others.length === 0;
  if (!givesIds || [...references].some((entry) => isOf(entry, from))) return node;
  const array: Node = { SubLink: { subLinkType: "ARRAY_SUBLINK", subselect, location } };
  return {
    A_Expr: {
      kind: "AEXPR_OP_ANY",
      name: [{ String: { sval: "=" } }],
      lexpr: testexpr,
      rexpr: array,
      location,
    },
  };
}

/** Whether a condition is one that `asArrayTest` has made. */
export function isArrayTest(node: Node): boolean {
  if (!("A_Expr" in node) || node.A_Expr.kind !== "AEXPR_OP_ANY") return false;
  const { lexpr, rexpr } = node.A_Expr;
  const isSubquery =
    rexpr !== undefined && "SubLink" in rexpr && rexpr.SubLink.subLinkType === "ARRAY_SUBLINK";
  return isSubquery && lexpr !== undefined && "ColumnRef" in lexpr;
}

function isOf(entry: RangeColumn["entry"], from: FromPlan): boolean {
  return from.trees.some((tree) => entriesOf(tree).includes(entry));
}

/** The id of a stored table, or the column that says whose a row is. */
function isIndexed(column: RangeColumn, from: FromPlan): boolean {
  const isHere = (tree: FromTree): boolean => {
    if (tree.kind === "join") return isHere(tree.left) || isHere(tree.right);
    const { source } = tree;
    if (tree.entry !== column.entry || source.kind !== "stored") return false;
    return column.index === 0 || column.index === source.table.ownerColumn;
  };
  return from.trees.some(isHere);
}

/** What a comparison of rows says of their first columns: `(start, id) > (5, x)` means `start >= 5`. */
export function impliedBounds(node: Node): Node[] {
  if (!("A_Expr" in node) || node.A_Expr.kind !== "AEXPR_OP") return [];
  const { name, lexpr, rexpr } = node.A_Expr;
  if (lexpr === undefined || rexpr === undefined || !("RowExpr" in lexpr) || !("RowExpr" in rexpr)) return [];
  const operator = nameParts(name).at(-1) ?? "";
  const [left] = lexpr.RowExpr.args ?? [];
  const [right] = rexpr.RowExpr.args ?? [];
  if (!/^[<>]=?$/.test(operator) || left === undefined || right === undefined) return [];
  return [
    {
      A_Expr: {
        kind: "AEXPR_OP",
        name: [{ String: { sval: `${operator[0]}=` } }],
        lexpr: left,
        rexpr: right,
      },
    },
  ];
}
