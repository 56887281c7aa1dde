/**
 * Time zones: what the wall clock shows at an instant, and which instant a wall clock means. The rules are those of
 * the runtime's copy of the IANA database, through Temporal.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { addMicros, type Micros, SECOND_US, splitDay } from "./calendar.ts";

/** Either a fixed offset or a place. */
export interface TimeZone {
  readonly name: string;
  /** Seconds east of Greenwich at an instant, microseconds since 1970 UTC. */
  offsetAt(instant: Micros): number;
  /** Seconds east of Greenwich when its wall clock shows `local`. */
  offsetOfLocal(local: Micros): number;
}

export function fixedZone(name: string, offsetSeconds: number): TimeZone {
  return { name, offsetAt: () => offsetSeconds, offsetOfLocal: () => offsetSeconds };
}

export const UTC = fixedZone("UTC", 0);

/** Offsets of some abbreviations, hours (PostgreSQL's default list, timezonesets/Default). */
const ABBREVIATIONS: ReadonlyMap<string, number> = new Map([
  ["Z", 0],
  ["ZULU", 0],
  ["UTC", 0],
  ["UT", 0],
  ["GMT", 0],
  ["WET", 0],
  ["WEST", 1],
  ["BST", 1],
  ["CET", 1],
  ["MET", 1],
  ["CEST", 2],
  ["MEST", 2],
  ["EET", 2],
  ["EEST", 3],
  ["MSK", 3],
  ["JST", 9],
  ["KST", 9],
  ["AEST", 10],
  ["AEDT", 11],
  ["NZST", 12],
  ["NZDT", 13],
  ["EST", -5],
  ["EDT", -4],
  ["CST", -6],
  ["CDT", -5],
  ["MST", -7],
  ["MDT", -6],
  ["PST", -8],
  ["PDT", -7],
  ["AKST", -9],
  ["AKDT", -8],
  ["HST", -10],
]);

/** Seconds of an abbreviation such as `CEST`, or undefined. */
export function abbreviationSeconds(name: string): number | undefined {
  const hours = ABBREVIATIONS.get(name.toUpperCase());
  return hours === undefined ? undefined : hours * 3600;
}

/** The instants whose offsets Temporal can tell, milliseconds; beyond them the nearest counts. */
const MOST_MS = 8.64e15;

function placeZone(name: string): TimeZone {
  const secondsAt = (epochMs: number): number => {
    const bounded = Math.max(-MOST_MS, Math.min(MOST_MS, epochMs));
    const instant = Temporal.Instant.fromEpochMilliseconds(bounded);
    return Math.round(instant.toZonedDateTimeISO(name).offsetNanoseconds / 1e9);
  };
  const wholeMs = (micros: Micros): number => Math.floor(Number(micros) / 1000);
  return {
    name,
    offsetAt: (instant) => secondsAt(wholeMs(instant)),
    offsetOfLocal: (local) => {
      const ms = wholeMs(local);
      // Where a clock is set, two offsets are possible; PostgreSQL takes the wall clock as standard time.
      const before = secondsAt(ms - 86_400_000);
      const after = secondsAt(ms + 86_400_000);
      const isAfter = secondsAt(ms - after * 1000) === after;
      if (isAfter) return after;
      return secondsAt(ms - before * 1000) === before ? before : Math.min(before, after);
    },
  };
}

const zones = new Map<string, TimeZone | null>();

/** Zones kept by name; names come from clients. */
const MAX_KEPT_ZONES = 1000;

/** `+02`, `-3:30`, `<+02>-02` as POSIX writes them: west of Greenwich is positive. */
const POSIX_OFFSET = /^(?:<[^>]*>|[A-Za-z]{3,})?([+-]?)(\d{1,2})(?::(\d{2})(?::(\d{2}))?)?$/;

/** The zone of this name, in any case, or null if there is none. */
export function findZone(name: string): TimeZone | null {
  const key = name.trim().toLowerCase();
  const known = zones.get(key);
  if (known !== undefined) return known;
  const found = makeZone(name.trim());
  if (zones.size >= MAX_KEPT_ZONES) zones.clear();
  zones.set(key, found);
  return found;
}

function makeZone(name: string): TimeZone | null {
  const abbreviation = abbreviationSeconds(name);
  if (abbreviation !== undefined) return fixedZone(name.toUpperCase(), abbreviation);
  const posix = POSIX_OFFSET.exec(name);
  if (posix !== null) {
    const [, sign, hours, minutes = "0", seconds = "0"] = posix;
    const west = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
    return fixedZone(name, sign === "-" ? west : 0 - west);
  }
  try {
    const { timeZone } = new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions();
    // Intl takes any case and knows links by another name: the name given is kept where it is a right spelling.
    return placeZone(timeZone.toLowerCase() === name.toLowerCase() ? timeZone : name);
  } catch {
    return null;
  }
}

/** As `findZone`; throws 22023 if there is none. */
export function requireZone(name: string): TimeZone {
  const found = findZone(name);
  if (found !== null) return found;
  throw new DeltatError(SqlState.invalidParameterValue, `time zone "${name}" not recognized`);
}

/** What the wall clock shows at an instant. */
export function toLocal(instant: Micros, zone: TimeZone): Micros {
  if (instant === Number.POSITIVE_INFINITY || instant === Number.NEGATIVE_INFINITY) return instant;
  return addMicros(instant, zone.offsetAt(instant) * SECOND_US);
}

/** The instant that a wall clock shows. */
export function toInstant(local: Micros, zone: TimeZone): Micros {
  if (local === Number.POSITIVE_INFINITY || local === Number.NEGATIVE_INFINITY) return local;
  return addMicros(local, 0 - zone.offsetOfLocal(local) * SECOND_US);
}

/** `+00`, `+05:30`, `-04:56:02`. */
export function formatOffset(seconds: number): string {
  const size = Math.abs(seconds);
  const two = (part: number): string => String(part).padStart(2, "0");
  const hours = two(Math.floor(size / 3600));
  const minutes = Math.floor(size / 60) % 60;
  const rest = size % 60;
  const tail = rest > 0 ? `:${two(minutes)}:${two(rest)}` : minutes > 0 ? `:${two(minutes)}` : "";
  return `${seconds < 0 ? "-" : "+"}${hours}${tail}`;
}

/** The name of a zone at this offset, as POSIX has it: `<+05:30>-05:30`. */
export function offsetZoneName(seconds: number): string {
  return `<${formatOffset(seconds)}>${seconds === 0 ? "-00" : formatOffset(-seconds)}`;
}

/** Today's and now's day depend on the zone; so they are asked for together. */
export function localDay(instant: Micros, zone: TimeZone): number {
  return splitDay(toLocal(instant, zone)).days;
}
