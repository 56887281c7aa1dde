/**
 * FrontendDecoder against a plain reading of the same bytes as a whole: however they come split, the same messages come
 * out, in each mode of the decoder, up to the same error.
 */

import { DeltatError } from "../../../src/errors.ts";
import {
  MAX_AUTHENTICATION_BYTES,
  MAX_MESSAGE_BYTES,
  MAX_SMALL_MESSAGE_BYTES,
  MAX_STARTUP_BYTES,
} from "../../../src/limits.ts";
import { type DecoderMode, FrontendDecoder } from "../../../src/wire/frontend-decoder.ts";
import { message, startupPacket } from "../messages.ts";
import { bytesOf, latin1Of, mutateBytes, noise, pieces } from "../mutators.ts";
import { smallerLists, smallerTexts } from "../shrinking.ts";
import type { Target } from "../target.ts";

interface DecoderCase {
  readonly mode: DecoderMode;
  readonly chunks: readonly string[];
}

/** What a decoder is to its session. */
type AnyDecoder = Pick<FrontendDecoder, "push" | "keep" | "next" | "type" | "message"> & {
  mode: DecoderMode;
};

const MODES: readonly DecoderMode[] = ["startup", "authentication", "ready", "ready"];

/** @param makeDecoder what is tested; another one shows that the target finds faults */
export function decoderTarget(
  makeDecoder: () => AnyDecoder = () => new FrontendDecoder(),
): Target<DecoderCase> {
  return {
    name: "decoder",
    timeBoundMs: 500,
    make(random) {
      const mode = random.pick(MODES);
      const make = mode === "startup" ? startupPacket : message;
      const whole = Array.from({ length: 1 + random.below(6) }, () => make(random)).join("");
      const bytes = random.chance(0.05) ? noise(random, 200) : whole;
      const mutated = random.chance(0.7) ? mutateBytes(random, bytes, [make(random)]) : bytes;
      return { mode, chunks: pieces(random, mutated) };
    },
    check({ mode, chunks }) {
      const ours = decoded(makeDecoder(), mode, chunks);
      const expected = plainlyRead(bytesOf(chunks.join("")), mode);
      const at = expected.findIndex((line, i) => line !== ours[i]);
      if (at < 0 && ours.length === expected.length) return null;
      const place = at < 0 ? expected.length : at;
      return `messages: number ${place} is ${ours[place] ?? "missing"}, should be ${expected[place] ?? "nothing"}`;
    },
    *smaller({ mode, chunks }) {
      for (const fewer of smallerLists(chunks, smallerTexts)) yield { mode, chunks: fewer };
    },
  };
}

function decoded(decoder: AnyDecoder, mode: DecoderMode, chunks: readonly string[]): string[] {
  const lines: string[] = [];
  decoder.mode = mode;
  try {
    for (const chunk of chunks) {
      const bytes = bytesOf(chunk);
      decoder.push(bytes);
      while (decoder.next()) lines.push(line(decoder.type, decoder.message.raw(decoder.message.remaining)));
      decoder.keep();
      // The socket's memory is used again for what comes next.
      bytes.fill(0xee);
    }
  } catch (error) {
    if (!(error instanceof DeltatError)) throw error;
    lines.push(error.sqlState);
  }
  return lines;
}

function line(type: number, body: Uint8Array): string {
  return `${type}:${JSON.stringify(latin1Of(body))}`;
}

/** By the letters of the protocol's documentation, and the bounds in limits.ts. */
const LARGE = "QPBFd";
const SMALL = "CDEHSXcf";

function plainlyRead(bytes: Buffer, mode: DecoderMode): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = mode === "startup" ? at : at + 1;
    const type = mode === "startup" ? 0 : bytes.readUInt8(at);
    const longest = longestMessage(mode, String.fromCharCode(type));
    if (longest === 0) return [...lines, "08P01"];
    if (bytes.length < start + 4) return lines;
    // Unsigned, so that what PostgreSQL takes for a negative length is too long a message here.
    const length = bytes.readUInt32BE(start);
    const shortest = mode === "startup" ? 8 : 4;
    if (length < shortest || length > longest) {
      const isTooMuch = longest === MAX_MESSAGE_BYTES && length > longest;
      return [...lines, isTooMuch ? "54000" : "08P01"];
    }
    if (bytes.length < start + length) return lines;
    lines.push(line(type, bytes.subarray(start + 4, start + length)));
    at = start + length;
  }
  return lines;
}

/** 0: there is no such message. */
function longestMessage(mode: DecoderMode, type: string): number {
  if (mode === "startup") return MAX_STARTUP_BYTES;
  if (mode === "authentication") return type === "p" ? MAX_AUTHENTICATION_BYTES : type === "X" ? 4 : 0;
  return LARGE.includes(type) ? MAX_MESSAGE_BYTES : SMALL.includes(type) ? MAX_SMALL_MESSAGE_BYTES : 0;
}

/** Where each whole message of a ready session's bytes ends, up to what cannot be one. */
export function messageEnds(bytes: Buffer): number[] {
  const ends: number[] = [];
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    if (end < at + 5 || end > bytes.length) break;
    ends.push(end);
    at = end;
  }
  return ends;
}
