/** Whole rows as values: `ROW(a, b)`, and a table's name used like a column. */

import type { Node, RowExpr } from "../ast.ts";
import type { Expression } from "../expression.ts";
import { type PgType, RECORD, recordType } from "../types.ts";
import type { NamedColumn } from "./range.ts";
import type { QueryScope } from "./scope.ts";

/** What a whole-row reference needs of an entry. */
export interface RowReference {
  readonly columns: readonly NamedColumn[];
}

/** The row of an entry as a record, with its columns' names. */
export function rowReference(row: RowReference, read: (named: NamedColumn) => Expression): Expression {
  const visible = row.columns.filter((column) => !column.hidden);
  return record(
    visible.map((column) => column.name),
    visible.map(read),
  );
}

export function compileRowExpression(node: RowExpr, scope: QueryScope): Expression {
  const items = (node.args ?? []).map((item: Node) => scope.compileTyped(item));
  return record(
    items.map((_, at) => `f${at + 1}`),
    items,
  );
}

function record(names: readonly string[], items: readonly Expression[]): Expression {
  const type: PgType = recordType(names.map((name, at) => ({ name, type: items[at]?.type ?? RECORD })));
  return { type, evaluate: (frame) => items.map((item) => item.evaluate(frame)) };
}
