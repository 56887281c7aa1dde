/**
 * Sets of characters in a regular expression: the classes of POSIX for all of Unicode, ranges, and what a set becomes
 * when case does not matter. Digits are those of ASCII, as in PostgreSQL.
 */

/** Whether a code point belongs. */
export type CharacterSet = (codePoint: number) => boolean;

const LINE_FEED = 10;

function byPattern(pattern: RegExp): CharacterSet {
  return (codePoint) => pattern.test(String.fromCodePoint(codePoint));
}

const isDigit: CharacterSet = (c) => c >= 48 && c <= 57;
const isLetter = byPattern(/^\p{Alphabetic}$/u);
const isOtherNumber = byPattern(/^\p{Nd}$/u);
const isAlpha: CharacterSet = (c) =>
  c < 128 ? (c >= 65 && c <= 90) || (c >= 97 && c <= 122) : isLetter(c) || isOtherNumber(c);
const isAlnum: CharacterSet = (c) => isDigit(c) || isAlpha(c);
const isUpper = byPattern(/^\p{Uppercase}$/u);
const isLower = byPattern(/^\p{Lowercase}$/u);
const isBlank: CharacterSet = (c) => c === 32 || c === 9;
const isSpace: CharacterSet = (c) => c === 32 || (c >= 9 && c <= 13) || (c > 127 && isWideSpace(c));
// Spaces that do not break a line are none to C's iswspace.
const isWideSpace = byPattern(/^[\u0085\u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000]$/u);
const isControl = byPattern(/^[\p{Cc}\u2028\u2029]$/u);
const isAssigned = byPattern(/^[^\p{Cn}\p{Cs}]$/u);
const isPrint: CharacterSet = (c) => (c < 127 ? c >= 32 : isAssigned(c) && !isControl(c));
const isGraph: CharacterSet = (c) => isPrint(c) && !isSpace(c);

const CLASSES: ReadonlyMap<string, CharacterSet> = new Map<string, CharacterSet>([
  ["alnum", isAlnum],
  ["alpha", isAlpha],
  ["ascii", (c) => c < 128],
  ["blank", isBlank],
  ["cntrl", isControl],
  ["digit", isDigit],
  ["graph", isGraph],
  ["lower", isLower],
  ["print", isPrint],
  ["punct", (c) => isGraph(c) && !isAlnum(c)],
  ["space", isSpace],
  ["upper", isUpper],
  ["word", (c) => isWord(c)],
  ["xdigit", (c) => isDigit(c) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102)],
]);

/** What `[:name:]` means, or undefined. */
export function namedClass(name: string): CharacterSet | undefined {
  return CLASSES.get(name);
}

/** What words are made of: letters, digits and the underscore. */
export function isWord(codePoint: number): boolean {
  return codePoint === 95 || isAlnum(codePoint);
}

export const DIGITS: CharacterSet = isDigit;
export const SPACES: CharacterSet = isSpace;

export function anyCharacter(): boolean {
  return true;
}

export function notLineFeed(codePoint: number): boolean {
  return codePoint !== LINE_FEED;
}

export function range(from: number, to: number): CharacterSet {
  return from === to ? (c) => c === from : (c) => c >= from && c <= to;
}

export function anyOf(sets: readonly CharacterSet[]): CharacterSet {
  const [only] = sets;
  if (sets.length === 1 && only !== undefined) return only;
  return (c) => sets.some((set) => set(c));
}

/** With `keepsLines`, the complement leaves out the line feed as well. */
export function complement(set: CharacterSet, keepsLines: boolean): CharacterSet {
  return keepsLines ? (c) => c !== LINE_FEED && !set(c) : (c) => !set(c);
}

/** The set with every character in both cases. */
export function ignoringCase(set: CharacterSet): CharacterSet {
  return (c) => {
    if (set(c)) return true;
    const character = String.fromCodePoint(c);
    const lower = onlyCodePoint(character.toLowerCase());
    const upper = onlyCodePoint(character.toUpperCase());
    return (lower >= 0 && set(lower)) || (upper >= 0 && set(upper));
  };
}

/** -1 for a text of more than one character: such a mapping is no change of case here. */
function onlyCodePoint(text: string): number {
  const codePoint = text.codePointAt(0) ?? -1;
  return text.length === (codePoint > 0xffff ? 2 : 1) ? codePoint : -1;
}
