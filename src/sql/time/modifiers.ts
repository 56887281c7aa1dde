/** Modifiers of the types of time: digits of a second's fraction, and the fields that an interval keeps. */

import { mapExpression } from "../expressions/casts.ts";
import type { Expression } from "../expressions/expression.ts";
import { DATE, INTERVAL } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { HOUR_US, MINUTE_US, type Micros, roundMicros } from "./calendar.ts";
import {
  formatInterval,
  type Interval,
  type IntervalField,
  intervalOf,
  makeInterval,
  parseInterval,
} from "./interval.ts";

/** Bits of an interval's field mask (utils/datetime.h), smallest field first. */
const FIELD_BITS: readonly (readonly [bit: number, field: IntervalField])[] = [
  [12, "second"],
  [11, "minute"],
  [10, "hour"],
  [3, "day"],
  [1, "month"],
  [2, "year"],
];

const ALL_FIELDS = 0x7fff;

/** The smallest field of a mask; `second` for the mask of all. */
function smallestField(mask: number): IntervalField {
  if (mask === ALL_FIELDS) return "second";
  return FIELD_BITS.find(([bit]) => (mask & (1 << bit)) !== 0)?.[1] ?? "second";
}

/** `INTERVAL '3' HOUR`: numbers without unit count the smallest field of the mask. */
export function intervalByField(text: Expression, mask: number): Expression {
  const field = smallestField(mask);
  return mapExpression(text, INTERVAL, (value) => formatInterval(parseInterval(String(value), field)));
}

/** Cuts values of a type of time to what its modifiers keep. `modifiers` are those of the grammar. */
export function fitTime(expression: Expression, modifiers: readonly number[]): Expression {
  const { type } = expression;
  const [first = 6, digits = 6] = modifiers;
  if (type === INTERVAL) {
    const field = smallestField(first);
    return mapExpression(expression, type, (value) => formatInterval(fit(intervalOf(value), field, digits)));
  }
  if (type === DATE) return expression;
  return mapExpression(expression, type, (value): Value => roundMicros(value as Micros, first));
}

function fit({ months, days, micros }: Interval, field: IntervalField, digits: number): Interval {
  const cut = (size: number): Micros => {
    const whole = BigInt(micros);
    return Number(whole - (whole % BigInt(size)));
  };
  switch (field) {
    case "year":
      return makeInterval(months - (months % 12), 0, 0);
    case "month":
      return makeInterval(months, 0, 0);
    case "day":
      return makeInterval(months, days, 0);
    case "hour":
      return makeInterval(months, days, cut(HOUR_US));
    case "minute":
      return makeInterval(months, days, cut(MINUTE_US));
    default:
      return makeInterval(months, days, roundMicros(micros, digits));
  }
}
