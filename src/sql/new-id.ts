/**
 * Ids that the server makes, for rows that come without one: monotonic ULIDs. Those of one millisecond are one more than
 * the one before, so that they sort in the order in which they were made, also across sessions.
 */

import { formatId } from "../id.ts";

/** ULIDs hold 48 bits of milliseconds. */
const MAX_ULID_MS = 2 ** 48 - 1;

/** Counting begins in the lower half of the 80 bits behind the time: it never reaches the time. */
const FIRST_RANDOM_BITS = 0x7fff;

/** Makes a source of ids. @param random fills what it is given */
export function idSource(random: (words: Uint32Array<ArrayBuffer>) => void): (nowMs: number) => string {
  const words = new Uint32Array(3);
  let lastMs = -1;
  const id = { w0: 0, w1: 0, w2: 0, w3: 0 };
  return (nowMs) => {
    const ms = Math.min(nowMs, MAX_ULID_MS);
    if (ms > lastMs) {
      lastMs = ms;
      random(words);
      const [high = 0, middle = 0, low = 0] = words;
      id.w0 = Math.floor(ms / 0x10000);
      id.w1 = (ms % 0x10000) * 0x10000 + (high & FIRST_RANDOM_BITS);
      id.w2 = middle;
      id.w3 = low;
    } else {
      id.w3 = (id.w3 + 1) >>> 0;
      if (id.w3 === 0) id.w2 = (id.w2 + 1) >>> 0;
      if (id.w3 === 0 && id.w2 === 0) id.w1++;
    }
    return formatId(id);
  };
}

/** The text of an id for a new row, made at `nowMs`, Unix milliseconds. */
export const newId = idSource((words) => crypto.getRandomValues(words));
