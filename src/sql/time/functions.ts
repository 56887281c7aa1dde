/** The functions on dates, clock times, instants and intervals. */

import { DeltatError, SqlState } from "../../errors.ts";
import { fn, type SqlFunction } from "../functions/signature.ts";
import {
  BOOL,
  DATE,
  FLOAT8,
  INT4,
  INTERVAL,
  NUMERIC,
  type PgType,
  TEXT,
  TIME,
  TIMESTAMP,
  TIMESTAMPTZ,
} from "../values/types.ts";
import type { Value } from "../values/value.ts";
import {
  addMicros,
  checkedTimestamp,
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
import { extractField, truncateInstant, truncateInterval, truncateLocal } from "./fields.ts";
import {
  ageBetween,
  formatInterval,
  intervalOf,
  justifyDays,
  justifyHours,
  justifyInterval,
  makeInterval,
} from "./interval.ts";
import { sessionZone } from "./session-time.ts";
import { fixedZone, requireZone, type TimeZone, toInstant, toLocal } from "./time-zone.ts";
import { formatIntervalBy, formatLocal, parseByPattern } from "./to-char.ts";

const functions: SqlFunction[] = [];

function define(
  name: string,
  parameters: readonly PgType[],
  result: PgType,
  body: SqlFunction["body"],
  isStrict = true,
): void {
  functions.push(fn(name, parameters, result, body, { isStrict }));
}

const text = (value: Value | undefined): string => String(value);
const number = (value: Value | undefined): number => Number(value);
const micros = (value: Value | undefined): Micros => value as Micros;
const fromMs = (ms: number): number => Math.round(ms * 1000);

// The present.
for (const name of ["now", "current_timestamp", "transaction_timestamp"]) {
  define(name, [], TIMESTAMPTZ, (_, s) => fromMs(s.transactionNowMs));
}
define("statement_timestamp", [], TIMESTAMPTZ, (_, s) => fromMs(s.statementNowMs));
define("clock_timestamp", [], TIMESTAMPTZ, (_, s) => fromMs(s.clockNowMs()));
const localNow = (nowMs: number): Micros => toLocal(fromMs(nowMs), sessionZone());
define("current_date", [], DATE, (_, s) => splitDay(localNow(s.transactionNowMs)).days);
define("localtime", [], TIME, (_, s) => splitDay(localNow(s.transactionNowMs)).timeUs);
define("localtimestamp", [], TIMESTAMP, (_, s) => localNow(s.transactionNowMs));

// Parts.
for (const type of [TIMESTAMPTZ, TIMESTAMP, DATE, TIME, INTERVAL]) {
  define("extract", [TEXT, type], NUMERIC, ([field, at = null]) => extractField(type, text(field), at));
  define("date_part", [TEXT, type], FLOAT8, ([field, at = null]) => {
    const value = extractField(type, text(field), at);
    return value === null ? null : Number(value);
  });
}
define("date_trunc", [TEXT, TIMESTAMPTZ], TIMESTAMPTZ, ([field, at]) =>
  truncateInstant(text(field), micros(at), sessionZone()),
);
define("date_trunc", [TEXT, TIMESTAMPTZ, TEXT], TIMESTAMPTZ, ([field, at, zone]) =>
  truncateInstant(text(field), micros(at), requireZone(text(zone))),
);
define("date_trunc", [TEXT, TIMESTAMP], TIMESTAMP, ([field, at]) =>
  truncateLocal(text(field), micros(at), TIMESTAMP),
);
define("date_trunc", [TEXT, INTERVAL], INTERVAL, ([field, at]) =>
  formatInterval(truncateInterval(text(field), intervalOf(at))),
);
for (const type of [TIMESTAMPTZ, TIMESTAMP]) {
  define("date_bin", [INTERVAL, type, type], type, ([stride, at, origin]) =>
    bin(text(stride), micros(at), micros(origin)),
  );
}

function bin(stride: string, at: Micros, origin: Micros): Micros {
  const { months, days, micros: rest } = intervalOf(stride);
  if (months !== 0) {
    throw new DeltatError(
      SqlState.featureNotSupported,
      "timestamps cannot be binned into intervals containing months or years",
    );
  }
  const size = BigInt(days) * BigInt(DAY_US) + BigInt(rest);
  if (size <= 0n) {
    throw new DeltatError(SqlState.datetimeFieldOverflow, "stride must be greater than zero");
  }
  if (!isBounded(at)) return at;
  if (!isBounded(origin)) throw new DeltatError(SqlState.datetimeFieldOverflow, "origin out of range");
  const distance = BigInt(at) - BigInt(origin);
  const into = ((distance % size) + size) % size;
  return addMicros(at, negateMicros(Number(into)));
}

// Ages and spans.
for (const type of [TIMESTAMPTZ, TIMESTAMP]) {
  const local = (at: Value | undefined): Micros =>
    type === TIMESTAMPTZ ? toLocal(micros(at), sessionZone()) : micros(at);
  define("age", [type, type], INTERVAL, ([later, earlier]) => ageOf(local(later), local(earlier)));
  define("age", [type], INTERVAL, ([earlier], s) =>
    ageOf(joinDay(splitDay(localNow(s.transactionNowMs)).days, 0), local(earlier)),
  );
}

function ageOf(later: Micros, earlier: Micros): string {
  if (!isBounded(later) || !isBounded(earlier)) {
    throw new DeltatError(SqlState.datetimeFieldOverflow, "timestamp out of range");
  }
  return formatInterval(ageBetween(later, earlier));
}

define("justify_hours", [INTERVAL], INTERVAL, ([a]) => formatInterval(justifyHours(intervalOf(a))));
define("justify_days", [INTERVAL], INTERVAL, ([a]) => formatInterval(justifyDays(intervalOf(a))));
define("justify_interval", [INTERVAL], INTERVAL, ([a]) => formatInterval(justifyInterval(intervalOf(a))));
for (const type of [TIMESTAMPTZ, TIMESTAMP, DATE]) {
  define("isfinite", [type], BOOL, ([a]) => isBounded(micros(a)));
}
define("isfinite", [INTERVAL], BOOL, () => true);

/** Two periods, each given by its ends in either order, have an instant in common; NULL as SQL defines it. */
function overlaps(args: readonly Value[], endOf: (start: Micros, end: Value) => Micros): Value {
  const [a = null, b = null, c = null, d = null] = args;
  const period = (start: Value, end: Value): [Micros, Micros] | null => {
    if (start === null || end === null) return null;
    const from = micros(start);
    const to = endOf(from, end);
    return from <= to ? [from, to] : [to, from];
  };
  const first = period(a, b);
  const second = period(c, d);
  if (first === null || second === null) return null;
  const [from, to] = first;
  const [from2, to2] = second;
  return from === from2 || (from < from2 ? from2 < to : from < to2);
}
for (const type of [TIMESTAMPTZ, TIMESTAMP, TIME]) {
  define(
    "overlaps",
    [type, type, type, type],
    BOOL,
    (args) => overlaps(args, (_, end) => micros(end)),
    false,
  );
}
for (const type of [TIMESTAMPTZ, TIMESTAMP]) {
  define(
    "overlaps",
    [type, INTERVAL, type, INTERVAL],
    BOOL,
    (args) =>
      overlaps(args, (start, end) => {
        const { months, days, micros: rest } = intervalOf(end);
        return addMicros(start, Number(BigInt(months * 30 + days) * BigInt(DAY_US) + BigInt(rest)));
      }),
    false,
  );
}

// Made of parts.
define("make_date", [INT4, INT4, INT4], DATE, ([y, m, d]) => dateOf(number(y), number(m), number(d)));

function dateOf(year: number, month: number, day: number): number {
  const astronomical = year < 0 ? year + 1 : year;
  const isRight =
    year !== 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(astronomical, month);
  if (!isRight) {
    throw new DeltatError(
      SqlState.datetimeFieldOverflow,
      `date field value out of range: ${year}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`,
    );
  }
  return daysFromCivil(astronomical, month, day);
}

function clockOf(hour: number, minute: number, second: number): number {
  const isRight = hour >= 0 && hour <= 24 && minute >= 0 && minute < 60 && second >= 0 && second <= 60;
  const total = hour * HOUR_US + minute * MINUTE_US + Math.round(second * SECOND_US);
  if (!isRight || total > DAY_US) {
    throw new DeltatError(
      SqlState.datetimeFieldOverflow,
      `time field value out of range: ${hour}:${String(minute).padStart(2, "0")}:${String(second).padStart(2, "0")}`,
    );
  }
  return total;
}

define("make_time", [INT4, INT4, FLOAT8], TIME, ([h, m, s]) => clockOf(number(h), number(m), number(s)));
const MOMENT = [INT4, INT4, INT4, INT4, INT4, FLOAT8];
function momentOf([y, mo, d, h, mi, s]: readonly Value[]): Micros {
  const days = dateOf(number(y), number(mo), number(d));
  return checkedTimestamp(joinDay(days, clockOf(number(h), number(mi), number(s))));
}
define("make_timestamp", MOMENT, TIMESTAMP, momentOf);
define("make_timestamptz", MOMENT, TIMESTAMPTZ, (args) => toInstant(momentOf(args), sessionZone()));
define("make_timestamptz", [...MOMENT, TEXT], TIMESTAMPTZ, (args) =>
  toInstant(momentOf(args), requireZone(text(args[6]))),
);
for (let count = 0; count <= 7; count++) {
  const parameters = Array.from({ length: count }, (_, at) => (at === 6 ? FLOAT8 : INT4));
  define("make_interval", parameters, INTERVAL, (args) => {
    const [y, mo, w, d, h, mi, s] = Array.from({ length: 7 }, (_, at) => number(args[at] ?? 0));
    const clock = (h ?? 0) * HOUR_US + (mi ?? 0) * MINUTE_US + Math.round((s ?? 0) * SECOND_US);
    return formatInterval(makeInterval((y ?? 0) * 12 + (mo ?? 0), (w ?? 0) * 7 + (d ?? 0), clock));
  });
}
define("to_timestamp", [FLOAT8], TIMESTAMPTZ, ([seconds]) => {
  const value = number(seconds);
  if (Number.isNaN(value)) throw new DeltatError(SqlState.datetimeFieldOverflow, "timestamp cannot be NaN");
  if (!Number.isFinite(value)) return value;
  const exact = Math.round(value * SECOND_US);
  return checkedTimestamp(Number.isSafeInteger(exact) ? exact : BigInt(exact));
});

// Zones.
define("timezone", [TEXT, TIMESTAMPTZ], TIMESTAMP, ([zone, at]) =>
  toLocal(micros(at), requireZone(text(zone))),
);
define("timezone", [TEXT, TIMESTAMP], TIMESTAMPTZ, ([zone, at]) =>
  toInstant(micros(at), requireZone(text(zone))),
);
define("timezone", [INTERVAL, TIMESTAMPTZ], TIMESTAMP, ([by, at]) => toLocal(micros(at), zoneBy(text(by))));
define("timezone", [INTERVAL, TIMESTAMP], TIMESTAMPTZ, ([by, at]) => toInstant(micros(at), zoneBy(text(by))));

function zoneBy(interval: string): TimeZone {
  const { months, days, micros: rest } = intervalOf(interval);
  if (months !== 0 || days !== 0) {
    throw new DeltatError(
      SqlState.invalidParameterValue,
      `interval time zone "${interval}" must not include months or days`,
    );
  }
  return fixedZone(interval, Math.trunc(Number(rest) / SECOND_US));
}

// By pattern.
define("to_char", [TIMESTAMPTZ, TEXT], TEXT, ([at, pattern]) => {
  if (!isBounded(micros(at))) return null;
  const zone = sessionZone();
  return formatLocal(text(pattern), toLocal(micros(at), zone), zone.offsetAt(micros(at)), zone.name);
});
define("to_char", [TIMESTAMP, TEXT], TEXT, ([at, pattern]) =>
  isBounded(micros(at)) ? formatLocal(text(pattern), micros(at), null, "") : null,
);
define("to_char", [INTERVAL, TEXT], TEXT, ([span, pattern]) =>
  formatIntervalBy(text(pattern), intervalOf(span)),
);
define(
  "to_date",
  [TEXT, TEXT],
  DATE,
  ([source, pattern]) => splitDay(parseByPattern(text(source), text(pattern)).local).days,
);
define("to_timestamp", [TEXT, TEXT], TIMESTAMPTZ, ([source, pattern]) => {
  const { local, offset } = parseByPattern(text(source), text(pattern));
  return toInstant(local, offset === null ? sessionZone() : fixedZone("", offset));
});
define("timeofday", [], TEXT, (_, s) =>
  formatLocal("Dy Mon DD HH24:MI:SS.US YYYY TZ", localNow(s.clockNowMs()), 0, sessionZone().name),
);

export const TIME_FUNCTIONS: readonly SqlFunction[] = functions;

/** Names of parameters, of the functions that are called by them; each has the default 0. */
export const PARAMETER_NAMES: ReadonlyMap<string, readonly string[]> = new Map([
  ["make_interval", ["years", "months", "weeks", "days", "hours", "mins", "secs"]],
]);
