/** Dates, times, intervals and time zones, against what PostgreSQL gives and against the calendar of JavaScript. */

import { beforeAll, beforeEach, describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { ByteWriter } from "../../src/bytes.ts";
import { loadParser } from "../../src/sql/parse/parser.ts";
import { civilFromDays, daysFromCivil, joinDay, splitDay } from "../../src/sql/time/calendar.ts";
import { useSessionTime } from "../../src/sql/time/session-time.ts";
import { requireZone, toInstant, toLocal } from "../../src/sql/time/time-zone.ts";
import { decodeBinary, decodeText, encodeBinary, formatValue } from "../../src/sql/values/codec.ts";
import { DATE, INTERVAL, type PgType, TIME, TIMESTAMP, TIMESTAMPTZ } from "../../src/sql/values/types.ts";
import { answer, SESSION } from "./expression-fixture.ts";
import { TIME_ANSWERS } from "./time-answers.ts";

beforeAll(loadParser);
beforeEach(() => void useSessionTime(SESSION));

describe("dates and times answer as PostgreSQL does", () => {
  for (const [expression, expected] of TIME_ANSWERS) {
    test(expression, () => {
      expect(answer(expression, false)).toBe(expected);
      expect(answer(expression, true)).toBe(expected);
    });
  }
});

test("days count as JavaScript's calendar does", () => {
  fc.assert(
    fc.property(fc.integer({ min: -100_000_000, max: 100_000_000 }), (days) => {
      const date = new Date(days * 86_400_000);
      const civil = civilFromDays(days);
      expect(civil).toEqual({
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
      });
      expect(daysFromCivil(civil.year, civil.month, civil.day)).toBe(days);
    }),
    { numRuns: 500 },
  );
});

test("an instant splits into day and time of day, and joins again, also beyond what a double holds", () => {
  const days = fc.integer({ min: -2_400_000, max: 106_000_000 });
  fc.assert(
    fc.property(days, fc.integer({ min: 0, max: 86_399_999_999 }), (day, timeUs) => {
      expect(splitDay(joinDay(day, timeUs))).toEqual({ days: day, timeUs });
    }),
  );
});

describe("text and binary forms read back", () => {
  const samples: readonly (readonly [PgType, string])[] = [
    [DATE, "2024-02-29"],
    [DATE, "0044-03-15 BC"],
    [DATE, "infinity"],
    [DATE, "-infinity"],
    [TIME, "23:59:59.999999"],
    [TIMESTAMP, "2024-02-29 12:34:56.000001"],
    [TIMESTAMP, "294276-12-31 23:59:59.999999"],
    [TIMESTAMP, "4713-01-01 00:00:00 BC"],
    [TIMESTAMP, "-infinity"],
    [TIMESTAMPTZ, "2024-02-29 12:34:56.7+00"],
    [TIMESTAMPTZ, "infinity"],
    [INTERVAL, "1 year 2 mons -3 days +04:05:06.7"],
    [INTERVAL, "00:00:00"],
  ];
  for (const [type, text] of samples) {
    test(`${type.name} ${text}`, () => {
      const value = decodeText(type, text);
      expect(formatValue(type, value)).toBe(text);
      const out = new ByteWriter();
      encodeBinary(out, type, value);
      expect(out.length).toBe(type.length);
      expect(decodeBinary(type, out.bytes.slice(0, out.length))).toEqual(value);
    });
  }
});

describe("the session's time zone", () => {
  const inZone = (timeZone: string, text: string): string => {
    useSessionTime({ ...SESSION, timeZone });
    return answer(text, true);
  };

  test("is what instants are written in", () => {
    expect(inZone("Asia/Kolkata", "timestamptz '2024-01-01 00:00+00'")).toBe(
      "timestamp with time zone|2024-01-01 05:30:00+05:30",
    );
    expect(inZone("America/New_York", "timestamptz '2024-07-01 00:00+00'")).toBe(
      "timestamp with time zone|2024-06-30 20:00:00-04",
    );
  });

  test("is what a clock without zone is read in", () => {
    expect(inZone("America/New_York", "extract(epoch from timestamptz '2024-01-01 00:00')")).toBe(
      "numeric|1704085200.000000",
    );
  });

  test("decides where days begin", () => {
    expect(inZone("America/New_York", "date_trunc('day', timestamptz '2024-07-01 01:00+00')")).toBe(
      "timestamp with time zone|2024-06-30 00:00:00-04",
    );
    expect(inZone("America/New_York", "timestamptz '2024-03-09 12:00' + interval '1 day'")).toBe(
      "timestamp with time zone|2024-03-10 12:00:00-04",
    );
    expect(inZone("America/New_York", "timestamptz '2024-03-09 12:00' + interval '24 hours'")).toBe(
      "timestamp with time zone|2024-03-10 13:00:00-04",
    );
  });

  test("two hours of a night when clocks go back keep apart", () => {
    const zone = requireZone("Europe/Berlin");
    const first = Date.UTC(2024, 9, 27, 0, 30) * 1000;
    for (const instant of [first, first + 3_600_000_000]) {
      expect(toLocal(instant, zone)).toBe(Date.UTC(2024, 9, 27, 2, 30) * 1000);
    }
    // PostgreSQL takes such a clock for standard time, the second of the two.
    expect(toInstant(Date.UTC(2024, 9, 27, 2, 30) * 1000, zone)).toBe(first + 3_600_000_000);
  });
});
