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
