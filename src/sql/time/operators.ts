/**
 * + - * / on dates, clock times, instants and intervals
 * (https://www.postgresql.org/docs/current/functions-datetime.html, Date/Time Operators). Each line is one operator;
 * a literal without type beside an instant is an interval for `+`, and the same as the instant for `-`.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { divisionByZero } from "../values/numeric.ts";
import { DATE, FLOAT8, INT4, INTERVAL, type PgType, TIME, TIMESTAMP, TIMESTAMPTZ } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import {
  addMicros,
  checkedDate,
  checkedTimestamp,
  DAY_US,
  isBounded,
  joinDay,
  type Micros,
  negateMicros,
} from "./calendar.ts";
import { dateMicros } from "./fields.ts";
import {
  addDays,
  addIntervals,
  addToLocal,
  formatInterval,
  type Interval,
  intervalOf,
  justifyHours,
  makeInterval,
  multiplyInterval,
  negateInterval,
} from "./interval.ts";
import { sessionZone } from "./session-time.ts";
import { toInstant, toLocal } from "./time-zone.ts";

export interface TimeOperation {
  readonly left: PgType;
  readonly operator: string;
  readonly right: PgType;
  readonly result: PgType;
  apply(a: Value, b: Value): Value;
}

const OPERATIONS: TimeOperation[] = [];

function define(
  left: PgType,
  operator: string,
  right: PgType,
  result: PgType,
  apply: (a: Value, b: Value) => Value,
): void {
  OPERATIONS.push({ left, operator, right, result, apply });
}

/** `+` both ways round. */
function defineSum(a: PgType, b: PgType, result: PgType, apply: (a: Value, b: Value) => Value): void {
  define(a, "+", b, result, apply);
  if (a !== b) define(b, "+", a, result, (x, y) => apply(y, x));
}

function infiniteDifference(): DeltatError {
  return new DeltatError(SqlState.datetimeFieldOverflow, "cannot subtract infinite timestamps");
}

/** Days of 24 hours and the rest. */
function difference(a: Value, b: Value): Value {
  const later = a as Micros;
  const earlier = b as Micros;
  if (!isBounded(later) || !isBounded(earlier)) throw infiniteDifference();
  return formatInterval(justifyHours(makeInterval(0, 0, addMicros(later, negateMicros(earlier)))));
}

function moved(local: Value, interval: Interval): Micros {
  return checkedTimestamp(addToLocal(local as Micros, interval));
}

/** Months and days by the wall clock of the session's zone, the rest by the clock that never is set. */
export function moveInstant(instant: Micros, { months, days, micros }: Interval): Micros {
  if (!isBounded(instant)) return instant;
  const zone = sessionZone();
  const day =
    months === 0 && days === 0 ? instant : toInstant(addDays(toLocal(instant, zone), months, days), zone);
  return checkedTimestamp(addMicros(day, micros));
}

function ofDay(micros: Micros): number {
  const day = BigInt(DAY_US);
  return Number(((BigInt(micros) % day) + day) % day);
}

function scaled(interval: Value, factor: Value): Value {
  return formatInterval(multiplyInterval(intervalOf(interval), Number(factor)));
}

defineSum(DATE, INT4, DATE, (a, b) => checkedDate(Number(a) + Number(b)));
defineSum(DATE, INTERVAL, TIMESTAMP, (a, b) => moved(dateMicros(Number(a)), intervalOf(b)));
defineSum(DATE, TIME, TIMESTAMP, (a, b) => (isBounded(Number(a)) ? joinDay(Number(a), Number(b)) : a));
defineSum(TIMESTAMP, INTERVAL, TIMESTAMP, (a, b) => moved(a, intervalOf(b)));
defineSum(TIMESTAMPTZ, INTERVAL, TIMESTAMPTZ, (a, b) => moveInstant(a as Micros, intervalOf(b)));
defineSum(TIME, INTERVAL, TIME, (a, b) => ofDay(addMicros(Number(a), intervalOf(b).micros)));
defineSum(INTERVAL, INTERVAL, INTERVAL, (a, b) => formatInterval(addIntervals(intervalOf(a), intervalOf(b))));
define(DATE, "-", INT4, DATE, (a, b) => checkedDate(Number(a) - Number(b)));
define(DATE, "-", DATE, INT4, (a, b) => {
  if (!isBounded(Number(a)) || !isBounded(Number(b))) {
    throw new DeltatError(SqlState.datetimeFieldOverflow, "cannot subtract infinite dates");
  }
  return Number(a) - Number(b);
});
define(DATE, "-", INTERVAL, TIMESTAMP, (a, b) => moved(dateMicros(Number(a)), negateInterval(intervalOf(b))));
define(TIMESTAMP, "-", TIMESTAMP, INTERVAL, difference);
define(TIMESTAMPTZ, "-", TIMESTAMPTZ, INTERVAL, difference);
define(TIMESTAMP, "-", INTERVAL, TIMESTAMP, (a, b) => moved(a, negateInterval(intervalOf(b))));
define(TIMESTAMPTZ, "-", INTERVAL, TIMESTAMPTZ, (a, b) =>
  moveInstant(a as Micros, negateInterval(intervalOf(b))),
);
define(TIME, "-", TIME, INTERVAL, (a, b) => formatInterval(makeInterval(0, 0, Number(a) - Number(b))));
define(TIME, "-", INTERVAL, TIME, (a, b) => ofDay(addMicros(Number(a), negateMicros(intervalOf(b).micros))));
define(INTERVAL, "-", INTERVAL, INTERVAL, (a, b) =>
  formatInterval(addIntervals(intervalOf(a), negateInterval(intervalOf(b)))),
);
define(INTERVAL, "*", FLOAT8, INTERVAL, scaled);
define(FLOAT8, "*", INTERVAL, INTERVAL, (a, b) => scaled(b, a));
define(INTERVAL, "/", FLOAT8, INTERVAL, (a, b) => {
  if (Number(b) === 0) throw divisionByZero();
  return scaled(a, 1 / Number(b));
});

/** The operators of this name; the caller chooses by the types it has. */
export function timeOperations(operator: string): readonly TimeOperation[] {
  return OPERATIONS.filter((operation) => operation.operator === operator);
}
