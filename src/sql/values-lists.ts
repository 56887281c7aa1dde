/** The rows after VALUES. */

import { DeltatError, SqlState } from "../errors.ts";
import type { Node } from "./ast.ts";

/** The items of each row. Throws 42601 where rows differ in length. */
export function valueRows(lists: readonly Node[]): (readonly Node[])[] {
  const rows = lists.map((list) => ("List" in list ? (list.List.items ?? []) : []));
  if (rows.some((row) => row.length !== rows[0]?.length)) {
    throw new DeltatError(SqlState.syntaxError, "VALUES lists must all be the same length");
  }
  return rows;
}
