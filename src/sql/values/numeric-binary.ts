/**
 * The binary format of numeric (numeric_send in PostgreSQL's numeric.c): a count of base-10,000 digits, the power
 * of 10,000 of the first, a sign, the scale that is shown, and the digits, each an int16.
 */

import type { ByteWriter } from "../../bytes.ts";
import { type Decimal, decimalOf, formatDecimal, rescale } from "./numeric.ts";

const NEGATIVE = 0x4000;
const POSITIVE = 0;

/** Digits behind the point that are shown (NUMERIC_DSCALE_MASK). */
const MAX_SCALE = 0x3fff;

export function writeNumericBinary(out: ByteWriter, text: string): void {
  const decimal = decimalOf(text);
  const { digits, scale } = rescale(decimal, Math.ceil(decimal.scale / 4) * 4);
  // By way of its decimal text: division by division, many digits would take quadratic time.
  const shown = digits === 0n ? "" : String(digits < 0n ? -digits : digits);
  const padded = shown.padStart(Math.ceil(shown.length / 4) * 4, "0");
  const groups = (padded.match(/.{4}/g) ?? []).map(Number);
  const weight = groups.length - scale / 4 - 1;
  while (groups.at(-1) === 0) groups.pop();
  out.u16(groups.length);
  out.u16(groups.length === 0 ? 0 : weight & 0xffff);
  out.u16(digits < 0n ? NEGATIVE : POSITIVE);
  out.u16(decimal.scale);
  for (const group of groups) out.u16(group);
}

/** The text of a numeric, or null if the bytes are none (NaN and infinities included, which values here cannot be). */
export function readNumericBinary(bytes: Uint8Array): string | null {
  if (bytes.length < 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = view.getUint16(0);
  const weight = view.getInt16(2);
  const sign = view.getUint16(4);
  const scale = view.getUint16(6);
  if (bytes.length !== 8 + count * 2 || (sign !== POSITIVE && sign !== NEGATIVE) || scale > MAX_SCALE)
    return null;
  let shown = "";
  for (let i = 0; i < count; i++) {
    const group = view.getUint16(8 + i * 2);
    if (group > 9999) return null;
    shown += String(group).padStart(4, "0");
  }
  const digits = sign === NEGATIVE ? -BigInt(shown) : BigInt(shown);
  const exponent = (weight - count + 1) * 4;
  const value: Decimal =
    exponent >= 0 ? { digits: digits * 10n ** BigInt(exponent), scale: 0 } : { digits, scale: -exponent };
  return formatDecimal(truncated(value, scale));
}

/** With digits behind the point added, or cut off: as PostgreSQL does, what the scale hides is dropped, not rounded. */
function truncated(value: Decimal, scale: number): Decimal {
  if (value.scale <= scale) return rescale(value, scale);
  return { digits: value.digits / 10n ** BigInt(value.scale - scale), scale };
}
