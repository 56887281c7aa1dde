/** Whole numbers from ASCII digits, and what is left to who reads texts. */

import { expect, test } from "bun:test";
import { readInteger } from "../../src/sql/values/integer-text.ts";

function read(text: string): number {
  const bytes = Buffer.from(`9${text}9`);
  return readInteger(bytes, 1, bytes.length - 1);
}

test("reads up to 15 digits, perhaps behind a minus", () => {
  for (const text of [
    "0",
    "7",
    "-7",
    "007",
    "123456789",
    "1234567890",
    "-1704067200000",
    "999999999999999",
  ]) {
    expect(read(text)).toBe(Number(text));
  }
  expect(Object.is(read("-0"), 0)).toBe(true);
});

test("leaves all else to who reads texts", () => {
  for (const text of [
    "",
    "-",
    "+1",
    " 1",
    "1 ",
    "1.5",
    "1e3",
    "0x1",
    "1_0",
    "12345678901a",
    "1000000000000000",
    "٣",
  ]) {
    expect(read(text)).toBeNaN();
  }
});
