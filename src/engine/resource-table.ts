/**
 * Resources: columns by row, the tree as parent, first child and sibling links (no child list is copied when
 * one is added), and each resource's three timelines, made when first needed.
 */

import { sameId } from "../id.ts";
import type { ResourceImage } from "./command.ts";
import { IdTable } from "./id-table.ts";
import { FIRST_CAPACITY, grownF64, grownI32, grownU8, RowTable } from "./row-table.ts";
import type { Timeline } from "./timeline.ts";

/** `enforce` column: as the parent says, no, yes. */
const INHERIT = 0;
const NO = 1;
const YES = 2;

export class ResourceTable extends RowTable {
  private readonly ids = new IdTable(this);
  private live = new Uint8Array(FIRST_CAPACITY);
  /** Row of the parent, -1 for a root. */
  parent = new Int32Array(FIRST_CAPACITY);
  private firstChild = new Int32Array(FIRST_CAPACITY);
  private nextSibling = new Int32Array(FIRST_CAPACITY);
  private previousSibling = new Int32Array(FIRST_CAPACITY);
  private firstRoot = -1;
  capacity = new Float64Array(FIRST_CAPACITY);
  bufferAfterMs = new Float64Array(FIRST_CAPACITY);
  private enforce = new Uint8Array(FIRST_CAPACITY);
  /** lsn of the last commit that touched the resource or anything on its timelines. */
  changedLsn = new Float64Array(FIRST_CAPACITY);
  /** The newest lsn any resource was stamped with; a resource that is put back starts from it, to be safe. */
  lastStampedLsn = 0;
  private readonly names = new Map<number, string>();

  readonly allocations: (Timeline | null)[] = [];
  readonly openRules: (Timeline | null)[] = [];
  readonly blockingRules: (Timeline | null)[] = [];

  get count(): number {
    return this.ids.count;
  }

  find(id: Parameters<IdTable["find"]>[0]): number {
    return this.ids.find(id);
  }

  isLive(row: number): boolean {
    return this.live[row] === 1;
  }

  name(row: number): string | null {
    return this.names.get(row) ?? null;
  }

  /** The resource's own setting; null: as the parent says. */
  ownEnforceRules(row: number): boolean | null {
    const value = this.enforce[row];
    return value === INHERIT ? null : value === YES;
  }

  image(row: number): ResourceImage {
    const parent = this.parent[row] as number;
    return {
      id: this.idAt(row),
      parentId: parent < 0 ? null : this.idAt(parent),
      name: this.name(row),
      capacity: this.capacity[row] as number,
      bufferAfterMs: this.bufferAfterMs[row] as number,
      enforceRules: this.ownEnforceRules(row),
    };
  }

  /** Adds a resource whose id is unused under a parent row (-1: root). */
  add(image: ResourceImage, parentRow: number): number {
    const row = this.takeRow(image.id);
    this.ids.add(row);
    this.live[row] = 1;
    this.firstChild[row] = -1;
    this.changedLsn[row] = this.lastStampedLsn;
    this.allocations[row] = null;
    this.openRules[row] = null;
    this.blockingRules[row] = null;
    this.link(row, parentRow);
    this.setFields(row, image);
    return row;
  }

  /** Overwrites all but the id; `parentRow` is the row of the image's parent. */
  set(row: number, image: ResourceImage, parentRow: number): void {
    if (this.parent[row] !== parentRow) {
      this.unlink(row);
      this.link(row, parentRow);
    }
    this.setFields(row, image);
  }

  /** Removes a resource that has no children and whose timelines are empty. */
  remove(row: number): void {
    this.unlink(row);
    this.ids.remove(row);
    this.live[row] = 0;
    this.names.delete(row);
    this.allocations[row]?.dispose();
    this.openRules[row]?.dispose();
    this.blockingRules[row]?.dispose();
    this.allocations[row] = null;
    this.openRules[row] = null;
    this.blockingRules[row] = null;
    this.freeRow(row);
  }

  hasChildren(row: number): boolean {
    return (this.firstChild[row] as number) >= 0;
  }

  /** Rows of the children of `parentRow`, or of the roots for -1, in row order. */
  childRows(parentRow: number): number[] {
    const rows: number[] = [];
    let child = parentRow < 0 ? this.firstRoot : (this.firstChild[parentRow] as number);
    for (; child >= 0; child = this.nextSibling[child] as number) rows.push(child);
    return rows.sort((a, b) => a - b);
  }

  /** Levels from the root to this row, the row included: 1 for a root, 0 for row -1. */
  depth(row: number): number {
    let depth = 0;
    for (let r = row; r >= 0; r = this.parent[r] as number) depth++;
    return depth;
  }

  /** Levels of the subtree below and including `row`. Recursion is bounded by the tree's own depth. */
  height(row: number): number {
    let below = 0;
    for (let child = this.firstChild[row] as number; child >= 0; child = this.nextSibling[child] as number) {
      below = Math.max(below, this.height(child));
    }
    return below + 1;
  }

  /** Whether `row` is `of` or one of its ancestors. */
  isAncestorOrSelf(row: number, of: number): boolean {
    for (let r = of; r >= 0; r = this.parent[r] as number) if (r === row) return true;
    return false;
  }

  /** Nothing is stamped with a later lsn than this. */
  forgetStampsAfter(lsn: number): void {
    this.lastStampedLsn = Math.min(this.lastStampedLsn, lsn);
    for (let row = 0; row < this.limit; row++) {
      this.changedLsn[row] = Math.min(this.changedLsn[row] as number, lsn);
    }
  }

  protected override growColumns(capacity: number): void {
    this.live = grownU8(this.live, capacity);
    this.parent = grownI32(this.parent, capacity);
    this.firstChild = grownI32(this.firstChild, capacity);
    this.nextSibling = grownI32(this.nextSibling, capacity);
    this.previousSibling = grownI32(this.previousSibling, capacity);
    this.capacity = grownF64(this.capacity, capacity);
    this.bufferAfterMs = grownF64(this.bufferAfterMs, capacity);
    this.enforce = grownU8(this.enforce, capacity);
    this.changedLsn = grownF64(this.changedLsn, capacity);
  }

  private setFields(row: number, image: ResourceImage): void {
    this.capacity[row] = image.capacity;
    this.bufferAfterMs[row] = image.bufferAfterMs;
    this.enforce[row] = image.enforceRules === null ? INHERIT : image.enforceRules ? YES : NO;
    if (image.name === null) this.names.delete(row);
    else this.names.set(row, image.name);
  }

  private link(row: number, parentRow: number): void {
    const next = parentRow < 0 ? this.firstRoot : (this.firstChild[parentRow] as number);
    this.parent[row] = parentRow;
    this.previousSibling[row] = -1;
    this.nextSibling[row] = next;
    if (next >= 0) this.previousSibling[next] = row;
    if (parentRow < 0) this.firstRoot = row;
    else this.firstChild[parentRow] = row;
  }

  private unlink(row: number): void {
    const previous = this.previousSibling[row] as number;
    const next = this.nextSibling[row] as number;
    const parentRow = this.parent[row] as number;
    if (next >= 0) this.previousSibling[next] = previous;
    if (previous >= 0) this.nextSibling[previous] = next;
    else if (parentRow < 0) this.firstRoot = next;
    else this.firstChild[parentRow] = next;
  }
}

/** Whether two images of one resource say the same. */
export function sameResource(a: ResourceImage, b: ResourceImage): boolean {
  const sameParent =
    a.parentId === null || b.parentId === null ? a.parentId === b.parentId : sameId(a.parentId, b.parentId);
  return (
    sameParent &&
    a.name === b.name &&
    a.capacity === b.capacity &&
    a.bufferAfterMs === b.bufferAfterMs &&
    a.enforceRules === b.enforceRules
  );
}
