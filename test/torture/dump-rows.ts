/** Reads what `deltat dump` prints: its bookings and holds, as rows to compare. */

import { rowText } from "./operations.ts";
import { byResource, type Found } from "./workload.ts";

const TABLE = /^COPY (\w+) \(id, resource_id, start, "end"/;

/** Throws an Error for a dump that was cut off. */
export function rowsOfDump(dump: string): Found {
  if (!dump.endsWith("\nCOMMIT;\n")) throw new Error("the dump has no end");
  const rows: { id: string; resource: string; text: string }[] = [];
  let table: string | null = null;
  for (const line of dump.split("\n")) {
    const heading = TABLE.exec(line)?.[1];
    if (heading === "bookings" || heading === "holds") table = heading;
    else if (line === "\\.") table = null;
    else if (table !== null) {
      const [id = "", resource = "", start, end] = line.split("\t");
      rows.push({ id, resource, text: rowText(table, resource, Number(start), Number(end)) });
    }
  }
  return byResource(rows);
}
