/**
 * ULIDs (https://github.com/ulid/spec): 128 bits, written as 26 characters of Crockford base32. Inside the
 * server an id is four 32-bit words, most significant first, so that tables and logs hold it without a string.
 */

import { asciiText } from "./bytes.ts";

export interface Id {
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
}

export const ID_TEXT_LENGTH = 26;

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DIGIT_CODES = Uint8Array.from(ALPHABET, (digit) => digit.charCodeAt(0));

/** Value of each of the first 256 codes as a base32 digit; -1 where it is none. Upper and lower case are the same digit. */
const DIGIT_VALUES = new Int8Array(256).fill(-1);
for (let value = 0; value < 32; value++) {
  DIGIT_VALUES[ALPHABET.charCodeAt(value)] = value;
  DIGIT_VALUES[ALPHABET.toLowerCase().charCodeAt(value)] = value;
}

/** The id that `text` names, or null if it is no ULID. */
export function parseId(text: string): Id | null {
  if (text.length !== ID_TEXT_LENGTH) return null;
  const first = digitOf(text.charCodeAt(0));
  const second = digitOf(text.charCodeAt(1));
  // 26 digits hold 130 bits: the first may not pass 7.
  const a = first > 7 ? -1 : (first << 5) | second;
  const b = sixDigits(text, 2);
  const c = sixDigits(text, 8);
  const d = sixDigits(text, 14);
  const e = sixDigits(text, 20);
  if ((a | b | c | d | e) < 0) return null;
  // 8 bits, then four times 30.
  return {
    w0: ((a << 24) | (b >>> 6)) >>> 0,
    w1: ((b << 26) | (c >>> 4)) >>> 0,
    w2: ((c << 28) | (d >>> 2)) >>> 0,
    w3: ((d << 30) | e) >>> 0,
  };
}

/** The value of six base32 digits; negative if one of them is none. Written out: a loop takes twice the time. */
function sixDigits(text: string, at: number): number {
  return (
    (digitOf(text.charCodeAt(at)) << 25) |
    (digitOf(text.charCodeAt(at + 1)) << 20) |
    (digitOf(text.charCodeAt(at + 2)) << 15) |
    (digitOf(text.charCodeAt(at + 3)) << 10) |
    (digitOf(text.charCodeAt(at + 4)) << 5) |
    digitOf(text.charCodeAt(at + 5))
  );
}

/** The value of a character as a base32 digit; -1 if it is none. */
function digitOf(code: number): number {
  return code < 256 ? (DIGIT_VALUES[code] as number) : -1;
}

/** Reads 26 ASCII characters at `offset` into `words[at, at + 4)`; false, and nothing written, if they are no ULID. */
export function readIdText(bytes: Uint8Array, offset: number, words: Uint32Array, at: number): boolean {
  if ((DIGIT_VALUES[bytes[offset] as number] as number) > 7) return false;
  const a = readDigits(bytes, offset, 2);
  const b = readDigits(bytes, offset + 2, 6);
  const c = readDigits(bytes, offset + 8, 6);
  const d = readDigits(bytes, offset + 14, 6);
  const e = readDigits(bytes, offset + 20, 6);
  if ((a | b | c | d | e) < 0) return false;
  // 8 bits, then four times 30.
  words[at] = (a << 24) | (b >>> 6);
  words[at + 1] = (b << 26) | (c >>> 4);
  words[at + 2] = (c << 28) | (d >>> 2);
  words[at + 3] = (d << 30) | e;
  return true;
}

/** The value of up to six base32 digits; negative if one of them is none. */
function readDigits(bytes: Uint8Array, offset: number, count: number): number {
  let value = 0;
  let wrong = 0;
  for (let i = 0; i < count; i++) {
    const digit = DIGIT_VALUES[bytes[offset + i] as number] as number;
    wrong |= digit;
    value = (value << 5) | digit;
  }
  return wrong < 0 ? -1 : value;
}

/** Writes the 26 ASCII characters of an id at `offset`; the caller has made room. */
export function writeIdText(
  out: Uint8Array,
  offset: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): void {
  for (let i = ID_TEXT_LENGTH - 1; i >= 0; i--) {
    out[offset + i] = DIGIT_CODES[w3 & 31] as number;
    w3 = (w3 >>> 5) | (w2 << 27);
    w2 = (w2 >>> 5) | (w1 << 27);
    w1 = (w1 >>> 5) | (w0 << 27);
    w0 = w0 >>> 5;
  }
}

const textScratch = new Uint8Array(ID_TEXT_LENGTH);

/** The id's canonical text, upper case. */
export function formatId(id: Id): string {
  writeIdText(textScratch, 0, id.w0, id.w1, id.w2, id.w3);
  return asciiText(textScratch, 0, ID_TEXT_LENGTH);
}

export function sameId(a: Id, b: Id): boolean {
  return a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0;
}

/** The id of a row, of which `words` holds four each. */
export function idAt(words: Uint32Array, row: number): Id {
  const at = row * 4;
  return {
    w0: words[at] as number,
    w1: words[at + 1] as number,
    w2: words[at + 2] as number,
    w3: words[at + 3] as number,
  };
}
