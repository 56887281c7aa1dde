/** Reads what `deltat dump` prints, as rows to compare. */

import { rowText, ruleText } from "./operations.ts";
import { byResource, type Found, type FoundRow } from "./workload.ts";

const HEADING = /^COPY (\w+) \(/;
const NO_PARENT = "\\N";

/** Throws an Error for a dump that was cut off. */
export function rowsOfDump(dump: string): Found {
  if (!dump.endsWith("\nCOMMIT;\n")) throw new Error("the dump has no end");
  const rows: FoundRow[] = [];
  const parents = new Map<string, string>();
  let table: string | null = null;
  for (const line of dump.split("\n")) {
    const heading = HEADING.exec(line)?.[1];
    if (heading !== undefined) table = heading;
    else if (line === "\\.") table = null;
    else if (table !== null) rows.push(...rowOfLine(table, line.split("\t"), parents));
  }
  return byResource(rows);
}

/** None for a resource without parent, and its rules. */
function rowOfLine(
  table: string,
  [id = "", resource = "", start, end]: readonly string[],
  parents: Map<string, string>,
): FoundRow[] {
  if (table === "bookings" || table === "holds") {
    return [{ id, resource, text: rowText(table, resource, Number(start), Number(end)) }];
  }
  if (table === "resources") {
    if (resource === NO_PARENT) return [];
    parents.set(id, resource);
    return [{ id, resource, text: rowText(table, resource, 0, 0) }];
  }
  const parent = parents.get(resource);
  if (parent === undefined) return [];
  return [{ id, resource: parent, text: ruleText(parent, resource, Number(start), Number(end)) }];
}
