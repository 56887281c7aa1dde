/**
 * Changes of bytes and of texts, chosen at random: single bits, lengths that lie, pieces lost, doubled, moved or of
 * another input. Inputs travel as Latin-1 strings, one character a byte, so that a case is plain JSON.
 */

import type { Random } from "../seeded-random.ts";

export function bytesOf(latin1: string): Buffer<ArrayBuffer> {
  return Buffer.from(latin1, "latin1");
}

export function latin1Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

/** Numbers at which readers of lengths and counts go wrong. */
const WORDS: readonly number[] = [
  0,
  1,
  2,
  3,
  4,
  5,
  7,
  8,
  16,
  31,
  32,
  33,
  255,
  256,
  4095,
  4096,
  65_535,
  65_536,
  0x7fffffff,
  0x80000000,
  0xffffffff,
  0xfffffffe,
  0x01000000,
  0x00ffffff,
  64 * 1024 * 1024,
  0x40000001,
];
const BYTES: readonly number[] = [0, 1, 9, 10, 13, 32, 34, 39, 44, 46, 59, 92, 127, 128, 192, 237, 255];

/** One to a few changes of `latin1`; `others` are inputs from which pieces may come. */
export function mutateBytes(random: Random, latin1: string, others: readonly string[]): string {
  let bytes: Uint8Array = bytesOf(latin1);
  for (let changes = 1 + random.below(random.chance(0.2) ? 8 : 2); changes > 0; changes--) {
    bytes = random.pick(CHANGES)(random, bytes, others);
  }
  return latin1Of(bytes);
}

type Change = (random: Random, bytes: Uint8Array, others: readonly string[]) => Uint8Array;

/** A part of `length` bytes, short ones more often. */
function part(random: Random, length: number): [from: number, to: number] {
  const from = random.below(length + 1);
  const longest = random.chance(0.7) ? 9 : length;
  return [from, Math.min(length, from + random.below(longest + 1))];
}

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  if (at < copy.length) copy[at] = value;
  return copy;
}

/** `bytes` with [from, to) replaced. */
function spliced(bytes: Uint8Array, from: number, to: number, by: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, from), by, bytes.subarray(to)]);
}

const CHANGES: readonly Change[] = [
  (random, bytes) => {
    const at = random.below(bytes.length + 1);
    return changed(bytes, at, (bytes[at] ?? 0) ^ (1 << random.below(8)));
  },
  (random, bytes) => changed(bytes, random.below(bytes.length + 1), random.pick(BYTES)),
  (random, bytes) => changed(bytes, random.below(bytes.length + 1), random.below(256)),
  (random, bytes) => {
    const at = random.below(bytes.length + 1);
    const word = Buffer.alloc(4);
    if (random.chance(0.5)) word.writeUInt32BE(random.pick(WORDS));
    else word.writeUInt32LE(random.pick(WORDS));
    return spliced(bytes, at, Math.min(bytes.length, at + 4), word);
  },
  (random, bytes) => {
    if (bytes.length < 4) return bytes;
    const copy = Buffer.from(bytes);
    const at = random.below(copy.length - 3);
    copy.writeInt32BE((copy.readInt32BE(at) + random.pick([-4, -1, 1, 2, 4])) | 0, at);
    return copy;
  },
  (random, bytes) => spliced(bytes, ...part(random, bytes.length), new Uint8Array(0)),
  (random, bytes) => bytes.subarray(0, random.below(bytes.length + 1)),
  (random, bytes) => {
    const [from, to] = part(random, bytes.length);
    return spliced(bytes, to, to, bytes.subarray(from, to));
  },
  (random, bytes) => {
    const [from, to] = part(random, bytes.length);
    return spliced(bytes, from, to, new Uint8Array(to - from));
  },
  (random, bytes) => {
    const at = random.below(bytes.length + 1);
    return spliced(bytes, at, at, randomBytes(random, 1 + random.below(12)));
  },
  (random, bytes) => {
    const [from, to] = part(random, bytes.length);
    const at = random.below(bytes.length + 1);
    return spliced(bytes, at, at, bytes.subarray(from, to));
  },
  (random, bytes, others) => {
    if (others.length === 0) return bytes;
    const other = bytesOf(random.pick(others));
    return spliced(bytes, ...part(random, bytes.length), other.subarray(...part(random, other.length)));
  },
];

function randomBytes(random: Random, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random.below(256));
}

/** A wholly random input. */
export function noise(random: Random, maxBytes: number): string {
  return latin1Of(randomBytes(random, random.below(maxBytes)));
}

/** `latin1` in pieces that end anywhere. */
export function pieces(random: Random, latin1: string): string[] {
  const cuts = Array.from({ length: random.below(6) }, () => random.below(latin1.length + 1)).sort(
    (a, b) => a - b,
  );
  return [...cuts, latin1.length].map((end, i) => latin1.slice(cuts[i - 1] ?? 0, end));
}

/** What a text of SQL falls into: words, numbers, strings, operators, blanks. */
const TOKEN = /\s+|[A-Za-z_][A-Za-z_0-9]*|\d+(?:\.\d+)?|'(?:[^']|'')*'|"[^"]*"|::|[<>=!|&~@]+|./gsu;

export function tokensOf(text: string): string[] {
  return text.match(TOKEN) ?? [];
}

/** One to a few changes of a text by tokens; new ones come from `dictionary`. */
export function mutateText(random: Random, text: string, dictionary: readonly string[]): string {
  let tokens = tokensOf(text);
  for (let changes = 1 + random.below(random.chance(0.2) ? 6 : 3); changes > 0; changes--) {
    if (tokens.length === 0) break;
    tokens = random.pick(TOKEN_CHANGES)(random, tokens, dictionary);
  }
  return tokens.join("");
}

type TokenChange = (random: Random, tokens: string[], dictionary: readonly string[]) => string[];

const TOKEN_CHANGES: readonly TokenChange[] = [
  (random, tokens) => tokens.toSpliced(random.below(tokens.length + 1), 1 + random.below(3)),
  (random, tokens, dictionary) =>
    tokens.toSpliced(random.below(tokens.length + 1), 1, random.pick(dictionary)),
  (random, tokens, dictionary) =>
    tokens.toSpliced(random.below(tokens.length + 1), 0, ` ${random.pick(dictionary)} `),
  (random, tokens) => {
    const [from, to] = part(random, tokens.length);
    return tokens.toSpliced(random.below(tokens.length + 1), 0, ...tokens.slice(from, to));
  },
  (random, tokens) => {
    const a = random.below(tokens.length);
    const b = random.below(tokens.length);
    return tokens.with(a, tokens[b] ?? "").with(b, tokens[a] ?? "");
  },
  (random, tokens) => {
    const at = random.below(tokens.length);
    const token = tokens[at] ?? "";
    const place = random.below(token.length + 1);
    const character = random.pick([
      "'",
      '"',
      "(",
      ")",
      "\\",
      "0",
      "9",
      "é",
      "😀",
      "$1",
      "--",
      "\n",
      "%",
      "_",
      "-",
    ]);
    return tokens.with(at, token.slice(0, place) + character + token.slice(place + random.below(2)));
  },
];
