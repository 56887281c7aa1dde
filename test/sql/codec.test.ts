/** Values in the text and the binary format, against bytes and words that PostgreSQL gives. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter } from "../../src/bytes.ts";
import { DeltatError } from "../../src/errors.ts";
import { MAX_RESULT_BYTES } from "../../src/limits.ts";
import { expandFormats, RowWriter } from "../../src/sql/rows/row-writer.ts";
import {
  decodeBinary,
  decodeParameter,
  decodeText,
  encodeBinary,
  encodeText,
  formatValue,
} from "../../src/sql/values/codec.ts";
import { writeInteger } from "../../src/sql/values/integer-text.ts";
import {
  BOOL,
  BOOL_ARRAY,
  CHAR,
  FLOAT4,
  FLOAT8,
  INT2,
  INT4,
  INT4_ARRAY,
  INT8,
  INT8_ARRAY,
  NUMERIC,
  NUMERIC_ARRAY,
  OID,
  type PgType,
  TEXT,
  TEXT_ARRAY,
  TIMESTAMPTZ,
} from "../../src/sql/values/types.ts";
import type { Value } from "../../src/sql/values/value.ts";

function written(write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter(16);
  write(out);
  return out.written().slice();
}

function failure(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof DeltatError) return `${error.sqlState} ${error.message}`;
    throw error;
  }
  return "no error";
}

const canonical = (value: bigint): Value => (Number.isSafeInteger(Number(value)) ? Number(value) : value);
const int8 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(canonical);
const text = fc.string({ unit: "grapheme" }).filter((each) => !each.includes("\0"));
const numeric = fc
  .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.nat(12))
  .map(([digits, scale]) => {
    const padded = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, "0");
    const whole = padded.slice(0, padded.length - scale);
    return `${digits < 0n ? "-" : ""}${whole}${scale > 0 ? `.${padded.slice(-scale)}` : ""}`;
  });
const orNull = (values: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  fc.array(fc.option(values), { maxLength: 5 });

const ARBITRARIES: readonly (readonly [PgType, fc.Arbitrary<Value>])[] = [
  [INT8, int8],
  [INT4, fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })],
  [INT2, fc.integer({ min: -32768, max: 32767 })],
  [OID, fc.nat(4294967295)],
  [BOOL, fc.boolean()],
  [FLOAT8, fc.double()],
  [FLOAT4, fc.float()],
  [NUMERIC, numeric],
  [TEXT, text],
  [TIMESTAMPTZ, fc.integer({ min: -2_000_000_000_000, max: 250_000_000_000_000 })],
  [INT8_ARRAY, orNull(int8)],
  [INT4_ARRAY, orNull(fc.integer({ min: -5, max: 2 ** 31 - 1 }))],
  [TEXT_ARRAY, orNull(text)],
  [BOOL_ARRAY, orNull(fc.boolean())],
  [NUMERIC_ARRAY, orNull(numeric)],
];

describe("a value survives both formats", () => {
  for (const [type, values] of ARBITRARIES) {
    test(type.name, () => {
      fc.assert(
        fc.property(values, (value) => {
          const asText = written((out) => encodeText(out, type, value));
          expect(decodeParameter(type, 0, asText, 0, asText.length)).toEqual(value);
          const asBinary = written((out) => encodeBinary(out, type, value));
          expect(decodeBinary(type, asBinary)).toEqual(value);
        }),
        { numRuns: 300 },
      );
    });
  }
});

test("integers are written as String writes them", () => {
  const edges = [
    0,
    9,
    10,
    99,
    100,
    9999,
    10_000,
    99_999_999,
    100_000_000,
    1e15,
    9_000_000_000_000_000,
    2 ** 53 - 1,
  ];
  const check = (value: number): void => {
    expect(Buffer.from(written((out) => writeInteger(out, value))).toString()).toBe(String(value));
  };
  for (const edge of edges)
    for (const near of [edge - 1, edge, edge + 1, -edge - 1]) if (Number.isSafeInteger(near)) check(near + 0);
  fc.assert(fc.property(fc.maxSafeInteger(), (value) => check(value + 0)));
});

describe("PostgreSQL's bytes", () => {
  const hex = (type: PgType, value: Value): string =>
    Buffer.from(written((out) => encodeBinary(out, type, value))).toString("hex");

  test("of binary values", () => {
    expect(hex(INT8, -2)).toBe("fffffffffffffffe");
    expect(hex(INT8, 2n ** 62n)).toBe("4000000000000000");
    expect(hex(NUMERIC, "-12345.678")).toBe("0003000140000003000109291a7c");
    expect(hex(NUMERIC, "0.00")).toBe("0000000000000002");
    expect(hex(NUMERIC, "10000")).toBe("00010001000000000001");
    expect(hex(TIMESTAMPTZ, 946_684_800_001_000)).toBe("00000000000003e8");
    expect(hex(INT4_ARRAY, [1, null])).toBe(
      "0000000100000001000000170000000200000001000000040000000" + "1ffffffff",
    );
    expect(hex(TEXT_ARRAY, [])).toBe("000000000000000000000019");
    expect([hex(CHAR, "r"), hex(CHAR, "")]).toEqual(["72", "00"]);
    expect(decodeBinary(CHAR, Uint8Array.of(0))).toBe("");
  });

  test("of texts", () => {
    expect(formatValue(TEXT_ARRAY, ["a", "b c", null, "NULL", "", 'q"\\'])).toBe(
      '{a,"b c",NULL,"NULL","","q\\"\\\\"}',
    );
    expect(formatValue(TIMESTAMPTZ, 1_700_000_000_250_000)).toBe("2023-11-14 22:13:20.25+00");
    expect(formatValue(BOOL_ARRAY, [true, false])).toBe("{t,f}");
  });
});

describe("what is wrong is said in PostgreSQL's words", () => {
  const cases: readonly (readonly [PgType, string, string])[] = [
    [INT8, "abc", '22P02 invalid input syntax for type bigint: "abc"'],
    [INT8, "", '22P02 invalid input syntax for type bigint: ""'],
    [INT8, "9223372036854775808", '22003 value "9223372036854775808" is out of range for type bigint'],
    [INT4, "2147483648", '22003 value "2147483648" is out of range for type integer'],
    [INT2, "-32769", '22003 value "-32769" is out of range for type smallint'],
    [BOOL, "maybe", '22P02 invalid input syntax for type boolean: "maybe"'],
    [FLOAT8, "x", '22P02 invalid input syntax for type double precision: "x"'],
    [NUMERIC, "1.2.3", '22P02 invalid input syntax for type numeric: "1.2.3"'],
    [TIMESTAMPTZ, "soon", '22007 invalid input syntax for type timestamp with time zone: "soon"'],
    [TIMESTAMPTZ, "2024-02-30", '22008 date/time field value out of range: "2024-02-30"'],
    [TEXT_ARRAY, "{a", '22P02 malformed array literal: "{a"'],
    [INT8_ARRAY, "{1,x}", '22P02 invalid input syntax for type bigint: "x"'],
    [INT8_ARRAY, "{{1}}", "0A000 arrays of more than one dimension are not supported"],
  ];
  for (const [type, source, expected] of cases) {
    test(`${type.name} ${source}`, () => expect(failure(() => decodeText(type, source))).toBe(expected));
  }

  test("broken UTF-8 and NUL", () => {
    const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
    expect(failure(() => decodeParameter(TEXT, 0, bytes(0x61, 0xff), 0, 2))).toBe(
      '22021 invalid byte sequence for encoding "UTF8": 0xff',
    );
    expect(failure(() => decodeParameter(TEXT, 1, bytes(0xc3, 0x28), 0, 2))).toBe(
      '22021 invalid byte sequence for encoding "UTF8": 0xc3 0x28',
    );
    expect(failure(() => decodeParameter(TEXT, 0, bytes(0x61, 0), 0, 2))).toBe(
      '22021 invalid byte sequence for encoding "UTF8": 0x00',
    );
    const long = Buffer.from("x".repeat(200));
    expect(decodeParameter(TEXT, 0, long, 0, 200)).toBe("x".repeat(200));
    expect(decodeParameter(TEXT, 0, bytes(0xef, 0xbb, 0xbf, 0x61), 0, 4)).toBe("\ufeffa");
  });

  test("numerics whose scale is none, arrays whose sizes are none", () => {
    const refused = (type: PgType, bytes: string) =>
      failure(() => decodeBinary(type, Buffer.from(bytes, "hex")));
    const numeric = "22P03 invalid numeric value in external binary format";
    expect(decodeBinary(NUMERIC, Buffer.from("0000000000003fff", "hex"))).toHaveLength(2 + 0x3fff);
    expect(refused(NUMERIC, "0000000000004000")).toBe(numeric);
    // What the scale hides is cut off, not rounded.
    expect(decodeBinary(NUMERIC, Buffer.from("000200004000000100011e7c", "hex"))).toBe("-1.7");
    expect(refused(INT4_ARRAY, "ffffffff0000000000000017")).toBe("22P03 invalid number of dimensions: -1");
    expect(refused(INT4_ARRAY, "000000010000000000000017ffffffff00000001")).toBe("22P03 invalid array size");
    const lost = "22P03 insufficient data left in message";
    expect(refused(INT4_ARRAY, "0000000100000000000000170000000100000001fffffffe")).toBe(lost);
  });

  test("binary values of the wrong length", () => {
    for (const type of [INT8, INT4, BOOL, FLOAT8, NUMERIC, INT8_ARRAY, TIMESTAMPTZ]) {
      for (const length of [0, 3, 7])
        expect(failure(() => decodeBinary(type, new Uint8Array(length)))).toStartWith("22P03");
    }
    const array = written((out) => encodeBinary(out, INT8_ARRAY, [1, 2, null]));
    for (let length = 0; length < array.length; length++) {
      expect(failure(() => decodeBinary(INT8_ARRAY, array.slice(0, length)))).toStartWith("22P03");
    }
    expect(failure(() => decodeBinary(TEXT_ARRAY, array))).toStartWith(
      "42804 binary data has array element type 20 (bigint)",
    );
  });
});

test("rows are DataRow messages", () => {
  const out = new ByteWriter(8);
  const row = new RowWriter(out, [TEXT, INT8, INT8, TEXT, BOOL], expandFormats([0, 0, 1, 0, 1], 5));
  for (let i = 0; i < 2; i++) {
    row.beginRow(5);
    row.idAt(Uint32Array.of(9, 9, 9, 9, 0, 0, 0, 31), 1);
    row.int8(1_700_000_000_000, 0);
    row.int8(-1, 1);
    row.value(null, 3);
    row.value(true, 4);
    row.endRow();
  }
  const one = "440000004a0005";
  const bytes = Buffer.from(out.written());
  expect(bytes.length % 2).toBe(0);
  const half = bytes.subarray(0, bytes.length / 2);
  expect(half.toString("hex")).toBe(bytes.subarray(bytes.length / 2).toString("hex"));
  expect(half.subarray(0, 7).toString("hex")).toBe(one);
  expect(half.readInt32BE(1)).toBe(half.length - 1);
  expect(half.subarray(7).toString("hex")).toBe(
    `0000001a${Buffer.from("0000000000000000000000000Z").toString("hex")}0000000d${Buffer.from("1700000000000").toString("hex")}` +
      "00000008ffffffffffffffffffffffff0000000101",
  );
});

test("one format code is for all columns, none means text", () => {
  expect(expandFormats([], 3)).toEqual([0, 0, 0]);
  expect(expandFormats([1], 3)).toEqual([1, 1, 1]);
  expect(expandFormats([0, 1], 2)).toEqual([0, 1]);
});

test("a row may reach the bound of a result, and not pass it", () => {
  const emptyRowBytes = 7;
  const out = new ByteWriter(MAX_RESULT_BYTES + emptyRowBytes);
  const row = new RowWriter(out, [], []);
  out.length = MAX_RESULT_BYTES - emptyRowBytes;
  row.beginRow(0);
  row.endRow();
  row.beginRow(0);
  expect(() => row.endRow()).toThrow("limit exceeded: bytes of results");
});
