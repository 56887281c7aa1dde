/** Functions on arrays of any type (https://www.postgresql.org/docs/current/functions-array.html); one dimension. */

import { DeltatError, SqlState } from "../../errors.ts";
import { comparisonTest } from "../expressions/comparison.ts";
import { severalDimensions } from "../values/array-text.ts";
import { formatValue } from "../values/codec.ts";
import {
  ANY_ARRAY,
  ANY_ELEMENT,
  arrayTypeOf,
  firstSubscript,
  INT4,
  INT4_ARRAY,
  type PgType,
  TEXT,
} from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { checkedElements, joinedText } from "../values/value-size.ts";
import { type FunctionTraits, fn, items, type SqlFunction } from "./signature.ts";

/** array_to_string: NULLs are left out, or shown as `missing`. */
function join(array: readonly Value[], type: PgType, separator: string, missing: string | null): string {
  const element = type.arrayOf ?? TEXT;
  const parts = array.flatMap((item) => {
    if (item !== null) return [formatValue(element, item)];
    return missing === null ? [] : [missing];
  });
  return joinedText(parts, separator);
}

function filled(item: Value, lengths: readonly Value[]): readonly Value[] {
  const [length = 0, ...others] = lengths;
  if (others.length > 0) throw severalDimensions();
  if (length === null) {
    throw new DeltatError(SqlState.nullValueNotAllowed, "dimension values cannot be null");
  }
  return new Array<Value>(checkedElements(Number(length))).fill(item);
}

/** Whether two elements are one value; NULL is one of them here. */
function sameElement(type: PgType | undefined): (a: Value, b: Value) => boolean {
  const element = type?.arrayOf ?? TEXT;
  const test = comparisonTest("=", element, element) ?? ((a: Value, b: Value): boolean => a === b);
  return (a, b) => (a === null || b === null ? a === b : test(a, b));
}

/** The result is of the type of the first, or second, argument. */
const asFirst: FunctionTraits = { isStrict: false, resultOf: ([type]) => type ?? TEXT };
const asSecond: FunctionTraits = { isStrict: false, resultOf: ([, type]) => type ?? TEXT };

const orEmpty = (value: Value | undefined): readonly Value[] => (value == null ? [] : items(value));

export const ARRAY_FUNCTIONS: readonly SqlFunction[] = [
  fn("array_length", [ANY_ARRAY, INT4], INT4, ([a, n]) =>
    n === 1 && items(a).length > 0 ? items(a).length : null,
  ),
  fn("cardinality", [ANY_ARRAY], INT4, ([a]) => items(a).length),
  fn("array_upper", [ANY_ARRAY, INT4], INT4, ([a, n], _, [type = TEXT]) =>
    n === 1 && items(a).length > 0 ? items(a).length + firstSubscript(type) - 1 : null,
  ),
  fn("array_lower", [ANY_ARRAY, INT4], INT4, ([a, n], _, [type = TEXT]) =>
    n === 1 && items(a).length > 0 ? firstSubscript(type) : null,
  ),
  fn("array_ndims", [ANY_ARRAY], INT4, ([a]) => (items(a).length > 0 ? 1 : null)),
  fn("array_dims", [ANY_ARRAY], TEXT, ([a]) => (items(a).length > 0 ? `[1:${items(a).length}]` : null)),
  fn("array_to_string", [ANY_ARRAY, TEXT], TEXT, ([a, by], _, [type]) =>
    join(items(a), type ?? TEXT, String(by), null),
  ),
  fn(
    "array_to_string",
    [ANY_ARRAY, TEXT, TEXT],
    TEXT,
    ([a = null, by = null, missing = null], _, [type]) =>
      a === null || by === null
        ? null
        : join(items(a), type ?? TEXT, String(by), missing === null ? null : String(missing)),
    { isStrict: false },
  ),
  fn(
    "array_position",
    [ANY_ARRAY, ANY_ELEMENT],
    INT4,
    ([a = null, wanted = null], _, [type]) => {
      const same = sameElement(type);
      const at = a === null ? -1 : items(a).findIndex((item) => same(item, wanted));
      return at < 0 ? null : at + 1;
    },
    { isStrict: false },
  ),
  fn(
    "array_positions",
    [ANY_ARRAY, ANY_ELEMENT],
    INT4_ARRAY,
    ([a = null, wanted = null], _, [type]) => {
      const same = sameElement(type);
      return a === null ? null : items(a).flatMap((item, at) => (same(item, wanted) ? [at + 1] : []));
    },
    { isStrict: false },
  ),
  fn(
    "array_append",
    [ANY_ARRAY, ANY_ELEMENT],
    ANY_ARRAY,
    ([a, item = null]) => [...orEmpty(a), item],
    asFirst,
  ),
  fn(
    "array_prepend",
    [ANY_ELEMENT, ANY_ARRAY],
    ANY_ARRAY,
    ([item = null, a]) => [item, ...orEmpty(a)],
    asSecond,
  ),
  fn(
    "array_cat",
    [ANY_ARRAY, ANY_ARRAY],
    ANY_ARRAY,
    ([a = null, b = null]) => (a === null && b === null ? null : [...orEmpty(a), ...orEmpty(b)]),
    asFirst,
  ),
  fn(
    "array_remove",
    [ANY_ARRAY, ANY_ELEMENT],
    ANY_ARRAY,
    ([a = null, unwanted = null], _, [type]) => {
      const same = sameElement(type);
      return a === null ? null : items(a).filter((item) => !same(item, unwanted));
    },
    asFirst,
  ),
  fn(
    "array_replace",
    [ANY_ARRAY, ANY_ELEMENT, ANY_ELEMENT],
    ANY_ARRAY,
    ([a = null, from = null, to = null], _, [type]) => {
      const same = sameElement(type);
      return a === null ? null : items(a).map((item) => (same(item, from) ? to : item));
    },
    asFirst,
  ),
  fn("trim_array", [ANY_ARRAY, INT4], ANY_ARRAY, ([a, n]) => items(a).slice(0, -Number(n) || undefined), {
    resultOf: ([type]) => type ?? TEXT,
  }),
  fn(
    "array_fill",
    [ANY_ELEMENT, INT4_ARRAY],
    ANY_ARRAY,
    ([item = null, lengths = null]) => (lengths === null ? null : filled(item, items(lengths))),
    { isStrict: false, resultOf: ([type]) => arrayTypeOf(type ?? TEXT) ?? TEXT },
  ),
];
