/** Conditions put into words that an index understands. */

import { type Node, nameParts } from "../parse/ast.ts";
import { entriesOf, type FromPlan, type FromTree, type FromUnit } from "./from.ts";
import { SlotExpression } from "./operator.ts";
import { planQuery } from "./query.ts";
import type { QueryPlan } from "./query-tail.ts";
import type { RangeEntry } from "./range.ts";
import type { QueryScope } from "./scope.ts";

/**
 * `resource_id IN (SELECT …)` as `resource_id = ANY (ARRAY (SELECT …))` where that column leads to rows and the subquery
 * reads nothing of this FROM: its values then lead to the rows. Any other node as it is.
 */
export function asArrayTest(node: Node, from: FromPlan, scope: QueryScope): Node {
  if (!("SubLink" in node)) return node;
  const { subLinkType, operName, testexpr, subselect, location = -1 } = node.SubLink;
  const isEquality = operName === undefined || nameParts(operName).at(-1) === "=";
  if (subLinkType !== "ANY_SUBLINK" || !isEquality || testexpr === undefined) return node;
  const tested = testedColumn(testexpr, from, scope);
  if (subselect === undefined || tested === null || !leadsToRows(tested)) return node;
  if (!givesIds(subselect, from, scope)) return node;
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

/**
 * The column that `node` compares with what a subquery gives that reads nothing of this FROM, where that leads to rows: ids,
 * or for `availability` any of its arguments. Otherwise null.
 */
export function lookupColumn(node: Node, from: FromPlan, scope: QueryScope): Node | null {
  if (!("A_Expr" in node)) return null;
  const { kind, name, lexpr, rexpr } = node.A_Expr;
  if (isArrayTest(node) && rexpr !== undefined && "SubLink" in rexpr) {
    return plannedAlone(rexpr.SubLink.subselect, from, scope) === null ? null : (lexpr ?? null);
  }
  if (kind !== "AEXPR_OP") return null;
  const [test, value] = rexpr !== undefined && "SubLink" in rexpr ? [lexpr, rexpr] : [rexpr, lexpr];
  if (test === undefined || value === undefined) return null;
  if (!("SubLink" in value) || value.SubLink.subLinkType !== "EXPR_SUBLINK") return null;
  const { subselect } = value.SubLink;
  const tested = testedColumn(test, from, scope);
  if (tested === null) return null;
  if (tested.source.kind === "availability") {
    return plannedAlone(subselect, from, scope) === null ? null : test;
  }
  if (nameParts(name).at(-1) !== "=" || !leadsToRows(tested)) return null;
  return givesIds(subselect, from, scope) ? test : null;
}

/** A column of this FROM, and what it is a column of. */
interface TestedColumn {
  readonly index: number;
  readonly source: FromUnit["source"];
}

function testedColumn(node: Node, from: FromPlan, scope: QueryScope): TestedColumn | null {
  if (!("ColumnRef" in node)) return null;
  const column = scope.planner.namedColumn(node, scope)?.column ?? null;
  const unit = column === null ? null : unitOf(column.entry, from);
  return column === null || unit === null ? null : { index: column.index, source: unit.source };
}

/** Whether it is the id of a stored table, or the column that says whose a row is. */
function leadsToRows({ index, source }: TestedColumn): boolean {
  if (source.kind === "availability") return source.table.columns[index]?.isId === true;
  return source.kind === "stored" && (index === 0 || index === source.table.ownerColumn);
}

function unitOf(entry: RangeEntry, from: FromPlan): FromUnit | null {
  const find = (tree: FromTree): FromUnit | null => {
    if (tree.kind === "join") return find(tree.left) ?? find(tree.right);
    return tree.entry === entry ? tree : null;
  };
  return from.trees.reduce<FromUnit | null>((found, tree) => found ?? find(tree), null);
}

/** What may be no id is compared as text, and not looked up: that would refuse it. */
function givesIds(subselect: Node | undefined, from: FromPlan, scope: QueryScope): boolean {
  const [output, ...others] = plannedAlone(subselect, from, scope) ?? [];
  return output?.expression instanceof SlotExpression && output.expression.isId && others.length === 0;
}

/** What a subquery gives, if it reads nothing of this FROM. */
function plannedAlone(
  subselect: Node | undefined,
  from: FromPlan,
  scope: QueryScope,
): QueryPlan["columns"] | null {
  if (subselect === undefined || !("SelectStmt" in subselect)) return null;
  const { SelectStmt: select } = subselect;
  const { planner } = scope;
  const known = planner.givenAlone.get(subselect);
  if (known !== undefined) return known;
  const { value, references } = planner.track(() => planQuery(select, planner, scope));
  const isOfFrom = (entry: RangeEntry) => from.trees.some((tree) => entriesOf(tree).includes(entry));
  const given = [...references].some(isOfFrom) ? null : value.columns;
  planner.givenAlone.set(subselect, given);
  return given;
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
