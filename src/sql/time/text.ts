/** Text to value and back for the types of time. */

import { DATE, INTERVAL, type PgType, TIME, TIMESTAMPTZ } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import type { Micros } from "./calendar.ts";
import {
  formatDate,
  formatTime,
  formatTimestamp,
  formatTimestamptz,
  parseDate,
  parseTime,
  parseTimestamp,
} from "./date-text.ts";
import { formatInterval, parseInterval } from "./interval.ts";

/** Throws 22007, 22008, 22009, 22015 or 22023. */
export function parseTimeValue(type: PgType, text: string): Value {
  if (type === DATE) return parseDate(text);
  if (type === TIME) return parseTime(text);
  if (type === INTERVAL) return formatInterval(parseInterval(text));
  return parseTimestamp(type, text);
}

/** Of date, time, timestamp and timestamptz; an interval is its text. */
export function formatTimeValue(type: PgType, value: Micros): string {
  if (type === DATE) return formatDate(Number(value));
  if (type === TIME) return formatTime(Number(value));
  return type === TIMESTAMPTZ ? formatTimestamptz(value) : formatTimestamp(value);
}
