/** Text of a client: strictly checked UTF-8, without NUL. */

import { DeltatError, SqlState } from "./errors.ts";

/** `ignoreBOM` keeps a leading U+FEFF, which is a character of the text like any other. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text that `bytes` spell. Throws DeltatError 22021 naming the bytes that are no UTF-8, or for a NUL. */
export function decodeUtf8(bytes: Uint8Array): string {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw invalidSequence(offendingBytes(bytes));
  }
  if (text.includes("\0")) throw invalidSequence(Uint8Array.of(0));
  return text;
}

function invalidSequence(bytes: Uint8Array): DeltatError {
  const shown = Array.from(bytes, (byte) => `0x${byte.toString(16).padStart(2, "0")}`).join(" ");
  return new DeltatError(
    SqlState.characterNotInRepertoire,
    `invalid byte sequence for encoding "UTF8": ${shown}`,
  );
}

/** The first sequence that does not decode, as long as its first byte announces. */
function offendingBytes(bytes: Uint8Array): Uint8Array {
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] as number;
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    const sequence = bytes.subarray(at, at + length);
    try {
      decoder.decode(sequence);
    } catch {
      return sequence;
    }
    at += length;
  }
  return bytes.subarray(0, 1);
}
