/** ROWS, GROUPS and RANGE of a window definition, compiled. */

import { DeltatError, SqlState } from "../../errors.ts";
import { tryCast } from "../expressions/casts.ts";
import type { Expression } from "../expressions/expression.ts";
import { compileBinary } from "../expressions/operators.ts";
import { resolveUntyped } from "../expressions/untyped.ts";
import type { Node, WindowDef } from "../parse/ast.ts";
import type { KeyOrder } from "../rows/row-order.ts";
import {
  DATE,
  FLOAT8,
  INT8,
  INTERVAL,
  isFloat,
  isInteger,
  isTimeType,
  NUMERIC,
  type PgType,
  TIMESTAMP,
} from "../values/types.ts";
import { integerValue } from "../values/value.ts";
import { SlotExpression } from "./operator.ts";
import type { QueryScope } from "./scope.ts";
import type { FrameBound, FrameDefinition, RangeKey } from "./window-frame.ts";

/** Bits of `frameOptions` (nodes/parsenodes.h). */
const FRAME = {
  range: 0x2,
  rows: 0x4,
  groups: 0x8,
  startCurrent: 0x200,
  endCurrent: 0x400,
  startPreceding: 0x800,
  endPreceding: 0x1000,
  startFollowing: 0x2000,
  endFollowing: 0x4000,
  excludeRow: 0x8000,
  excludeGroup: 0x10000,
  excludeTies: 0x20000,
  /** Either end has an offset. */
  startOffset: 0x2800,
  endOffset: 0x5000,
} as const;

interface OrderKey {
  readonly expression: Expression;
  readonly order: KeyOrder;
}

/** Whether the frame goes by values: RANGE with an offset. */
function goesByValue({ frameOptions = 0 }: WindowDef): boolean {
  return (
    (frameOptions & (FRAME.rows | FRAME.groups)) === 0 &&
    (frameOptions & (FRAME.startOffset | FRAME.endOffset)) !== 0
  );
}

/** A key of ORDER BY as the frame compares it: an interval added to a date is an instant. */
export function frameKey(expression: Expression, definition: WindowDef): Expression {
  if (expression.type !== DATE || !goesByValue(definition)) return expression;
  return tryCast(expression, TIMESTAMP, "implicit") ?? expression;
}

/** Throws 42P20 for an ORDER BY that the frame cannot go by, 0A000 for types that RANGE cannot add. */
export function planFrame(
  definition: WindowDef,
  order: readonly OrderKey[],
  scope: QueryScope,
  position: number,
): FrameDefinition {
  const options = definition.frameOptions ?? 0;
  const has = (bit: number): boolean => (options & bit) !== 0;
  const unit = has(FRAME.rows) ? "rows" : has(FRAME.groups) ? "groups" : "range";
  if (unit === "groups" && order.length === 0) {
    throw new DeltatError(SqlState.windowingError, "GROUPS mode requires an ORDER BY clause", { position });
  }
  const [key] = order;
  const isByValue = goesByValue(definition);
  if (isByValue && (order.length !== 1 || key === undefined)) {
    throw new DeltatError(
      SqlState.windowingError,
      "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column",
      { position },
    );
  }
  const offsetType = isByValue && key !== undefined ? rangeOffsetType(key.expression.type, position) : INT8;
  const bound = (
    isCurrent: boolean,
    isBefore: boolean,
    isAfter: boolean,
    node: Node | undefined,
  ): FrameBound | null => {
    if (isCurrent) return { sign: 0, offset: null };
    if (!isBefore && !isAfter) return null;
    return {
      sign: isBefore ? -1 : 1,
      offset: offsetOf(node, offsetType, isByValue ? key : undefined, scope, position),
    };
  };
  return {
    unit,
    start: bound(
      has(FRAME.startCurrent),
      has(FRAME.startPreceding),
      has(FRAME.startFollowing),
      definition.startOffset,
    ),
    end: bound(has(FRAME.endCurrent), has(FRAME.endPreceding), has(FRAME.endFollowing), definition.endOffset),
    exclusion: has(FRAME.excludeRow)
      ? "row"
      : has(FRAME.excludeGroup)
        ? "group"
        : has(FRAME.excludeTies)
          ? "ties"
          : "none",
    range: isByValue && key !== undefined ? rangeKey(key, offsetType, scope) : null,
  };
}

function offsetOf(
  node: Node | undefined,
  type: PgType,
  key: OrderKey | undefined,
  scope: QueryScope,
  position: number,
): Expression | null {
  if (node === undefined) return null;
  const given = resolveUntyped(scope.compile(node), type);
  const cast = tryCast(given, type, key === undefined ? "assignment" : "implicit");
  if (cast !== null) return cast;
  if (key === undefined) {
    throw new DeltatError(
      SqlState.datatypeMismatch,
      `argument of ROWS must be type bigint, not type ${given.type.name}`,
      { position },
    );
  }
  throw new DeltatError(
    SqlState.featureNotSupported,
    `RANGE with offset PRECEDING/FOLLOWING is not supported for column type ${key.expression.type.name} and offset type ${given.type.name}`,
    { position },
  );
}

function rangeOffsetType(type: PgType, position: number): PgType {
  if (isInteger(type)) return INT8;
  if (type === NUMERIC) return NUMERIC;
  if (isFloat(type)) return FLOAT8;
  if (isTimeType(type)) return INTERVAL;
  throw new DeltatError(
    SqlState.featureNotSupported,
    `RANGE with offset PRECEDING/FOLLOWING is not supported for column type ${type.name}`,
    { position },
  );
}

/** Whole numbers are moved here, since a frame may reach beyond the range of their type. */
function rangeKey({ expression, order }: OrderKey, offsetType: PgType, scope: QueryScope): RangeKey {
  const { planner } = scope;
  const { type } = expression;
  const base = new SlotExpression(type, planner.newSlot());
  const offset = new SlotExpression(offsetType, planner.newSlot());
  const moved = (sign: 1 | -1): Expression => {
    if (isInteger(type)) return movedWhole(base, offset, sign);
    return compileBinary(sign > 0 ? "+" : "-", base, offset, 1);
  };
  // What comes before in a descending order is larger.
  const [before, after] = [moved(order.direction === 1 ? -1 : 1), moved(order.direction)];
  return { order, base, offset, before, after };
}

function movedWhole(base: Expression, offset: Expression, sign: 1 | -1): Expression {
  return {
    type: INT8,
    evaluate: (frame) => {
      const from = base.evaluate(frame) as number | bigint;
      const by = offset.evaluate(frame) as number | bigint;
      return integerValue(BigInt(from) + BigInt(sign) * BigInt(by));
    },
  };
}
