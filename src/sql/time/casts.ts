/** Casts among the types of time (pg_cast); those to and from text are the types' input and output. */

import type { Cast } from "../expressions/casts.ts";
import { DATE, INTERVAL, type PgType, TIME, TIMESTAMP, TIMESTAMPTZ } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { DAY_US, isBounded, type Micros, splitDay } from "./calendar.ts";
import { dateMicros } from "./fields.ts";
import { formatInterval, intervalOf, makeInterval } from "./interval.ts";
import { sessionZone } from "./session-time.ts";
import { toInstant, toLocal } from "./time-zone.ts";

const dayOf = (local: Micros): Value => (isBounded(local) ? splitDay(local).days : local);
const clockOf = (local: Micros): Value => (isBounded(local) ? splitDay(local).timeUs : null);
const localOf = (instant: Value): Micros => toLocal(instant as Micros, sessionZone());

interface TimeCast extends Cast {
  readonly from: PgType;
  readonly to: PgType;
}

const CASTS: readonly TimeCast[] = [
  { from: DATE, to: TIMESTAMP, context: "implicit", convert: (a) => dateMicros(a as number) },
  {
    from: DATE,
    to: TIMESTAMPTZ,
    context: "implicit",
    convert: (a) => toInstant(dateMicros(a as number), sessionZone()),
  },
  {
    from: TIMESTAMP,
    to: TIMESTAMPTZ,
    context: "implicit",
    convert: (a) => toInstant(a as Micros, sessionZone()),
  },
  { from: TIMESTAMPTZ, to: TIMESTAMP, context: "assignment", convert: localOf },
  { from: TIMESTAMPTZ, to: DATE, context: "assignment", convert: (a) => dayOf(localOf(a)) },
  { from: TIMESTAMPTZ, to: TIME, context: "assignment", convert: (a) => clockOf(localOf(a)) },
  { from: TIMESTAMP, to: DATE, context: "assignment", convert: (a) => dayOf(a as Micros) },
  { from: TIMESTAMP, to: TIME, context: "assignment", convert: (a) => clockOf(a as Micros) },
  {
    from: TIME,
    to: INTERVAL,
    context: "implicit",
    convert: (a) => formatInterval(makeInterval(0, 0, a as number)),
  },
  {
    from: INTERVAL,
    to: TIME,
    context: "assignment",
    convert: (a) => {
      const day = BigInt(DAY_US);
      return Number(((BigInt(intervalOf(a).micros) % day) + day) % day);
    },
  },
];

export function findTimeCast(from: PgType, to: PgType): Cast | null {
  return CASTS.find((cast) => cast.from === from && cast.to === to) ?? null;
}

/** The order in which types of instants give way to each other when they are compared. */
const RANKS: readonly PgType[] = [DATE, TIMESTAMP, TIMESTAMPTZ];

/** The type in which two different types of instants compare; null if they do not. */
export function comparableTimeType(left: PgType, right: PgType): PgType | null {
  const a = RANKS.indexOf(left);
  const b = RANKS.indexOf(right);
  return a < 0 || b < 0 ? null : (RANKS[Math.max(a, b)] ?? null);
}
