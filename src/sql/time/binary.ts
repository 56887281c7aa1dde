/**
 * The types of time in the binary format: dates count days and timestamps microseconds from 2000-01-01, with the
 * extremes of their integers for infinity; an interval is microseconds, days, months
 * (date_send, timestamp_send, interval_send of PostgreSQL).
 */

import type { ByteWriter } from "../../bytes.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import { DATE, INTERVAL, type PgType, TIME } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { integerValue } from "../values/value.ts";
import {
  checkedTimestamp,
  DAY_US,
  isBounded,
  type Micros,
  POSTGRES_EPOCH_DAYS,
  POSTGRES_EPOCH_US,
} from "./calendar.ts";
import { formatInterval, intervalOf, makeInterval } from "./interval.ts";

const LAST_INT4 = 2_147_483_647;
const LAST_INT8 = 9_223_372_036_854_775_807n;

export function isTimeBinary(type: PgType): boolean {
  return type.category === "date/time" || type === INTERVAL;
}

/** Throws 22P03 for another length, 22008 for what is out of range. */
export function readTimeBinary(type: PgType, bytes: Uint8Array): Value {
  if (bytes.length !== type.length) {
    throw new DeltatError(SqlState.invalidBinaryRepresentation, "incorrect binary data format");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (type === DATE) return readDate(view.getInt32(0));
  const count = view.getBigInt64(0);
  if (type === INTERVAL) {
    return formatInterval(makeInterval(view.getInt32(12), view.getInt32(8), integerValue(count)));
  }
  if (type === TIME) {
    if (count >= 0n && count <= BigInt(DAY_US)) return Number(count);
    throw new DeltatError(SqlState.datetimeFieldOverflow, "time out of range");
  }
  if (count === LAST_INT8) return Number.POSITIVE_INFINITY;
  if (count === -LAST_INT8 - 1n) return Number.NEGATIVE_INFINITY;
  return checkedTimestamp(integerValue(count + BigInt(POSTGRES_EPOCH_US)));
}

function readDate(days: number): number {
  if (days === LAST_INT4) return Number.POSITIVE_INFINITY;
  if (days === -LAST_INT4 - 1) return Number.NEGATIVE_INFINITY;
  return days + POSTGRES_EPOCH_DAYS;
}

export function writeTimeBinary(out: ByteWriter, type: PgType, value: Value): void {
  if (type === INTERVAL) {
    const { months, days, micros } = intervalOf(value);
    out.bigInt64(BigInt(micros));
    out.i32(days);
    out.i32(months);
  } else if (type === DATE) {
    const days = value as number;
    out.i32(Number.isFinite(days) ? days - POSTGRES_EPOCH_DAYS : days > 0 ? LAST_INT4 : -LAST_INT4 - 1);
  } else if (type === TIME) out.bigInt64(BigInt(value as number));
  else out.bigInt64(countFromPostgresEpoch(value as Micros));
}

function countFromPostgresEpoch(micros: Micros): bigint {
  if (!isBounded(micros)) return micros > 0 ? LAST_INT8 : -LAST_INT8 - 1n;
  return BigInt(micros) - BigInt(POSTGRES_EPOCH_US);
}
