/**
 * A long SELECT over one relation, in slices: candidates are filtered, sorted where there is an order, and
 * written, and between any two of them it may stop. What is copied when it first stops are the rows that may
 * still be written.
 */

import type { ByteWriter } from "../../bytes.ts";
import type { Execution } from "../execution.ts";
import type { RowOutput } from "../statements/targets.ts";
import { isString } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { positionComparator, type RowRange, type SortKey } from "./row-order.ts";
import type { RowSource } from "./row-source.ts";
import type { RowStream, Slice } from "./row-stream.ts";
import type { RowWriter } from "./row-writer.ts";
import { SlicedSort } from "./sliced-sort.ts";

/** What a SELECT asks of its rows. */
export interface Selection {
  readonly source: RowSource;
  /** null: any order. */
  readonly order: readonly SortKey[] | null;
  readonly range: RowRange | null;
  readonly output: RowOutput;
}

/** Bytes of a sort key's value, and of one that is text; and of a row's place in the order, twice. */
const KEY_BYTES = 8;
const TEXT_KEY_BYTES = 64;
const ORDER_BYTES = 8;
/** Of a row number in a list. */
const NUMBER_BYTES = 8;

/** The candidates of a source one by one, and what passed the filter and is kept for later. */
class RowScan {
  kept: number[] = [];
  private at = 0;
  private heldBytes = 0;
  private isDetached = false;

  constructor(
    private readonly source: RowSource,
    private rows: ArrayLike<number>,
    private readonly execution: Execution,
  ) {}

  get isOver(): boolean {
    return this.at === this.rows.length;
  }

  /** Looks at the next candidate, `execution.row` from now on; whether it passes the filter. */
  next(): boolean {
    const { execution } = this;
    const { filter } = this.source;
    execution.row = this.rows[this.at++] as number;
    return filter === null || filter.evaluate(execution) === true;
  }

  /** Reads these rows instead, no filter left to pass. */
  replace(rows: ArrayLike<number>): RowScan {
    const scan = new RowScan({ ...this.source, filter: null }, rows, this.execution);
    scan.heldBytes = this.heldBytes;
    scan.isDetached = this.isDetached;
    return scan;
  }

  /** Copies the rows kept and those not looked at yet. @param bytesPerRow what else each of them will hold */
  detach(bytesPerRow: number): void {
    if (this.isDetached) return;
    const { execution, source, kept, rows, at } = this;
    const needed = new Int32Array(kept.length + rows.length - at);
    for (let i = 0; i < kept.length; i++) needed[i] = kept[i] as number;
    for (let i = at; i < rows.length; i++) needed[kept.length + i - at] = rows[i] as number;
    const { perRow, perResource } = source.copyCost;
    const bytes =
      needed.length * (perRow + bytesPerRow + NUMBER_BYTES) + execution.tables.resources.limit * perResource;
    execution.session.memory.take(bytes);
    this.heldBytes = bytes;
    this.isDetached = true;
    const copied = source.copy(execution, needed);
    for (let i = 0; i < kept.length; i++) kept[i] = copied[i] as number;
    this.rows = copied;
    this.at = kept.length;
  }

  close(): void {
    this.execution.session.memory.giveBack(this.heldBytes);
    this.heldBytes = 0;
  }
}

export class SelectStream implements RowStream {
  private scan: RowScan;
  private writer: RowWriter | null = null;
  private readonly keys: readonly SortKey[];
  /** Of the rows kept, the values of each key. */
  private readonly columns: Value[][];
  private sort: SlicedSort | null = null;
  private isOrdered: boolean;
  private toSkip: number;
  private toTake: number;

  constructor(
    private readonly selection: Selection,
    candidates: ArrayLike<number>,
    private readonly execution: Execution,
  ) {
    const { source, order, range } = selection;
    this.scan = new RowScan(source, candidates, execution);
    this.keys = order ?? [];
    this.columns = this.keys.map(() => []);
    this.isOrdered = order === null;
    const { skip, take } = range?.(execution) ?? { skip: 0, take: Number.POSITIVE_INFINITY };
    this.toSkip = skip;
    this.toTake = take;
  }

  sendTo(out: ByteWriter, formats: readonly number[]): void {
    this.execution.out = out;
    this.execution.formats = formats;
    this.writer = null;
  }

  next(slice: Slice): boolean {
    return (this.isOrdered || this.putInOrder(slice)) && this.write(slice);
  }

  detach(): void {
    let bytes = this.isOrdered ? 0 : ORDER_BYTES;
    for (const { expression } of this.keys) bytes += isString(expression.type) ? TEXT_KEY_BYTES : KEY_BYTES;
    this.scan.detach(bytes);
  }

  tag(rows: number): string {
    return `SELECT ${rows}`;
  }

  close(): void {
    this.scan.close();
  }

  private putInOrder(slice: Slice): boolean {
    const { scan, keys, columns, execution } = this;
    while (!scan.isOver) {
      if (slice.isTimeUp()) return false;
      if (!scan.next()) continue;
      scan.kept.push(execution.row);
      for (let at = 0; at < keys.length; at++) {
        columns[at]?.push((keys[at] as SortKey).expression.evaluate(execution));
      }
    }
    this.sort ??= new SlicedSort(scan.kept.length, positionComparator(columns, keys));
    if (!this.sort.advance(slice)) return false;
    const { order } = this.sort;
    for (let i = 0; i < order.length; i++) order[i] = scan.kept[order[i] as number] as number;
    this.scan = scan.replace(order);
    this.sort = null;
    columns.length = 0;
    this.isOrdered = true;
    return true;
  }

  private write(slice: Slice): boolean {
    const { execution, scan } = this;
    const { output } = this.selection;
    this.writer ??= output.open(execution);
    while (!slice.isOver(execution.out)) {
      if (scan.isOver || this.toTake <= 0) return true;
      if (!scan.next()) continue;
      if (this.toSkip > 0) {
        this.toSkip--;
        continue;
      }
      output.write(this.writer, execution);
      this.toTake--;
      slice.rows++;
    }
    return false;
  }
}

/** One row about all that pass the filter. */
export class AggregateStream implements RowStream {
  private readonly scan: RowScan;
  private isFinished = false;

  /** @param finish writes the row, where LIMIT leaves it; returns how many were written */
  constructor(
    source: RowSource,
    candidates: ArrayLike<number>,
    private readonly finish: (rows: readonly number[]) => number,
    private readonly execution: Execution,
  ) {
    this.scan = new RowScan(source, candidates, execution);
  }

  sendTo(out: ByteWriter, formats: readonly number[]): void {
    this.execution.out = out;
    this.execution.formats = formats;
  }

  next(slice: Slice): boolean {
    const { scan, execution } = this;
    while (!scan.isOver) {
      if (slice.isTimeUp()) return false;
      if (scan.next()) scan.kept.push(execution.row);
    }
    if (!this.isFinished) slice.rows += this.finish(scan.kept);
    this.isFinished = true;
    return true;
  }

  detach(): void {
    this.scan.detach(0);
  }

  tag(rows: number): string {
    return `SELECT ${rows}`;
  }

  close(): void {
    this.scan.close();
  }
}
