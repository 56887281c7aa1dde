/** VALUES as a statement of its own. */

import { DeltatError, SqlState } from "../errors.ts";
import type { Node, SelectStmt } from "./ast.ts";
import type { Plan } from "./execution.ts";
import { RelationScope } from "./relation.ts";
import type { StatementCompiler } from "./statement-compiler.ts";
import { RowOutput } from "./targets.ts";
import { notSupported, refuseOtherFields } from "./unsupported.ts";

const VALUES_FIELDS = new Set(["valuesLists", "limitOption", "op"]);

/** The items of each row. Throws 42601 where rows differ in length. */
export function valueRows(lists: readonly Node[]): (readonly Node[])[] {
  const rows = lists.map((list) => ("List" in list ? (list.List.items ?? []) : []));
  if (rows.some((row) => row.length !== rows[0]?.length)) {
    throw new DeltatError(SqlState.syntaxError, "VALUES lists must all be the same length");
  }
  return rows;
}

export function planValues(node: SelectStmt, compiler: StatementCompiler): Plan {
  refuseOtherFields(node, VALUES_FIELDS);
  compiler.enter(new RelationScope(null));
  const outputs = valueRows(node.valuesLists ?? []).map(
    (items) =>
      new RowOutput(
        items.map((item, at) => ({ name: `column${at + 1}`, node: item, expression: compiler.output(item) })),
      ),
  );
  const [first, ...others] = outputs as [RowOutput, ...RowOutput[]];
  const differs = others.some(({ columns }) =>
    columns.some((column, at) => column.typeOid !== first.columns[at]?.typeOid),
  );
  if (differs) throw notSupported("VALUES with rows of different types", "Cast the values to one type.");
  return {
    command: "SELECT",
    usage: "read",
    parameterTypes: compiler.parameterTypes(),
    columns: first.columns,
    run(execution) {
      for (const output of outputs) output.write(output.open(execution), execution);
      return `SELECT ${outputs.length}`;
    },
  };
}
