/** Rules: columns by row. Which timeline a rule lies on follows from `blocking`. */

import { sameId } from "../id.ts";
import type { RuleImage } from "./command.ts";
import { IdTable } from "./id-table.ts";
import { FIRST_CAPACITY, grownF64, grownI32, grownU8, RowTable } from "./row-table.ts";

export class RuleTable extends RowTable {
  private readonly ids = new IdTable(this);
  private live = new Uint8Array(FIRST_CAPACITY);
  resource = new Int32Array(FIRST_CAPACITY);
  start = new Float64Array(FIRST_CAPACITY);
  end = new Float64Array(FIRST_CAPACITY);
  blocking = new Uint8Array(FIRST_CAPACITY);

  get count(): number {
    return this.ids.count;
  }

  find(id: Parameters<IdTable["find"]>[0]): number {
    return this.ids.find(id);
  }

  isLive(row: number): boolean {
    return this.live[row] === 1;
  }

  add(rule: RuleImage, resourceRow: number): number {
    const row = this.takeRow(rule.id);
    this.ids.add(row);
    this.live[row] = 1;
    this.resource[row] = resourceRow;
    this.start[row] = rule.start;
    this.end[row] = rule.end;
    this.blocking[row] = rule.blocking ? 1 : 0;
    return row;
  }

  remove(row: number): void {
    this.ids.remove(row);
    this.live[row] = 0;
    this.freeRow(row);
  }

  protected override growColumns(capacity: number): void {
    this.live = grownU8(this.live, capacity);
    this.resource = grownI32(this.resource, capacity);
    this.start = grownF64(this.start, capacity);
    this.end = grownF64(this.end, capacity);
    this.blocking = grownU8(this.blocking, capacity);
  }
}

export function sameRule(a: RuleImage, b: RuleImage): boolean {
  return (
    sameId(a.resourceId, b.resourceId) && a.start === b.start && a.end === b.end && a.blocking === b.blocking
  );
}
