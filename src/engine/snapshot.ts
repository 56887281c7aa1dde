/**
 * The engine's state as columns, and back. Rows are renumbered: resources with parents before their children,
 * allocations by resource and start, so that each timeline is one run of sorted keys, which comes back without a
 * comparison. What a section holds is said by its number, here and in docs/storage-format.md; storage knows
 * sections as bytes only. Typed arrays are little-endian, as every machine is that this runs on.
 */

import { assert } from "../errors.ts";
import { idAt } from "../id.ts";
import type { Engine } from "./engine.ts";
import type { EngineState } from "./state.ts";

/** Numbers of sections; a number never changes its meaning. */
export const SnapshotSection = {
  resourceIds: 1,
  resourceParents: 2,
  resourceCapacities: 3,
  resourceBuffers: 4,
  resourceEnforcement: 5,
  resourceNames: 6,
  ruleIds: 7,
  ruleResources: 8,
  ruleStarts: 9,
  ruleEnds: 10,
  ruleBlocking: 11,
  allocationIds: 12,
  allocationKinds: 13,
  allocationResources: 14,
  allocationStarts: 15,
  allocationEnds: 16,
  sortedEnds: 17,
  holdRows: 18,
  holdExpiries: 19,
  labels: 20,
  eventCount: 21,
} as const;

/** Section number to its bytes; each begins at a multiple of eight in its buffer. */
export type Sections = Map<number, Uint8Array<ArrayBuffer>>;

type Column = Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

const WORDS_PER_ID = 4;

/** What the engine holds now, with nobody's staged changes in place. */
export function captureSnapshot(engine: Engine): Sections {
  return engine.inspect((state) => {
    const sections: Sections = new Map();
    const put = (section: number, column: Column | Uint8Array<ArrayBuffer>): void => {
      sections.set(section, new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
    };
    const places = captureResources(state, put);
    captureRules(state, places, put);
    captureAllocations(state, places, put);
    put(SnapshotSection.eventCount, Float64Array.of(state.eventCount));
    return sections;
  });
}

type Put = (section: number, column: Column | Uint8Array<ArrayBuffer>) => void;

/** The new number of each resource's row. */
type Places = { readonly order: readonly number[]; readonly placeOf: Int32Array };

function captureResources(state: EngineState, put: Put): Places {
  const { resources } = state;
  const order: number[] = [];
  const placeOf = new Int32Array(resources.limit).fill(-1);
  const pending = resources.childRows(-1).reverse();
  for (let row = pending.pop(); row !== undefined; row = pending.pop()) {
    placeOf[row] = order.length;
    order.push(row);
    for (const child of resources.childRows(row).reverse()) pending.push(child);
  }
  const names: [number, string][] = [];
  for (const [place, row] of order.entries()) {
    const name = resources.name(row);
    if (name !== null) names.push([place, name]);
  }
  put(SnapshotSection.resourceIds, idWords(resources, order));
  put(
    SnapshotSection.resourceParents,
    Int32Array.from(order, (row) => {
      const parent = resources.parent[row] as number;
      return parent < 0 ? -1 : (placeOf[parent] as number);
    }),
  );
  put(
    SnapshotSection.resourceCapacities,
    Float64Array.from(order, (row) => resources.capacity[row] as number),
  );
  put(
    SnapshotSection.resourceBuffers,
    Float64Array.from(order, (row) => resources.bufferAfterMs[row] as number),
  );
  put(
    SnapshotSection.resourceEnforcement,
    Uint8Array.from(order, (row) => ENFORCEMENT.indexOf(resources.ownEnforceRules(row))),
  );
  put(SnapshotSection.resourceNames, encodeTexts(names));
  return { order, placeOf };
}

/** How `enforce_rules` of a resource is written: as the parent says, no, yes. */
const ENFORCEMENT: readonly (boolean | null)[] = [null, false, true];

function idWords(
  { idWords: all }: { readonly idWords: Uint32Array },
  rows: readonly number[] | Int32Array,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(rows.length * WORDS_PER_ID);
  for (let i = 0; i < rows.length; i++) {
    const from = (rows[i] as number) * WORDS_PER_ID;
    for (let word = 0; word < WORDS_PER_ID; word++) {
      words[i * WORDS_PER_ID + word] = all[from + word] as number;
    }
  }
  return words;
}

function captureRules(state: EngineState, { placeOf }: Places, put: Put): void {
  const { rules } = state;
  const rows: number[] = [];
  for (let row = 0; row < rules.limit; row++) if (rules.isLive(row)) rows.push(row);
  put(SnapshotSection.ruleIds, idWords(rules, rows));
  put(
    SnapshotSection.ruleResources,
    Int32Array.from(rows, (row) => placeOf[rules.resource[row] as number] as number),
  );
  put(
    SnapshotSection.ruleStarts,
    Float64Array.from(rows, (row) => rules.start[row] as number),
  );
  put(
    SnapshotSection.ruleEnds,
    Float64Array.from(rows, (row) => rules.end[row] as number),
  );
  put(
    SnapshotSection.ruleBlocking,
    Uint8Array.from(rows, (row) => rules.blocking[row] as number),
  );
}

function captureAllocations(state: EngineState, { order, placeOf }: Places, put: Put): void {
  const { allocations, resources } = state;
  const count = allocations.bookingCount + allocations.holdCount;
  const rows = new Int32Array(count);
  const sortedEnds = new Float64Array(count);
  let filled = 0;
  for (const resource of order) {
    const timeline = resources.allocations[resource];
    if (!timeline) continue;
    timeline.copyEnds(sortedEnds, filled);
    timeline.visitCandidates(0, Number.POSITIVE_INFINITY, (row) => {
      rows[filled++] = row;
    });
  }
  assert(filled === count, "every allocation lies on a timeline");
  const resourceColumn = new Int32Array(count);
  const starts = new Float64Array(count);
  const ends = new Float64Array(count);
  const kinds = new Uint8Array(count);
  const holdRows: number[] = [];
  const expiries: number[] = [];
  const labels: [number, string][] = [];
  for (let i = 0; i < count; i++) {
    const row = rows[i] as number;
    resourceColumn[i] = placeOf[allocations.resource[row] as number] as number;
    starts[i] = allocations.start[row] as number;
    ends[i] = allocations.end[row] as number;
    const label = allocations.label(row);
    if (label !== null) labels.push([i, label]);
    if (!allocations.isHold(row)) continue;
    kinds[i] = 1;
    holdRows.push(i);
    expiries.push(allocations.expiresAt[row] as number);
  }
  put(SnapshotSection.allocationIds, idWords(allocations, rows));
  put(SnapshotSection.allocationKinds, kinds);
  put(SnapshotSection.allocationResources, resourceColumn);
  put(SnapshotSection.allocationStarts, starts);
  put(SnapshotSection.allocationEnds, ends);
  put(SnapshotSection.sortedEnds, sortedEnds);
  put(SnapshotSection.holdRows, Uint32Array.from(holdRows));
  put(SnapshotSection.holdExpiries, Float64Array.from(expiries));
  put(SnapshotSection.labels, encodeTexts(labels));
}

const encoder = new TextEncoder();
/** A leading U+FEFF is part of the text. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Per text: u32 row, u32 length in bytes, the bytes of UTF-8. */
function encodeTexts(texts: readonly (readonly [row: number, text: string])[]): Uint8Array<ArrayBuffer> {
  const encoded = texts.map(([row, text]) => [row, encoder.encode(text)] as const);
  const bytes = new Uint8Array(encoded.reduce((sum, [, text]) => sum + 8 + text.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [row, text] of encoded) {
    view.setUint32(at, row, true);
    view.setUint32(at + 4, text.length, true);
    bytes.set(text, at + 8);
    at += 8 + text.length;
  }
  return bytes;
}

function decodeTexts(bytes: Uint8Array, visit: (row: number, text: string) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    visit(view.getUint32(at, true), decoder.decode(bytes.subarray(at + 8, at + 8 + length)));
    at += 8 + length;
  }
}

/** The columns of a snapshot. Throws where a section is missing or has a length that is none of its kind. */
class SectionReader {
  constructor(private readonly sections: Sections) {}

  bytes(section: number): Uint8Array<ArrayBuffer> {
    const found = this.sections.get(section);
    if (found === undefined) throw new Error(`section ${section} is missing`);
    return found;
  }

  f64(section: number): Float64Array<ArrayBuffer> {
    const { buffer, byteOffset, byteLength } = this.bytes(section);
    return new Float64Array(buffer, byteOffset, byteLength / 8);
  }

  i32(section: number): Int32Array<ArrayBuffer> {
    const { buffer, byteOffset, byteLength } = this.bytes(section);
    return new Int32Array(buffer, byteOffset, byteLength / 4);
  }

  u32(section: number): Uint32Array<ArrayBuffer> {
    const { buffer, byteOffset, byteLength } = this.bytes(section);
    return new Uint32Array(buffer, byteOffset, byteLength / 4);
  }
}

/**
 * Puts a snapshot's columns into an engine that is empty; `at`: the instant of the last commit in it. Throws an Error
 * that says what does not fit where the columns contradict each other.
 */
export function restoreSnapshot(engine: Engine, sections: Sections, at: number): void {
  const read = new SectionReader(sections);
  engine.load(at, (state) => {
    restoreResources(state, read);
    restoreRules(state, read);
    restoreAllocations(state, read);
    // Snapshots made before events were counted have no such section.
    if (sections.has(SnapshotSection.eventCount)) {
      state.eventCount = read.f64(SnapshotSection.eventCount)[0] ?? 0;
    }
  });
}

function restoreResources(state: EngineState, read: SectionReader): void {
  const { resources } = state;
  const ids = read.u32(SnapshotSection.resourceIds);
  const parents = read.i32(SnapshotSection.resourceParents);
  const capacities = read.f64(SnapshotSection.resourceCapacities);
  const buffers = read.f64(SnapshotSection.resourceBuffers);
  const enforcement = read.bytes(SnapshotSection.resourceEnforcement);
  const names = new Map<number, string>();
  decodeTexts(read.bytes(SnapshotSection.resourceNames), (row, name) => names.set(row, name));
  for (let row = 0; row < parents.length; row++) {
    const parent = parents[row] as number;
    if (parent >= row) throw new Error(`resource ${row} comes before its parent ${parent}`);
    resources.add(
      {
        id: idAt(ids, row),
        parentId: null,
        name: names.get(row) ?? null,
        capacity: capacities[row] as number,
        bufferAfterMs: buffers[row] as number,
        enforceRules: ENFORCEMENT[enforcement[row] as number] ?? null,
      },
      parent,
    );
  }
}

function restoreRules(state: EngineState, read: SectionReader): void {
  const ids = read.u32(SnapshotSection.ruleIds);
  const resourceRows = read.i32(SnapshotSection.ruleResources);
  const starts = read.f64(SnapshotSection.ruleStarts);
  const ends = read.f64(SnapshotSection.ruleEnds);
  const blocking = read.bytes(SnapshotSection.ruleBlocking);
  for (let row = 0; row < resourceRows.length; row++) {
    const resourceRow = resourceRows[row] as number;
    state.putRule({
      id: idAt(ids, row),
      resourceId: state.resources.idAt(resourceRow),
      start: starts[row] as number,
      end: ends[row] as number,
      blocking: blocking[row] === 1,
    });
  }
}

function restoreAllocations(state: EngineState, read: SectionReader): void {
  const resourceRows = read.i32(SnapshotSection.allocationResources);
  const starts = read.f64(SnapshotSection.allocationStarts);
  const ends = read.f64(SnapshotSection.allocationEnds);
  const sortedEnds = read.f64(SnapshotSection.sortedEnds);
  const count = resourceRows.length;
  if (starts.length !== count || ends.length !== count || sortedEnds.length !== count) {
    throw new Error("its columns of allocations have different lengths");
  }
  state.allocations.restore({
    ids: read.u32(SnapshotSection.allocationIds),
    kinds: read.bytes(SnapshotSection.allocationKinds),
    resources: resourceRows,
    starts,
    ends,
  });
  for (let from = 0; from < count; ) {
    const resource = resourceRows[from] as number;
    let to = from + 1;
    while (to < count && resourceRows[to] === resource) to++;
    if (resource < 0 || resource >= state.resources.limit)
      throw new Error(`there is no resource ${resource}`);
    state.restoreTimeline(resource, starts, ends, sortedEnds, from, to - from);
    from = to;
  }
  const holdRows = read.u32(SnapshotSection.holdRows);
  const expiries = read.f64(SnapshotSection.holdExpiries);
  for (let i = 0; i < holdRows.length; i++) {
    const row = holdRows[i] as number;
    state.allocations.expiresAt[row] = expiries[i] as number;
    state.expiry.add(row);
  }
  decodeTexts(read.bytes(SnapshotSection.labels), (row, label) => state.allocations.setLabel(row, label));
}
