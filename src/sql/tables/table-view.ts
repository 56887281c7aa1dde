/**
 * What columns read of the engine, and copies of it for results that take longer than one turn of the event
 * loop. A copy of allocations or rules is dense: the rows wanted, numbered anew; one of resources keeps the row
 * numbers, since rows of every table point there.
 */

/** The ids of one engine table. */
export interface IdWords {
  /** Four words a row. */
  readonly idWords: Uint32Array;
}

interface ResourceView extends IdWords {
  readonly limit: number;
  readonly parent: Int32Array;
  readonly capacity: Float64Array;
  readonly bufferAfterMs: Float64Array;
  name(row: number): string | null;
}

interface RuleView extends IdWords {
  readonly resource: Int32Array;
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly blocking: Uint8Array;
}

interface AllocationView extends IdWords {
  readonly resource: Int32Array;
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly expiresAt: Float64Array;
  label(row: number): string | null;
}

/** The engine is one, and so is a copy. */
export interface TableView {
  readonly resources: ResourceView;
  readonly rules: RuleView;
  readonly allocations: AllocationView;
  enforcesRules(resourceRow: number): boolean;
}

/** A copy, and the numbers that the wanted rows have in it. */
export interface CopiedRows {
  readonly view: TableView;
  readonly rows: Int32Array;
}

/** Bytes that a copy takes: for each row wanted, and for each resource there is. */
export interface CopyCost {
  readonly perRow: number;
  readonly perResource: number;
}

const ID_BYTES = 16;
/** A pointer; the string itself is the engine's own. */
const TEXT_BYTES = 8;
/** Number of a row. */
const NUMBER_BYTES = 4;

export const ALLOCATION_COPY: CopyCost = {
  perRow: ID_BYTES + 4 + 8 + 8 + 8 + TEXT_BYTES + NUMBER_BYTES,
  perResource: ID_BYTES,
};
export const RULE_COPY: CopyCost = { perRow: ID_BYTES + 4 + 8 + 8 + 1 + NUMBER_BYTES, perResource: ID_BYTES };
export const RESOURCE_COPY: CopyCost = {
  perRow: 0,
  perResource: ID_BYTES + 4 + 8 + 8 + 1 + TEXT_BYTES,
};
export const RESOURCE_ID_COPY: CopyCost = { perRow: 0, perResource: ID_BYTES };

/** Rows 0, 1, 2, … of a dense copy, without a list of them. */
function counted(length: number): Int32Array {
  const rows = new Int32Array(length);
  for (let row = 0; row < length; row++) rows[row] = row;
  return rows;
}

export function copyAllocations(from: TableView, rows: Int32Array): CopiedRows {
  const { allocations } = from;
  const labels: (string | null)[] = new Array(rows.length);
  for (let i = 0; i < rows.length; i++) labels[i] = allocations.label(rows[i] as number);
  const copy: AllocationView = {
    ...pickIds(allocations, rows),
    resource: pickRows(allocations.resource, rows),
    start: pickNumbers(allocations.start, rows),
    end: pickNumbers(allocations.end, rows),
    expiresAt: pickNumbers(allocations.expiresAt, rows),
    label: (row) => labels[row] ?? null,
  };
  return { view: { ...copyResourceIds(from), allocations: copy }, rows: counted(rows.length) };
}

export function copyRules(from: TableView, rows: Int32Array): CopiedRows {
  const { rules } = from;
  const copy: RuleView = {
    ...pickIds(rules, rows),
    resource: pickRows(rules.resource, rows),
    start: pickNumbers(rules.start, rows),
    end: pickNumbers(rules.end, rows),
    blocking: pickFlags(rules.blocking, rows),
  };
  return { view: { ...copyResourceIds(from), rules: copy }, rows: counted(rows.length) };
}

/** All columns for `rows`, ids for every resource. */
export function copyResources(from: TableView, rows: Int32Array): CopiedRows {
  const { resources } = from;
  const { limit } = resources;
  const names: (string | null)[] = new Array(limit).fill(null);
  const enforces = new Uint8Array(limit);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    names[row] = resources.name(row);
    enforces[row] = from.enforcesRules(row) ? 1 : 0;
  }
  const view = copyResourceIds(from);
  const copy: ResourceView = {
    ...view.resources,
    parent: resources.parent.slice(0, limit),
    capacity: resources.capacity.slice(0, limit),
    bufferAfterMs: resources.bufferAfterMs.slice(0, limit),
    name: (row) => names[row] ?? null,
  };
  return { view: { ...view, resources: copy, enforcesRules: (row) => enforces[row] === 1 }, rows };
}

const NO_WORDS: IdWords = { idWords: new Uint32Array(0) };
const NO_NUMBERS = new Float64Array(0);
const NO_ROWS = new Int32Array(0);
const NO_FLAGS = new Uint8Array(0);
const NO_RULES: RuleView = {
  ...NO_WORDS,
  resource: NO_ROWS,
  start: NO_NUMBERS,
  end: NO_NUMBERS,
  blocking: NO_FLAGS,
};
const NO_ALLOCATIONS: AllocationView = {
  ...NO_WORDS,
  resource: NO_ROWS,
  start: NO_NUMBERS,
  end: NO_NUMBERS,
  expiresAt: NO_NUMBERS,
  label: () => null,
};

/** The ids of all resources, by row, and nothing else. */
export function copyResourceIds(from: TableView): TableView {
  const { resources } = from;
  const { limit } = resources;
  return {
    resources: {
      idWords: resources.idWords.slice(0, limit * 4),
      limit,
      parent: NO_ROWS,
      capacity: NO_NUMBERS,
      bufferAfterMs: NO_NUMBERS,
      name: () => null,
    },
    rules: NO_RULES,
    allocations: NO_ALLOCATIONS,
    enforcesRules: () => false,
  };
}

function pickIds({ idWords }: IdWords, rows: Int32Array): IdWords {
  const into = new Uint32Array(rows.length * 4);
  for (let i = 0; i < rows.length; i++) {
    const from = (rows[i] as number) * 4;
    for (let word = 0; word < 4; word++) into[i * 4 + word] = idWords[from + word] as number;
  }
  return { idWords: into };
}

// One function for each type of array: one for all would be ten times slower.

function pickNumbers(from: Float64Array, rows: Int32Array): Float64Array {
  const into = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) into[i] = from[rows[i] as number] as number;
  return into;
}

function pickRows(from: Int32Array, rows: Int32Array): Int32Array {
  const into = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) into[i] = from[rows[i] as number] as number;
  return into;
}

function pickFlags(from: Uint8Array, rows: Int32Array): Uint8Array {
  const into = new Uint8Array(rows.length);
  for (let i = 0; i < rows.length; i++) into[i] = from[rows[i] as number] as number;
  return into;
}
