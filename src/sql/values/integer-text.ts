/** Whole numbers as ASCII digits, straight to and from bytes: instants are most of what a client sends and reads. */

import type { ByteWriter } from "../../bytes.ts";

/** The longest: a minus and 19 digits. */
const MAX_DIGITS = 20;

/** "00" to "99": two digits per division. */
const PAIRS = new Uint8Array(200);
for (let n = 0; n < 100; n++) {
  PAIRS[n * 2] = 48 + Math.floor(n / 10);
  PAIRS[n * 2 + 1] = 48 + (n % 10);
}

/** Digits that an int32 holds whatever they are, and those of which a double holds any number. */
const SMALL_DIGITS = 9;
const EXACT_DIGITS = 15;

/** The number that bytes spell, if they are at most 15 digits, perhaps behind a minus; NaN for all else, be it a number. */
export function readInteger(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes[start] === 45 ? start + 1 : start;
  if (first >= end || end - first > EXACT_DIGITS) return Number.NaN;
  // Two numbers of a few digits each: whole numbers are multiplied faster than floating ones.
  const middle = Math.min(end, first + SMALL_DIGITS);
  let high = 0;
  let low = 0;
  let scale = 1;
  for (let at = first; at < middle; at++) {
    const digit = (bytes[at] as number) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    high = (Math.imul(high, 10) + digit) | 0;
  }
  for (let at = middle; at < end; at++) {
    const digit = (bytes[at] as number) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    low = (Math.imul(low, 10) + digit) | 0;
    scale = Math.imul(scale, 10);
  }
  const value = high * scale + low;
  return first === start ? value : 0 - value;
}

/** Writes a safe integer in decimal; returns the number of bytes. */
export function writeInteger(out: ByteWriter, value: number): number {
  out.reserve(MAX_DIGITS);
  const bytes = out.bytes;
  const start = out.length;
  let at = start;
  if (value < 0) {
    bytes[at++] = 45;
    value = -value;
  }
  if (value < 100_000_000) {
    at = writeLeading(bytes, at, value | 0);
  } else {
    // Parts of eight digits stay within 32 bits, where division is cheap.
    const upper = Math.floor(value / 100_000_000);
    const lower = value - upper * 100_000_000;
    if (upper < 100_000_000) at = writeLeading(bytes, at, upper | 0);
    else {
      const top = Math.floor(upper / 100_000_000);
      at = writeLeading(bytes, at, top | 0);
      at = writeEight(bytes, at, (upper - top * 100_000_000) | 0);
    }
    at = writeEight(bytes, at, lower | 0);
  }
  out.length = at;
  return at - start;
}

/** 0 to 99,999,999 without leading zeros. */
function writeLeading(bytes: Uint8Array, at: number, value: number): number {
  const end = at + digitCount(value);
  let to = end;
  while (value >= 100) {
    const rest = (value / 100) | 0;
    const pair = (value - rest * 100) << 1;
    value = rest;
    bytes[--to] = PAIRS[pair + 1] as number;
    bytes[--to] = PAIRS[pair] as number;
  }
  if (value >= 10) bytes[--to] = PAIRS[(value << 1) + 1] as number;
  bytes[--to] = value >= 10 ? (PAIRS[value << 1] as number) : 48 + value;
  return end;
}

function writeEight(bytes: Uint8Array, at: number, value: number): number {
  for (let to = at + 8; to > at; ) {
    const rest = (value / 100) | 0;
    const pair = (value - rest * 100) << 1;
    value = rest;
    bytes[--to] = PAIRS[pair + 1] as number;
    bytes[--to] = PAIRS[pair] as number;
  }
  return at + 8;
}

function digitCount(value: number): number {
  if (value < 10_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4;
  return value < 1_000_000 ? (value < 100_000 ? 5 : 6) : value < 10_000_000 ? 7 : 8;
}
