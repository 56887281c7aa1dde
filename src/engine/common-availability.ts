/** When at least k of several resources are free at once. */

import { KOFN_BUCKETS, kOfN } from "../../kernels/kofn.ts";
import { freeRuns } from "./availability.ts";
import type { EngineState } from "./state.ts";
import { SpanList } from "./timeline.ts";

const runs = new SpanList();
const gathered = new SpanList();
const counts = new Uint32Array(KOFN_BUCKETS);
let listOffsets = new Uint32Array(64);
let scratch = new Float64Array(256);

/**
 * The maximal runs of [from, to) in which at least `minAvailable` of the distinct `resourceRows` are free, into
 * `out`. Row -1 is a resource that does not exist: it counts as listed and is never free.
 */
export function commonFreeRuns(
  state: EngineState,
  resourceRows: readonly number[],
  from: number,
  to: number,
  minAvailable: number,
  out: SpanList,
): void {
  const n = resourceRows.length;
  out.count = 0;
  if (minAvailable > n) return;
  if (n === 1) {
    const row = resourceRows[0] as number;
    if (row >= 0) freeRuns(state, row, from, to, out);
    return;
  }
  if (listOffsets.length <= n) listOffsets = new Uint32Array(n * 2);
  gathered.count = 0;
  for (let i = 0; i < n; i++) {
    const row = resourceRows[i] as number;
    listOffsets[i] = gathered.count;
    if (row >= 0) appendFreeRuns(state, row, from, to);
    // Where all must be free, one that never is settles it.
    if (minAvailable === n && gathered.count === listOffsets[i]) return;
  }
  listOffsets[n] = gathered.count;
  if (gathered.count === 0) return;
  if (scratch.length < 2 * gathered.count + 2) scratch = new Float64Array(4 * gathered.count);
  out.reserve(gathered.count + 1);
  out.count = kOfN(gathered.spans, listOffsets, n, minAvailable, scratch, counts, out.spans, 0);
}

function appendFreeRuns(state: EngineState, row: number, from: number, to: number): void {
  freeRuns(state, row, from, to, runs);
  gathered.reserve(gathered.count + runs.count);
  const { spans, count } = gathered;
  for (let i = 0; i < 2 * runs.count; i++) spans[2 * count + i] = runs.spans[i] as number;
  gathered.count += runs.count;
}
