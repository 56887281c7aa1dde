/**
 * Intervals: months, days and microseconds, which no calendar-free rule turns into each other
 * (https://www.postgresql.org/docs/current/datatype-datetime.html#DATATYPE-INTERVAL-INPUT). A value of type interval
 * is held as its text in style `postgres`, which is one to one.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { integerValue } from "../values/value.ts";
import {
  addMicros,
  civilFromDays,
  DAY_US,
  daysFromCivil,
  daysInMonth,
  HOUR_US,
  isBounded,
  joinDay,
  MINUTE_US,
  type Micros,
  negateMicros,
  SECOND_US,
  splitDay,
} from "./calendar.ts";

export interface Interval {
  readonly months: number;
  readonly days: number;
  readonly micros: Micros;
}

/** For comparison only, a month has 30 days and a day 24 hours. */
const DAYS_PER_MONTH = 30;

/** Months, days and microseconds of one of each unit; PostgreSQL's names and abbreviations. */
const UNITS = new Map<string, readonly [months: number, days: number, micros: number]>();
function unit(names: string, months: number, days: number, micros: number): void {
  for (const name of names.split(" ")) UNITS.set(name, [months, days, micros]);
}
unit("microsecond microseconds us usec usecs microsec microsecs", 0, 0, 1);
unit("millisecond milliseconds ms msec msecs millisec millisecs", 0, 0, 1000);
unit("second seconds s sec secs", 0, 0, SECOND_US);
unit("minute minutes m min mins", 0, 0, MINUTE_US);
unit("hour hours h hr hrs", 0, 0, HOUR_US);
unit("day days d", 0, 1, 0);
unit("week weeks w", 0, 7, 0);
unit("month months mon mons", 1, 0, 0);
unit("year years y yr yrs", 12, 0, 0);
unit("decade decades dec decs", 120, 0, 0);
unit("century centuries c cent", 1200, 0, 0);
unit("millennium millennia millenniums mil mils", 12_000, 0, 0);

/** Units that a bare number has, by the field that the type declares: `INTERVAL '3' HOUR`. */
export type IntervalField = "year" | "month" | "day" | "hour" | "minute" | "second";

function syntaxError(text: string): DeltatError {
  return new DeltatError(SqlState.invalidDatetimeFormat, `invalid input syntax for type interval: "${text}"`);
}

function outOfRange(): DeltatError {
  return new DeltatError(SqlState.datetimeFieldOverflow, "interval out of range");
}

/** Throws 22008 where a part does not fit its integer. */
export function makeInterval(months: number, days: number, micros: Micros): Interval {
  const fits = (part: number): boolean => Math.abs(part) <= 2_147_483_647;
  if (!fits(months) || !fits(days) || Math.abs(Number(micros)) > 9.2233720368547758e18) throw outOfRange();
  return { months: months + 0, days: days + 0, micros };
}

/** Sums up the parts of one text; fractions go down to the next smaller unit. */
class IntervalSum {
  private months = 0;
  private days = 0;
  private micros = 0n;

  add(amount: number, [months, days, micros]: readonly [number, number, number]): void {
    if (months > 0) {
      const total = amount * months;
      const whole = Math.trunc(total);
      this.months += whole;
      // A year's fraction is whole months, a month's is days.
      if (months === 1) this.addDays((total - whole) * DAYS_PER_MONTH);
    } else if (days > 0) this.addDays(amount * days);
    else this.micros += BigInt(Math.round(amount * micros));
  }

  private addDays(amount: number): void {
    const whole = Math.trunc(amount);
    this.days += whole;
    const rest = amount - whole;
    if (rest !== 0) this.micros += BigInt(Math.round(rest * DAY_US));
  }

  addClock(sign: number, hours: number, minutes: number, seconds: number): void {
    const micros =
      BigInt(hours) * BigInt(HOUR_US) + BigInt(minutes * MINUTE_US + Math.round(seconds * SECOND_US));
    this.micros += sign < 0 ? -micros : micros;
  }

  result(isNegated: boolean): Interval {
    const sign = isNegated ? -1 : 1;
    return makeInterval(
      this.months * sign,
      this.days * sign,
      integerValue(isNegated ? -this.micros : this.micros),
    );
  }
}

const NUMBER = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)`;
const CLOCK = /^([+-]?)(\d+):(\d{1,2})(?::(\d{1,2}(?:\.\d*)?))?$/;

/** @param field what a number without unit counts; seconds by default. Throws 22007, 22008. */
export function parseInterval(text: string, field: IntervalField = "second"): Interval {
  const trimmed = text.trim();
  if (/^[+-]?P/i.test(trimmed)) return parseIso(trimmed, text);
  const sum = new IntervalSum();
  const tokens = trimmed
    .toLowerCase()
    .replace(/^@\s*/, "")
    .match(new RegExp(String.raw`[+-]?\d+-\d+(?![\d:])|[+-]?\d+:[\d:.]+|${NUMBER}|[a-z]+|\S`, "g"));
  // `3-4:05:06` would be neither years and months nor days and a time.
  if (tokens === null || /\d-\d+:/.test(trimmed)) throw syntaxError(text);
  let isBare = false;
  const isAgo = tokens.at(-1) === "ago";
  if (isAgo) tokens.pop();
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as string;
    const next = tokens[at + 1];
    const clock = CLOCK.exec(token);
    const yearMonth = /^([+-]?)(\d+)-(\d+)$/.exec(token);
    if (clock !== null) addClock(sum, clock, text);
    else if (yearMonth !== null) {
      if (Number(yearMonth[3]) > 11) throw fieldOverflow(text);
      const months = Number(yearMonth[2]) * 12 + Number(yearMonth[3]);
      sum.add(yearMonth[1] === "-" ? -months : months, [1, 0, 0]);
    } else if (new RegExp(`^${NUMBER}$`).test(token)) {
      const named = next === undefined ? undefined : UNITS.get(next);
      if (named !== undefined) at++;
      else if (isBare) throw syntaxError(text);
      else isBare = next === undefined || !CLOCK.test(next);
      // `1 2:03:04` is a day and a time.
      const isDay = named === undefined && next !== undefined && CLOCK.test(next);
      sum.add(Number(token), named ?? unitOf(isDay ? "day" : field));
    } else throw syntaxError(text);
  }
  return sum.result(isAgo);
}

function unitOf(field: IntervalField): readonly [number, number, number] {
  return UNITS.get(field) ?? [0, 0, SECOND_US];
}

function fieldOverflow(text: string): DeltatError {
  return new DeltatError(SqlState.intervalFieldOverflow, `interval field value out of range: "${text}"`);
}

function addClock(sum: IntervalSum, clock: RegExpExecArray, text: string): void {
  const [, sign, first, second, third] = clock;
  const isNegative = sign === "-" ? -1 : 1;
  if (Number(second) > 59 || Number(third ?? 0) >= 61) throw fieldOverflow(text);
  sum.addClock(isNegative, Number(first), Number(second), Number(third ?? 0));
}

/** `P1Y2M3DT4H5M6.5S`, and weeks. */
function parseIso(trimmed: string, text: string): Interval {
  const sum = new IntervalSum();
  const [, sign, date = "", time] = /^([+-]?)P([^T]*)(?:T(.*))?$/i.exec(trimmed) ?? [];
  const take = (part: string, units: Record<string, string>): void => {
    const items = part.match(new RegExp(`${NUMBER}[A-Za-z]`, "g")) ?? [];
    if (items.join("").length !== part.length) throw syntaxError(text);
    for (const item of items) {
      const named = UNITS.get(units[item.slice(-1).toUpperCase()] ?? "");
      if (named === undefined) throw syntaxError(text);
      sum.add(Number(item.slice(0, -1)), named);
    }
  };
  if (date === "" && (time ?? "") === "") throw syntaxError(text);
  take(date, { Y: "year", M: "month", W: "week", D: "day" });
  take(time ?? "", { H: "hour", M: "minute", S: "second" });
  return sum.result(sign === "-");
}

/** Style `postgres`: `1 year 2 mons -3 days +04:05:06.7`. */
export function formatInterval({ months, days, micros }: Interval): string {
  const years = Math.trunc(months / 12);
  const parts: string[] = [];
  let isAfterNegative = false;
  const counted = (amount: number, one: string, many: string): void => {
    if (amount === 0) return;
    parts.push(`${isAfterNegative && amount > 0 ? "+" : ""}${amount} ${amount === 1 ? one : many}`);
    isAfterNegative = amount < 0;
  };
  counted(years, "year", "years");
  counted(months - years * 12, "mon", "mons");
  counted(days, "day", "days");
  if (micros !== 0 || parts.length === 0) {
    const isNegative = micros < 0;
    parts.push(
      `${isNegative ? "-" : isAfterNegative ? "+" : ""}${clockText(isNegative ? negateMicros(micros) : micros)}`,
    );
  }
  return parts.join(" ");
}

function clockText(micros: Micros): string {
  const whole = BigInt(micros);
  const seconds = whole / 1_000_000n;
  const rest = Number(whole % 1_000_000n);
  const two = (part: bigint): string => String(part).padStart(2, "0");
  const fraction = rest === 0 ? "" : `.${String(rest).padStart(6, "0").replace(/0+$/, "")}`;
  return `${two(seconds / 3600n)}:${two((seconds / 60n) % 60n)}:${two(seconds % 60n)}${fraction}`;
}

const read = new Map<string, Interval>();
const MAX_KEPT_INTERVALS = 256;

/** The parts of a value, which is its text. */
export function intervalOf(value: unknown): Interval {
  const text = String(value);
  const known = read.get(text);
  if (known !== undefined) return known;
  const parsed = parseInterval(text);
  if (read.size >= MAX_KEPT_INTERVALS) read.clear();
  read.set(text, parsed);
  return parsed;
}

/** What intervals compare by: microseconds, a month as 30 days. */
export function comparableMicros({ months, days, micros }: Interval): bigint {
  return BigInt(months * DAYS_PER_MONTH + days) * BigInt(DAY_US) + BigInt(micros);
}

export function addIntervals(a: Interval, b: Interval): Interval {
  return makeInterval(a.months + b.months, a.days + b.days, addMicros(a.micros, b.micros));
}

export function negateInterval({ months, days, micros }: Interval): Interval {
  return makeInterval(0 - months, 0 - days, negateMicros(micros));
}

/** Fractions of months become days, those of days microseconds (interval_mul of PostgreSQL). */
export function multiplyInterval({ months, days, micros }: Interval, factor: number): Interval {
  if (!Number.isFinite(factor)) throw outOfRange();
  const exactMonths = months * factor;
  const wholeMonths = Math.trunc(exactMonths);
  const exactDays = days * factor;
  let wholeDays = Math.trunc(exactDays);
  const monthRemainderDays = roundTo6((exactMonths - wholeMonths) * DAYS_PER_MONTH);
  let seconds = roundTo6(
    (exactDays - wholeDays + monthRemainderDays - Math.trunc(monthRemainderDays)) * 86_400,
  );
  if (Math.abs(seconds) >= 86_400) {
    wholeDays += Math.trunc(seconds / 86_400);
    seconds -= Math.trunc(seconds / 86_400) * 86_400;
  }
  wholeDays += Math.trunc(monthRemainderDays);
  const total = Math.round(Number(micros) * factor + seconds * SECOND_US);
  return makeInterval(wholeMonths, wholeDays, total);
}

function roundTo6(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

/** A wall clock that many months, then days, then microseconds later; a day past its month's end is its last. */
export function addToLocal(local: Micros, { months, days, micros }: Interval): Micros {
  return addMicros(addDays(local, months, days), micros);
}

/** Months and days only, which the wall clock counts. */
export function addDays(local: Micros, months: number, days: number): Micros {
  if (!isBounded(local) || (months === 0 && days === 0)) return local;
  const split = splitDay(local);
  let day = split.days;
  if (months !== 0) {
    const civil = civilFromDays(day);
    const index = civil.year * 12 + civil.month - 1 + months;
    const year = Math.floor(index / 12);
    const month = index - year * 12 + 1;
    day = daysFromCivil(year, month, Math.min(civil.day, daysInMonth(year, month)));
  }
  return joinDay(day + days, split.timeUs);
}

/** age(): years, months and days between two wall clocks, as a person counts them. */
export function ageBetween(later: Micros, earlier: Micros): Interval {
  if (later < earlier) return negateInterval(ageBetween(earlier, later));
  const a = splitDay(later);
  const b = splitDay(earlier);
  const end = civilFromDays(a.days);
  const start = civilFromDays(b.days);
  let micros = a.timeUs - b.timeUs;
  let days = end.day - start.day;
  let months = end.year * 12 + end.month - (start.year * 12 + start.month);
  if (micros < 0) {
    micros += DAY_US;
    days--;
  }
  if (days < 0) {
    // The days of the month that began at the earlier instant.
    days += daysInMonth(start.year, start.month);
    months--;
  }
  return makeInterval(months, days, micros);
}

/** Whole days of 24 hours out of the microseconds, as a difference of timestamps has them. */
export function justifyHours({ months, days, micros }: Interval): Interval {
  let extra = Math.trunc(Number(micros) / DAY_US);
  let rest = addMicros(micros, 0 - extra * DAY_US);
  let total = days + extra;
  if (total > 0 && rest < 0) {
    rest = addMicros(rest, DAY_US);
    total--;
  } else if (total < 0 && rest > 0) {
    rest = addMicros(rest, -DAY_US);
    total++;
  }
  extra = total;
  return makeInterval(months, extra, rest);
}

/** Months of 30 days out of the days. */
export function justifyDays({ months, days, micros }: Interval): Interval {
  const extra = Math.trunc(days / DAYS_PER_MONTH);
  let total = months + extra;
  let rest = days - extra * DAYS_PER_MONTH;
  if (total > 0 && rest < 0) {
    rest += DAYS_PER_MONTH;
    total--;
  } else if (total < 0 && rest > 0) {
    rest -= DAYS_PER_MONTH;
    total++;
  }
  return makeInterval(total, rest, micros);
}

/** Both, and all three parts of one sign where that is possible. */
export function justifyInterval(interval: Interval): Interval {
  const byDays = justifyDays(justifyHours(interval));
  let { months, days, micros } = byDays;
  if (months > 0 && (days < 0 || (days === 0 && micros < 0))) {
    days += DAYS_PER_MONTH;
    months--;
  } else if (months < 0 && (days > 0 || (days === 0 && micros > 0))) {
    days -= DAYS_PER_MONTH;
    months++;
  }
  if (days > 0 && micros < 0) {
    micros = addMicros(micros, DAY_US);
    days--;
  } else if (days < 0 && micros > 0) {
    micros = addMicros(micros, -DAY_US);
    days++;
  }
  return makeInterval(months, days, micros);
}
