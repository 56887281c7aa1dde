/**
 * Dates, clock times and instants from text (https://www.postgresql.org/docs/current/datetime-input-rules.html) and
 * to text in ISO style. Fields may come in many orders; where an all-digit date is ambiguous it is month, day, year.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { DATE, type PgType, TIME, TIMESTAMP, TIMESTAMPTZ } from "../values/types.ts";
import {
  checkedTimestamp,
  civilFromDays,
  DAY_US,
  daysFromCivil,
  daysInMonth,
  HOUR_US,
  isBounded,
  isDate,
  joinDay,
  MINUTE_US,
  type Micros,
  SECOND_US,
  splitDay,
} from "./calendar.ts";
import { sessionNow, sessionZone } from "./session-time.ts";
import {
  abbreviationSeconds,
  findZone,
  fixedZone,
  formatOffset,
  localDay,
  type TimeZone,
  toInstant,
  toLocal,
} from "./time-zone.ts";

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const FULL_MONTHS = [
  "january",
  "february",
  "march",
  "april",
  "may",
  "june",
  "july",
  "august",
  "september",
  "october",
  "november",
  "december",
];
const WEEKDAY = /^(mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|(mon|tues|wednes|thurs|fri|satur|sun)day)$/;

/** What a text says; what it does not say is null. */
interface Fields {
  days: number | null;
  timeUs: number | null;
  zone: TimeZone | null;
}

function syntaxError(type: PgType, text: string): DeltatError {
  return new DeltatError(
    SqlState.invalidDatetimeFormat,
    `invalid input syntax for type ${inputName(type)}: "${text}"`,
  );
}

/** timestamp_in and time_in call their types by the short name. */
function inputName(type: PgType): string {
  return type === TIMESTAMP || type === TIME ? type.typname : type.name;
}

function rangeError(text: string): DeltatError {
  return new DeltatError(SqlState.datetimeFieldOverflow, `date/time field value out of range: "${text}"`);
}

/** A number from 1 to 12, or 0 for a word that is no month. */
function monthNamed(word: string): number {
  const at = MONTHS.indexOf(word);
  return (at >= 0 ? at : word === "sept" ? 8 : FULL_MONTHS.indexOf(word)) + 1;
}

/** The parts of one text, taken in one after the other. */
class DateReader {
  private readonly fields: Fields = { days: null, timeUs: null, zone: null };
  private numbers: string[] = [];
  private month = 0;
  private isBc = false;
  private half: "am" | "pm" | null = null;

  constructor(
    private readonly type: PgType,
    private readonly text: string,
  ) {}

  read(): Fields {
    const ISO = /^\s*(\d{4,})-(\d{1,2})-(\d{1,2})(?:[\sT]+|$)/i;
    let rest = this.text.trim();
    const iso = ISO.exec(this.text);
    if (iso !== null) {
      this.setDate(Number(iso[1]), Number(iso[2]), Number(iso[3]));
      rest = this.text.slice(iso[0].length);
    }
    for (const token of tokensOf(rest)) this.token(token);
    this.finishDate();
    this.finishTime();
    return this.fields;
  }

  private fail(): never {
    throw syntaxError(this.type, this.text);
  }

  private token(token: string): void {
    const word = token.toLowerCase();
    if (/^\d+:/.test(word)) this.clock(word);
    else if (/^[+-]\d/.test(word) && this.fields.days !== null)
      this.setZone(offsetZone(token) ?? this.fail());
    else if (/^j\d+$/.test(word)) this.setDays(Number(word.slice(1)) - 2_440_588);
    else if (/^\d{4}\.\d{3}$/.test(word))
      this.setDays(daysFromCivil(this.astronomical(Number(word.slice(0, 4))), 1, Number(word.slice(5))));
    else if (/^\d+(\.\d*)?$/.test(word)) this.number(word);
    else if (/^\d+[-/.]/.test(word)) this.dashed(word);
    else if (word === "bc") this.isBc = true;
    else if (word === "ad" || word === "t" || WEEKDAY.test(word)) return;
    else if (word === "am" || word === "pm") this.half = word;
    else if (monthNamed(word) > 0 && this.month === 0) this.month = monthNamed(word);
    else if (!this.special(word)) this.setZone(zoneNamed(token) ?? this.unknownZone(token));
  }

  private unknownZone(token: string): never {
    if (!/^[A-Za-z]+\/[A-Za-z]/.test(token)) this.fail();
    throw new DeltatError(SqlState.invalidParameterValue, `time zone "${token}" not recognized`);
  }

  private special(word: string): boolean {
    const offset = { today: 0, tomorrow: 1, yesterday: -1 }[word];
    if (offset !== undefined) {
      this.setDays(localDay(sessionNow(), sessionZone()) + offset);
      this.fields.timeUs ??= 0;
      return true;
    }
    if (word !== "allballs") return false;
    this.fields.timeUs = 0;
    this.fields.zone = fixedZone("UTC", 0);
    return true;
  }

  /** HH:MM[:SS[.ffffff]], with am or pm right behind, or an offset. */
  private clock(word: string): void {
    const match = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2})(\.\d*)?)?(am|pm)?(z|[+-][\d:]+)?$/.exec(word);
    if (match === null || this.fields.timeUs !== null) this.fail();
    const [, hour, minute, second = "0", fraction = "", half, zone] = match;
    this.fields.timeUs = this.clockMicros(Number(hour), Number(minute), Number(second), fraction);
    if (half === "am" || half === "pm") this.half = half;
    if (zone !== undefined)
      this.setZone(zone === "z" ? fixedZone("UTC", 0) : (offsetZone(zone) ?? this.fail()));
  }

  private clockMicros(hour: number, minute: number, second: number, fraction: string): number {
    const micros = fraction.length > 1 ? Math.round(Number(`0${fraction}`) * SECOND_US) : 0;
    const total = hour * HOUR_US + minute * MINUTE_US + second * SECOND_US + micros;
    if (minute > 59 || second > 60 || total > DAY_US) throw rangeError(this.text);
    return total;
  }

  private number(word: string): void {
    if (this.fields.days === null && this.month === 0 && /^(\d{8}|\d{6})$/.test(word)) {
      const split = word.length - 4;
      const year = Number(word.slice(0, split));
      this.setDate(
        word.length === 6 ? fullYear(year) : year,
        Number(word.slice(split, -2)),
        Number(word.slice(-2)),
      );
    } else if (
      this.fields.days !== null &&
      this.fields.timeUs === null &&
      /^(\d{4}|\d{6})(\.\d*)?$/.test(word)
    ) {
      const [digits = "", fraction = ""] = word.split(/(?=\.)/);
      const [hour, minute, second = 0] = (digits.match(/../g) ?? []).map(Number);
      this.fields.timeUs = this.clockMicros(hour ?? 0, minute ?? 0, second, fraction);
    } else this.numbers.push(word);
  }

  /** 2026-jan-05, 1/8/1999, 8-Jan-1999. */
  private dashed(word: string): void {
    const parts = word.split(/[-/.]/);
    if (parts.length !== 3 || this.fields.days !== null) this.fail();
    for (const part of parts) {
      if (/^\d+$/.test(part)) this.numbers.push(part);
      else if (monthNamed(part) > 0 && this.month === 0) this.month = monthNamed(part);
      else this.fail();
    }
  }

  private setZone(zone: TimeZone): void {
    if (this.fields.zone !== null) this.fail();
    this.fields.zone = zone;
  }

  private setDays(days: number): void {
    if (this.fields.days !== null) this.fail();
    this.fields.days = days;
  }

  /** Of the whole text: BC comes last, and may stand right behind the digits. */
  private saysBc(): boolean {
    return /(?<![a-z])bc\b/i.test(this.text);
  }

  private astronomical(year: number): number {
    return this.saysBc() ? 1 - year : year;
  }

  private setDate(year: number, month: number, day: number): void {
    const isRight = month >= 1 && month <= 12 && day >= 1 && year > 0;
    const astronomical = this.astronomical(year);
    if (!isRight || day > daysInMonth(astronomical, month)) throw rangeError(this.text);
    this.setDays(daysFromCivil(astronomical, month, day));
  }

  /** Loose numbers and a month's name are a date; which number is which their size and order tell. */
  private finishDate(): void {
    const { numbers, month } = this;
    if (numbers.length === 0 && month === 0) {
      if (this.isBc && this.fields.days === null) this.fail();
      return;
    }
    if (this.fields.days !== null || numbers.some((n) => n.includes("."))) this.fail();
    if (month > 0) {
      const [a = "", b] = numbers;
      if (b === undefined || numbers.length > 2) this.fail();
      if (a.length > 2) this.setDate(Number(a), month, Number(b));
      else this.setDate(this.yearOf(b), month, Number(a));
      return;
    }
    const [a = "", b = "", c] = numbers;
    if (c === undefined || numbers.length > 3) this.fail();
    if (a.length > 2) this.setDate(Number(a), Number(b), Number(c));
    else this.setDate(this.yearOf(c), Number(a), Number(b));
  }

  private yearOf(digits: string): number {
    return digits.length <= 2 && !this.saysBc() ? fullYear(Number(digits)) : Number(digits);
  }

  private finishTime(): void {
    const { fields, half } = this;
    if (half === null) return;
    if (fields.timeUs === null || fields.timeUs >= 13 * HOUR_US) throw rangeError(this.text);
    const isTwelfth = fields.timeUs >= 12 * HOUR_US;
    if (half === "pm" && !isTwelfth) fields.timeUs += 12 * HOUR_US;
    else if (half === "am" && isTwelfth) fields.timeUs -= 12 * HOUR_US;
  }
}

/** Two digits name a year from 1970 to 2069. */
function fullYear(year: number): number {
  return year < 70 ? year + 2000 : year < 100 ? year + 1900 : year;
}

function tokensOf(text: string): string[] {
  // An offset right behind the digits of a clock stays with it; am, pm and a zone's name are taken off.
  return text
    .replace(/(\d)(?=(?:am|pm|bc|ad|utc|gmt)\b)/gi, "$1 ")
    .replace(/(:\d+(?:\.\d*)?)([A-Za-z]{2,})/g, "$1 $2")
    .split(/[\s,]+|(?<=\d)T(?=\d)/)
    .filter((token) => token !== "");
}

/** `+02`, `-0330`, `+05:30:15`; null if it is none. */
function offsetZone(text: string): TimeZone | null {
  const match = /^([+-])(?:(\d{1,2})(?::(\d{1,2})(?::(\d{1,2}))?)?|(\d{2})(\d{2}))$/.exec(text);
  if (match === null) return null;
  const [, sign, hours, minutes, seconds, hourPair, minutePair] = match;
  const size =
    Number(hours ?? hourPair) * 3600 + Number(minutes ?? minutePair ?? 0) * 60 + Number(seconds ?? 0);
  if (size >= 16 * 3600 || Number(minutes ?? minutePair ?? 0) > 59) {
    throw new DeltatError(
      SqlState.invalidTimeZoneDisplacement,
      `time zone displacement out of range: "${text}"`,
    );
  }
  return fixedZone(text, sign === "-" ? -size : size);
}

function zoneNamed(name: string): TimeZone | null {
  const seconds = abbreviationSeconds(name);
  if (seconds !== undefined) return fixedZone(name, seconds);
  return /^[A-Za-z_]+(\/[A-Za-z_+\-0-9]+)+$/.test(name) ? findZone(name) : null;
}

const ENDLESS: Record<string, number> = {
  infinity: Number.POSITIVE_INFINITY,
  "+infinity": Number.POSITIVE_INFINITY,
  "-infinity": Number.NEGATIVE_INFINITY,
};

/** A timestamp or timestamptz. Throws 22007, 22008, 22009 or 22023. */
export function parseTimestamp(type: PgType, text: string): Micros {
  const word = text.trim().toLowerCase();
  const endless = ENDLESS[word];
  if (endless !== undefined) return endless;
  if (word === "epoch") return type === TIMESTAMP ? 0 : 0;
  if (word === "now") return type === TIMESTAMP ? toLocal(sessionNow(), sessionZone()) : sessionNow();
  const { days, timeUs, zone } = new DateReader(type, text).read();
  if (days === null) throw syntaxError(type, text);
  const local = joinDay(days, timeUs ?? 0);
  try {
    return checkedTimestamp(type === TIMESTAMPTZ ? toInstant(local, zone ?? sessionZone()) : local);
  } catch {
    throw new DeltatError(SqlState.datetimeFieldOverflow, `timestamp out of range: "${text}"`);
  }
}

/** Throws 22007, 22008. */
export function parseDate(text: string): number {
  const word = text.trim().toLowerCase();
  const endless = ENDLESS[word];
  if (endless !== undefined) return endless;
  if (word === "epoch") return 0;
  if (word === "now") return localDay(sessionNow(), sessionZone());
  const { days } = new DateReader(DATE, text).read();
  if (days === null) throw syntaxError(DATE, text);
  if (!isDate(days)) throw new DeltatError(SqlState.datetimeFieldOverflow, `date out of range: "${text}"`);
  return days;
}

/** Throws 22007, 22008. */
export function parseTime(text: string): number {
  if (text.trim().toLowerCase() === "now") return splitDay(toLocal(sessionNow(), sessionZone())).timeUs;
  const bare = /^\s*(\d{2})(\d{2})(\d{2})?\s*$/.exec(text);
  const { timeUs } = new DateReader(
    TIME,
    bare === null ? text : `${bare[1]}:${bare[2]}:${bare[3] ?? "00"}`,
  ).read();
  if (timeUs === null) throw syntaxError(TIME, text);
  return timeUs;
}

const two = (part: number): string => String(part).padStart(2, "0");

function dayText(days: number): { readonly text: string; readonly era: string } {
  const { year, month, day } = civilFromDays(days);
  const shownYear = String(year > 0 ? year : 1 - year).padStart(4, "0");
  return { text: `${shownYear}-${two(month)}-${two(day)}`, era: year > 0 ? "" : " BC" };
}

function endlessText(value: Micros): string {
  return Number(value) > 0 ? "infinity" : "-infinity";
}

export function formatDate(days: number): string {
  if (!isBounded(days)) return endlessText(days);
  const { text, era } = dayText(days);
  return text + era;
}

/** `08:00:00.25`. */
export function formatTime(timeUs: number): string {
  const seconds = Math.floor(timeUs / SECOND_US);
  const micros = timeUs - seconds * SECOND_US;
  const fraction = micros === 0 ? "" : `.${String(micros).padStart(6, "0").replace(/0+$/, "")}`;
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}${fraction}`;
}

/** `2026-01-31 08:00:00.25`. */
export function formatTimestamp(micros: Micros): string {
  return shownTimestamp(micros, "");
}

function shownTimestamp(local: Micros, offset: string): string {
  if (!isBounded(local)) return endlessText(local);
  const { days, timeUs } = splitDay(local);
  const { text, era } = dayText(days);
  return `${text} ${formatTime(timeUs)}${offset}${era}`;
}

/** `2026-01-31 08:00:00.25+00`, in the session's time zone. */
export function formatTimestamptz(micros: Micros): string {
  if (!isBounded(micros)) return endlessText(micros);
  const zone = sessionZone();
  return shownTimestamp(toLocal(micros, zone), formatOffset(zone.offsetAt(micros)));
}
