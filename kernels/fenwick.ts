/**
 * Prefix counts over buckets whose counts change (P. M. Fenwick, "A new data structure for cumulative frequency
 * tables", Software: Practice and Experience 24, 1994). Cell `i`, from 0, holds the sum of the counts from
 * `i & (i + 1)` to `i`, so that a sum or a change touches at most log2(length) cells.
 */

/** Fills `tree[0 … length - 1]` from `counts[0 … length - 1]`, in O(length). The two may be one array. */
export function fenwickBuild(tree: Int32Array, counts: Int32Array, length: number): void {
  for (let i = 0; i < length; i++) tree[i] = counts[i] as number;
  for (let i = 0; i < length; i++) {
    const parent = i | (i + 1);
    if (parent < length) tree[parent] = (tree[parent] as number) + (tree[i] as number);
  }
}

/** Adds `delta` to the count of bucket `index`, 0 to `length - 1`. */
export function fenwickAdd(tree: Int32Array, length: number, index: number, delta: number): void {
  for (let i = index; i < length; i |= i + 1) tree[i] = (tree[i] as number) + delta;
}

/** Sum of the counts of buckets 0 to `index - 1`; 0 for index 0. */
export function fenwickPrefix(tree: Int32Array, index: number): number {
  let sum = 0;
  for (let i = index; i > 0; i &= i - 1) sum += tree[i - 1] as number;
  return sum;
}
