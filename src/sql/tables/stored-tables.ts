/** The four tables that the engine keeps: their columns and the Commands that change their rows. */

import type { BookingImage, HoldImage, ResourceImage, RuleImage } from "../../engine/command.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import { formatId, idAt } from "../../id.ts";
import type { Execution } from "../execution.ts";
import type { RowWriter } from "../rows/row-writer.ts";
import { BOOL, INT4, INT8, type PgType, TEXT } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { checkSpan, idOf, instantOf } from "./field-values.ts";
import type { Column, StoredTable } from "./schema.ts";
import {
  ALLOCATION_COPY,
  copyAllocations,
  copyResources,
  copyRules,
  type IdWords,
  RESOURCE_COPY,
  RULE_COPY,
  type TableView,
} from "./table-view.ts";

function idText({ idWords }: IdWords, row: number): string {
  return formatId(idAt(idWords, row));
}

function writeIdWords(out: RowWriter, { idWords }: IdWords, row: number): void {
  out.idAt(idWords, row);
}

interface ColumnTraits {
  readonly nullable?: boolean;
  readonly hidden?: boolean;
  readonly fallback?: Value;
  readonly fallbackText?: string;
}

function describeColumn(name: string, type: PgType, description: string, traits: ColumnTraits) {
  return {
    name,
    type,
    description,
    isId: false,
    nullable: traits.nullable ?? false,
    hidden: traits.hidden ?? false,
    filterOnly: false,
    fallback: traits.fallback,
    fallbackText: traits.fallbackText ?? null,
  };
}

/** A column read as a Value: for what is seldom shown in bulk. */
function plainColumn(
  name: string,
  type: PgType,
  description: string,
  traits: ColumnTraits,
  read: (execution: Execution) => Value,
): Column {
  return {
    ...describeColumn(name, type, description, traits),
    read,
    write: (out, execution, position) => out.value(read(execution), position),
  };
}

/** A bigint column over a Float64Array of safe integers. */
function int8Column(
  name: string,
  description: string,
  traits: ColumnTraits,
  numbers: (tables: TableView) => Float64Array,
): Column {
  return {
    ...describeColumn(name, INT8, description, traits),
    read: (execution) => numbers(execution.tables)[execution.row] as number,
    write: (out, execution, position) =>
      out.int8(numbers(execution.tables)[execution.row] as number, out.formats[position] as number),
  };
}

/** The id that `rowOf` finds in `words`; NULL where `rowOf` gives -1. */
function idColumn(
  name: string,
  description: string,
  traits: ColumnTraits,
  words: (tables: TableView) => IdWords,
  rowOf: (tables: TableView, row: number) => number,
): Column {
  return {
    ...describeColumn(name, TEXT, description, traits),
    isId: true,
    read: (execution) => {
      const row = rowOf(execution.tables, execution.row);
      return row < 0 ? null : idText(words(execution.tables), row);
    },
    write: (out, execution) => {
      const row = rowOf(execution.tables, execution.row);
      if (row < 0) out.nullValue();
      else writeIdWords(out, words(execution.tables), row);
    },
  };
}

const resourcesOf = (tables: TableView) => tables.resources;
const rulesOf = (tables: TableView) => tables.rules;
const allocationsOf = (tables: TableView) => tables.allocations;
const itself = (_: TableView, row: number) => row;

function readAll(table: StoredTable, execution: Execution): Value[] {
  return table.columns.map((column) => column.read(execution));
}

/** `limit` rows, of which those that `isLive` says are there. */
function liveRows(limit: number, isLive: (row: number) => boolean): number[] {
  const rows: number[] = [];
  for (let row = 0; row < limit; row++) if (isLive(row)) rows.push(row);
  return rows;
}

function resourceImage(values: readonly Value[]): ResourceImage {
  const [id, parentId, name, capacity, bufferAfter, enforceRules] = values;
  return {
    id: idOf(id as Value),
    parentId: parentId === null ? null : idOf(parentId as Value),
    name: name as string | null,
    capacity: capacity as number,
    bufferAfterMs: Number(bufferAfter),
    enforceRules: enforceRules as boolean | null,
  };
}

export const RESOURCES: StoredTable = {
  name: "resources",
  oid: 16_385,
  description: "Anything bookable; a tree.",
  ownerColumn: 1,
  ownerHoldsRows: false,
  columns: [
    idColumn("id", "ULID; made by the server if left out.", {}, resourcesOf, itself),
    idColumn(
      "parent_id",
      "The resource that this one belongs to; NULL for a root.",
      { nullable: true },
      resourcesOf,
      (tables, row) => tables.resources.parent[row] as number,
    ),
    plainColumn("name", TEXT, "Display name.", { nullable: true }, (execution) =>
      execution.tables.resources.name(execution.row),
    ),
    plainColumn(
      "capacity",
      INT4,
      "Allocations that may overlap.",
      { fallback: 1, fallbackText: "1" },
      (execution) => execution.tables.resources.capacity[execution.row] as number,
    ),
    int8Column(
      "buffer_after",
      "Forced gap after each allocation, milliseconds.",
      { fallback: 0, fallbackText: "0" },
      (tables) => tables.resources.bufferAfterMs,
    ),
    plainColumn(
      "enforce_rules",
      BOOL,
      "Whether closed and blocked time refuses allocations; NULL written: as the parent, else the server.",
      { nullable: true },
      (execution) => execution.tables.enforcesRules(execution.row),
    ),
  ],
  rows: (engine) => liveRows(engine.resources.limit, (row) => engine.resources.isLive(row)),
  find: (engine, id) => engine.resources.find(id),
  rowsOf: (engine, owner) => engine.childRows(owner),
  stored(execution) {
    const values = readAll(this, execution);
    values[5] = execution.engine.resourceImage(execution.row).enforceRules;
    return values;
  },
  create: (values) => ({ kind: "createResource", resource: resourceImage(values) }),
  replace: (values) => ({ kind: "updateResource", resource: resourceImage(values) }),
  remove: (id) => ({ kind: "deleteResource", id }),
  idAt: (engine, row) => engine.resources.idAt(row),
  locks: "resource",
  resourceRowOf: (_, row) => row,
  copy: copyResources,
  copyCost: RESOURCE_COPY,
};

function ruleImage(values: readonly Value[]): RuleImage {
  const [id, resourceId, start, end, blocking] = values;
  const rule = {
    id: idOf(id as Value),
    resourceId: idOf(resourceId as Value),
    start: instantOf(start as Value, "start"),
    end: instantOf(end as Value, "end"),
    blocking: blocking as boolean,
  };
  checkSpan(rule.start, rule.end);
  return rule;
}

export const RULES: StoredTable = {
  name: "rules",
  oid: 16_386,
  description: "Spans that open or block a resource and what is below it.",
  ownerColumn: 1,
  ownerHoldsRows: true,
  columns: [
    idColumn("id", "ULID; made by the server if left out.", {}, rulesOf, itself),
    idColumn(
      "resource_id",
      "The resource.",
      {},
      resourcesOf,
      (tables, row) => tables.rules.resource[row] as number,
    ),
    int8Column("start", "First instant, Unix milliseconds.", {}, (tables) => tables.rules.start),
    int8Column("end", "The instant after the last, Unix milliseconds.", {}, (tables) => tables.rules.end),
    plainColumn(
      "blocking",
      BOOL,
      "True: closes time. False: opens it.",
      {},
      (execution) => execution.tables.rules.blocking[execution.row] === 1,
    ),
  ],
  rows: (engine) => liveRows(engine.rules.limit, (row) => engine.rules.isLive(row)),
  find: (engine, id) => engine.rules.find(id),
  rowsOf: (engine, owner) => (owner < 0 ? [] : engine.ruleRows(owner)),
  stored(execution) {
    return readAll(this, execution);
  },
  create: (values) => ({ kind: "addRule", rule: ruleImage(values) }),
  replace: (values) => ({ kind: "updateRule", rule: ruleImage(values) }),
  remove: (id) => ({ kind: "removeRule", id }),
  idAt: (engine, row) => engine.rules.idAt(row),
  locks: "rule",
  resourceRowOf: (engine, row) => engine.rules.resource[row] as number,
  copy: copyRules,
  copyCost: RULE_COPY,
};

/** The columns that bookings and holds share. */
const ALLOCATION_COLUMNS: readonly Column[] = [
  idColumn("id", "ULID; made by the server if left out.", {}, allocationsOf, itself),
  idColumn(
    "resource_id",
    "The resource.",
    {},
    resourcesOf,
    (tables, row) => tables.allocations.resource[row] as number,
  ),
  int8Column("start", "First instant, Unix milliseconds.", {}, (tables) => tables.allocations.start),
  int8Column("end", "The instant after the last, Unix milliseconds.", {}, (tables) => tables.allocations.end),
];

function bookingImage(values: readonly Value[]): BookingImage {
  const booking = {
    id: idOf(values[0] as Value),
    resourceId: idOf(values[1] as Value),
    start: instantOf(values[2] as Value, "start"),
    end: instantOf(values[3] as Value, "end"),
    label: values[4] as string | null,
  };
  checkSpan(booking.start, booking.end);
  return booking;
}

/** Position of bookings.hold_id. */
export const HOLD_ID_COLUMN = 5;

export const BOOKINGS: StoredTable = {
  name: "bookings",
  oid: 16_387,
  description: "Permanent allocations.",
  ownerColumn: 1,
  ownerHoldsRows: true,
  columns: [
    ...ALLOCATION_COLUMNS,
    plainColumn("label", TEXT, "Free text.", { nullable: true }, (execution) =>
      execution.tables.allocations.label(execution.row),
    ),
    {
      ...plainColumn(
        "hold_id",
        TEXT,
        "In INSERT: the hold that becomes this booking, with its resource and span. Reads as NULL: that hold is gone.",
        { nullable: true, hidden: true },
        () => null,
      ),
      isId: true,
    },
  ],
  rows: (engine) => liveRows(engine.allocations.limit, (row) => engine.allocations.isBooking(row)),
  find: (engine, id) => engine.allocations.findBooking(id),
  rowsOf: (engine, owner, from, to) =>
    owner < 0
      ? []
      : engine.allocationRows(owner, from, to).filter((row) => engine.allocations.isBooking(row)),
  stored(execution) {
    return readAll(this, execution);
  },
  create(values) {
    const holdId = values[HOLD_ID_COLUMN] as Value;
    if (holdId === null) return { kind: "placeBooking", booking: bookingImage(values) };
    if (values[1] !== null || values[2] !== null || values[3] !== null) {
      throw new DeltatError(
        SqlState.featureNotSupported,
        "hold_id together with resource_id, start or end is not supported",
        { hint: "The booking takes the resource and the span of the hold: leave them out." },
      );
    }
    return {
      kind: "confirmHold",
      bookingId: idOf(values[0] as Value),
      holdId: idOf(holdId),
      label: values[4] as string | null,
    };
  },
  replace: (values) => ({ kind: "moveBooking", booking: bookingImage(values) }),
  remove: (id) => ({ kind: "cancelBooking", id }),
  idAt: (engine, row) => engine.allocations.idAt(row),
  locks: "booking",
  resourceRowOf: (engine, row) => engine.allocations.resource[row] as number,
  copy: copyAllocations,
  copyCost: ALLOCATION_COPY,
};

function holdImage(values: readonly Value[]): HoldImage {
  const [id, resourceId, start, end, expiresAt] = values;
  const hold = {
    id: idOf(id as Value),
    resourceId: idOf(resourceId as Value),
    start: instantOf(start as Value, "start"),
    end: instantOf(end as Value, "end"),
    expiresAt: instantOf(expiresAt as Value, "expires_at"),
  };
  checkSpan(hold.start, hold.end);
  return hold;
}

export const HOLDS: StoredTable = {
  name: "holds",
  oid: 16_388,
  description: "Allocations that release themselves.",
  ownerColumn: 1,
  ownerHoldsRows: true,
  columns: [
    ...ALLOCATION_COLUMNS,
    int8Column(
      "expires_at",
      "From this instant on the hold counts nowhere, Unix milliseconds.",
      {},
      (tables) => tables.allocations.expiresAt,
    ),
  ],
  rows: (engine) => liveRows(engine.allocations.limit, (row) => engine.allocations.isHold(row)),
  find: (engine, id) => engine.allocations.findHold(id),
  rowsOf: (engine, owner, from, to) =>
    owner < 0 ? [] : engine.allocationRows(owner, from, to).filter((row) => engine.allocations.isHold(row)),
  stored(execution) {
    return readAll(this, execution);
  },
  create: (values) => ({ kind: "placeHold", hold: holdImage(values) }),
  replace: (values) => ({ kind: "changeHold", hold: holdImage(values) }),
  remove: (id) => ({ kind: "releaseHold", id }),
  idAt: (engine, row) => engine.allocations.idAt(row),
  locks: "hold",
  resourceRowOf: (engine, row) => engine.allocations.resource[row] as number,
  copy: copyAllocations,
  copyCost: ALLOCATION_COPY,
};
