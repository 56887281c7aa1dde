/**
 * ULIDs (https://github.com/ulid/spec): 128 bits, written as 26 characters of Crockford base32. Inside the
 * server an id is four 32-bit words, most significant first, so that tables and logs hold it without a string.
 */

export interface Id {
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
}

export const ID_TEXT_LENGTH = 26;

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DIGIT_CODES = Uint8Array.from(ALPHABET, (digit) => digit.charCodeAt(0));

/** Value of each ASCII code as a base32 digit; 255 where it is none. Upper and lower case are the same digit. */
const DIGIT_VALUES = new Uint8Array(128).fill(255);
for (let value = 0; value < 32; value++) {
  DIGIT_VALUES[ALPHABET.charCodeAt(value)] = value;
  DIGIT_VALUES[ALPHABET.toLowerCase().charCodeAt(value)] = value;
}

/** The id that `text` names, or null if it is no ULID. */
export function parseId(text: string): Id | null {
  if (text.length !== ID_TEXT_LENGTH) return null;
  let w0 = 0;
  let w1 = 0;
  let w2 = 0;
  let w3 = 0;
  for (let i = 0; i < ID_TEXT_LENGTH; i++) {
    const code = text.charCodeAt(i);
    const digit = code < 128 ? (DIGIT_VALUES[code] as number) : 255;
    // 26 digits hold 130 bits: the first may not pass 7.
    if (digit === 255 || (i === 0 && digit > 7)) return null;
    w0 = (w0 << 5) | (w1 >>> 27);
    w1 = (w1 << 5) | (w2 >>> 27);
    w2 = (w2 << 5) | (w3 >>> 27);
    w3 = (w3 << 5) | digit;
  }
  return { w0: w0 >>> 0, w1: w1 >>> 0, w2: w2 >>> 0, w3: w3 >>> 0 };
}

/** Reads 26 ASCII characters at `offset` into `words[at, at + 4)`; false, and nothing written, if they are no ULID. */
export function readIdText(bytes: Uint8Array, offset: number, words: Uint32Array, at: number): boolean {
  const first = DIGIT_VALUES[(bytes[offset] as number) & 127] as number;
  if (first > 7 || (bytes[offset] as number) > 127) return false;
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
    const code = bytes[offset + i] as number;
    const digit = DIGIT_VALUES[code & 127] as number;
    wrong |= (code & 128) | (digit & 128);
    value = (value << 5) | (digit & 31);
  }
  return wrong === 0 ? value : -1;
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
const latin1 = new TextDecoder("latin1");

/** The id's canonical text, upper case. */
export function formatId(id: Id): string {
  writeIdText(textScratch, 0, id.w0, id.w1, id.w2, id.w3);
  return latin1.decode(textScratch);
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
