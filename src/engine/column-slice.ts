/**
 * Part of a sorted column as kernels read it: `count` keys of `keys` from `offset`. One is reused for many windows. It
 * remembers where its bounds lie, so that a key that is inserted right after it was checked what stands around it need
 * not be looked for again.
 */

/** Whatever the slice is part of: it is only compared. */
type Column = object;

export class ColumnSlice {
  keys: Float64Array = new Float64Array(0);
  offset = 0;
  count = 0;
  /** Keys of the column at or before the lower bound. */
  rank = 0;
  /** The page that the lower bound lies in; 0 in a column without pages. */
  page = 0;
  /** What `SortedColumn.seek` has read, for nothing but that it be read. */
  touched = 0;
  /** The lower bound, and how many entries of its block are at most that. */
  low = Number.NaN;
  lowIndex = 0;
  /** The upper bound, and how many entries of that same block are below it; NaN where it lies in another block. */
  high = Number.NaN;
  highIndex = 0;

  private column: Column | null = null;
  private changes = 0;
  private gathered = new Float64Array(256);

  /** The slice is one of `column`, whose arena has seen so many `changes`. */
  describe(column: Column, changes: number): void {
    this.column = column;
    this.changes = changes;
  }

  /** Whether nothing has changed since. */
  describes(column: Column, changes: number): boolean {
    return this.column === column && this.changes === changes;
  }

  /** Room for `count` keys that lie in more than one page. */
  gatherInto(count: number): Float64Array<ArrayBuffer> {
    if (this.gathered.length < count) this.gathered = new Float64Array(count * 2);
    return this.gathered;
  }
}
