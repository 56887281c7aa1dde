/**
 * The syntax tree as PostgreSQL's own grammar builds it (nodes/parsenodes.h), in the JSON form of libpg-query:
 * a node is an object with one key, its kind. Fields at their default value (0, false, empty) are left out.
 * The parser has turned every `location` into an offset into the statement's JavaScript string (UTF-16 units),
 * so `text[location]` is the character the node starts at; a missing location is 0, -1 is "nowhere".
 */

import type { Node } from "libpg-query";

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

/** Where an expression starts in the text, or -1 if its node does not say. */
export function nodeLocation(node: Node): number {
  for (const content of Object.values(node)) {
    if (typeof content === "object" && content !== null && "location" in content)
      return Number(content.location);
    return 0;
  }
  return -1;
}
