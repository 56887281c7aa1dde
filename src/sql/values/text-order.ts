/** The order of texts: by their UTF-8 bytes, as PostgreSQL's collation "C" has it. */

/**
 * Negative, zero or positive as `a` sorts before, with or after `b`. UTF-8 orders by code point; JavaScript's `<`
 * compares UTF-16 units, where surrogates (U+10000 and up) wrongly sort before U+E000 to U+FFFF.
 */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Moves surrogates above all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
