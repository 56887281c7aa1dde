/**
 * Values of type timestamptz: Unix milliseconds, with microseconds as the fraction. They are written in ISO style
 * and UTC, the server's only time zone.
 */

/** PostgreSQL counts microseconds from 2000-01-01 00:00 UTC. */
const POSTGRES_EPOCH_MS = 946_684_800_000;

const SYNTAX =
  /^\s*(\d{4,6})-(\d{1,2})-(\d{1,2})(?:(?:\s+|[tT])(\d{1,2}):(\d{2})(?::(\d{2})(\.\d*)?)?)?\s*(?:([zZ]|UTC|GMT|utc|gmt)|([+-])(\d{1,2})(?::?(\d{2}))?)?\s*$/;

/** What reading a timestamp can come to besides a value. */
export type TimestampFailure = "syntax" | "range";

/** Unix milliseconds of an ISO date, with or without time and offset (without one it is UTC). */
export function parseTimestamp(text: string): number | TimestampFailure {
  if (/^\s*epoch\s*$/i.test(text)) return 0;
  const match = SYNTAX.exec(text);
  if (match === null) return "syntax";
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = ""] = match;
  const y = Number(year);
  const m = Number(month);
  const d = Number(day);
  const date = new Date(0);
  date.setUTCFullYear(y, m - 1, d);
  const isSameDay = date.getUTCMonth() === m - 1 && date.getUTCDate() === d;
  if (!isSameDay || Number(hour) > 24 || Number(minute) > 59 || Number(second) > 60) return "range";
  const offsetMinutes = Number(match[10] ?? 0) * 60 + Number(match[11] ?? 0);
  const east = match[9] === "-" ? -offsetMinutes : offsetMinutes;
  const micros = fraction.length > 1 ? Math.round(Number(`0${fraction}`) * 1_000_000) : 0;
  const seconds = (Number(hour) * 60 + Number(minute) - east) * 60 + Number(second);
  return date.getTime() + seconds * 1000 + micros / 1000;
}

/** `2026-01-31 08:00:00.25+00`. */
export function formatTimestamp(ms: number): string {
  const wholeMs = Math.floor(ms);
  const date = new Date(wholeMs);
  const micros = Math.round((ms - wholeMs) * 1000) + date.getUTCMilliseconds() * 1000;
  const year = date.getUTCFullYear();
  const two = (part: number): string => part.toString().padStart(2, "0");
  const fraction = micros === 0 ? "" : `.${micros.toString().padStart(6, "0").replace(/0+$/, "")}`;
  const yearText = (year > 0 ? year : 1 - year).toString().padStart(4, "0");
  const day = `${yearText}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
  const time = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${day} ${time}${fraction}+00${year > 0 ? "" : " BC"}`;
}

/** Microseconds since 2000-01-01, as the binary format has them. */
export function timestampToBinary(ms: number): bigint {
  const wholeMs = Math.floor(ms);
  return BigInt(wholeMs - POSTGRES_EPOCH_MS) * 1000n + BigInt(Math.round((ms - wholeMs) * 1000));
}

export function timestampFromBinary(micros: bigint): number {
  const wholeMs = micros / 1000n;
  return Number(wholeMs) + POSTGRES_EPOCH_MS + Number(micros - wholeMs * 1000n) / 1000;
}
