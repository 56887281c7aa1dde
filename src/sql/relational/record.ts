/** Whole rows as values: `ROW(a, b)`, and a table's name used like a column. */

import type { Expression } from "../expressions/expression.ts";
import { type Node, nameParts, nodeLocation, type RowExpr } from "../parse/ast.ts";
import { type PgType, RECORD, recordType } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import type { NamedColumn } from "./range.ts";
import type { QueryScope } from "./scope.ts";

/** What a whole-row reference needs of an entry. */
export interface RowReference {
  readonly columns: readonly NamedColumn[];
}

/** The row of an entry as a record, with its columns' names. */
export function rowReference(row: RowReference, read: (named: NamedColumn) => Expression): Expression {
  const visible = row.columns.filter((column) => !column.hidden);
  const { type, evaluate } = record(
    visible.map((column) => column.name),
    visible.map(read),
  );
  return {
    type,
    evaluate: (frame) => {
      // The row that an outer join did not find is no row.
      const parts = evaluate(frame) as readonly Value[];
      return parts.every((part) => part === null) ? null : parts;
    },
  };
}

export function compileRowExpression(node: RowExpr, scope: QueryScope): Expression {
  const items = (node.args ?? []).flatMap((item: Node) => rowItems(item, scope));
  return record(
    items.map((_, at) => `f${at + 1}`),
    items,
  );
}

/** One expression, or those that `b.*` stands for. */
function rowItems(item: Node, scope: QueryScope): Expression[] {
  const fields = "ColumnRef" in item ? nameParts(item.ColumnRef.fields) : [];
  if (fields.at(-1) !== "*") return [scope.compileTyped(item)];
  const position = scope.context.position(nodeLocation(item));
  return scope
    .star(fields.slice(0, -1), position)
    .map((named) => scope.readColumn(named, fields.slice(0, -1), position));
}

function record(names: readonly string[], items: readonly Expression[]): Expression {
  const type: PgType = recordType(names.map((name, at) => ({ name, type: items[at]?.type ?? RECORD })));
  return { type, evaluate: (frame) => items.map((item) => item.evaluate(frame)) };
}
