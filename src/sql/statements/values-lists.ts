/** The rows after VALUES. */

import { DeltatError, SqlState } from "../../errors.ts";
import { type Node, nodeLocation } from "../parse/ast.ts";

/** The items of each row. Throws 42601 where rows differ in length. */
export function valueRows(
  lists: readonly Node[],
  position: (location: number) => number,
): (readonly Node[])[] {
  const rows = lists.map((list) => ("List" in list ? (list.List.items ?? []) : []));
  const odd = rows.find((row) => row.length !== rows[0]?.length);
  if (odd !== undefined) {
    const [first] = odd;
    throw new DeltatError(SqlState.syntaxError, "VALUES lists must all be the same length", {
      position: position(first === undefined ? 0 : nodeLocation(first)),
    });
  }
  return rows;
}
