/** What EXTRACT, date_part and date_trunc take out of instants and intervals. */

import { DeltatError, SqlState } from "../../errors.ts";
import { formatDecimal } from "../values/numeric.ts";
import { DATE, INTERVAL, type PgType, TIME, TIMESTAMPTZ } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import {
  addMicros,
  civilFromDays,
  DAY_US,
  dayOfYear,
  daysFromCivil,
  HOUR_US,
  isBounded,
  isoWeek,
  isoWeekday,
  joinDay,
  MINUTE_US,
  type Micros,
  SECOND_US,
  splitDay,
} from "./calendar.ts";
import { type Interval, intervalOf, makeInterval } from "./interval.ts";
import { sessionZone } from "./session-time.ts";
import { type TimeZone, toInstant, toLocal } from "./time-zone.ts";

const SYNONYMS: Readonly<Record<string, string>> = {
  years: "year",
  y: "year",
  yr: "year",
  yrs: "year",
  months: "month",
  mon: "month",
  mons: "month",
  days: "day",
  d: "day",
  hours: "hour",
  h: "hour",
  hr: "hour",
  hrs: "hour",
  minutes: "minute",
  m: "minute",
  min: "minute",
  mins: "minute",
  seconds: "second",
  s: "second",
  sec: "second",
  secs: "second",
  millisecond: "milliseconds",
  ms: "milliseconds",
  msec: "milliseconds",
  microsecond: "microseconds",
  us: "microseconds",
  usec: "microseconds",
  weeks: "week",
  w: "week",
  decades: "decade",
  dec: "decade",
  centuries: "century",
  c: "century",
  millennia: "millennium",
  mil: "millennium",
  quarters: "quarter",
  qtr: "quarter",
};

function fieldName(text: string): string {
  const lower = text.toLowerCase();
  return SYNONYMS[lower] ?? lower;
}

function unrecognized(field: string, type: PgType): DeltatError {
  return new DeltatError(
    SqlState.invalidParameterValue,
    `unit "${field}" not recognized for type ${type.name}`,
  );
}

function unsupported(field: string, type: PgType): DeltatError {
  return new DeltatError(SqlState.featureNotSupported, `unit "${field}" not supported for type ${type.name}`);
}

const decimal = (digits: Micros, scale: number): string => formatDecimal({ digits: BigInt(digits), scale });

/** 1 to 100 are the first century; 1 BC to 100 BC the century before it. */
function groupOfYears(year: number, size: number): number {
  return year > 0 ? Math.floor((year + size - 1) / size) : -Math.floor((size - year) / size);
}

function clockField(field: string, timeUs: Micros): string | null {
  const micros = BigInt(timeUs);
  const second = BigInt(SECOND_US);
  switch (field) {
    case "microseconds":
      return decimal(micros % BigInt(MINUTE_US), 0);
    case "milliseconds":
      return decimal(micros % BigInt(MINUTE_US), 3);
    case "second":
      return decimal(micros % BigInt(MINUTE_US), 6);
    case "minute":
      return decimal((micros / (60n * second)) % 60n, 0);
    case "hour":
      return decimal(micros / BigInt(HOUR_US), 0);
    default:
      return null;
  }
}

function dayField(field: string, days: number): number | null {
  const { year, month, day } = civilFromDays(days);
  switch (field) {
    case "year":
      return year > 0 ? year : year - 1;
    case "month":
      return month;
    case "day":
      return day;
    case "quarter":
      return Math.ceil(month / 3);
    case "week":
      return isoWeek(days).week;
    case "isoyear": {
      const iso = isoWeek(days).year;
      return iso > 0 ? iso : iso - 1;
    }
    case "dow":
      return isoWeekday(days) % 7;
    case "isodow":
      return isoWeekday(days);
    case "doy":
      return dayOfYear(days);
    case "decade":
      return Math.floor(year / 10);
    case "century":
      return groupOfYears(year, 100);
    case "millennium":
      return groupOfYears(year, 1000);
    default:
      return null;
  }
}

const CLOCK_FIELDS = new Set(["microseconds", "milliseconds", "second", "minute", "hour"]);
const ZONE_FIELDS = new Set(["timezone", "timezone_hour", "timezone_minute"]);

/** EXTRACT(field FROM value), as the text of a numeric; null for a field that an endless value has not. */
export function extractField(type: PgType, fieldText: string, value: Value): string | null {
  const field = fieldName(fieldText);
  if (type === INTERVAL) return extractFromInterval(field, fieldText, intervalOf(value));
  if (type === TIME) {
    if (field === "epoch") return decimal(value as number, 6);
    return clockField(field, value as number) ?? refuseField(field, fieldText, type);
  }
  if (type === DATE && (CLOCK_FIELDS.has(field) || ZONE_FIELDS.has(field)))
    throw unsupported(fieldText, type);
  const micros = type === DATE ? dateMicros(value as number) : (value as Micros);
  if (!isBounded(micros)) return endlessField(field, fieldText, type, micros);
  if (field === "epoch") return type === DATE ? decimal(BigInt(micros) / 1_000_000n, 0) : decimal(micros, 6);
  const local = type === TIMESTAMPTZ ? toLocal(micros, sessionZone()) : micros;
  const { days, timeUs } = splitDay(local);
  if (type === TIMESTAMPTZ && ZONE_FIELDS.has(field)) return zoneField(field, sessionZone().offsetAt(micros));
  if (field === "julian") {
    const julian = days + 2_440_588;
    if (type === DATE) return String(julian);
    const value20 = BigInt(julian) * 10n ** 20n + (BigInt(timeUs) * 10n ** 20n) / BigInt(DAY_US);
    return timeUs === 0 ? `${julian}.00000000000000000000` : decimal(value20, 20);
  }
  const ofDay = dayField(field, days);
  if (ofDay !== null) return String(ofDay);
  return clockField(field, timeUs) ?? refuseField(field, fieldText, type);
}

function refuseField(field: string, shown: string, type: PgType): never {
  const exists =
    ZONE_FIELDS.has(field) || field === "epoch" || dayField(field, 0) !== null || CLOCK_FIELDS.has(field);
  throw exists ? unsupported(shown, type) : unrecognized(shown, type);
}

function zoneField(field: string, seconds: number): string {
  if (field === "timezone") return String(seconds);
  return String(field === "timezone_hour" ? Math.trunc(seconds / 3600) : Math.trunc((seconds % 3600) / 60));
}

function endlessField(field: string, shown: string, type: PgType, value: Micros): string | null {
  const grows = ["year", "decade", "century", "millennium", "isoyear", "epoch", "julian"];
  if (grows.includes(field)) return Number(value) > 0 ? "Infinity" : "-Infinity";
  if (dayField(field, 0) === null && !CLOCK_FIELDS.has(field) && !ZONE_FIELDS.has(field)) {
    throw unrecognized(shown, type);
  }
  return null;
}

function extractFromInterval(field: string, shown: string, { months, days, micros }: Interval): string {
  const years = Math.trunc(months / 12);
  switch (field) {
    case "epoch": {
      // A year counts 365.25 days here, a month 30.
      const seconds = BigInt(years) * 31_557_600n + BigInt(months % 12) * 2_592_000n + BigInt(days) * 86_400n;
      return decimal(seconds * 1_000_000n + BigInt(micros), 6);
    }
    case "year":
      return String(years);
    case "month":
      return String(months % 12);
    case "day":
      return String(days);
    case "quarter":
      return String(Math.trunc((months % 12) / 3) + 1);
    case "decade":
      return String(Math.trunc(years / 10));
    case "century":
      return String(Math.trunc(years / 100));
    case "millennium":
      return String(Math.trunc(years / 1000));
    default:
      return clockField(field, micros) ?? refuseField(field, shown, INTERVAL);
  }
}

export function dateMicros(days: number): Micros {
  return isBounded(days) ? joinDay(days, 0) : days;
}

/** The first day of the period that a day lies in; null for a field that is no period of days. */
function truncateDays(field: string, days: number): number | null {
  const { year, month } = civilFromDays(days);
  const firstOf = (size: number): number => {
    const group = Math.floor((year - 1) / size);
    return daysFromCivil(group * size + 1, 1, 1);
  };
  switch (field) {
    case "day":
      return days;
    case "week":
      return days - isoWeekday(days) + 1;
    case "month":
      return daysFromCivil(year, month, 1);
    case "quarter":
      return daysFromCivil(year, month - ((month - 1) % 3), 1);
    case "year":
      return daysFromCivil(year, 1, 1);
    case "decade":
      return daysFromCivil(Math.floor(year / 10) * 10, 1, 1);
    case "century":
      return firstOf(100);
    case "millennium":
      return firstOf(1000);
    default:
      return null;
  }
}

const CLOCK_UNITS: Readonly<Record<string, number>> = {
  microseconds: 1,
  milliseconds: 1000,
  second: SECOND_US,
  minute: MINUTE_US,
  hour: HOUR_US,
};

/** date_trunc of a wall clock. Throws 22023 or 0A000 for a field it has not. */
export function truncateLocal(fieldText: string, local: Micros, type: PgType): Micros {
  const field = fieldName(fieldText);
  if (truncateDays(field, 0) === null && CLOCK_UNITS[field] === undefined)
    refuseField(field, fieldText, type);
  if (!isBounded(local)) return local;
  const { days, timeUs } = splitDay(local);
  const unit = CLOCK_UNITS[field];
  if (unit !== undefined) return joinDay(days, timeUs - (timeUs % unit));
  return joinDay(truncateDays(field, days) ?? days, 0);
}

/** date_trunc of an instant, by the wall clock of a zone. */
export function truncateInstant(field: string, instant: Micros, zone: TimeZone): Micros {
  const local = truncateLocal(field, toLocal(instant, zone), TIMESTAMPTZ);
  const name = fieldName(field);
  // Within a day the offset stays: the second 02:30 of the night when clocks go back is not the first.
  const unit = CLOCK_UNITS[name];
  if (unit === undefined || !isBounded(instant)) return toInstant(local, zone);
  return addMicros(local, 0 - zone.offsetAt(instant) * SECOND_US);
}

/** date_trunc of an interval: what is smaller than the field becomes 0. */
export function truncateInterval(fieldText: string, { months, days, micros }: Interval): Interval {
  const field = fieldName(fieldText);
  const clock = CLOCK_UNITS[field];
  if (clock !== undefined) {
    const whole = BigInt(micros);
    return makeInterval(months, days, Number(whole - (whole % BigInt(clock))));
  }
  const monthSize: Readonly<Record<string, number>> = {
    month: 1,
    quarter: 3,
    year: 12,
    decade: 120,
    century: 1200,
    millennium: 12_000,
  };
  const size = monthSize[field];
  if (size !== undefined) return makeInterval(months - (months % size), 0, 0);
  if (field === "day") return makeInterval(months, days, 0);
  if (field === "week") {
    throw new DeltatError(SqlState.featureNotSupported, `unit "week" not supported for type interval`, {
      detail: "Months usually have fractional weeks.",
    });
  }
  return refuseField(field, fieldText, INTERVAL);
}
