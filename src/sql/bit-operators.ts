/** Operators on the bits of whole numbers. */

import type { BinaryOperation } from "./arithmetic.ts";
import { numericRank } from "./casts.ts";
import { integerValue } from "./scalar-text.ts";
import { INT2, INT4, INT8, isInteger, type PgType } from "./types.ts";
import type { Value } from "./value.ts";

const bits = (value: Value): bigint => BigInt(value as number | bigint);

function widthOf(type: PgType): number {
  return type === INT2 ? 16 : type === INT4 ? 32 : 64;
}

const ON_BITS: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  "&": (a, b) => a & b,
  "|": (a, b) => a | b,
  "#": (a, b) => a ^ b,
};

/** null if there is no such operator for these types. */
export function bitOperation(operator: string, left: PgType, right: PgType): BinaryOperation | null {
  if (!isInteger(left) || !isInteger(right)) return null;
  const compute = ON_BITS[operator];
  if (compute !== undefined) {
    const type = numericRank(left) >= numericRank(right) ? left : right;
    return { type, apply: (a, b) => integerValue(compute(bits(a), bits(b))) };
  }
  if ((operator !== "<<" && operator !== ">>") || right === INT8) return null;
  // C shifts by the count modulo the width; bits that fall off are lost.
  const width = widthOf(left);
  return {
    type: left,
    apply: (a, b) => {
      const count = bits(b) & BigInt(width === 64 ? 63 : 31);
      const shifted = operator === "<<" ? bits(a) << count : bits(a) >> count;
      return integerValue(BigInt.asIntN(width, shifted));
    },
  };
}

/** `~` of a whole number; null for any other type. */
export function complement(type: PgType): ((value: Value) => Value) | null {
  return isInteger(type) ? (value) => integerValue(~bits(value)) : null;
}
