/**
 * The syntax tree as PostgreSQL's own grammar builds it (nodes/parsenodes.h), in the JSON form of libpg-query:
 * a node is an object with one key, its kind. Fields at their default value (0, false, empty) are left out.
 * The parser has turned every `location` into an offset into the statement's JavaScript string (UTF-16 units),
 * so `text[location]` is the character the node starts at; a missing location is 0, -1 is "nowhere".
 */

import type { Node, SelectStmt } from "libpg-query";

export type {
  A_Const,
  A_Expr,
  A_Indices,
  Alias,
  BoolExpr,
  BooleanTest,
  CaseExpr,
  ClosePortalStmt,
  CollateClause,
  ColumnRef,
  CommonTableExpr,
  CopyStmt,
  CreatedbStmt,
  DeallocateStmt,
  DeclareCursorStmt,
  DefElem,
  DeleteStmt,
  DiscardStmt,
  DropdbStmt,
  ExecuteStmt,
  ExplainStmt,
  FetchStmt,
  FuncCall,
  GroupingFunc,
  InsertStmt,
  JoinExpr,
  ListenStmt,
  LockingClause,
  Node,
  NotifyStmt,
  NullTest,
  ParamRef,
  PrepareStmt,
  RangeFunction,
  RangeSubselect,
  RangeVar,
  ResTarget,
  RowExpr,
  SelectStmt,
  SortBy,
  SQLValueFunction,
  SubLink,
  TransactionStmt,
  TypeCast,
  TypeName,
  UnlistenStmt,
  UpdateStmt,
  VariableSetStmt,
  VariableShowStmt,
  WindowDef,
} from "libpg-query";

/** The kind of a node: its one key (`SelectStmt`). */
export function nodeKind(node: Node): string {
  for (const kind in node) return kind;
  return "";
}

/** The strings of a list of String nodes, such as an operator's or a function's name; `*` for A_Star. */
export function nameParts(nodes: readonly Node[] | undefined): string[] {
  const parts: string[] = [];
  for (const node of nodes ?? []) {
    if ("String" in node) parts.push(node.String.sval ?? "");
    else if ("A_Star" in node) parts.push("*");
  }
  return parts;
}

/**
 * Where an expression starts in the text, or -1 if its node does not say: the location of an operator is that of its
 * sign, which stands behind the left operand (exprLocation in nodes/nodeFuncs.c).
 */
export function nodeLocation(node: Node): number {
  const first = firstOperand(node);
  const own = ownLocation(node);
  const before = first === undefined ? -1 : nodeLocation(first);
  if (before < 0 || own < 0) return Math.max(before, own);
  return Math.min(before, own);
}

function firstOperand(node: Node): Node | undefined {
  if ("A_Expr" in node) return node.A_Expr.lexpr;
  if ("TypeCast" in node) return node.TypeCast.arg;
  if ("CollateClause" in node) return node.CollateClause.arg;
  if ("NullTest" in node) return node.NullTest.arg;
  if ("BooleanTest" in node) return node.BooleanTest.arg;
  if ("SubLink" in node) return node.SubLink.testexpr;
  if ("A_Indirection" in node) return node.A_Indirection.arg;
  if ("BoolExpr" in node) return node.BoolExpr.args?.[0];
  return undefined;
}

function ownLocation(node: Node): number {
  // Of its own it has none.
  if ("A_Indirection" in node) return -1;
  for (const content of Object.values(node)) {
    if (typeof content === "object" && content !== null && "location" in content)
      return Number(content.location);
    return 0;
  }
  return -1;
}

/** Where output column `at` of a query stands: in its target list, in its first row, or in its first part. */
export function targetLocation(select: SelectStmt, at: number): number {
  if (select.larg !== undefined) return targetLocation(select.larg, at);
  const [row] = select.valuesLists ?? [];
  const items = row !== undefined && "List" in row ? row.List.items : select.targetList;
  // What `*` stands for is where it is.
  const item = items?.[at] ?? items?.at(-1);
  if (item === undefined) return 0;
  return nodeLocation("ResTarget" in item && item.ResTarget.val !== undefined ? item.ResTarget.val : item);
}

/** The whole number that a node writes out, as GROUP BY and ORDER BY take for the number of a column. */
export function wholeConstant(node: Node): number | undefined {
  if (!("A_Const" in node) || node.A_Const.ival === undefined) return undefined;
  return node.A_Const.ival.ival ?? 0;
}
