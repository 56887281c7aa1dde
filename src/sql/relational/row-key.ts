/** Keys by which hash joins, groups and DISTINCT tell equal rows: JavaScript values that Map compares rightly. */

import { DeltatError, SqlState } from "../../errors.ts";
import { comparatorOf } from "../expressions/comparison.ts";
import { jsonKey, parseJson } from "../json/document.ts";
import { comparableMicros, intervalOf } from "../time/interval.ts";
import { decimalOf } from "../values/numeric.ts";
import {
  BPCHAR,
  INTERVAL,
  isFloat,
  isInteger,
  isOid,
  JSONB,
  NUMERIC,
  type PgType,
  UNKNOWN,
} from "../values/types.ts";
import type { Value } from "../values/value.ts";

/** What a Map can hold as a key of one value. */
export type Key = number | bigint | string | boolean;

/** Never called with null. */
export type KeyOf = (value: Value) => Key;

/** Throws 42883 for a type whose values nothing tells apart. `position`: where a value of it stands. */
export function checkEquality(type: PgType, position: number): void {
  if (comparatorOf(type) !== null || type === UNKNOWN) return;
  throw new DeltatError(
    SqlState.undefinedFunction,
    `could not identify an equality operator for type ${type.name}`,
    {
      position,
    },
  );
}

/** How values of two types that compare become equal keys exactly if they are equal; null if they do not compare. */
export function keyOf(left: PgType, right: PgType = left): KeyOf | null {
  if (comparatorOf(left, right) === null) return null;
  if (left.arrayOf !== undefined || left.fields !== undefined) return (value) => compositeKey(left, value);
  if (isFloat(left) || isFloat(right)) return (value) => Number(value);
  if (left === BPCHAR || right === BPCHAR) return (value) => String(value).replace(/ +$/, "");
  if (left === JSONB) return (value) => jsonKey(parseJson(String(value)));
  if (left === INTERVAL) return (value) => comparableMicros(intervalOf(value));
  if (left === NUMERIC || right === NUMERIC) return (value) => plainDecimal(String(value));
  return (value) => value as Key;
}

/** Without zeros at the end of the fraction: 1.50 and 1.5 are one number. */
function plainDecimal(text: string): string {
  if (!text.includes(".") && !/[eE]/.test(text)) return text === "-0" ? "0" : text;
  const plain = text.replace(/\.?0+$/, "");
  return decimalOf(text).digits === 0n ? "0" : plain;
}

function compositeKey(type: PgType, value: Value): string {
  const parts = value as readonly Value[];
  return joinKeys(
    parts.map((part, at) => {
      const of = type.arrayOf ?? type.fields?.[at]?.type;
      if (part === null || of === undefined) return null;
      return (keyOf(of) ?? ((same: Value) => same as Key))(part);
    }),
  );
}

/** One string for several keys; null for NULL, which equals itself here. */
export function joinKeys(keys: readonly (Key | null)[]): string {
  let joined = "";
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    // The length in front keeps ("a", "b,c") and ("a,b", "c") apart.
    if (key === null || key === undefined) joined += "n;";
    else if (typeof key === "string") joined += `${key.length}:${key};`;
    else joined += `${typeof key === "boolean" ? "b" : "i"}${key};`;
  }
  return joined;
}

/** The key of a whole row, in which NULLs are equal to each other: for groups and DISTINCT. */
export class RowKey {
  private readonly keys: readonly KeyOf[];
  private readonly isPlain: boolean;

  /** Throws nothing: types without equality are compared by their text. */
  constructor(types: readonly PgType[]) {
    this.keys = types.map((type) => keyOf(type) ?? ((value) => String(value)));
    const [only] = types;
    this.isPlain =
      types.length === 1 &&
      only !== undefined &&
      (isInteger(only) || isOid(only) || only.category === "string");
  }

  of(values: readonly Value[]): Key | null {
    if (this.isPlain) return values[0] as Key | null;
    return joinKeys(
      this.keys.map((key, at) => {
        const value = values[at] as Value;
        return value === null ? null : key(value);
      }),
    );
  }
}
