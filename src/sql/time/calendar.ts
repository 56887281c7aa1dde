/**
 * Instants, days and clock times as values hold them, and the proleptic Gregorian calendar over them.
 *
 * timestamp and timestamptz: microseconds since 1970-01-01 00:00 (UTC, or of the wall clock), a number while that is
 * exact, else a bigint, and ±Infinity. date: days since 1970-01-01, or ±Infinity. time: microseconds since midnight.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { integerValue } from "../values/value.ts";

/** A whole number of microseconds, or ±Infinity. */
export type Micros = number | bigint;

export const SECOND_US = 1_000_000;
export const MINUTE_US = 60 * SECOND_US;
export const HOUR_US = 60 * MINUTE_US;
export const DAY_US = 24 * HOUR_US;

/** PostgreSQL counts from 2000-01-01. */
export const POSTGRES_EPOCH_DAYS = 10_957;
export const POSTGRES_EPOCH_US = POSTGRES_EPOCH_DAYS * DAY_US;

/** 4714-11-24 BC, and the days after the last one, of dates and of timestamps (datatype/timestamp.h). */
const FIRST_DAY = -2_440_588;
const END_DAY_OF_DATES = 2_147_483_494 - 2_440_588;
const END_DAY_OF_TIMESTAMPS = 109_203_528 - 2_440_588;

export interface CivilDate {
  /** Astronomical: 0 is 1 BC. */
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
}

/** Days since 1970-01-01; day may lie outside of its month (H. Hinnant, chrono-Compatible Low-Level Date Algorithms). */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The inverse of `daysFromCivil`. */
export function civilFromDays(days: number): CivilDate {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted + (shifted < 10 ? 3 : -9);
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1,
  };
}

export function daysInMonth(year: number, month: number): number {
  return daysFromCivil(month === 12 ? year + 1 : year, (month % 12) + 1, 1) - daysFromCivil(year, month, 1);
}

/** 1 (Monday) to 7, as ISO 8601 counts. */
export function isoWeekday(days: number): number {
  return ((((days + 3) % 7) + 7) % 7) + 1;
}

/** Year and number of the ISO 8601 week that holds a day. */
export function isoWeek(days: number): { readonly year: number; readonly week: number } {
  const thursday = days - isoWeekday(days) + 4;
  const { year } = civilFromDays(thursday);
  return { year, week: Math.floor((thursday - daysFromCivil(year, 1, 1)) / 7) + 1 };
}

/** The day of 1 January counts 1. */
export function dayOfYear(days: number): number {
  return days - daysFromCivil(civilFromDays(days).year, 1, 1) + 1;
}

export function isBounded(value: Micros): boolean {
  return typeof value === "bigint" || Number.isFinite(value);
}

/** Exact sum; ±Infinity stays what it is. */
export function addMicros(a: Micros, b: Micros): Micros {
  if (!isBounded(a)) return a;
  if (!isBounded(b)) return b;
  const sum = Number(a) + Number(b);
  const isExact = typeof a === "number" && typeof b === "number" && Number.isSafeInteger(sum);
  return isExact ? sum : integerValue(BigInt(a) + BigInt(b));
}

export function negateMicros(value: Micros): Micros {
  return typeof value === "bigint" ? integerValue(-value) : 0 - value;
}

/** The day that a finite instant lies in, and the microseconds since its midnight. */
export function splitDay(micros: Micros): { readonly days: number; readonly timeUs: number } {
  if (typeof micros === "number") {
    const days = Math.floor(micros / DAY_US);
    return { days, timeUs: micros - days * DAY_US };
  }
  const day = BigInt(DAY_US);
  const rest = ((micros % day) + day) % day;
  return { days: Number((micros - rest) / day), timeUs: Number(rest) };
}

export function joinDay(days: number, timeUs: number): Micros {
  const micros = days * DAY_US + timeUs;
  return Number.isSafeInteger(micros) ? micros : integerValue(BigInt(days) * BigInt(DAY_US) + BigInt(timeUs));
}

/** Throws 22008 for an instant that PostgreSQL does not have. */
export function checkedTimestamp(micros: Micros): Micros {
  if (!isBounded(micros)) return micros;
  const { days } = splitDay(micros);
  if (days >= FIRST_DAY && days < END_DAY_OF_TIMESTAMPS) return micros;
  throw new DeltatError(SqlState.datetimeFieldOverflow, "timestamp out of range");
}

/** Throws 22008 for a day that PostgreSQL does not have. */
export function checkedDate(days: number): number {
  if (!Number.isFinite(days) || isDate(days)) return days;
  throw new DeltatError(SqlState.datetimeFieldOverflow, "date out of range");
}

export function isDate(days: number): boolean {
  return days >= FIRST_DAY && days < END_DAY_OF_DATES;
}

/** Rounds to `digits` of a second's fraction, 0 to 6; halves away from zero. */
export function roundMicros(micros: Micros, digits: number): Micros {
  if (digits >= 6 || !isBounded(micros)) return micros;
  const unit = 10n ** BigInt(6 - digits);
  const value = BigInt(micros);
  const half = unit / 2n;
  return integerValue(((value >= 0n ? value + half : value - half) / unit) * unit);
}
