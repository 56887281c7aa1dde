/**
 * `&`, `|`, `#`, `<<`, `>>` and `~` on whole numbers. Both sides of the first three become the wider type; what is
 * shifted keeps its own, and the distance is an integer, of which the lowest five bits count (six for bigint).
 */

import { INT2, INT8, isInteger, type PgType } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { integerValue } from "../values/value.ts";
import type { BinaryOperation } from "./arithmetic.ts";
import { numericRank } from "./casts.ts";

type BitwiseOperator = "&" | "|" | "#" | "<<" | ">>";

/** For smallint and integer. JavaScript's operators work on 32 bits, and so does what they give. */
const SMALL: Readonly<Record<BitwiseOperator, (a: number, b: number) => number>> = {
  "&": (a, b) => a & b,
  "|": (a, b) => a | b,
  "#": (a, b) => a ^ b,
  "<<": (a, b) => a << b,
  ">>": (a, b) => a >> b,
};

const BIG: Readonly<Record<BitwiseOperator, (a: bigint, b: bigint) => bigint>> = {
  "&": (a, b) => a & b,
  "|": (a, b) => a | b,
  "#": (a, b) => a ^ b,
  "<<": (a, b) => a << (b & 63n),
  ">>": (a, b) => a >> (b & 63n),
};

function isBitwiseOperator(name: string): name is BitwiseOperator {
  return Object.hasOwn(SMALL, name);
}

const whole = (value: Value): bigint => BigInt(value as number | bigint);

/** The operation for two types, or null if PostgreSQL has none. */
export function bitwiseOperation(operator: string, left: PgType, right: PgType): BinaryOperation | null {
  if (!isBitwiseOperator(operator) || !isInteger(left) || !isInteger(right)) return null;
  const isShift = operator === "<<" || operator === ">>";
  if (isShift && right === INT8) return null;
  const type = isShift || numericRank(left) >= numericRank(right) ? left : right;
  if (type === INT8) {
    const compute = BIG[operator];
    return { type, apply: (a, b) => integerValue(BigInt.asIntN(64, compute(whole(a), whole(b)))) };
  }
  const compute = SMALL[operator];
  // Only a shift to the left can leave 16 bits.
  if (type !== INT2) return { type, apply: (a, b) => compute(a as number, b as number) };
  return { type, apply: (a, b) => (compute(a as number, b as number) << 16) >> 16 };
}

/** `~` of a type, or null if it has none. */
export function complement(type: PgType): ((value: Value) => Value) | null {
  if (!isInteger(type)) return null;
  return type === INT8 ? (value) => integerValue(~whole(value)) : (value) => ~(value as number);
}
