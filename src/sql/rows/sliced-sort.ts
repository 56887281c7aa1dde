/**
 * A stable sort that can stop after any comparison and go on later: runs by insertion, then merged from the
 * bottom up between two arrays of positions. About 20 comparisons for each of a million rows; no comparison can
 * be done twice, so a pause costs nothing.
 */

/** Who says when to stop. */
type Pacer = { isTimeUp(): boolean };

const RUN_LENGTH = 16;

export class SlicedSort {
  /** The positions 0 … count - 1, in order once `advance` has returned true. */
  order: Int32Array;
  private target: Int32Array;
  /** Length of the runs that are in order; 0: they are being made. */
  private width = 0;
  /** Where the runs that are made or merged now begin, and where the merge stands in each and in the target. */
  private begin = 0;
  private left = 0;
  private right = 0;
  private at = 0;

  constructor(
    private readonly count: number,
    private readonly compare: (a: number, b: number) => number,
  ) {
    this.order = new Int32Array(count);
    this.target = new Int32Array(count);
    for (let i = 0; i < count; i++) this.order[i] = i;
  }

  /** Goes on until the slice's time is up: false, or all is in order: true. */
  advance(slice: Pacer): boolean {
    if (this.width === 0) {
      for (; this.begin < this.count; this.begin += RUN_LENGTH) {
        if (slice.isTimeUp()) return false;
        this.sortRun(this.begin, Math.min(this.begin + RUN_LENGTH, this.count));
      }
      this.startPass(RUN_LENGTH);
    }
    while (this.width < this.count) {
      if (!this.mergePass(slice)) return false;
      const { order } = this;
      this.order = this.target;
      this.target = order;
      this.startPass(this.width * 2);
    }
    return true;
  }

  private sortRun(from: number, to: number): void {
    const { order, compare } = this;
    for (let i = from + 1; i < to; i++) {
      const item = order[i] as number;
      let hole = i;
      while (hole > from && compare(order[hole - 1] as number, item) > 0) {
        order[hole] = order[hole - 1] as number;
        hole--;
      }
      order[hole] = item;
    }
  }

  private startPass(width: number): void {
    this.width = width;
    this.startMerge(0);
  }

  private startMerge(begin: number): void {
    this.begin = begin;
    this.left = begin;
    this.right = Math.min(begin + this.width, this.count);
    this.at = begin;
  }

  private mergePass(slice: Pacer): boolean {
    const { order, target, compare, count, width } = this;
    while (this.begin < count) {
      const middle = Math.min(this.begin + width, count);
      const end = Math.min(middle + width, count);
      let { left, right, at } = this;
      while (at < end) {
        if (slice.isTimeUp()) {
          this.left = left;
          this.right = right;
          this.at = at;
          return false;
        }
        const takesLeft =
          right === end || (left < middle && compare(order[left] as number, order[right] as number) <= 0);
        target[at++] = order[takesLeft ? left++ : right++] as number;
      }
      this.startMerge(end);
    }
    return true;
  }
}
