/** The table `availability`: not stored but computed, from a list of spans that the execution holds. */

import { formatId, idAt } from "../../id.ts";
import type { Execution } from "../execution.ts";
import { BOOL, INT4, INT8, type PgType, TEXT } from "../values/types.ts";
import type { Column, Table } from "./schema.ts";
import { type CopyCost, copyResourceIds, RESOURCE_ID_COPY } from "./table-view.ts";

/** Row in `resources` of the span in `execution.row`, or -1 for a run of several resources together. */
function ownerOf(execution: Execution): number {
  const owners = execution.spanOwners;
  return owners === null ? execution.spanOwner : (owners[execution.row] as number);
}

const resourceId: Column = {
  name: "resource_id",
  type: TEXT,
  nullable: true,
  isId: true,
  hidden: false,
  filterOnly: false,
  fallback: undefined,
  fallbackText: null,
  description: "The resource that is free; NULL where several are taken together.",
  read(execution) {
    const owner = ownerOf(execution);
    if (owner < 0) return null;
    return formatId(idAt(execution.tables.resources.idWords, owner));
  },
  write(out, execution) {
    const owner = ownerOf(execution);
    if (owner < 0) return out.nullValue();
    out.idAt(execution.tables.resources.idWords, owner);
  },
};

/** `offset` 0 for the start, 1 for the end of each span. */
function spanColumn(name: string, offset: 0 | 1, description: string): Column {
  const numberAt = (execution: Execution) => execution.spans[execution.row * 2 + offset] as number;
  return {
    name,
    type: INT8,
    nullable: false,
    isId: false,
    hidden: false,
    filterOnly: false,
    fallback: undefined,
    fallbackText: null,
    description,
    read: numberAt,
    write: (out, execution, position) => out.int8(numberAt(execution), out.formats[position] as number),
  };
}

/** A column that exists only to be compared by `=` in WHERE. */
function filterColumn(name: string, type: PgType, description: string): Column {
  return {
    name,
    type,
    nullable: true,
    isId: false,
    hidden: true,
    filterOnly: true,
    fallback: undefined,
    fallbackText: null,
    description,
    read: () => null,
    write: (out) => out.nullValue(),
  };
}

export const AVAILABILITY: Table = {
  name: "availability",
  oid: 16_389,
  description: "The free spans of a resource, or of several, in a window of time.",
  columns: [
    resourceId,
    spanColumn("start", 0, "First free instant, Unix milliseconds."),
    spanColumn("end", 1, "The instant after the last free one, Unix milliseconds."),
    filterColumn(
      "min_duration",
      INT8,
      "A filter, min_duration = … in WHERE, once: drops spans shorter than that, milliseconds.",
    ),
    filterColumn(
      "min_available",
      INT4,
      "A filter, min_available = … in WHERE, once: how many of the listed resources must be free; else all.",
    ),
    filterColumn(
      "per_resource",
      BOOL,
      "A filter, per_resource = … in WHERE, once: true lists each resource by itself.",
    ),
  ],
};

export const SPAN_COPY: CopyCost = { perRow: 8 + 8 + 4 + 4, perResource: RESOURCE_ID_COPY.perResource };

/** Makes `execution` read copies of these spans, which the engine overwrites when it is next asked for some. */
export function copySpans(execution: Execution, rows: Int32Array): Int32Array {
  const { spans, spanOwners } = execution;
  const count = rows.length;
  const numbers = new Int32Array(count);
  const copied = new Float64Array(count * 2);
  const owners = spanOwners === null ? null : new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    numbers[i] = i;
    copied[i * 2] = spans[row * 2] as number;
    copied[i * 2 + 1] = spans[row * 2 + 1] as number;
    if (owners !== null && spanOwners !== null) owners[i] = spanOwners[row] as number;
  }
  execution.spans = copied;
  execution.spanOwners = owners;
  execution.tables = copyResourceIds(execution.tables);
  return numbers;
}
