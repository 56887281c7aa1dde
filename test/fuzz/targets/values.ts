/**
 * Values and their texts. For every type: a text that is read and written comes back the same when it is read again, in
 * text and in binary; bytes that are no value are refused. And against other arithmetic than the server's: whole numbers and
 * decimals as BigInt, floats as JavaScript reads them, dates and instants by Temporal, in many time zones.
 */

import { ByteWriter } from "../../../src/bytes.ts";
import { DeltatError } from "../../../src/errors.ts";
import { useSessionTime } from "../../../src/sql/time/session-time.ts";
import { decodeBinary, decodeText, encodeBinary, formatValue } from "../../../src/sql/values/codec.ts";
import { allTypes, type PgType, typeByName } from "../../../src/sql/values/types.ts";
import type { Random } from "../../seeded-random.ts";
import { type TestClient, TestDatabase } from "../../sql/sql-fixture.ts";
import { bytesOf, latin1Of, mutateBytes } from "../mutators.ts";
import { smallerTexts } from "../shrinking.ts";
import type { Target } from "../target.ts";

type ValueCase =
  | { readonly kind: "text"; readonly type: string; readonly zone: string; readonly text: string }
  | { readonly kind: "binary"; readonly type: string; readonly bytes: string }
  | {
      readonly kind: "number";
      readonly a: string;
      readonly sign: string;
      readonly b: string;
      readonly type: string;
    }
  | { readonly kind: "instant"; readonly ms: number; readonly zone: string }
  | { readonly kind: "calendar"; readonly date: string; readonly months: number; readonly days: number };

const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Asia/Kolkata",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "America/St_Johns",
];

/** Texts from which others are made, by type. */
const SEEDS: Readonly<Record<string, readonly string[]>> = {
  bool: ["t", "false", " yes ", "0", "of"],
  int2: ["0", "-32768", "32767", " 5 "],
  int4: ["0", "-2147483648", "2147483647", "+7"],
  int8: ["9223372036854775807", "-9223372036854775808", "12345678901234"],
  float4: ["1.5", "3.4028235e38", "1e-45", "NaN", "-Infinity", "0.1"],
  float8: ["0.1", "1e308", "5e-324", "-0", "NaN", "inf", "123456789012345678", "1e15", "1e16", "1e-5"],
  numeric: ["0.00", "-12.3400", "1e10", "NaN", "Infinity", "99999999999999999999.999", ".5", "1e-7"],
  text: ["", "a", "é😀", "a\nb"],
  uuid: ["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "{a0eebc99-9c0b4ef8-bb6d6bb9-bd380a11}"],
  date: [
    "2024-02-29",
    "0044-03-15 BC",
    "infinity",
    "Jan 5, 1999",
    "20240229",
    "1999.008",
    "J2451187",
    "epoch",
  ],
  time: ["04:05:06.789", "24:00:00", "040506", "04:05 PM", "23:59:60"],
  timestamp: [
    "2024-02-29 23:59:59.999999",
    "epoch",
    "-infinity",
    "1999-01-08 04:05:06",
    "0001-01-01 00:00:00 BC",
  ],
  timestamptz: [
    "2024-03-31 02:30:00 Europe/Berlin",
    "2024-01-01 00:00:00+05:30",
    "1883-11-18 12:00 America/New_York",
    "2024-06-01T12:00Z",
    "0044-03-15 12:00 BC",
  ],
  interval: [
    "1 year 2 mons 3 days 04:05:06.7",
    "P1Y2M3DT4H5M6S",
    "1-2",
    "3 4:05:06",
    "-1 day +02:03",
    "1.5 weeks",
    "2 days ago",
    "@ 1 minute",
  ],
  json: ['{"a": [1, null]}', "1", '"\\u00e9"'],
  jsonb: ['{"b": 1, "a": [true, 1.0]}', "null"],
  _int4: ["{1,NULL,3}", "{}", "{ 1 , 2 }"],
  _text: ['{a,"b c","NULL",NULL,""}', '{"\\"","\\\\"}'],
  _timestamptz: ['{"2024-01-01 00:00:00+00"}'],
  _interval: ['{"1 day","-00:00:01"}'],
};

const PIECES = [
  "0",
  "1",
  "9",
  "-",
  "+",
  ".",
  ":",
  " ",
  "e",
  "BC",
  "AD",
  "T",
  "Z",
  "P",
  "day",
  "mon",
  "years",
  "ago",
  "é",
  ",",
  "{",
  "}",
  '"',
  "\\",
  "NULL",
  "12",
  "00",
  "31",
  "+14",
  "-infinity",
  "Europe/Berlin",
];
const SIGNS = ["+", "-", "*"];

/** @param format how a value becomes a text; a test puts a careless one in its place */
export function valuesTarget(format: typeof formatValue = formatValue): Target<ValueCase> {
  let client: TestClient | null = null;
  return {
    name: "values",
    timeBoundMs: 1000,
    make: makeCase,
    check(made) {
      client ??= new TestDatabase().connect();
      switch (made.kind) {
        case "text":
          return inZone(made.zone, () => checkText(made.type, made.text, format));
        case "binary":
          return inZone("UTC", () => checkBinary(made.type, bytesOf(made.bytes), format));
        case "number":
          return checkNumber(client, made);
        case "instant":
          return inZone(made.zone, () => checkInstant(made.ms, made.zone, format));
        case "calendar":
          return checkCalendar(client, made);
      }
    },
    *smaller(made) {
      if (made.kind === "text") for (const text of smallerTexts(made.text)) yield { ...made, text };
      if (made.kind === "binary") for (const bytes of smallerTexts(made.bytes)) yield { ...made, bytes };
    },
  };
}

function inZone(timeZone: string, check: () => string | null): string | null {
  const before = useSessionTime({
    timeZone,
    transactionNowMs: 1_700_000_000_123,
    clockNowMs: () => 1_700_000_000_123,
  });
  try {
    return check();
  } finally {
    useSessionTime(before);
  }
}

function makeCase(random: Random): ValueCase {
  const zone = random.pick(ZONES);
  const type = random.pick(Object.keys(SEEDS));
  switch (random.below(6)) {
    case 0:
      return { kind: "binary", type: random.pick(allTypes()).typname, bytes: makeBytes(random, type) };
    case 1: {
      const decimal = random.chance(0.5);
      const number = () =>
        `${random.pick(["", "-"])}${digits(random, decimal ? 20 : 10)}${decimal && random.chance(0.7) ? `.${digits(random, 8)}` : ""}`;
      return {
        kind: "number",
        a: number(),
        sign: random.pick(SIGNS),
        b: number(),
        type: decimal ? "numeric" : "int8",
      };
    }
    case 2: {
      const range = random.chance(0.5) ? 4e12 : 2e14;
      return { kind: "instant", ms: Math.floor((random.below(2 ** 31) / 2 ** 31 - 0.2) * range), zone };
    }
    case 3: {
      const day = Temporal.PlainDate.from("1900-01-01").add({ days: random.below(120_000) });
      return {
        kind: "calendar",
        date: day.toString(),
        months: random.below(61) - 30,
        days: random.below(800) - 400,
      };
    }
    default:
      return { kind: "text", type, zone, text: changedText(random, random.pick(SEEDS[type] ?? [""])) };
  }
}

function digits(random: Random, most: number): string {
  const first = String(1 + random.below(9));
  return first + Array.from({ length: random.below(most) }, () => random.below(10)).join("");
}

function changedText(random: Random, seed: string): string {
  // No other text comes from the wire.
  let text = [...seed];
  for (let changes = random.below(4); changes > 0; changes--) {
    const at = random.below(text.length + 1);
    text = text.toSpliced(at, random.below(3), random.pick([...PIECES, ""]));
  }
  return text.join("");
}

/** The binary form of a text of some type, changed. */
function makeBytes(random: Random, typname: string): string {
  const type = typeByName(typname) as PgType;
  const seed = random.pick(SEEDS[typname] ?? [""]);
  let bytes = seed;
  try {
    bytes = latin1Of(binaryOf(type, decodeText(type, seed)));
  } catch (error) {
    if (!(error instanceof DeltatError)) throw error;
  }
  return random.chance(0.8) ? mutateBytes(random, bytes, []) : bytes;
}

function binaryOf(type: PgType, value: ReturnType<typeof decodeText>): Uint8Array {
  const out = new ByteWriter();
  encodeBinary(out, type, value);
  return out.written().slice();
}

/** What `read` gives, or undefined where it refuses. Throws what is no refusal. */
function accepted<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DeltatError && error.sqlState !== "XX000") return undefined;
    throw error;
  }
}

type Format = typeof formatValue;

function checkText(typname: string, text: string, format: Format): string | null {
  const type = typeByName(typname) as PgType;
  const value = accepted(() => decodeText(type, text));
  if (value === undefined || value === null) return null;
  const written = format(type, value);
  const again = accepted(() => format(type, decodeText(type, written)));
  if (again !== written) return `text: ${written} reads as ${again}`;
  const bytes = binaryOf(type, value);
  const back = accepted(() => format(type, decodeBinary(type, bytes)));
  if (back !== written) return `binary: ${written} comes back as ${back}`;
  return checkPlainNumber(typname, text, written);
}

/** Numbers that JavaScript reads, too. */
function checkPlainNumber(typname: string, text: string, written: string): string | null {
  if (/^int[248]$/.test(typname) && /^\s*[-+]?\d+\s*$/.test(text)) {
    if (BigInt(text.trim().replace("+", "")) !== BigInt(written))
      return `integer: ${text} is written ${written}`;
  }
  if (typname === "float8" && /^-?\d+(\.\d*)?(e-?\d+)?$/.test(text)) {
    if (!Object.is(Number(text), Number(written))) return `float: ${text} is written ${written}`;
  }
  return null;
}

function checkBinary(typname: string, bytes: Uint8Array, format: Format): string | null {
  const type = typeByName(typname) as PgType;
  const value = accepted(() => decodeBinary(type, bytes));
  if (value === undefined || value === null) return null;
  const written = format(type, value);
  const back = accepted(() => format(type, decodeBinary(type, binaryOf(type, value))));
  return back === written ? null : `binary: ${written} comes back as ${back}`;
}

/** A decimal as a whole number of units of its last digit. */
function scaled(text: string, scale: number): bigint {
  const [whole = "", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(scale, "0"));
}

function unscaled(units: bigint, scale: number): string {
  const digitsOnly = String(units < 0n ? -units : units).padStart(scale + 1, "0");
  const sign = units < 0n ? "-" : "";
  return scale === 0
    ? sign + digitsOnly
    : `${sign}${digitsOnly.slice(0, -scale)}.${digitsOnly.slice(-scale)}`;
}

const MAX_INT8 = 2n ** 63n;

function checkNumber(
  client: TestClient,
  { a, b, sign, type }: ValueCase & { kind: "number" },
): string | null {
  const scaleOf = (text: string) => text.split(".")[1]?.length ?? 0;
  const scale = Math.max(scaleOf(a), scaleOf(b));
  const [x, y] =
    sign === "*" ? [scaled(a, scaleOf(a)), scaled(b, scaleOf(b))] : [scaled(a, scale), scaled(b, scale)];
  const units = sign === "+" ? x + y : sign === "-" ? x - y : x * y;
  const isTooLarge = type === "int8" && (units >= MAX_INT8 || units < -MAX_INT8);
  const expected = unscaled(units, sign === "*" ? scaleOf(a) + scaleOf(b) : scale);
  const query = `SELECT ('${a}'::${type} ${sign} '${b}'::${type})::text, '${a}'::${type} < '${b}'::${type}`;
  if (isTooLarge) {
    const error = client.error(query);
    return error === "22003 bigint out of range" ? null : `overflow: ${query} gives ${error}`;
  }
  const [[result, isLess] = []] = client.rows(query);
  if (result !== expected) return `arithmetic: ${query} gives ${result}, should ${expected}`;
  const order = scaled(a, scale) < scaled(b, scale) ? "t" : "f";
  return isLess === order ? null : `order: ${query} gives ${isLess}`;
}

/** An instant as PostgreSQL writes it, by Temporal. */
function zoned(ms: number, zone: string): string {
  const instant = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone);
  const two = (n: number) => String(Math.trunc(n)).padStart(2, "0");
  const offset = Math.abs(Math.round(instant.offsetNanoseconds / 1e9));
  const parts = [offset / 3600, (offset / 60) % 60, offset % 60].map(two);
  while (parts.length > 1 && parts.at(-1) === "00") parts.pop();
  const fraction =
    instant.millisecond === 0 ? "" : `.${String(instant.millisecond).padStart(3, "0").replace(/0+$/, "")}`;
  const { year } = instant;
  const date = `${String(year > 0 ? year : 1 - year).padStart(4, "0")}-${two(instant.month)}-${two(instant.day)}`;
  const time = `${two(instant.hour)}:${two(instant.minute)}:${two(instant.second)}${fraction}`;
  return `${date} ${time}${instant.offsetNanoseconds < 0 ? "-" : "+"}${parts.join(":")}${year > 0 ? "" : " BC"}`;
}

function checkInstant(ms: number, zone: string, format: Format): string | null {
  const type = typeByName("timestamptz") as PgType;
  const expected = zoned(ms, zone);
  const read = decodeText(
    type,
    Temporal.Instant.fromEpochMilliseconds(ms)
      .toString()
      .replace(/^[-+]0*(\d{4,6}-)/, "$1"),
  );
  if (new Date(ms).getUTCFullYear() > 0 && new Date(ms).getUTCFullYear() < 10_000) {
    const written = format(type, read);
    if (written !== expected) return `instant: ${ms} in ${zone} is written ${written}, should ${expected}`;
  }
  const back = accepted(() => format(type, decodeText(type, expected)));
  return back === expected ? null : `instant: ${expected} in ${zone} comes back as ${back}`;
}

function checkCalendar(
  client: TestClient,
  { date, months, days }: ValueCase & { kind: "calendar" },
): string | null {
  const day = Temporal.PlainDate.from(date);
  const query = `SELECT ('${date}'::date + '${months} mons'::interval)::date, '${date}'::date + ${days}, extract(isodow FROM '${date}'::date), extract(doy FROM '${date}'::date), to_char('${date}'::date, 'IYYY-IW'), date_trunc('month', '${date}'::timestamp)::date, '${date}'::date - '2000-01-01'::date`;
  const expected = [
    day.add({ months }).toString(),
    day.add({ days }).toString(),
    String(day.dayOfWeek),
    String(day.dayOfYear),
    `${day.yearOfWeek}-${String(day.weekOfYear).padStart(2, "0")}`,
    day.with({ day: 1 }).toString(),
    String(Temporal.PlainDate.from("2000-01-01").until(day).total("days")),
  ];
  const [row = []] = client.rows(query);
  return row.join() === expected.join()
    ? null
    : `calendar: ${query} gives ${row.join()}, should ${expected.join()}`;
}
