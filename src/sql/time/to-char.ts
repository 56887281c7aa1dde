/**
 * to_char, to_date and to_timestamp: instants by pattern
 * (https://www.postgresql.org/docs/current/functions-formatting.html). Names are English; what a pattern does not
 * name is copied.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { checkedPattern } from "../values/value-size.ts";
import {
  civilFromDays,
  dayOfYear,
  daysFromCivil,
  daysInMonth,
  HOUR_US,
  isoWeek,
  isoWeekday,
  joinDay,
  MINUTE_US,
  type Micros,
  SECOND_US,
  splitDay,
} from "./calendar.ts";
import type { Interval } from "./interval.ts";
import { formatOffset } from "./time-zone.ts";

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const ROMAN = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/** What a pattern can show; an interval has no day of the week. */
interface Shown {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hours: number;
  readonly timeUs: number;
  /** Days since 1970-01-01; null for an interval. */
  readonly days: number | null;
  /** Seconds east of Greenwich; null where the value has no zone. */
  readonly offset: number | null;
  readonly zoneName: string;
}

/** Longest first, so that a shorter one never takes the beginning of a longer. */
const TOKENS =
  /"(?:[^"\\]|\\.)*"|FM|TM|FX|(?:HH24|HH12|HH|MI|SSSSS|SSSS|SS|MS|US|FF[1-6]|A\.M\.|P\.M\.|AM|PM|a\.m\.|p\.m\.|am|pm|Y,YYY|YYYY|YYY|YY|Y|IYYY|IYY|IY|IDDD|ID|IW|I|BC|AD|B\.C\.|A\.D\.|MONTH|Month|month|MON|Mon|mon|MM|DAY|Day|day|DY|Dy|dy|DDD|DD|D|WW|W|CC|J|Q|RM|rm|TZH|TZM|TZ|tz|OF)(?:TH|th)?/gi;

export function formatLocal(pattern: string, local: Micros, offset: number | null, zoneName: string): string {
  const { days, timeUs } = splitDay(local);
  const hours = Math.floor(timeUs / HOUR_US);
  return format(pattern, { ...civilFromDays(days), hours, timeUs, days, offset, zoneName });
}

export function formatIntervalBy(pattern: string, { months, days, micros }: Interval): string {
  const total = Number(micros);
  const hours = Math.trunc(total / HOUR_US);
  const years = Math.trunc(months / 12);
  return format(pattern, {
    year: years,
    month: months - years * 12,
    day: days,
    hours,
    timeUs: Math.abs(total - hours * HOUR_US) + Math.abs(hours) * HOUR_US,
    days: null,
    offset: null,
    zoneName: "",
  });
}

function format(pattern: string, shown: Shown): string {
  let fills = true;
  return checkedPattern(pattern).replace(TOKENS, (token) => {
    if (token.startsWith('"')) return token.slice(1, -1).replace(/\\(.)/g, "$1");
    const upper = token.toUpperCase();
    if (upper === "FM") {
      fills = false;
      return "";
    }
    if (upper === "TM" || upper === "FX") return "";
    const ordinal = /(TH|th)$/i.exec(token);
    const isOrdinal = ordinal !== null && !/^month$/i.test(token);
    const bare = isOrdinal ? token.slice(0, -2) : token;
    const text = piece(bare, shown, fills);
    fills = true;
    if (!isOrdinal || ordinal === null) return text;
    const suffix = ordinalSuffix(Number(text));
    return text + (ordinal[0] === "TH" ? suffix.toUpperCase() : suffix);
  });
}

function ordinalSuffix(n: number): string {
  const tens = Math.abs(n) % 100;
  if (tens >= 11 && tens <= 13) return "th";
  return ["th", "st", "nd", "rd"][tens % 10] ?? "th";
}

function cased(token: string, name: string): string {
  if (token === token.toUpperCase()) return name.toUpperCase();
  return token === token.toLowerCase() ? name.toLowerCase() : name;
}

/** The text of one token. */
function piece(token: string, shown: Shown, fills: boolean): string {
  const padded = (n: number, width: number): string => {
    const digits = fills ? String(Math.abs(n)).padStart(width, "0") : String(Math.abs(n));
    return n < 0 ? `-${digits}` : digits;
  };
  const named = (name: string, width: number): string => {
    const text = cased(token, name);
    return fills ? text.padEnd(width) : text;
  };
  const { year, month, day, hours, timeUs, days } = shown;
  const isInterval = days === null;
  const era = year > 0 || isInterval ? year : 1 - year;
  const clock = Math.floor((timeUs % HOUR_US) / SECOND_US);
  const micros = timeUs % SECOND_US;
  const upper = token.toUpperCase();
  switch (upper) {
    case "HH24":
      return padded(hours, 2);
    case "HH12":
    case "HH":
      return padded(hours % 12 === 0 ? 12 : hours % 12, 2);
    case "MI":
      return padded(Math.floor(clock / 60), 2);
    case "SS":
      return padded(clock % 60, 2);
    case "SSSS":
    case "SSSSS":
      return String(Math.floor(timeUs / SECOND_US));
    case "MS":
      return padded(Math.floor(micros / 1000), 3);
    case "US":
      return padded(micros, 6);
    case "AM":
    case "PM":
      return cased(token, hours % 24 >= 12 ? "PM" : "AM");
    case "A.M.":
    case "P.M.":
      return cased(token, hours % 24 >= 12 ? "P.M." : "A.M.");
    case "Y,YYY":
      return `${Math.floor(era / 1000)},${String(era % 1000).padStart(3, "0")}`;
    case "YYYY":
      return padded(era, 4);
    case "YYY":
      return padded(era % 1000, 3);
    case "YY":
      return padded(era % 100, 2);
    case "Y":
      return padded(era % 10, 1);
    case "MM":
      return padded(month, 2);
    case "DD":
      return padded(day, 2);
    case "CC":
      return padded(year > 0 ? Math.floor((year + 99) / 100) : -Math.floor((100 - year) / 100), 2);
    case "Q":
      return month === 0 ? "" : String(Math.ceil(month / 3));
    case "RM": {
      const roman = cased(token, ROMAN[month - 1] ?? "");
      return fills ? roman.padEnd(4) : roman;
    }
    default:
  }
  if (/^FF[1-6]$/.test(upper))
    return String(micros)
      .padStart(6, "0")
      .slice(0, Number(upper.at(-1)));
  if (days === null) {
    throw new DeltatError(
      SqlState.invalidDatetimeFormat,
      "invalid format specification for an interval value",
      { hint: "Intervals are not tied to specific calendar dates." },
    );
  }
  return dayPiece(token, upper, shown, days, padded, named);
}

/** Tokens that only a value with a calendar day has. */
function dayPiece(
  token: string,
  upper: string,
  { year, month, day, offset, zoneName }: Shown,
  days: number,
  padded: (n: number, width: number) => string,
  named: (name: string, width: number) => string,
): string {
  const monthName = MONTHS[month - 1] ?? "";
  const weekday = DAYS[isoWeekday(days) - 1] ?? "";
  const iso = isoWeek(days);
  switch (upper) {
    case "MONTH":
      return named(monthName, 9);
    case "MON":
      return named(monthName.slice(0, 3), 3);
    case "DAY":
      return named(weekday, 9);
    case "DY":
      return named(weekday.slice(0, 3), 3);
    case "D":
      return String((isoWeekday(days) % 7) + 1);
    case "ID":
      return String(isoWeekday(days));
    case "DDD":
      return padded(dayOfYear(days), 3);
    case "IDDD":
      return padded((iso.week - 1) * 7 + isoWeekday(days), 3);
    case "W":
      return String(Math.floor((day - 1) / 7) + 1);
    case "WW":
      return padded(Math.floor((dayOfYear(days) - 1) / 7) + 1, 2);
    case "IW":
      return padded(iso.week, 2);
    case "IYYY":
      return padded(iso.year, 4);
    case "IYY":
      return padded(iso.year % 1000, 3);
    case "IY":
      return padded(iso.year % 100, 2);
    case "I":
      return padded(iso.year % 10, 1);
    case "J":
      return String(days + 2_440_588);
    case "BC":
    case "AD":
      return cased(token, year > 0 ? "AD" : "BC");
    case "B.C.":
    case "A.D.":
      return cased(token, year > 0 ? "A.D." : "B.C.");
    case "TZ":
      return offset === null ? "" : cased(token, zoneName.toUpperCase());
    case "TZH":
      return offset === null ? "+00" : formatOffset(offset).slice(0, 3);
    case "TZM":
      return String(Math.floor(Math.abs(offset ?? 0) / 60) % 60).padStart(2, "0");
    case "OF":
      return offset === null ? "+00" : formatOffset(offset);
    default:
      return token;
  }
}

/** The wall clock that a text means by a pattern, and its offset where the pattern has one. Throws 22007, 22008, 0A000. */
export function parseByPattern(
  text: string,
  pattern: string,
): { readonly local: Micros; readonly offset: number | null } {
  const found = new Map<string, number>();
  let at = 0;
  let last = 0;
  let offset: number | null = null;
  const skipBetween = (between: string): void => {
    for (const _ of between) if (at < text.length && !/[A-Za-z0-9]/.test(text[at] as string)) at++;
  };
  for (const match of checkedPattern(pattern).matchAll(TOKENS)) {
    skipBetween(pattern.slice(last, match.index));
    last = match.index + match[0].length;
    const token = match[0].toUpperCase();
    if (token.startsWith('"')) at += token.length - 2;
    else if (token === "FM" || token === "TM" || token === "FX") continue;
    else {
      while (text[at] === " ") at++;
      if (token === "TZH" || token === "OF") {
        const zone = /^([+-]?)(\d{1,2})(?::?(\d{2}))?/.exec(text.slice(at));
        if (zone === null) throw invalidValue(token, text.slice(at));
        at += zone[0].length;
        offset = (zone[1] === "-" ? -1 : 1) * (Number(zone[2]) * 3600 + Number(zone[3] ?? 0) * 60);
      } else at = takeField(token, text, at, pattern.slice(last), found);
    }
  }
  return { local: assemble(found, text), offset };
}

function invalidValue(token: string, rest: string): DeltatError {
  return new DeltatError(
    SqlState.invalidDatetimeFormat,
    `invalid value "${rest.slice(0, 10)}" for "${token}"`,
    {
      detail: "Value must be an integer.",
    },
  );
}

/** Digits that a field takes where another follows right behind. */
const WIDTHS: Readonly<Record<string, number>> = {
  YYYY: 4,
  YYY: 3,
  YY: 2,
  Y: 1,
  MM: 2,
  DD: 2,
  DDD: 3,
  HH24: 2,
  HH12: 2,
  HH: 2,
  MI: 2,
  SS: 2,
  SSSS: 5,
  SSSSS: 5,
  MS: 3,
  US: 6,
  J: 7,
};

function takeField(
  token: string,
  text: string,
  at: number,
  after: string,
  found: Map<string, number>,
): number {
  const rest = text.slice(at);
  const names = token === "MONTH" ? MONTHS : token === "MON" ? MONTHS.map((name) => name.slice(0, 3)) : null;
  if (names !== null) {
    const index = names.findIndex((name) => rest.toLowerCase().startsWith(name.toLowerCase()));
    if (index < 0) {
      throw new DeltatError(
        SqlState.invalidDatetimeFormat,
        `invalid value "${rest.split(/\W/)[0]}" for "${token}"`,
        { detail: "The given value did not match any of the allowed values for this field." },
      );
    }
    found.set("MM", index + 1);
    return at + (names[index] as string).length;
  }
  if (token === "DAY" || token === "DY") return at + (/^[A-Za-z]*/.exec(rest)?.[0].length ?? 0);
  if (/^[AP]\.?M\.?$/.test(token)) {
    found.set("PM", /^p/i.test(rest) ? 1 : 0);
    return at + token.length;
  }
  if (/^(BC|AD|B\.C\.|A\.D\.)$/.test(token)) {
    found.set("BC", /^b/i.test(rest) ? 1 : 0);
    return at + token.length;
  }
  const width = WIDTHS[token] ?? (/^FF[1-6]$/.test(token) ? Number(token.at(-1)) : undefined);
  if (width === undefined) {
    throw new DeltatError(SqlState.featureNotSupported, `pattern ${token} is not supported for input`);
  }
  const isFollowed = /^[A-Za-z]/.test(after);
  const digits = new RegExp(
    isFollowed || width > 4 || width === 3 ? `^[+-]?\\d{1,${width}}` : "^[+-]?\\d+",
  ).exec(rest);
  if (digits === null) throw invalidValue(token, rest);
  const number = Number(digits[0]);
  if (token === "MS") found.set("US", Number(digits[0].padEnd(3, "0")) * 1000);
  else if (token === "US") found.set("US", Number(digits[0].padEnd(6, "0")));
  else if (/^FF/.test(token)) found.set("US", Number(digits[0].padEnd(6, "0")));
  else if (/^Y{1,3}$/.test(token))
    found.set("YYYY", number < 70 ? number + 2000 : number < 100 ? number + 1900 : number);
  else found.set(token === "HH" ? "HH12" : token, number);
  return at + digits[0].length;
}

function assemble(found: ReadonlyMap<string, number>, text: string): Micros {
  const year = found.get("YYYY") ?? 1;
  const astronomical = found.get("BC") === 1 || !found.has("YYYY") ? 1 - year : year;
  const month = found.get("MM") ?? 1;
  const day = found.get("DD") ?? 1;
  const half = found.get("PM");
  const hour = found.get("HH24") ?? found.get("HH12") ?? 0;
  const hours = half === undefined ? hour : (hour % 12) + half * 12;
  const minute = found.get("MI") ?? 0;
  const second = found.get("SS") ?? 0;
  const isRight =
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysInMonth(astronomical, month) &&
    hours < 24 &&
    minute < 60 &&
    second < 60;
  if (!isRight) {
    throw new DeltatError(SqlState.datetimeFieldOverflow, `date/time field value out of range: "${text}"`);
  }
  const ofYear = found.get("DDD");
  const julian = found.get("J");
  const days =
    julian !== undefined
      ? julian - 2_440_588
      : ofYear !== undefined
        ? daysFromCivil(astronomical, 1, ofYear)
        : daysFromCivil(astronomical, month, day);
  const seconds = found.get("SSSSS") ?? found.get("SSSS");
  const clock =
    seconds !== undefined ? seconds * SECOND_US : hours * HOUR_US + minute * MINUTE_US + second * SECOND_US;
  return joinDay(days, clock + (found.get("US") ?? 0));
}
